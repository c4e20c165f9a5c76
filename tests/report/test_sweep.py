"""A sweep's picture and table, with and without the quality of its features."""

from typing import Any
from xml.etree import ElementTree

from assay.report.sweep import sweep_picture, sweep_table

SVG = "{http://www.w3.org/2000/svg}"


def rows(*polysemantic: float | None) -> list[dict[str, Any]]:
    return [
        {"k": k, "l0": k + 0.4, "ev": 0.7, "recovered_zero": None, "dead": 0.1 / k, "dense": 0.002}
        | ({} if share is ... else {"polysemantic": share})
        for k, share in zip((16, 32, 48), polysemantic or (..., ..., ...), strict=True)
    ]


def titles(of: list[dict[str, Any]]) -> list[str | None]:
    root = ElementTree.fromstring(sweep_picture("k", of))
    assert root.get("role") == "img"
    return [node.text for node in root.iter(SVG + "title") if node.text and " " in node.text]


def test_without_scored_features_there_is_no_panel_and_no_column() -> None:
    for some in (rows(), rows(None, None, None)):
        assert "Features that never fired" in titles(some) and "Polysemantic features" not in titles(some)
        columns, cells = sweep_table("k", some)
        assert columns == ["k", "L0", "EV", "recovered", "dead", "dense"]
        assert cells[0] == ["16", "16.4", "0.700", "–", "0.6%", "0.2%"]


def test_the_quality_of_features_has_a_panel_and_a_column() -> None:
    some = rows(0.21, None, 0.4)
    picture = str(sweep_picture("k", some))
    assert "Polysemantic features" in titles(some) and "dead share and polysemantic share of 3" in picture
    columns, cells = sweep_table("k", some)
    assert columns[-1] == "polysemantic" and [row[-1] for row in cells] == ["21.0%", "–", "40.0%"]


def test_panels_do_not_lie_on_each_other() -> None:
    root = ElementTree.fromstring(sweep_picture("k", rows(0.2, 0.3, 0.4)))
    places = [node.get("transform") for node in root.iter(SVG + "g")]
    assert len(set(places)) == len(places) == 4  # no loss recovered here
    assert root.get("height") == "400"


def test_the_axis_of_a_small_share_has_digits_enough() -> None:
    root = ElementTree.fromstring(sweep_picture("k", [row | {"dead": 0.011} for row in rows()]))
    written = [node.text for node in root.iter(SVG + "text")]
    assert "0.0075" in written and "0.0150" in written and written.count("0.01") == 0
