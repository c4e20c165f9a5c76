"""MQuAKE-CF and MQuAKE-T (Zhong et al. 2023, section 3): one or several edits under a multi-hop question.

``requested_rewrite`` is a list of facts in CounterFact's form. ``questions`` are three wordings of one
question whose answer changes from ``answer`` to ``new_answer``; ``single_hops`` and ``new_single_hops``
are the steps to it before and after. A later audit (MQuAKE-Remastered, Zhong et al. 2025) found a third or
more of the labels damaged: read the scores with that in mind, or use the mended files, which have this form.

A hop that is itself an edit is asked by its cloze statement, any other as a question (section 4).
"""

from assay.datasets.case import Case, Query, Test
from assay.datasets.counterfact import read_rewrite
from assay.datasets.record import Record

FIELDS = (("requested_rewrite", "questions", "answer", "new_answer", "single_hops", "new_single_hops"),)
"""Fields by which a record is known."""


def read_case(record: Record) -> Case:
    """One record."""
    facts = tuple(read_rewrite(fact) for fact in record.children("requested_rewrite"))
    clozes = {fact.prompt for fact in facts}
    number = record.text("case_id") if record.has("case_id") else str(record.number)
    new, old = _spellings(record, "new_answer"), _spellings(record, "answer")
    questions = record.texts("questions")
    return Case(
        id=number,
        rewrites=facts,
        prompts=(),
        tests=(
            Test("multi_hop", tuple(Query(q, (new,), "exact") for q in questions), needs_all=False),
            Test("multi_hop_old", tuple(Query(q, (old,), "exact") for q in questions), needs_all=False),
            Test("new_hops", _hops(record, "new_single_hops", clozes), needs_all=True),
            Test("old_hops", _hops(record, "single_hops", clozes), needs_all=True),
        ),
    )


def _spellings(record: Record, name: str) -> tuple[str, ...]:
    aliases = record.texts(f"{name}_alias") if record.has(f"{name}_alias") else ()
    return tuple(dict.fromkeys(text.strip() for text in (record.text(name), *aliases) if text.strip()))


def _hops(record: Record, name: str, clozes: set[str]) -> tuple[Query, ...]:
    out = []
    for hop in record.children(name):
        cloze = hop.text("cloze").rstrip()
        edited = cloze in clozes
        accepted = (_spellings(hop, "answer"),)
        out.append(
            Query(cloze, accepted, "prefix") if edited else Query(hop.text("question"), accepted, "exact")
        )
    return tuple(out)
