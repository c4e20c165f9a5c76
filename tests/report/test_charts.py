import re
from importlib.resources import files
from xml.etree import ElementTree

import example_run
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from assay.report import cards, charts, curves, heatmap

SVG = "{http://www.w3.org/2000/svg}"
BENCHES = {card.id: card for card in cards.benches(example_run.committed())}
UNIT = st.floats(0, 1) | st.none()


def parsed(picture: Markup | None) -> ElementTree.Element:
    """The picture as XML, having checked what every picture must have."""
    assert picture is not None
    root = ElementTree.fromstring(picture)
    assert root.tag == SVG + "svg" and root.get("role") == "img" and root.get("aria-label")
    assert root[0].tag == SVG + "title" and root[1].tag == SVG + "desc"
    assert "style" not in {key for node in root.iter() for key in node.attrib}  # the page's policy forbids it
    return root


def classes(root: ElementTree.Element) -> list[str]:
    return [node.get("class") or "" for node in root.iter()]


@pytest.mark.parametrize("id", BENCHES)
def test_every_score_is_a_picture_with_a_title(id: str) -> None:
    root = parsed(charts.score_track(BENCHES[id]))
    assert BENCHES[id].title in (root[0].text or "")


def test_an_unscored_benchmark_has_no_mark_but_says_so() -> None:
    root = parsed(charts.score_track(BENCHES["indirect_fact_recovery"]))
    assert not any("mark" in name or "band" in name for name in classes(root))
    assert "not scored" in [node.text for node in root.iter(SVG + "text")]
    assert "bridging facts" in (root[1].text or "")


def test_a_failure_has_another_shape_than_a_pass() -> None:
    shapes = {
        id: next(
            node.tag
            for node in parsed(charts.score_track(BENCHES[id])).iter()
            if "mark" in (node.get("class") or "")
        )
        for id in ("edit_bench", "zsre")
    }
    assert shapes == {"edit_bench": SVG + "circle", "zsre": SVG + "rect"}


@given(UNIT, UNIT, UNIT, st.booleans(), st.text(st.characters(codec=None), max_size=30))
def test_any_probe_can_be_drawn(
    before: float | None, after: float | None, known: float | None, yes: bool, target: str
) -> None:
    probe = {
        "target": target,
        "p_before": before,
        "p_after": after,
        "expected_p_before": known,
        "expected_p_after": known,
        "is_positive": yes,
    }
    root = parsed(charts.probe_track(probe))
    places = [float(node.attrib["cx"].rstrip("%")) for node in root.iter(SVG + "circle")]
    assert all(3 <= place <= 97 for place in places)
    assert len(places) == (before is not None) + (after is not None)


@given(st.floats(0, 5), st.floats(0.001, 1), st.sampled_from(["at_least", "at_most"]))
def test_a_check_lies_on_its_side_of_the_limit(value: float, threshold: float, direction: str) -> None:
    passed = value <= threshold if direction == "at_most" else value >= threshold
    check = {
        "id": "behaviour",
        "value": value,
        "threshold": threshold,
        "direction": direction,
        "passed": passed,
    }
    root = parsed(charts.check_bar(check))
    zone = next(node for node in root.iter() if node.get("class") == "bullet-pass")
    start = float(zone.attrib["x"].rstrip("%"))
    end = start + float(zone.attrib["width"].rstrip("%"))
    mark = next(node for node in root.iter(SVG + "circle")) if passed else None
    if mark is not None:
        assert start - 0.02 <= float(mark.attrib["cx"].rstrip("%")) <= end + 0.02


def test_the_heat_map_has_a_cell_per_token_and_layer_and_marks_the_layer() -> None:
    trace = example_run.trace()
    root = parsed(heatmap.heatmap(trace, 5, "layer 5, edited"))
    cells = [node for node in root.iter(SVG + "rect") if len(node) and node[0].tag == SVG + "title"]
    assert len(cells) == len(trace["tokens"]) * len(trace["layers"])
    assert "effect 0.340" in {(cell[0].text or "").split(" · ")[-1] for cell in cells}
    assert "layer 5, edited" in [node.text for node in root.iter(SVG + "text")]
    subject = [node for node in root.iter() if node.get("class") == "subject"]
    assert len(subject) == 5
    assert heatmap.peak_of(trace["effect"]) == 0.34


def test_a_trace_with_a_missing_row_is_not_drawn() -> None:
    trace = example_run.trace()
    trace["effect"].pop()
    assert heatmap.heatmap(trace, 5, "") is None
    assert heatmap.heatmap(None, 5, "") is None


def test_the_collapse_curve_has_its_line() -> None:
    root = parsed(curves.collapse_curve(BENCHES["sequential_collapse_threshold"].data, 0.3))
    words = [node.text for node in root.iter(SVG + "text")]
    assert "collapse 0.30" in words and "0.41" in words
    assert len(list(root.iter(SVG + "circle"))) == 6


@example([5e-324], 0.0)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.floats(0, 1))
def test_labels_in_the_margin_never_touch(values: list[float], line: float) -> None:
    how = curves.Curve("c", "x", "y", line, "limit")
    root = parsed(curves.curve(list(enumerate(values)), how))
    margin = [node for node in root.iter(SVG + "text") if float(node.attrib["x"]) > 230]
    heights = sorted(float(node.attrib["y"]) for node in margin if node.get("text-anchor") == "start")
    assert len(heights) == 2 and heights[1] - heights[0] >= 12.9


@pytest.mark.parametrize(
    ("top", "ticks"), [(7.2e-5, ["0.00", "4e-05", "8e-05"]), (0.014, ["0.000", "0.0075", "0.0150"])]
)
def test_numbers_beside_the_axis_stay_inside_the_picture(top: float, ticks: list[str]) -> None:
    root = parsed(curves.curve([(0, top / 3), (1, top)], curves.Curve("c", "x", "y")))
    beside = [node.text or "" for node in root.iter() if node.get("text-anchor") == "end"]
    assert len(beside) == 3 and all(len(text) <= 7 for text in beside)
    assert [float(text) for text in beside] == pytest.approx([float(tick) for tick in ticks])


def test_a_curve_without_points_is_no_curve() -> None:
    assert curves.loss_curve({"loss": None}) is None
    assert curves.target_curve({"p_target": 0.97}) is None
    assert curves.retention_curve({"steps": [{"index": 0, "value": None}]}) is None


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w{6})", block))


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_is_readable_in_light_dark_and_print() -> None:
    css = (files("assay.report") / "templates" / "report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.S)
    assert len(blocks) == 3
    for colours in map(_variables, blocks):
        for ink in ("ink", "muted", "accent", "good", "bad", "unsure", "none"):
            for paper in ("bg", "panel"):
                assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        for tone in ("good", "bad", "unsure", "none"):
            assert _contrast(colours[tone], colours[f"{tone}-tint"]) >= 4.5, tone
    assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", css)) >= 11
