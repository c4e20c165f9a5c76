"""No probe expects something false: every answer is derived again, slowly, from the raw tables."""

import random
import re

import pytest
from slow_facts import (
    RELATIONS,
    entries,
    folded,
    has,
    questions,
    raw,
    same_name,
    statements,
    subjects,
    true,
    untouchable,
)

from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.plan import Plan, Request
from assay.probes.probe import Probe

pytestmark = pytest.mark.slow

SIZES = [(2, 1), pytest.param((6, 3), marks=pytest.mark.nightly)]
"""Subjects of each relation, and seeds of each subject."""


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue()


def plans(catalogue: Catalogue, relation: str, size: tuple[int, int]):
    """Plans for the best known subject and for others drawn by chance, with false targets of the right kind."""
    rng = random.Random(relation)
    known = subjects(relation)
    objects = list(dict.fromkeys(true(s, relation)[0] for s in known))
    for subject in (known[0], *rng.sample(known, size[0] - 1)):
        target = rng.choice([o for o in objects if not has(o, true(subject, relation))])
        name = f"the {subject}" if subject in raw("facts_countries")["article"] else subject
        prompt = entries()[relation]["direct"][0].replace("{s}", name)
        for seed in range(size[1]):
            yield catalogue.plan(Request(prompt, name, target, relation=relation), seed)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("relation", [r["id"] for f in RELATIONS for r in raw(f"relations_{f}")["relations"]])
def test_every_probe_of_a_relation_is_true(catalogue, relation, size):
    for plan in plans(catalogue, relation, size):
        assert has(plan.request.old, true(plan.request.subject, relation)), plan.request
        for probe in (*plan.paraphrases, *(p for found in plan.probes.values() for p in found)):
            if not probe.is_positive:
                check_negative(plan, probe)
            elif probe.axis == "multi_hop":
                check_hop(plan, probe)
            elif probe.axis == "inverse":
                check_inverse(plan, probe)
            else:
                assert (probe.target, probe.expected) == (plan.request.target, plan.request.old), probe
                if probe.axis == "question_shots":
                    check_examples(plan, probe)


def check_negative(plan: Plan, probe: Probe) -> None:
    """The sentence is about a known fact with this answer, and that fact is out of the edit's reach."""
    request, (_, source, *_) = plan.request, probe.source.split(":")
    assert probe.target == request.target
    assert source not in untouchable(request.relation or "")
    if source == "attribute":
        assert probe.expected is None and probe.axis == "same_subject"
        open_ended = [(t, may) for kind in raw("kinds").values() for t, may in kind.get("ripple", ())]
        filled = [(t.replace("{s}", request.subject), set(may)) for t, may in open_ended]
        may = [touched for text, touched in filled if folded(text) == folded(probe.prompt)]
        assert may and not all(m & untouchable(request.relation or "") for m in may), probe
        return
    about = statements(source).get(folded(probe.prompt), [])
    assert any(has(probe.expected, true(s, source)) for s in about), probe
    if probe.axis == "same_subject":
        assert has(request.subject, about), probe
    else:
        assert not has(request.subject, about), probe


def check_hop(plan: Plan, probe: Probe) -> None:
    """Target and expected answer follow from the new and the old object along one and the same path."""
    request, last = plan.request, probe.source.split(":")[-1]
    kind = entries()[request.relation or ""]["object_kind"]
    paths = [hop["path"] for hop in raw("hops")[kind] if hop["path"][-1] == last]
    assert paths, probe
    ends = [(follow(request.target, path), follow(request.old or "", path)) for path in paths]
    assert any(has(probe.target, new[:1]) and (probe.expected is None) == (not old) for new, old in ends), (
        probe
    )
    for new, old in ends:
        if has(probe.target, new[:1]) and probe.expected is not None:
            assert has(probe.expected, old[:1]) and not has(probe.target, old), probe


def follow(name: str, path: list[str]) -> tuple[str, ...]:
    for step in path[:-1]:
        name = next(iter(true(name, step)), "")
    return true(name, path[-1])


def check_inverse(plan: Plan, probe: Probe) -> None:
    request = plan.request
    assert same_name(probe.target, request.subject), probe
    assert folded(request.target) in folded(probe.prompt), probe
    if probe.expected is not None:
        assert has(request.target, true(probe.expected, request.relation or "")), probe


def check_examples(plan: Plan, probe: Probe) -> None:
    """Two answered questions about true facts out of reach of the edit, then the question itself."""
    request = plan.request
    *examples, question = probe.prompt.split("\n")
    assert len(examples) == 2 and re.fullmatch(r"Q: .+\? A:", question), probe
    assert folded(request.subject) in folded(question), probe
    for example in examples:
        asked, answer = re.fullmatch(r"Q: (.+\?) A: (.+)", example).groups()
        facts = [(r, s) for r in entries() for s in questions(r).get(folded(asked), ())]
        assert any(
            has(answer, true(s, r)) and r not in untouchable(request.relation or "") for r, s in facts
        ), example
        for word in (request.subject, request.target, request.old):
            assert not re.search(rf"\b{re.escape(folded(word))}\b", folded(example)) or len(word) < 3, example


def test_a_false_answer_would_be_noticed(catalogue):
    """The checks themselves fail on probes that are one word off."""
    plan = catalogue.plan(
        Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin"), 0
    )
    negative = plan.probes["locality_sensitivity_score"][0]
    with pytest.raises(AssertionError):
        check_negative(
            plan, Probe(negative.prompt, negative.target, False, negative.axis, "Atlantis", negative.source)
        )
    hop = next(p for p in plan.probes["indirect_fact_recovery"] if p.axis == "multi_hop")
    with pytest.raises(AssertionError):
        check_hop(plan, Probe(hop.prompt, "Spain", True, hop.axis, hop.expected, hop.source))
    inverse = next(p for p in plan.probes["indirect_fact_recovery"] if p.axis == "inverse")
    with pytest.raises(AssertionError):
        check_inverse(
            plan, Probe(inverse.prompt, inverse.target, True, inverse.axis, "the Louvre", inverse.source)
        )
    shots = next(p for p in plan.probes["zsre"] if p.axis == "question_shots")
    with pytest.raises(AssertionError):
        check_examples(
            plan,
            Probe(re.sub(r"A: .+", "A: Atlantis", shots.prompt, count=1), shots.target, True, shots.axis),
        )
