"""CounterFact (Meng et al. 2022, section 3.3 and appendix D), published and flattened.

Two forms are read. The published one (``counterfact.json`` of ROME; ``multi_counterfact.json`` of MEMIT has
the same records) nests the fact in ``requested_rewrite``; its two ``paraphrase_prompts`` are the papers'
kind: a sentence that has nothing to do with the fact, then the fact in other words. ``attribute_prompts``
and ``generation_prompts`` are not asked: no score here uses them.

The flattened form has one ``rephrase_prompt`` and clean ``paraphrase_prompts_pararel``. The groups stay
apart, because they do not ask the same thing:

- ``rephrase_prompt`` goes to ``paraphrase`` when it ends in a wording of the relation that the record
  itself confirms (the template's or a clean paraphrase's words after the subject);
- otherwise it goes to ``loose``. Such a prompt is one of CounterFact's generation prompts ("... is known
  for"), after which the papers never expect the object as the next word;
- ``paraphrase_prompts_pararel`` go to ``pararel``.

``locality_prompt`` (whose answer is the true object) joins ``neighborhood_prompts``.
"""

from assay.datasets.case import Case, Prompt, Rewrite, Unusable
from assay.datasets.record import Record

NESTED = ("case_id", "requested_rewrite", "paraphrase_prompts", "neighborhood_prompts")
FLAT = ("case_id", "prompt", "subject", "target_new", "target_true", "rephrase_prompt", "locality_prompt")
FIELDS = (NESTED, FLAT)
"""Fields by which a record is known, one row per form."""


def read_case(record: Record) -> Case:
    """One record of either form."""
    return _nested(record) if record.has("requested_rewrite") else _flat(record)


def read_rewrite(fact: Record) -> Rewrite:
    """The ``requested_rewrite`` object, whose prompt has ``{}`` for the subject."""
    template, subject = fact.text("prompt"), fact.text("subject")
    if template.count("{}") != 1:
        raise Unusable("prompt template without exactly one {}")
    return Rewrite(
        prompt=template.replace("{}", subject).rstrip(),
        subject=subject,
        target_new=fact.child("target_new").text("str").strip(),
        target_true=fact.child("target_true").text("str").strip(),
        relation=fact.text("relation_id") if fact.has("relation_id") else None,
    )


def _nested(record: Record) -> Case:
    fact = read_rewrite(record.child("requested_rewrite"))
    groups = {
        "paraphrase": record.texts("paraphrase_prompts"),
        "neighborhood": record.texts("neighborhood_prompts"),
    }
    return Case(record.text("case_id"), (fact,), _prompts(fact, groups))


def _flat(record: Record) -> Case:
    subject = record.text("subject")
    fact = Rewrite(
        prompt=record.text("prompt").rstrip(),
        subject=subject,
        target_new=record.text("target_new").strip(),
        target_true=record.text("target_true").strip(),
        relation=record.text("relation_id") if record.has("relation_id") else None,
    )
    rephrased = record.text("rephrase_prompt").rstrip()
    clean = _optional(record, "paraphrase_prompts_pararel")
    near = _optional(record, "neighborhood_prompts")
    if record.has("locality_ground_truth") and record.text("locality_ground_truth") == fact.target_true:
        near = (record.text("locality_prompt"), *near)
    endings = {text.rstrip().rpartition(subject)[2] for text in (fact.prompt, *clean)} - {""}
    groups = {
        "paraphrase" if rephrased.endswith(tuple(endings)) else "loose": (rephrased,),
        "pararel": clean,
        "neighborhood": near,
    }
    return Case(record.text("case_id"), (fact,), _prompts(fact, groups))


def _optional(record: Record, name: str) -> tuple[str, ...]:
    return record.texts(name) if record.data.get(name) is not None else ()


def _prompts(fact: Rewrite, groups: dict[str, tuple[str, ...]]) -> tuple[Prompt, ...]:
    answers = (fact.target_new, fact.target_true or "")
    return tuple(
        Prompt(purpose, text.rstrip(), answers)
        for purpose, texts in groups.items()
        for text in dict.fromkeys(texts)
        if text.strip()
    )
