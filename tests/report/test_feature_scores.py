"""The card of one feature in 80 columns."""

import io
from copy import deepcopy
from typing import Any

import example_features
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from assay.report.feature_scores import render_scores
from assay.report.lines import bar, context, joined, sentence_line

TEXT = st.text(st.characters(codec=None), max_size=60)
FIGURE = st.floats(allow_nan=True, allow_infinity=True) | st.none()


def shown(document: dict[str, Any], **options: Any) -> str:
    out = io.StringIO()
    render_scores(document, Console(file=out, width=80, **options))
    return out.getvalue()


def line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def test_a_score_is_a_line_with_bar_percent_interval_verdict_raw_value_and_n() -> None:
    text = shown(example_features.document())

    def squeezed(row: str) -> str:
        return " ".join(row.split())

    assert squeezed(line(text, "  InterpScore")) == "InterpScore ██████┊████ 100% 91–100% ✓ high d 1.84 n 20"
    assert squeezed(line(text, "  MUI ")) == "MUI █▊····┊···· 18% 11–27% ✗ low ratio 0.0180 n 32"
    assert "62–70%   ✓ high       cos 0.32     n 20" in line(text, "    corpus sentences")
    assert all(cell_len(row) <= 80 for row in text.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        "capital cities of European countries",
        "label: catalogue 1",
        "Hedges' g 1.76 · AUROC 0.91 (0.74–0.98)",
        "against its neighbours' labels 0.62 (0.41–0.80)",
        "3% of other labels do as well · p 0.042",
        "calibrated 0.19 (0.13–0.24)",
        "same token in 22% of pairs · 1 could not be used",
        "ratio above 74% of the live features · 3.20 times a random direction",
        "mean KL 0.0412 nats",
        "it fires on 2 of 3",
        "8.02 The government sits in ⟦Vienna⟧ while",
        "3.40 The village of ⟦Berlin⟧ in Ohio",
        "0.00 He peeled the potatoes",
        "The government sits in ⟦Vienna⟧ 8.02 0.4100 0.0300 1.90",
        "Reading HHL decorative",
        "Well understood but largely decorative",
        "Next: Use it to detect, not to steer",
    ],
)
def test_the_card_says(words: str) -> None:
    assert words in " ".join(shown(example_features.document()).split())


def test_only_the_two_strongest_sentences_of_a_set_and_positions_by_kl() -> None:
    text = shown(example_features.document())
    assert "Lisbon" not in text
    assert text.index("⟦Vienna⟧  ") < text.index("⟦Rome⟧") < text.rindex("⟦Paris⟧")


def test_the_verdict_is_the_readings_where_that_went_by_calibrated_purity() -> None:
    document = example_features.document()
    document["reading"]["pattern"] = "HLL"
    assert "✗ low" in line(shown(document), "  FeaturePurityScore")
    document["reading"] = None
    assert "≈ uncertain" in line(shown(document), "  FeaturePurityScore")


def test_an_unscored_feature_shows_its_reasons_and_no_number() -> None:
    text = shown(example_features.unscored_document())
    flat = " ".join(text.split())
    for words in (example_features.SILENT, example_features.FEW, example_features.NEVER):
        assert f"not scored: {words}" in flat
    for name in ("InterpScore", "FeaturePurityScore", "MUI"):
        row = line(text, f"  {name} ")
        assert row.split()[-4:] == ["–", "∅", "not", "scored"] and "%" not in row and "█" not in row
    assert "It has no label." in text and "Reading  ---  no score" in text


def test_both_shapes_of_purity_are_read() -> None:
    document = example_features.document()
    nested = deepcopy(document)
    purity = dict(document["purity"])
    nested["purity"] = {"corpus": purity.pop("corpus"), "matching": purity}
    assert shown(nested) == shown(document)


def test_what_is_missing_is_named_and_does_not_stop_the_rest() -> None:
    text = shown({"feature": 3})
    assert "○ not run" in text and "none was made" in text and "no reason recorded" in text


def test_without_colour_nothing_is_lost() -> None:
    assert "\x1b" not in shown(example_features.document(), force_terminal=False)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    TEXT, st.lists(TEXT, min_size=1, max_size=8), st.lists(FIGURE, min_size=6, max_size=6), st.integers(0, 7)
)
def test_any_text_and_any_figures_fit_in_80_columns(
    label: str, tokens: list[str], figures: list[float | None], peak: int
) -> None:
    document = example_features.document()
    a, b, c, d, e, f = figures
    sentence = {
        "text": label,
        "value": a,
        "tokens": tokens,
        "activations": [],
        "peak": min(peak, len(tokens) - 1),
    }
    document |= {"label": label, "label_source": label}
    document["interp"] |= {"matching": [sentence], "other": [sentence], "raw": b, "reason": label}
    document["interp"]["figures"] |= {"auroc": c, "hedges_g": d, "null_share": e, "null_p": f}
    document["mui"] |= {"percentile": e, "raw": f}
    document["mui"]["positions"] = [
        {"token": tokens[0], "before": label, "activation": a, "kl": b, "random_kl": c, "entropy": d}
    ]
    text = shown(document)
    assert all(cell_len(row) <= 80 for row in text.splitlines()) and "\x1b" not in text


@given(st.floats(0, 1), st.integers(1, 30))
def test_a_bar_has_its_width_and_shows_what_is_not_zero(share: float, width: int) -> None:
    drawn = bar(share, width)
    assert len(drawn) == width and (drawn.strip() != "") == (share > 0)


def test_a_sentence_without_firing_or_peak_has_no_mark() -> None:
    for value, peak in ((0.0, 0), (None, 0), (2.0, None), (2.0, 9)):
        row = sentence_line({"value": value, "tokens": ["One", " two"], "peak": peak}).plain
        assert "One two" in row and "⟦" not in row


@given(TEXT, TEXT, st.integers(30, 60))
def test_the_end_of_what_stands_before_a_token_is_kept(before: str, token: str, width: int) -> None:
    assert context(before, token, width).cell_len <= width


@given(st.lists(st.text("ab ", min_size=1, max_size=20), max_size=10))
def test_joined_words_are_all_there_and_whole(words: list[str]) -> None:
    lines = joined(words, 30)
    assert " · ".join(lines) == " · ".join(words) and all(len(row) <= 30 for row in lines)
