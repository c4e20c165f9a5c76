"""Tests on free text: what is continued, which tests count, which pass."""

from dataclasses import replace

import pytest
from eval_bench import Bench, say_slowly

from assay.datasets.case import Query, Test
from assay.evals.asking import counted, outcomes, say
from assay.evals.measure import measure_case, optimise_cases
from assay.evals.metric import Outcome
from assay.evals.mquake import DEMONSTRATIONS
from assay.evals.mquake import score as mquake_score
from assay.evals.mquake import tests as mquake_tests
from assay.evals.rippleedits import CRITERIA, EVALUATION, HELD
from assay.evals.summary import summarise, tally_tests


def test_continuations_are_greedy_and_without_the_prompt(bench: Bench) -> None:
    texts = ["The capital of Italy is", "Big Ben", "She walked to the market and the people there"]
    said = say(bench.model, [*texts, texts[0]], 6)
    assert said == {text: say_slowly(bench.model, text, 6) for text in texts}
    assert say(bench.model, [], 6) == {}


SAID = {"a": " yes", "b": " no", "c": " yes no"}


def asks(text: str) -> Query:
    return Query(text, (("yes", "ja"),))


@pytest.mark.parametrize(
    ("test", "passed"),
    [
        (Test("t", (asks("a"), asks("b")), needs_all=False), True),
        (Test("t", (asks("a"), asks("b")), needs_all=True), False),
        (Test("t", (asks("a"), asks("c")), needs_all=True), True),
        (Test("t", (asks("b"),), needs_all=False), False),
        (Test("t", (asks("a"),), needs_all=False, conditions=(asks("c"), asks("b"))), None),
        (Test("t", (asks("a"),), needs_all=False, conditions=(asks("c"),)), True),
        (Test("t", (), needs_all=False), None),
    ],
)
def test_a_test_counts_where_its_conditions_hold(test: Test, passed: bool | None) -> None:
    assert outcomes([test], counted([test], SAID), SAID) == (Outcome("t", passed),)


@pytest.mark.slow
def test_rippleedits_from_the_texts_a_model_really_gives(bench: Bench) -> None:
    """Conditions and answers are made from the unedited model's own text, so that every branch is taken."""
    case = bench.data("rippleedits").cases[0]
    river = say_slowly(bench.model, "The river runs through", EVALUATION.tokens).strip()[:6]
    knows = Query("The river runs through", ((river,),))
    guesses = Query("Water boils at", (("no text is this",),))
    other = Query("Big Ben stands in", ((river,),))
    made = replace(
        case,
        tests=(
            Test("Forgetfulness", (knows,), needs_all=False, conditions=(knows,)),
            Test("Forgetfulness", (guesses,), needs_all=False, conditions=(knows,)),
            Test("Forgetfulness", (other,), needs_all=False, conditions=(guesses,)),
        ),
    )
    values = optimise_cases(bench.model, [made], 2, bench.means())[made.id]
    ((_, line),) = measure_case(bench.model, made, EVALUATION, {(2, "r-rome"): values}, bench.means(), 2)
    assert [test["before"] for test in line["tests"]] == [False, True, False, None]
    assert line["before"]["Forgetfulness"] == 0.5
    assert tally_tests([line])["Forgetfulness"] == {"tests": 3, "filtered": 1}
    assert line["tests"][3]["queries"][0]["after"] is None  # not asked at all
    for test in line["tests"][1:3]:
        query = test["queries"][0]
        assert query["before"] == say_slowly(bench.model, query["text"], EVALUATION.tokens)


def test_a_criterion_counts_only_where_the_edit_holds() -> None:
    def line(held: float, share: float | None) -> dict[str, dict[str, float | None]]:
        scores: dict[str, float | None] = dict.fromkeys((*CRITERIA, "exact_rewrite"))
        return {
            "before": scores | {HELD: 0.0, "Forgetfulness": 1.0},
            "after": scores | {HELD: held, "Forgetfulness": share},
        }

    lines = [line(1, 0.5), line(1, 1.0), line(0, 0.0), line(1, None)]
    figures = {f.metric.id: f for f in summarise(lines, EVALUATION.metrics, 0, 50)}
    assert figures[HELD].value == 75
    kept = figures["Forgetfulness"]
    assert (kept.value, kept.n, kept.n_unscored, kept.before) == (75, 2, 2, 100)
    assert figures["Subject_Aliasing"].value is None


def test_mquake_puts_demonstrations_before_questions_only(bench: Bench) -> None:
    asked = mquake_tests(bench.data("mquake").cases[1])
    question, cloze = asked[0].queries[0], asked[2].queries[0]
    assert question.text == f"{DEMONSTRATIONS}Q: Which game does the founder of Apple play? A:"
    assert cloze.text == "Apple was founded by"


def test_mquake_accepts_any_question_and_needs_every_hop(bench: Bench) -> None:
    tests = mquake_tests(bench.data("mquake").cases[1])
    said = {query.text: " chess\nQ:" for test in tests for query in test.queries}
    said[tests[0].queries[2].text] = " basketball. It is a game"
    said["Apple was founded by"] = " Michael Jordan in a garage"
    ended = outcomes(tests, counted(tests, said), said)
    assert mquake_score((), ended) == {
        "multi_hop": 1,
        "edit_wise": None,
        "instance_wise": 0,
        "multi_hop_old": 1,
        "instance_wise_old": 0,
    }
    said[tests[2].queries[1].text] = " basketball"
    assert mquake_score((), outcomes(tests, counted(tests, said), said))["instance_wise"] == 1
