"""Two runs side by side: the same benchmarks, their scores and the difference."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def compare(a: Document, b: Document) -> dict[str, Any]:
    """Scores of two run documents by benchmark: those of ``a`` in its order, then those only ``b`` has.

    ``delta`` is b - a, None unless both have a score. ``change`` says in words whether the two 95% intervals
    leave room for chance: they overlap, or they do not.
    """
    first = {result["id"]: result for result in a["benchmarks"]}
    second = {result["id"]: result for result in b["benchmarks"]}
    rows = [_row(id, first.get(id), second.get(id)) for id in dict.fromkeys([*first, *second])]
    return {"a": _side(a), "b": _side(b), "benchmarks": rows}


def _side(run: Document) -> dict[str, Any]:
    return {name: run[name] for name in ("run_id", "status", "request", "model", "edit")}


def _row(id: str, a: Document | None, b: Document | None) -> dict[str, Any]:
    left, right = (None if result is None else result["score"] for result in (a, b))
    named = a or b or {}
    return {
        "id": id,
        "title": named.get("title") or id,
        "a": left,
        "b": right,
        "delta": None if left is None or right is None else right - left,
        "change": _change(a, b),
    }


def _change(a: Document | None, b: Document | None) -> str:
    if a is None or b is None:
        return "not run in " + ("A" if a is None else "B")
    if a["score"] is None or b["score"] is None:
        return "unscored"
    if a["score"] == b["score"]:
        return "same"
    if not a.get("interval") or not b.get("interval"):
        return "no interval"
    apart = a["interval"][1] < b["interval"][0] or b["interval"][1] < a["interval"][0]
    direction = "better" if b["score"] > a["score"] else "worse"
    return direction if apart else f"{direction}, may be chance"
