"""The end of a run on the command line: the page, then the table or the JSON document."""

from collections.abc import Mapping
from typing import Any

from assay.cli import speak
from assay.runs.home import Home


def finish(run: Mapping[str, Any], home: Home, report: bool, as_json: bool) -> None:
    """Write the run's page if asked, then print the run."""
    if report:
        from assay.report.html import write_report

        page = write_report(run, home.run(run["run_id"]) / "report.html")
        run = run if as_json else {**run, "report": page}
    show(run, as_json)


def show(run: Mapping[str, Any], as_json: bool) -> None:
    """Print a run: the document, or what people read of it."""
    if as_json:
        speak.say_json(run)
    elif run["kind"] == "trace":
        _show_trace(run)
    else:
        from assay.report.console import render_run

        render_run(run, speak.out())


def _show_trace(run: Mapping[str, Any]) -> None:
    """Which layers bring the answer back: the trace alone, without the parts that only an edit has."""
    from assay.report.strip import strip
    from assay.report.words import number

    trace = run["trace"] or {}
    ranking = list(trace.get("ranking") or ())
    speak.say(f"{run['run_id']}  {run['status']}")
    if trace.get("clean_p") is not None:
        clean, noised = number(trace["clean_p"], 3), number(trace.get("corrupted_p"), 3)
        speak.say(f"P(answer) {clean}; with the subject noised {noised}")
    console = speak.out()
    for line in strip(trace or None, ranking[0] if ranking else None, "strongest on the subject"):
        console.print(line)
    if not trace:
        speak.say(f"No trace was made: {run['error'] or 'the run ended before it'}.")
    if ranking:
        speak.say("Layers, strongest first: " + ", ".join(map(str, ranking[:8])))
