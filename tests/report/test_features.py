"""All features at once: pictures of bounded size that hold their numbers, and a summary of 80 columns."""

import io
from xml.etree import ElementTree

import example_features
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from assay.features.reading import PATTERNS
from assay.report.axes import interp_axis, mui_axis
from assay.report.feature_counts import kinds, reasons, spread
from assay.report.features import comparison_picture, field_picture, render_summary, summary_picture
from assay.settings import FeatureSettings

SVG = "{http://www.w3.org/2000/svg}"
SETS = {
    "trained": example_features.table(300),
    "labels shuffled": example_features.table(300, 1, d=0.0),
    "random weights": example_features.table(300, 2, d=0.3, pure=0.52, used=-3.5),
}
NUMBER = st.floats(allow_nan=True, allow_infinity=True) | st.none()


def parsed(picture: str) -> ElementTree.Element:
    """The picture as XML, having checked what every picture must have."""
    root = ElementTree.fromstring(picture)
    assert root.tag == SVG + "svg" and root.get("role") == "img" and root.get("aria-label")
    assert root[0].tag == SVG + "title" and root[1].tag == SVG + "desc"
    return root


def words(root: ElementTree.Element) -> list[str]:
    return ["".join(node.itertext()) for node in root.iter(SVG + "text")]


def marks(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [
        node for node in root.iter() if len(node) and node[0].tag == SVG + "title" and node.tag != SVG + "svg"
    ]


def summary(table: pd.DataFrame, title: str = "an SAE") -> str:
    out = io.StringIO()
    render_summary(table, Console(file=out, width=80), title)
    return out.getvalue()


def test_every_reading_is_a_bar_with_its_count_and_share() -> None:
    table = example_features.table(1000)
    told = words(parsed(summary_picture(table, "an SAE")))
    for name in (*(pattern.name for pattern in PATTERNS.values()), "undecided", "dead"):
        n = int((table["name"] == name).sum())
        assert name in told and any(line.startswith(f"{n:,}, {n / 1000:.1%}") for line in told), name
    assert any("InterpScore " + str(int(table["interp"].isna().sum())) in line for line in told)


def test_the_field_counts_every_feature_that_has_both_scores_once() -> None:
    table = example_features.table(1000)
    root = parsed(summary_picture(table))
    both = int((table["d"].notna() & table["ratio"].notna()).sum())
    counts = [int((node[0].text or "").split(": ")[1].split(",")[0]) for node in marks(root)]
    corners = [int(line.split(",")[0]) for line in words(root) if ", purity high in " in line]
    assert sum(counts) == sum(corners) == both
    assert f"{both:,} features; {1000 - both:,} others lack one of the two scores." in words(root)


def test_shape_says_what_colour_says_of_purity() -> None:
    for node in marks(parsed(summary_picture(example_features.table(1000)))):
        pure = (node[0].text or "").rsplit(" ", 1)[1]
        if pure == "–":
            assert (node.tag, node.get("class")) == (SVG + "circle", "pn")
        elif abs(float(pure) - 0.6) > 0.005:
            assert node.tag == SVG + ("rect" if float(pure) > 0.6 else "circle")


def test_pictures_of_a_large_table_are_small_files() -> None:
    table = example_features.table(16_384)
    assert len(summary_picture(table).encode()) < 150_000
    assert len(comparison_picture({"a": table, "b": table, "c": table}).encode()) < 30_000


def test_a_comparison_prints_medians_shares_and_what_is_missing() -> None:
    told = words(parsed(comparison_picture(SETS)))
    assert all(name in told for name in SETS)
    for table in SETS.values():
        d, purity = table["d"].dropna(), table["corpus_purity"].dropna()
        assert f"median d {d.median():.2f}; {(d >= 0.6).mean():.0%} reach 0.6".replace("-", "−") in told
        assert f"median {purity.median():.2f}; {(purity >= 0.6).mean():.0%} reach 0.6" in told
        mui = table["mui"].dropna()
        assert any(line.endswith(f"; {(mui >= 0.6).mean():.0%} reach MUI 0.6") for line in told)
        assert f"{len(d):,} scored, {300 - len(d):,} not scored" in told


def test_a_set_without_a_score_says_so() -> None:
    told = words(parsed(comparison_picture({"no labels": SETS["trained"].drop(columns=["interp", "d"])})))
    assert "median –; – reach 0.6" in told and "0 scored, 300 not scored" in told


def test_the_summary_has_counts_medians_and_reasons() -> None:
    table = example_features.table(1000)
    text = summary(table)
    lines = text.splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    dead = int(table["dead"].sum())
    assert f"1,000 features: {1000 - dead:,} live, {dead:,} dead" in text
    for kind in kinds(table):
        row = next(
            line for line in lines if line.startswith(f"  {kind.name:22}  {kind.pattern:3} ") and "%" in line
        )
        assert f" {kind.n:,} " in row and f"{kind.n / 1000:.1%}" in row
    score = next(line for line in lines if line.startswith("  MUI ") and "≥" in line)
    assert f"{table['mui'].median():.2f}" in score and f"{dead:,}" in score
    silent = int(table["interp_reason"].notna().sum())
    assert f"{silent}  {example_features.SILENT}" in text and f"InterpScore: {silent}" in text
    assert "undecided ones that lean to it" in text


def test_leaning_ones_are_counted_among_the_undecided_only() -> None:
    table = example_features.table(1000)
    open_ = table[table["name"] == "undecided"]
    found = {kind.name: kind for kind in kinds(table)}
    assert found["ideal"].leaning == (open_["leaning"] == "ideal").sum() > 0
    assert found["undecided"].leaning is None and sum(kind.n for kind in found.values()) == 1000
    plain = table.drop(columns="leaning")
    assert all(kind.leaning is None for kind in kinds(plain)) and "lean" not in summary(plain)


def test_rows_that_were_not_read_and_readings_that_are_unknown_are_counted() -> None:
    table = pd.DataFrame({"feature": [0, 1, 2], "name": ["ideal", None, "of a later version"]})
    found = {kind.name: kind.n for kind in kinds(table)}
    assert (found["ideal"], found["not read"], found["of a later version"], found["dead"]) == (1, 1, 1, 0)
    assert "not read" in summary(table) and "not read" in words(parsed(summary_picture(table)))


def test_an_empty_table_and_one_without_scores() -> None:
    for table in (example_features.table(50).iloc[:0], pd.DataFrame({"feature": [0, 1]})):
        parsed(summary_picture(table))
        parsed(comparison_picture({"one": table}))
        assert "median" in summary(table)


def test_reasons_come_commonest_first_and_a_missing_one_is_named() -> None:
    table = pd.DataFrame(
        {
            "mui": [0.5, None, None, None, None],
            "mui_reason": [None, "b", "a", "b", None],
            "purity": [None] * 5,
        }
    )
    assert reasons(table, "mui") == [("b", 2), ("a", 1), ("no reason recorded", 1)]
    assert reasons(table, "purity") == [("no reason recorded", 5)]


def test_more_reasons_than_are_shown_are_counted() -> None:
    table = pd.DataFrame({"mui": [None] * 5, "mui_reason": list("abcde")})
    assert "2  for 2 other reasons" in summary(table)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=30), st.text(max_size=30))
