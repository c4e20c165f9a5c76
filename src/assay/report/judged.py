"""LEME's second judge beside the rule, in a terminal of 80 columns."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rich.padding import Padding
from rich.text import Text

from assay.report.feature_naming import cost_words
from assay.report.lines import heading, paragraph
from assay.report.text import cells, one_line
from assay.report.words import interval, number

Json = Mapping[str, Any]
CRITERIA: Mapping[str, str] = {
    "consistency": "consistency",
    "fluency": "fluency",
    "no_contradiction": "no contradiction",
}
"""Criterion to its words."""
_NAME = 18


def judged_lines(run: Json) -> Iterator[Text | Padding]:
    """Every judgement that a run has; nothing where it has none."""
    for result in run.get("benchmarks") or ():
        for judged in result.get("judges") or ():
            yield from _judgement(result, judged)
        if result.get("not_judged"):
            yield from _missing(run, result)


def later(run_id: str | None, missing: Json) -> str:
    """The command that has a suite's paragraphs judged afterwards."""
    words = ["assay", "bench", run_id or "RUN", "--judge", missing["judge"]]
    if missing.get("base_url"):
        words += ["--base-url", missing["base_url"]]
    if str(missing["judge"]).startswith("llm:") and missing.get("timeout"):
        words += ["--timeout", f"{missing['timeout']:g}"]
    return shlex.join(words)


def rows(result: Json, judged: Json) -> Iterator[tuple[str, Json]]:
    """(criterion in words, what both judges say of it), the whole first."""
    whole = {"rule": result.get("score"), "model": judged["score"]["score"], "n": judged["score"]["n"]}
    yield "mean of the three", whole
    axes = result.get("sub_axes") or {}
    for axis, words in CRITERIA.items():
        both = judged["agreement"][axis]
        yield (
            words,
            {**both, "rule": (axes.get(axis) or {}).get("score"), "model": judged["axes"][axis]["score"]},
        )


def _judgement(result: Json, judged: Json) -> Iterator[Text | Padding]:
    by = judged["judge"]
    who = one_line(f"{by['generator']}:{by['model']}", 40)
    yield heading(f"{result.get('title') or 'LEME'}, a second judge", f"{who}, rubric {judged['rubric']}")
    yield Text(f"  {'':<{_NAME}} {'rule':>5} {'model':>6}   {'equal':<18} {'kappa':<20} n", style="dim")
    for words, row in rows(result, judged):
        line = Text(f"  {cells(words, _NAME)} {number(row['rule']):>5} {number(row['model']):>6}   ")
        line.append(f"{_with(row, 'equal'):<18} {_with(row, 'kappa'):<20} {row['n']}")
        yield line
    score = judged["score"]
    if score["score"] is None:
        yield paragraph(f"not scored: {score['reason']}")
    for words, row in rows(result, judged):
        if row.get("reason"):
            yield paragraph(f"{words}: no kappa, {row['reason']}", style="dim")
    lost = sum("unscored" in one for one in judged["texts"])
    yield paragraph(f"{lost} of {len(judged['texts'])} texts without marks · {cost_words(by)}", style="dim")


def _missing(run: Json, result: Json) -> Iterator[Text | Padding]:
    missing = result["not_judged"]
    yield heading(f"{result.get('title') or 'LEME'}, a second judge", one_line(missing["judge"], 40))
    yield paragraph(f"did not judge: {missing['came']}")
    yield paragraph(f"The rule's score stands. Later: {later(run.get('run_id'), missing)}", style="dim")


def _with(row: Json, name: str) -> str:
    value, span = row.get(name), row.get(f"{name}_interval")
    if value is None:
        return ""
    return number(value) + (f" ({interval(span)})" if span else "")
