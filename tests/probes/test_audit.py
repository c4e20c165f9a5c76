"""The audit sorts probes without losing any, and each reason catches what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.generators.plan import AXES, Request
from assay.probes.audit import REASONS, VALIDATION, audit, names, same, without_subject
from assay.probes.probe import Probe

TOWER = Request("The Eiffel Tower is in the city of", "The Eiffel Tower", "Berlin", old="Paris")

POSITIVE = Probe("The home of the Eiffel Tower is", "Berlin", True, "paraphrase", "Paris")
NEGATIVE = Probe("The capital of Spain is", "Berlin", False, "cross_domain", "Madrid")

WORDS = st.sampled_from(["the", "Eiffel", "Tower", "stands", "in", "Paris", "Berlin", "of", "", " ", "Rome"])
PROBES = st.builds(
    Probe,
    prompt=st.lists(WORDS, max_size=7).map(" ".join),
    target=st.sampled_from(["Berlin", "Germany", "", "I"]),
    is_positive=st.booleans(),
    axis=st.sampled_from([None, "direct", "paraphrase", "alias", "nonsense"]),
    expected=st.sampled_from([None, "Paris", "France"]),
)
BATCHES = st.dictionaries(st.sampled_from([*AXES, VALIDATION]), st.lists(PROBES, max_size=6), max_size=4)


def reason(probe: Probe, benchmark: str = "edit_bench") -> str | None:
    found = audit(TOWER, {benchmark: [probe]}).rejects
    return found[0].reason if found else None


def test_good_probes_pass():
    assert reason(POSITIVE) is None
    assert reason(NEGATIVE, "locality_sensitivity_score") is None


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (Probe("", "Berlin"), "empty"),
        (Probe("The Eiffel Tower is in", " "), "empty"),
        (Probe("The Eiffel Tower is in ", "Berlin"), "trailing_space"),
        (Probe("The Eiffel Tower is in", "Berlin", axis="cross_domain"), "unknown_axis"),
        (Probe("the eiffel tower is in  the city of", "Berlin"), "training_prompt"),
        (Probe("Berlin, where the Eiffel Tower stands, is called", "Berlin"), "leak"),
        (Probe("In PARIS stands the Eiffel Tower, in", "Berlin", expected="Paris"), "leak"),
        (Probe("The tower of iron stands in", "Berlin", axis="direct"), "no_subject"),
        (Probe("The capital of Germany is Berlin and of Spain", "Berlin", False, None, "Madrid"), "leak"),
        (Probe("Madrid is the capital, I mean", "Berlin", False, None, "Madrid"), "leak"),
    ],
)
def test_each_reason(probe, expected):
    assert reason(probe) == expected
    assert expected in REASONS


def test_duplicates_are_per_benchmark_and_the_first_stays():
    twice = [POSITIVE, Probe(POSITIVE.prompt.upper(), "Berlin", True, "direct", None)]
    found = audit(TOWER, {"edit_bench": twice, "preservation_vs_memorization": [POSITIVE]})
    assert found.probes == {"edit_bench": (POSITIVE,), "preservation_vs_memorization": (POSITIVE,)}
    assert [r.reason for r in found.rejects] == ["duplicate"]


def test_negatives_about_the_edit_are_rejected():
    same_prompt = Probe(POSITIVE.prompt, "Berlin", False, "same_subject")
    found = audit(TOWER, {"edit_bench": [POSITIVE], "ripple_bench": [same_prompt]})
    assert [(r.benchmark, r.reason) for r in found.rejects] == [("ripple_bench", "negative_about_edit")]
    told = audit(TOWER, {"ripple_bench": [NEGATIVE]}, about_edit=lambda p: "Spain" in p.prompt)
    assert told.rejects[0].reason == "unknown_axis"
    near = Probe(NEGATIVE.prompt, "Berlin", False, "same_subject", "Madrid")
    told = audit(TOWER, {"ripple_bench": [near]}, about_edit=lambda p: "Spain" in p.prompt)
    assert told.rejects[0].reason == "negative_about_edit"


@pytest.mark.parametrize("axis", ["alias", "inverse", "indirect", "alternate"])
def test_axes_that_need_not_name_the_subject(axis):
    benchmark = next(name for name, axes in AXES.items() if axis in axes)
    assert reason(Probe("The iron lady of the Champ de Mars is in", "Berlin", axis=axis), benchmark) is None


def test_an_answer_inside_the_subject_is_no_leak():
    request = Request("BMW 3 Series is made by", "BMW 3 Series", "Fiat", old="BMW")
    probe = Probe("The maker of the BMW 3 Series is", "Fiat", True, "direct", "BMW")
    assert audit(request, {"edit_bench": [probe]}).rejects == ()


def test_inverse_probes_may_not_name_the_subject():
    inverse = Probe("The Eiffel Tower of Berlin is the", "the Eiffel Tower", True, "inverse")
    assert reason(inverse, "indirect_fact_recovery") == "leak"


def test_short_answers_are_looked_for_with_their_case():
    assert not names("The symbol written in chemistry", "In")
    assert names("The symbol In stands for", "In")
    assert names("he lived in berlin.", "Berlin")
    assert not names("The Berliner lives", "Berlin")


@given(BATCHES)
def test_nothing_is_lost_and_a_second_audit_changes_nothing(batches):
    found = audit(TOWER, batches)
    assert list(found.probes) == list(batches)
    for benchmark, probes in batches.items():
        thrown = [r.probe for r in found.rejects if r.benchmark == benchmark]
        assert sorted(map(repr, (*found.probes[benchmark], *thrown))) == sorted(map(repr, probes))
    assert all(r.reason in REASONS for r in found.rejects)
    again = audit(TOWER, found.probes)
    assert again.probes == found.probes
    assert again.rejects == ()


@given(BATCHES)
def test_what_is_kept_is_clean(batches):
    for benchmark, probes in audit(TOWER, batches).probes.items():
        prompts = [same(p.prompt) for p in probes]
        assert len(set(prompts)) == len(prompts)
        for probe in probes:
            rest = without_subject(probe.prompt, TOWER.subject)
            assert not any(names(rest, answer) for answer in (probe.target, probe.expected) if answer)
            assert probe.prompt == probe.prompt.rstrip() != ""
            assert probe.axis is None or benchmark == VALIDATION or probe.axis in AXES[benchmark]
