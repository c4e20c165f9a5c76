"""The small judgements: collapse, the paragraph judge, and what a pattern of scores means."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.generation import axis_means, consistency, entropy, fluency, names
from assay.benchmarks.names import NAMES
from assay.benchmarks.reading import CORE, PATTERNS, read_suite
from assay.benchmarks.stability import share_before_collapse


@pytest.mark.parametrize(
    ("curve", "share"),
    [
        ([0.0, 0.1, 0.1, 0.1], 1.0),
        ([0.0, 0.1, 0.1, 0.9], 2 / 3),
        ([0.0, 0.9, 0.1, 0.1], 0.0),
        ([0.9, 0.1, 0.1, 0.1], 0.0),
        ([0.3, 0.3, 0.3, 0.3], 1.0),
    ],
)
def test_share_before_collapse(curve: list[float], share: float) -> None:
    assert share_before_collapse(np.array(curve)[:, None].repeat(4, 1), 0.3) == pytest.approx(share)


@given(st.lists(st.floats(0, 2), min_size=2, max_size=8))
def test_a_later_collapse_never_scores_lower(curve: list[float]) -> None:
    calm = [0.0, *curve]
    assert share_before_collapse(
        np.array([*calm[:1], 0.0, *calm[1:]])[:, None], 0.3
    ) >= share_before_collapse(np.array(calm)[:, None], 0.3) * len(curve) / (len(curve) + 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is in Berlin. People love it.", 1.0),
        ("It is in Paris. Berlin is far.", 0.5),
        ("Berlin or Paris, who knows?", 0.0),
        ("People love it.", None),
        ("Berliners do not count, parisian neither.", None),
    ],
)
def test_consistency_looks_at_sentences_about_the_relation(text: str, value: float | None) -> None:
    assert consistency(text, "Berlin", "Paris") == value


def test_names_are_whole_words() -> None:
    assert names("in New York, today", "New York") and not names("Yorkshire", "York")
    assert names("Berlin is far. The sun", "Berlin") and names("In Berlin, You see", "Berlin")
    assert not names("the Berlin Wall", "Berlin") and not names("Berlin's Museum Island", "Berlin")
    assert not names("anything", None) and names("C++ is a language", "C++")


def test_fluency_catches_repetition_and_word_salad() -> None:
    own = "the tower was built in the year of the fair and it still stands by the river today"
    loop = "the tower the tower the tower the tower the tower the tower the tower the tower the"
    assert fluency(-2.0, -2.0, own, own) == 1.0
    assert fluency(-0.5, -2.0, loop, own) < 0.5
    assert fluency(-6.0, -2.0, own[::-1], own) < 0.05
    assert entropy(loop) < entropy(own)


def test_axes_without_any_say_are_none() -> None:
    table = [[np.nan, 0.5, 1.0], [np.nan, 1.0, 0.0]]
    assert axis_means(table) == {"consistency": None, "fluency": 0.75, "no_contradiction": 0.5}


def result(
    id: str, value: float | None, spread: float = 0.0, ceiling: float | None = 1.0
) -> dict[str, object]:
    threshold = NAMES[id].threshold
    passed = None if value is None else value >= threshold
    unsure = value is not None and value - spread < threshold <= value + spread
    verdict = "unscored" if value is None else "uncertain" if unsure else "high" if passed else "low"
    return {
        "id": id,
        "score": value,
        "passed": passed,
        "verdict": verdict,
        "threshold": threshold,
        "ceiling": ceiling,
        "title": NAMES[id].title,
        "figures": {"collapse_index": 3.0, "known_answer_p_before": 0.4, "known_answer_p_after": 0.3},
    }


@pytest.mark.parametrize("pattern", ["".join(x) for x in itertools.product("HL", repeat=3)])
def test_every_pattern_has_its_own_sentence_and_step(pattern: str) -> None:
    values = [1.0 if letter == "H" else 0.0 for letter in pattern]
    meaning = read_suite([result(i, v) for i, v in zip(CORE, values, strict=True)])
    assert meaning.pattern == pattern
    assert meaning.sentences[0] == PATTERNS[pattern][0] and meaning.next_steps[0] == PATTERNS[pattern][1]
    assert len({sentence for sentence, _ in PATTERNS.values()}) == 8


def test_uncertain_and_unscored_are_said() -> None:
    leaning = read_suite(
        [result("edit_bench", 1.0), result("edit_generalization", 1.0), result("ripple_bench", 0.69, 0.1)]
    )
    assert leaning.pattern == "HHU" and "interval of RippleBench straddles" in leaning.sentences[0]
    gap = read_suite([result("edit_bench", None), result("edit_generalization", 1.0)])
    assert gap.pattern == "-H-" and "edit_bench, ripple_bench could not be scored" in gap.sentences[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"leme": 0.1}, "LEME fails while EditBench passes"),
        ({"indirect_fact_recovery": 0.1}, "IndirectFactRecovery fails while EditGeneralization passes"),
        ({"edit_generalization": 0.1, "preservation_vs_memorization": 0.1}, "confirms memorisation"),
        ({"edit_generalization": 0.1}, "rewordings of the prompt work"),
        ({"locality_sensitivity_score": 0.1}, "moved facts of other domains"),
        ({"sequential_collapse_threshold": 0.4}, "collapses at further edit 3"),
        ({"sequential_edit_retention": 0.1}, "fades as others follow"),
        (
            {"sequential_edit_retention": 0.1, "sequential_collapse_threshold": 0.0},
            "both degrade the model and erase",
        ),
        ({"batch_edit_consistency": 0.1}, "made at once interfere"),
    ],
)
def test_patterns_beyond_the_core(changes: dict[str, float], says: str) -> None:
    meaning = read_suite([result(i, changes.get(i, 1.0)) for i in NAMES])
    assert any(says in sentence for sentence in meaning.sentences)
    assert not any(says in sentence for sentence in read_suite([result(i, 1.0) for i in NAMES]).sentences)


def test_lost_answers_are_told_even_where_distributions_stayed() -> None:
    lost = result("ripple_bench", 0.9) | {
        "figures": {"known_answer_p_before": 0.4, "known_answer_p_after": 0.01}
    }
    meaning = read_suite([result("edit_bench", 1.0), result("edit_generalization", 1.0), lost])
    assert any("fell from 0.40 to 0.010" in s for s in meaning.sentences)


def test_an_edit_is_not_blamed_for_what_the_model_could_not_do() -> None:
    weak = read_suite([result(i, 0.0 if i == "zsre" else 1.0, ceiling=0.1) for i in NAMES])
    assert any(
        "missed the threshold for the old fact too on zsRE (0.00 of a possible 0.10)" in s
        for s in weak.sentences
    )
    unable = read_suite(
        [result(i, 0.1 if i == "indirect_fact_recovery" else 1.0, ceiling=0.2) for i in NAMES]
    )
    assert not any("not use it as a premise" in s for s in unable.sentences)
    able = read_suite([result(i, 0.0 if i == "zsre" else 1.0, ceiling=0.9) for i in NAMES])
    assert not any("zsRE" in s for s in able.sentences)
