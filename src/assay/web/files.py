"""The files of a run that can be taken away, made when somebody asks for one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.asked import chosen
from assay.report.html import render
from assay.runs.export import export
from assay.runs.strict import dumps

Run = Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """One of them."""

    name: str
    title: str
    """For people."""
    media: str
    made: Callable[[Run], bytes]
    kinds: tuple[str, ...] = ("edit", "bench")
    """Kinds of runs that have it."""


def _document(run: Run) -> bytes:
    return (dumps(run, indent=1) + "\n").encode()


def _report(run: Run) -> bytes:
    return render(run).encode()


def _table(name: str) -> Callable[[Run], bytes]:
    """A file that ``runs.export`` writes."""

    def made(run: Run) -> bytes:
        with TemporaryDirectory() as folder:
            export(run, Path(folder))
            return (Path(folder) / name).read_bytes()

    return made


ALL = ("edit", "bench", "trace", "feature", "merge")
FILES: Mapping[str, File] = {
    file.name: file
    for file in (
        File("run.json", "JSON document", "application/json", _document, ALL),
        File("probes.csv", "Probes, CSV", "text/csv; charset=utf-8", _table("probes.csv")),
        File("probes.parquet", "Probes, Parquet", "application/vnd.apache.parquet", _table("probes.parquet")),
        File("benchmarks.csv", "Benchmarks, CSV", "text/csv; charset=utf-8", _table("benchmarks.csv")),
        File("report.html", "Report, HTML", "text/html; charset=utf-8", _report),
    )
}
"""Name to file."""


def files_of(kind: str) -> tuple[File, ...]:
    """The files that a run of this kind has."""
    return tuple(file for file in FILES.values() if kind in file.kinds)


def file_of(run: Run, name: str) -> File:
    """The file of a run; InputError where it has none of that name."""
    return FILES[chosen("file", name, [file.name for file in files_of(run["kind"])])]
