"""Plans of the catalogue: full, clean, true to the fact base, and repeatable."""

import dataclasses

import pytest

from assay.errors import GeneratorError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.relations import load_relations
from assay.generators.plan import AXES, Plan, Request
from assay.generators.table import KINDS, generator, relations
from assay.generators.table import named as read_name
from assay.probes.audit import VALIDATION, audit, names, same
from assay.probes.probe import Probe

FACTS = Facts()
RELATIONS = load_relations()
POSITIVE = (
    "edit_bench",
    "edit_generalization",
    "batch_edit_consistency",
    "sequential_edit_retention",
    "portability_sub_metrics",
    "preservation_vs_memorization",
    "zsre",
)
TOWER = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin")


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue()


def edits(relation: str, count: int) -> list[Request]:
    """``count`` counterfactual requests on known subjects of ``relation``."""
    subjects = FACTS.subjects(relation)
    objects = list(dict.fromkeys(FACTS.objects(s, relation)[0] for s in subjects))
    found = []
    for i, subject in enumerate(subjects[:count]):
        target = next(o for o in objects[i:] + objects if o not in FACTS.objects(subject, relation))
        prompt = RELATIONS[relation].direct[0].replace("{s}", FACTS.spoken(subject))
        found.append(Request(prompt, subject, target, relation=relation))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, pytest.param(6, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("relation", RELATIONS)
def test_every_relation_makes_full_audited_plans(catalogue, relation, count):
    for seed, request in enumerate(edits(relation, count)):
        plan = catalogue.plan(request, seed)
        assert set(plan.probes) == set(AXES)
        assert {b: len(plan.probes[b]) for b in POSITIVE if len(plan.probes[b]) < 6} == {}
        assert all(6 <= len(plan.probes[b]) <= 8 for b in ("ripple_bench", "locality_sensitivity_score"))
        halves = [p.axis for p in plan.probes["fine_tune_diff"]]
        assert halves == ["edited"] * len(plan.probes["edit_bench"]) + ["unrelated"] * 8
        assert len(plan.probes["indirect_fact_recovery"]) >= 4
        assert plan.probes["leme"] == plan.probes["sequential_collapse_threshold"] == ()
        assert len(plan.paraphrases) >= 4
        assert len(plan.neutral) >= 20
        assert len(plan.synthetic) == 5
        assert len(plan.long_form) >= 3
        assert audit(plan.request, {VALIDATION: plan.paraphrases, **plan.probes}).rejects == ()
        check_truth(plan)
        check_disjoint(plan)
        check_synthetic(plan)


def check_truth(plan: Plan) -> None:
    """What a probe expects is what the fact base says."""
    edit = plan.request
    for benchmark, probes in plan.probes.items():
        for probe in probes:
            source = probe.source.removeprefix("catalogue:").split(":")[0]
            if probe.is_positive and probe.axis not in ("multi_hop", "inverse"):
                assert (probe.target, probe.expected) == (edit.target, edit.old), probe
            elif not probe.is_positive:
                assert probe.target == edit.target, probe
                assert source != edit.relation, probe
                subjects = FACTS.subjects(source) if source in FACTS.relations() else ()
                true = [
                    a
                    for s in subjects
                    for a in map(FACTS.spoken, FACTS.objects(s, source))
                    if named(probe.prompt, s)
                ]
                assert probe.expected in true or (benchmark == "ripple_bench" and probe.expected is None), (
                    probe
                )
            else:
                assert key(probe.target) != key(probe.expected or ""), probe


def named(prompt: str, subject: str) -> bool:
    return names(prompt, subject.removeprefix("The ").removeprefix("the "))


def check_disjoint(plan: Plan) -> None:
    """Validation shares nothing with the benchmarks; only "does it hold" benchmarks share with each other, and
    memorisation asks their paraphrases, too."""
    validation = {same(p.prompt) for p in plan.paraphrases}
    sharing = {"edit_bench", "batch_edit_consistency", "sequential_edit_retention", "fine_tune_diff"}
    seen: dict[str, str] = {}
    for benchmark, probes in plan.probes.items():
        for probe in probes:
            prompt = same(probe.prompt)
            assert prompt not in validation
            both = {seen.setdefault(prompt, benchmark), benchmark}
            if probe.axis == "paraphrase":
                both.discard("preservation_vs_memorization")
            assert len(both) < 2 or both <= sharing
            assert prompt != same(plan.request.prompt)
    assert not {same(p) for p in plan.neutral} & (validation | set(seen))


def check_synthetic(plan: Plan) -> None:
    """Distinct subjects and targets, none of the original edit, every target false but of the right kind."""
    original = {key(plan.request.subject), key(plan.request.target)}
    subjects = [key(s.request.subject) for s in plan.synthetic]
    targets = [key(s.request.target) for s in plan.synthetic]
    assert len(set(subjects)) == len(subjects) and len(set(targets)) == len(targets)
    assert not original & {*subjects, *targets}
    for made in plan.synthetic:
        request = made.request
        assert request.prompt.count(request.subject) == 1, request
        true = [key(o) for o in FACTS.objects(request.subject, request.relation or "")]
        assert key(request.old or "") in true
        assert key(request.target) not in true
        others = {
            key(o)
            for s in FACTS.subjects(request.relation or "")
            for o in FACTS.objects(s, request.relation or "")
        }
        assert key(request.target) in others
        assert 3 <= len(made.probes) <= 4
        assert all(p.target == request.target and p.expected == request.old for p in made.probes)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_plan_and_another_seed_another():
    assert Catalogue().plan(TOWER, 3) == Catalogue().plan(TOWER, 3)
    one, two = Catalogue().plan(TOWER, 0), Catalogue().plan(TOWER, 1)
    for benchmark in POSITIVE:
        assert one.probes[benchmark] != two.probes[benchmark]
        assert {p.axis for p in one.probes[benchmark]} == {p.axis for p in two.probes[benchmark]}
    assert one.synthetic != two.synthetic
    assert one.neutral != two.neutral


def test_the_tower_plan_in_detail(catalogue):
    plan = catalogue.plan(TOWER, 0)
    assert plan.request == dataclasses.replace(TOWER, old="Paris", relation="landmark_city")
    assert plan.relation_confidence == 1.0 and not plan.generic and plan.rejects == () and plan.notes == ()
    hops = [p for p in plan.probes["indirect_fact_recovery"] if p.axis == "multi_hop"]
    pairs = {("Germany", "France"), ("German", "French")}
    assert {(p.target, p.expected) for p in hops} == pairs, "euro and Europe do not change: not asked"
    inverse = [p for p in plan.probes["indirect_fact_recovery"] if p.axis == "inverse"]
    assert {(p.target, p.expected) for p in inverse} == {("the Eiffel Tower", "the Brandenburg Gate")}
    aliases = " ".join(p.prompt for p in plan.probes["portability_sub_metrics"] if p.axis == "alias")
    assert "La Tour Eiffel" in aliases and "The iron tower on the Champ de Mars" in aliases
    for probe in plan.probes["ripple_bench"]:
        assert probe.axis == "same_subject" and "Eiffel Tower" in probe.prompt
        assert not any(
            word in probe.prompt for word in ("city", "country", "continent", "located", "stands in")
        )
    known = {p.expected for p in plan.probes["ripple_bench"]}
    assert {"Gustave Eiffel", "1889"} <= known
    assert all(p.prompt.startswith("Q: ") and p.prompt.endswith("? A:") for p in plan.probes["zsre"])
    shots = [p.prompt.split("\n") for p in plan.probes["zsre"] if p.axis == "question_shots"]
    bare = [p.prompt for p in plan.probes["zsre"] if p.axis == "question"]
    assert [lines[-1] for lines in shots] == bare, "the same questions with and without worked examples"
    assert all(len(lines) == 3 for lines in shots)
    for text in (*plan.long_form, *plan.neutral):
        assert not names(text, "Berlin") and not names(text, "Paris")
    for text in plan.long_form:
        assert "Eiffel Tower" in text


def test_cross_domain_facts_are_far_from_the_edit(catalogue):
    probes = catalogue.plan(TOWER, 5).probes["locality_sensitivity_score"]
    assert {p.axis for p in probes} == {"cross_domain"}
    sources = {p.source.split(":")[1] for p in probes}
    assert not sources & {
        "landmark_city",
        "country_capital",
        "place_country",
        "place_continent",
        "capital_country",
    }


@pytest.mark.parametrize(
    ("prompt", "subject", "target", "old", "hop"),
    [
        ("The Louvre is located in the city of", "Louvre", "Tokyo", "Paris", ("Japan", "France")),
        ("Sushi originated in", "Sushi", "Italy", "Japan", ("Rome", "Tokyo")),
        ("LeBron James plays the sport of", "LeBron James", "hockey", "basketball", ("rink", "court")),
        ("The native language of Voltaire is", "Voltaire", "Polish", "French", ("Poland", "France")),
        ("Patrick Roy plays in the position of", "Patrick Roy", "quarterback", "goaltender", ("football", "hockey")),
    ],
)  # fmt: skip
def test_other_relations(catalogue, prompt, subject, target, old, hop):
    plans = [catalogue.plan(Request(prompt, subject, target), seed) for seed in range(4)]
    assert {p.request.old for p in plans} == {old}
    hops = [(p.target, p.expected) for plan in plans for p in plan.probes["indirect_fact_recovery"]]
    assert hop in hops


def test_an_unknown_subject_keeps_the_relation_and_says_what_is_missing(catalogue):
    plan = catalogue.plan(Request("Zork Blip was born in the city of", "Zork Blip", "Lyon"), 0)
    assert plan.request.relation == "person_birthplace" and plan.request.old is None
    assert any("old answer" in note for note in plan.notes)
    assert any("no other name" in note for note in plan.notes)
    assert all(len(plan.probes[b]) >= 6 for b in POSITIVE)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_unknown_relation_gets_generic_probes_and_says_so(catalogue):
    plan = catalogue.plan(Request("The number of legs of a zork is", "zork", "twelve"), 0)
    assert plan.generic and plan.request.relation is None
    assert "relation not recognised" in plan.notes[0]
    assert all(len(plan.probes[b]) >= 6 for b in POSITIVE)
    assert len(plan.probes["ripple_bench"]) >= 6
    assert len(plan.paraphrases) >= 4 and len(plan.synthetic) == 5 and len(plan.long_form) >= 3
    axes = {p.axis for p in plan.probes["indirect_fact_recovery"]}
    assert axes == {"alternate"}
    assert audit(plan.request, {VALIDATION: plan.paraphrases, **plan.probes}).rejects == ()
    check_disjoint(plan)


def test_avoided_prompts_are_not_used_again(catalogue):
    first = catalogue.plan(TOWER, 0)
    used = [p.prompt for p in first.probes["edit_bench"]] + list(first.neutral[:5])
    second = catalogue.plan(TOWER, 0, avoid=used)
    asked = {same(p.prompt) for found in second.probes.values() for p in found} | {
        same(p) for p in second.neutral
    }
    assert not asked & {same(p) for p in used}


@pytest.mark.parametrize("n", [1, 3, 12])
def test_the_number_of_probes_is_a_ceiling(catalogue, n):
    plan = catalogue.plan(TOWER, 0, n_probes=n, n_synthetic=2)
    for id, found in plan.probes.items():
        if id in ("fine_tune_diff", "preservation_vs_memorization"):  # so many of each kind
            assert max(sum(p.axis == axis for p in found) for axis in AXES[id]) <= n
        else:
            assert len(found) <= n
    assert len(plan.synthetic) == 2


def test_a_misspelt_relation_is_an_error_with_near_matches(catalogue):
    with pytest.raises(GeneratorError) as caught:
        catalogue.plan(dataclasses.replace(TOWER, relation="landmark_town"), 0)
    assert caught.value.came == "relation 'landmark_town'"
    assert "landmark_city" in caught.value.wanted
    assert "country_capital" in caught.value.todo


@pytest.mark.parametrize(
    ("name", "came", "wanted", "todo"),
    [
        (
            "catalog",
            "generator 'catalog'",
            "one of catalogue, llm:MODEL, local:MODEL, replay:RUN",
            "did you mean catalogue?",
        ),
        (
            "lm:x",
            "generator 'lm:x'",
            "one of catalogue, llm:MODEL, local:MODEL, replay:RUN",
            "did you mean llm:MODEL?",
        ),
        (
            "zzz",
            "generator 'zzz'",
            "one of catalogue, llm:MODEL, local:MODEL, replay:RUN",
            "choose one of these",
        ),
        ("llm", "generator 'llm'", "llm with a MODEL after the colon", "write llm:MODEL"),
        ("replay:", "generator 'replay:'", "replay with a RUN after the colon", "write replay:RUN"),
        (
            "catalogue:x",
            "generator 'catalogue:x'",
            "catalogue with nothing after its name",
            "write catalogue",
        ),
    ],
)
def test_what_is_no_generator(name, came, wanted, todo):
    with pytest.raises(GeneratorError) as caught:
        generator(name)
    assert (caught.value.came, caught.value.wanted, caught.value.todo) == (came, wanted, todo)


def test_generators_by_name():
    assert generator("catalogue").name == "catalogue"
    assert generator("replay:some-run").name == "replay"
    assert read_name("llm:qwen3:8b") == ("llm", "qwen3:8b")
    assert [name for name, kind in KINDS.items() if not kind.takes] == ["catalogue"], "chosen by name alone"


@pytest.mark.slow
def test_what_is_known_by_words_alone():
    known = Catalogue().known(TOWER)
    assert (known.request.old, known.request.relation, known.confidence) == ("Paris", "landmark_city", 1.0)
    asked = [
        Probe(text, "Berlin", False, "same_subject")
        for text in ("The Eiffel Tower stands in the city of", "The Eiffel Tower was designed by")
    ]
    assert [known.about_edit(probe) for probe in asked] == [True, False]
    unknown = Catalogue().known(Request("The number of legs of a zork is", "zork", "twelve"))
    assert (unknown.request.relation, unknown.confidence) == (None, 0.0)


def test_relations_can_be_listed():
    listed = dict(relations())
    assert set(listed) == set(RELATIONS)
    assert listed["landmark_city"] == "… is located in the city of"
