"""What a terminal shows while a run runs, drawn from its events and nothing else.

On a terminal: one bar for the stage at work, one for the suite, and above them a table that grows by one
row per finished benchmark. Anywhere else (a file, a CI log): one plain line per finished stage and benchmark.
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from assay.report.cards import bench
from assay.report.console import row_lines
from assay.report.text import one_line
from assay.report.view import check_title, sentence
from assay.report.words import VERDICTS

HEADING = "  {:27}  {:12}  {:5}  {:11}  {:7}  needs".format("benchmark", "verdict", "score", "95%", "n")
"""Over the rows of report.console.row_lines."""


class Screen:
    """``with Screen(console) as screen: stage(emit=screen)``: an Emit that draws."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=14),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._live,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._stages: dict[str, TaskID] = {}
        self._titles: dict[str, str] = {}
        self._suite: TaskID | None = None
        self._headed = False
        self._draw: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "stage_started": self._stage_started,
            "stage_progress": self._stage_progress,
            "stage_finished": self._stage_finished,
            "carried": self._carried,
            "candidate": self._candidate,
            "check": self._check,
            "rolled_back": self._rolled_back,
            "committed": self._committed,
            "bench_started": self._bench_started,
            "bench_result": self._bench_result,
        }

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """Show one event; kinds that nobody watches pass by."""
        if kind in self._draw:
            self._draw[kind](data)

    def _stage_started(self, data: Mapping[str, Any]) -> None:
        self._titles[data["stage"]] = data["title"]
        self._stages[data["stage"]] = self._bars.add_task(_short(data["title"]), total=data.get("total"))

    def _stage_progress(self, data: Mapping[str, Any]) -> None:
        task = self._stages.get(data["stage"])
        if task is None:
            return
        title = data.get("title") or self._titles[data["stage"]]
        self._bars.update(task, completed=data["done"], total=data.get("total"), description=_short(title))

    def _stage_finished(self, data: Mapping[str, Any]) -> None:
        task = self._stages.pop(data["stage"], None)
        if task is not None:
            self._bars.remove_task(task)
        if not self._live:
            title = self._titles.get(data["stage"], data["stage"])
            self._line(f"{title}: {data['seconds']:.1f} s")

    def _carried(self, data: Mapping[str, Any]) -> None:
        if data["warning"]:
            self._line(f"Warning: {data['warning']}", "bold yellow")

    def _candidate(self, data: Mapping[str, Any]) -> None:
        self._line(f"Trying layer {data['layer']} ({data['index'] + 1} of {data['of']}, {data['why']})")

    def _check(self, data: Mapping[str, Any]) -> None:
        word = VERDICTS["high" if data["passed"] else "low"]
        self._line(f"  {word.symbol} {word.word}: {check_title(data)} {sentence(data)}", word.style)

    def _rolled_back(self, data: Mapping[str, Any]) -> None:
        self._line(f"Rolled back at layer {data['layer']}: {data['reason']}")

    def _committed(self, data: Mapping[str, Any]) -> None:
        self._line(f"Committed at layer {data['layer']}")

    def _bench_started(self, data: Mapping[str, Any]) -> None:
        words = _short(f"{data['index'] + 1} of {data['of']}: {data['title']}")
        if self._suite is None:
            self._suite = self._bars.add_task(words, total=data["of"], completed=data["index"])
        self._bars.update(self._suite, description=words, completed=data["index"], total=data["of"])

    def _bench_result(self, data: Mapping[str, Any]) -> None:
        if not self._headed:
            self._headed = True
            self._line(HEADING, "bold")
        for line in row_lines(bench(data)):
            self._console.print(line)
        if self._suite is not None:
            self._bars.advance(self._suite)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(one_line(text, 400), style=style))


def _short(title: str) -> str:
    """A title that leaves room for bar, counts and times in 80 columns."""
    return one_line(title, 28)
