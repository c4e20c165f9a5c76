"""The footprint in a terminal, on a page, and as bars."""

import re
from typing import Any

import example_run
import pytest
from rich.cells import cell_len
from test_console import shown
from test_html import Page

from assay.report.footprint import longest, sentences, share, track, warning
from assay.report.html import render


def section(run: dict[str, Any]) -> str:
    """The page's section of the footprint."""
    (found,) = re.findall(r'<section aria-labelledby="footprint">.*?</section>', render(run), re.S)
    return str(found)


def part(text: str) -> str:
    """What a terminal shows of the footprint, on one line."""
    return " ".join(text.partition("Feature footprint")[2].partition("\nReading")[0].split())


def changed(**other: Any) -> dict[str, Any]:
    run = example_run.committed()
    run["footprint"] |= other
    return run


def test_a_terminal_shows_the_warning_the_figures_and_the_features() -> None:
    told = part(shown(example_run.committed()))
    for words in (
        "which features of the SAE smollm2 the edit moved",
        "Warning: Features of low purity carry 65%",
        "After block 15 the edit (block 5) moved the residual stream by 31% of its length",
        "(5 prompts), by 0.2% elsewhere (24 prompts).",
        "Features explain 74% of that change (cosine 0.88); the rest is in the SAE's error.",
        "12 born, 9 silenced, 17 active before and after.",
        "33% is in features of low purity.",
        "4711 0 → 12.8 8.25 0.004 H 0.83 cities of Germany",
        "17 120 → 131 1 0.25 ? – no label",
        "most elsewhere: 16383 (1.5) · 17 (0.25) · 300 (0.125)",
    ):
        assert words in told


def test_a_terminal_says_nothing_where_no_autoencoder_was_read() -> None:
    run = example_run.committed() | {"carried": None, "footprint": None}
    assert "Feature footprint" not in shown(run)
    assert "No SAE was read in this run: name one with --sae." in Page(section(run)).text


def test_long_labels_and_large_numbers_stay_in_eighty_columns() -> None:
    row = {**example_run.footprint()["on_subject"][0], "label": "大" * 200, "feature": 1_048_575}
    row |= {"subject_before": 123456.7, "subject_after": -0.000012345, "on_subject": 1e9, "elsewhere": 1e-9}
    lines = shown(changed(on_subject=[row] * 20, elsewhere=[row] * 20)).splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert sum("1048575 " in line and "大" in line for line in lines) == 6


def test_a_footprint_that_is_undefined_shows_its_reason_and_no_number() -> None:
    why = "the SAE reads block 3, below the edited block 5: nothing that it reads can move"
    run = changed(reason=why, totals=None, on_subject=[], elsewhere=[], low_purity=None)
    assert sentences(run) == [f"No footprint: {why}."]
    assert f"No footprint: {why}." in part(shown(run))
    page = section(run)
    assert why in Page(page).text and "moved-on" not in page
    assert "there is no committed edit" in part(shown(example_run.rolled_back()))


@pytest.mark.parametrize(
    ("totals", "low", "says"),
    [
        (
            {"explained": -0.2},
            0.333,
            "Features do not add up to that change (cosine 0.88): the SAE's error changed by more",
        ),
        ({"explained": None}, 0.333, "It changed nothing that the SAE reads."),
        ({"purity": None}, None, "No feature changed."),
        (
            {"purity": {"high": 0.1, "low": 0.1, "uncertain": 0.0, "unscored": 0.8}},
            None,
            "Purity is known for 20% of what they changed only.",
        ),
        (
            {"purity": {"high": 0.0, "low": 0.0, "uncertain": 0.0, "unscored": 1.0}},
            None,
            "Their purity is not known.",
        ),
    ],
)
def test_what_is_not_known_is_said(totals: dict[str, Any], low: float | None, says: str) -> None:
    run = changed(totals={**example_run.footprint()["totals"], **totals}, low_purity=low)
    assert says in " ".join(sentences(run))


def test_the_warning_or_why_there_is_none() -> None:
    run = example_run.committed()
    assert str(warning(run)).startswith("Warning: Features of low purity")
    run["carried"] |= {"warning": None, "reason": "the purity of this SAE's features is not known"}
    assert (
        warning(run) == "No warning possible before the edit: the purity of this SAE's features is not known."
    )
    run["carried"] |= {"reason": None}
    assert warning(run) is None and "Warning" not in part(shown(run))


def test_a_page_shows_each_feature_with_its_bars_letter_and_activations() -> None:
    page = section(example_run.committed())
    text = Page(page).text
    for words in ("4711 cities of Germany", "born · 100% on the subject", "9.12 → 0", "60 → 65.5", "L 0.52"):
        assert words in text
    assert text.count("smollm2") == 0 and "0 (" not in text
    # Four most moved on the subject, three elsewhere.
    assert page.count('class="moved-on') == page.count('class="moved-off"') == 7
    assert "What carried the subject" in text and "21%" in text


def test_bars_are_as_long_as_the_change_and_purity_is_a_letter_and_a_shade() -> None:
    found = example_run.footprint()
    most = longest(found)
    assert most == 8.25
    drawn = [track(row, most) for row in found["on_subject"]]
    wide = [float(str(re.findall(r'width="([\d.]+)%" height="10"', str(svg))[0])) for svg in drawn]
    assert wide == pytest.approx([92 * row["on_subject"] / most for row in found["on_subject"]], abs=0.01)
    thin = [float(str(re.findall(r'width="([\d.]+)%" height="5"', str(svg))[0])) for svg in drawn]
    assert thin == pytest.approx([92 * row["elsewhere"] / most for row in found["on_subject"]], abs=0.01)
    for svg, letter, tone in zip(drawn, "HHL?", ("good", "good", "bad", "none"), strict=True):
        assert f">{letter}</text>" in svg and f"pure-{tone}" in svg
    assert 'width="0.00%"' in track({"feature": 1}, 0.0)


def test_shares_of_little_are_not_nothing() -> None:
    assert [share(x) for x in (0, 0.0004, 0.0945, 0.096, 1, None)] == [
        "0%",
        "0.04%",
        "9%",
        "10%",
        "100%",
        "–",
    ]