def test_any_numbers_make_a_picture_and_80_columns(rows: list[tuple[float | None, ...]], title: str) -> None:
    d, purity, ratio = ([row[i] for row in rows] for i in range(3))
    table = pd.DataFrame(
        {"d": d, "interp": d, "purity": purity, "corpus_purity": purity, "ratio": ratio, "mui": ratio}
    )
    table["name"], table["dead"] = "ideal", False
    parsed(summary_picture(table, title))
    parsed(comparison_picture({title: table}, title))
    assert all(cell_len(line) <= 80 for line in summary(table, title).splitlines())


@given(st.floats(-10, 10), st.integers(1, 50))
def test_a_value_lies_in_its_bin(value: float, n: int) -> None:
    axis = interp_axis()
    bin = int(axis.bins(np.array([value]), n)[0])
    assert 0 <= bin < n
    if axis.low < value < axis.high:
        assert axis.edge(bin, n) - 1e-6 <= value <= axis.edge(bin + 1, n) + 1e-6


@pytest.mark.parametrize("settings", [FeatureSettings(), FeatureSettings(gain=5.0)])
def test_a_logarithmic_axis_takes_zero_and_goes_by_decades(settings: FeatureSettings) -> None:
    axis = mui_axis(settings)
    assert float(axis.at(0.0)) == 0.0 and float(axis.at(-1.0)) == 0.0 and float(axis.at(7.0)) == 1.0
    assert np.allclose(axis.at(np.array([1e-5, 1e-4, 1e-1])), [0.0, 0.2, 0.8])
    assert f"MUI is {settings.gain:g} times it" in axis.title


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.integers(0, 5))
def test_a_spread_is_numpys_of_what_is_scored(values: list[float], missing: int) -> None:
    found = spread(np.array(values + [np.nan] * missing), 0.6)
    assert (found.n, found.missing) == (len(values), missing)
    assert found.median == pytest.approx(np.median(values))
    assert found.reach == pytest.approx(np.mean(np.array(values) >= 0.6))


def test_the_field_by_itself_is_the_right_part_of_the_summary() -> None:
    table = example_features.table(300)
    alone, whole = parsed(field_picture(table, "an SAE")), parsed(summary_picture(table, "an SAE"))
    assert set(words(alone)) < set(words(whole)) and "What the three scores say together" not in words(alone)
    assert [node.get("x") for node in marks(alone)] == [node.get("x") for node in marks(whole)]
    assert float(str(alone.get("width"))) < float(str(whole.get("width")))
