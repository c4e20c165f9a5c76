"""What a page shows of one feature's scores, complete or not."""

from copy import deepcopy
from typing import Any

import example_features
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.report import feature_panels as panels
from assay.report.feature_panels import (
    bar,
    card,
    corpus_card,
    fired,
    histogram,
    largest,
    percent,
    span,
    top_of,
)
from assay.report.glossary import FEATURES

FIGURE = st.none() | st.floats(allow_nan=True, allow_infinity=True)


def test_a_card_has_value_interval_verdict_raw_value_and_figures() -> None:
    found = card(example_features.document(), "interp")
    assert found is not None
    assert (found.value, found.span, found.raw) == ("100%", "91–100%", "d 1.84")
    assert (found.word.word, found.word.tone) == ("high", "good")
    assert "p 0.042" in found.figures and found.entry is FEATURES["interp"]
    assert "threshold 0.60" in found.track and "95% interval 0.91–1.00" in found.track
    mui = card(example_features.document(), "mui")
    assert mui is not None and (mui.raw, mui.word.word) == ("ratio 0.0180", "low")
    assert mui.figures[0] == "ratio above 74% of the live features"


def test_the_verdict_is_the_readings_once_there_is_one() -> None:
    document = example_features.document()
    document["reading"]["pattern"] = "HLL"
    found = card(document, "purity")
    assert found is not None and found.word.word == "low"
    document["reading"] = None
    found = card(document, "purity")
    assert found is not None and found.word.word == "uncertain"


def test_what_has_not_come_has_no_card() -> None:
    assert card(None, "interp") is card({}, "mui") is card({"interp": None}, "interp") is None
    assert corpus_card(None) is corpus_card({"purity": {}}) is None
    found = corpus_card(example_features.document())
    assert found is not None and found.value == "66%"


def test_what_could_not_be_scored_says_so() -> None:
    found = card(example_features.unscored_document(), "mui")
    assert found is not None
    assert (found.value, found.span, found.raw, found.word.word) == ("–", "", "–", "not scored")
    assert found.data["reason"] in found.track


def test_every_score_has_a_line_of_the_glossary() -> None:
    assert tuple(FEATURES) == panels.SCORES == tuple(panels.UNITS)
    assert all(entry.measures and entry.blind for entry in FEATURES.values())


@given(FIGURE, FIGURE)
def test_numbers_of_any_kind(a: float | None, b: float | None) -> None:
    assert percent(a).endswith("%") or percent(a) == "–"
    assert span(a, b) == "" or span(a, b).endswith("%")
    assert 'width="' in bar(a, b or 0.0)
    document = deepcopy(example_features.document())
    document["mui"]["score"], document["mui"]["raw"] = a, b
    assert card(document, "mui") is not None


def test_a_share_and_an_interval_as_percentages() -> None:
    assert (percent(0.5), percent(None), percent(float("nan"))) == ("50%", "–", "–")
    assert (span(0.5, 1.0), span(None, 1.0)) == ("50–100%", "")
    assert 'width="25.0%"' in bar(1.0, 4.0) and 'width="100.0%"' in bar(9.0, 4.0)
    assert 'width="0.0%"' in bar(-1.0, 4.0) and 'width="0.0%"' in bar(1.0, 0.0)


def test_sentences_it_fires_on_and_those_on_which_it_is_silent() -> None:
    some = example_features.document()["interp"]["matching"]
    loud, silent = fired([*some, {"text": "x", "value": None}, {"text": "y"}])
    assert [one["value"] for one in loud] == [6.31, 8.02] and len(silent) == 3
    assert fired(None) == ([], [])


def test_shades_are_shares_of_the_largest_activation_that_is_known() -> None:
    loud = {"tokens": ["a", "b"], "activations": [0.5, 3.0]}
    feature: dict[str, Any] = {"interp": {"matching": [loud], "other": None}}
    assert largest(feature, None) == 3.0 and largest(feature, 16.0) == 16.0 and largest(None, None) == 0.0
    feature["text"] = {"tokens": ["c"], "activations": [7.0]}
    assert largest(feature, 0.0) == 7.0


def test_the_largest_of_some_rows() -> None:
    rows = example_features.document()["mui"]["positions"]
    assert top_of(rows, "kl", "random_kl") == 0.41
    assert top_of([{"kl": None}, {"kl": float("inf")}], "kl") == 0.0 and top_of(None, "kl") == 0.0


@pytest.mark.parametrize("pattern", ["HHL", "---", "", None])
def test_the_readings_name(pattern: str | None) -> None:
    named = {"HHL": "decorative", "---": "no score"}
    assert panels.reading_name({"pattern": pattern}) == named.get(pattern or "", "none was made")


def test_a_histogram_says_every_bin_and_leaves_none_with_a_token_empty() -> None:
    drawn = histogram({"edges": [0.0, 1.0, 2.0, 3.0], "counts": [1000, 0, 1]}, 3.0)
    assert drawn is not None
    assert "0.00 to 1.00: 1,000 tokens" in drawn and "2.00 to 3.00: 1 tokens" in drawn
    heights = [float(part.split('"')[0]) for part in drawn.split('height="')[2:]]
    assert heights[:3] == [60.0, 0.0, pytest.approx(6.0, abs=0.1)]
    assert histogram({"edges": [0.0, 1.0], "counts": [0]}, 0.0) is None
