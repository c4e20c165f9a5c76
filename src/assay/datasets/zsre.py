"""zsRE as ROME and MEMIT use it (``zsre_mend_eval.json``; Mitchell et al. 2022, Meng et al. 2022, section 3.2).

The edit writes the first of ``answers`` (the true answer) after the question ``src``; there is no old
object, so no case can be left out as unknown. ``rephrase`` is the paraphrase. ``loc`` is a question of
Natural Questions with ``nq question: `` in front and no question mark; both papers ask it as it stands,
with "?" added. ``alt``, a false answer, belongs to another protocol (MEND's) and is not read.
"""

from assay.datasets.case import Case, Prompt, Rewrite, Unusable
from assay.datasets.record import Record

FIELDS = (("subject", "src", "rephrase", "answers", "loc", "loc_ans"),)
"""Fields by which a record is known."""


def read_case(record: Record) -> Case:
    """One record."""
    answers = record.texts("answers")
    if not answers:
        raise Unusable("no answer")
    fact = Rewrite(
        prompt=record.text("src").rstrip(),
        subject=record.text("subject"),
        target_new=answers[0].strip(),
        target_true=None,
    )
    prompts = []
    if record.text("rephrase").strip():
        prompts.append(Prompt("paraphrase", record.text("rephrase").rstrip(), (fact.target_new,)))
    if record.text("loc_ans").strip():
        asked = record.text("loc").rstrip().removesuffix("?") + "?"
        prompts.append(Prompt("locality", asked, (record.text("loc_ans").strip(),)))
    return Case(str(record.number), (fact,), tuple(prompts))
