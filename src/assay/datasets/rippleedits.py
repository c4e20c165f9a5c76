"""RippleEdits (Cohen et al. 2024, section 4): one edit and six lists of tests of its ripple effects.

The files name subject and object by Wikidata id only and give the fact as one sentence ("The name of the
mother of X is Y."). Subject and object are found in that sentence: the object by the label that any query
of the record gives its id, else as what follows the verb; the subject by the shape that the data set's
sentences share. A sentence of another shape is skipped and counted. ``Relation_Specificity`` is spelled so
in the files and ``Relation_Specifity`` in the data set's documentation: both are read; so are
``original_fact`` and ``previous_fact``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.datasets.case import Case, Query, Rewrite, Test, Unusable
from assay.datasets.record import Record

CRITERIA: Mapping[str, tuple[str, ...]] = {
    "Relation_Specificity": ("Relation_Specificity", "Relation_Specifity"),
    "Logical_Generalization": ("Logical_Generalization",),
    "Subject_Aliasing": ("Subject_Aliasing",),
    "Compositionality_I": ("Compositionality_I",),
    "Compositionality_II": ("Compositionality_II",),
    "Forgetfulness": ("Forgetfulness",),
}
"""Criterion to its spellings in files."""

FIELDS = (("example_type", "edit", "Logical_Generalization", "Subject_Aliasing", "Compositionality_I"),)
"""Fields by which a record is known."""

VERB = re.compile(r" (?:is followed by|follows|are|is) ")
STEM = re.compile(
    r"The (?:[a-z]+ )+(?:of|which|in|by|children|award) (?P<subject>\S.*?)"
    r"(?: (?:is (?:associated with|a member of|part of|the capital of)|plays in|has|won))? (?:is|are)"
    r"|(?P<whole>\S.*?) (?:is followed by|follows)"
)
"""What stands before the object: lower-case words up to a connecting word, the subject, the verb."""


def read_case(record: Record) -> Case:
    """One record."""
    tests = tuple(
        _test(criterion, item)
        for criterion, names in CRITERIA.items()
        for name in names
        if record.has(name)
        for item in record.children(name)
    )
    return Case(str(record.number), (_rewrite(record),), (), tests)


def _rewrite(record: Record) -> Rewrite:
    edit = record.child("edit")
    stem, new = _halves(edit, record)
    found = STEM.fullmatch(stem)
    if found is None:
        raise Unusable("subject not recognised in the edit's sentence")
    old = next((edit.child(n) for n in ("original_fact", "previous_fact") if edit.has(n)), None)
    return Rewrite(
        prompt=stem,
        subject=found["subject"] or found["whole"],
        target_new=new,
        target_true=None if old is None else _halves(old, record)[1],
        relation=edit.text("relation"),
    )


def _halves(fact: Record, record: Record) -> tuple[str, str]:
    """A fact's sentence up to its verb, and its object."""
    sentence = fact.text("prompt").strip().removesuffix(".")
    label = _labels(record.data).get(fact.text("target_id"))
    if label and sentence.endswith(f" {label}"):
        return sentence.removesuffix(label).rstrip(), label
    verbs = list(VERB.finditer(sentence))
    if not verbs:
        raise Unusable("object not recognised in the edit's sentence")
    return sentence[: verbs[-1].end() - 1], sentence[verbs[-1].end() :]


def _labels(data: Mapping[str, Any]) -> dict[str, str]:
    """Wikidata id to label, from the record's queries whose answers stand in the order of their ids."""
    out: dict[str, str] = {}
    for query in _queries(data):
        ids, answers = query.get("target_ids"), query.get("answers")
        if query.get("query_type") == "regular" and isinstance(ids, list) and isinstance(answers, list):
            out |= {str(i): str(a["value"]) for i, a in zip(ids, answers, strict=False) if "value" in a}
    return out


def _queries(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        if "answers" in node:
            yield node
        for value in node.values():
            yield from _queries(value)
    elif isinstance(node, list):
        for value in node:
            yield from _queries(value)


def _test(criterion: str, item: Record) -> Test:
    """A test; queries without any usable answer are left out, and a test that keeps none is never counted."""
    conditions = item.children("condition_queries") if item.has("condition_queries") else ()
    return Test(
        purpose=criterion,
        queries=tuple(
            q for q in map(_query, item.children("test_queries")) if q.accepted and all(q.accepted)
        ),
        needs_all=item.text("test_condition") == "AND",
        conditions=tuple(map(_query, conditions)),
    )


def _query(item: Record) -> Query:
    """A query; spellings of one character say nothing unless they are digits (as in the data set's code)."""
    accepted = []
    for answer in item.children("answers"):
        aliases = answer.texts("aliases") if answer.has("aliases") else ()
        names = [n.strip() for n in (answer.text("value"), *aliases)]
        accepted.append(tuple(dict.fromkeys(n for n in names if len(n) > 1 or n.isdigit())))
    return Query(item.text("prompt").rstrip(), tuple(accepted), "contains")
