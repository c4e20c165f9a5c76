"""Runs as tables: Parquet and CSV files, pandas DataFrames."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import StoreError
from assay.runs.folder import probe_rows
from assay.runs.home import Home, find_home
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BENCHMARK_COLUMNS = (
    "id",
    "title",
    "group",
    "score",
    "raw",
    "low",
    "high",
    "n",
    "n_unscored",
    "threshold",
    "passed",
    "verdict",
    "ceiling",
    "direction",
    "reason",
    "generator",
    "accepted",
    "rejects",
    "again",
    "seconds",
    "figures",
    "sub_axes",
)
"""Columns of benchmarks.csv after run_id; low and high bound the 95% interval, the last two hold JSON."""


def load_run(run: str | Path, home: Home | None = None) -> dict[str, Any]:
    """A run's document from a run folder, a run.json, or an id, the start of one or ``last``."""
    path = Path(run)
    if path.is_dir():
        path = path / "run.json"
    if path.is_file():
        return _read(path)
    from assay.runs.store import Store

    with Store(home or find_home()) as store:
        return store.document(str(run))


def probes_df(run: str | Path | Mapping[str, Any], home: Home | None = None) -> "pd.DataFrame":
    """One row per measured probe of a run, columns as in probes.parquet."""
    document = run if isinstance(run, Mapping) else load_run(run, home)
    frame: pd.DataFrame = probes_table(document).to_pandas()
    return frame


def runs_df(home: Home | None = None, search: str = "") -> "pd.DataFrame":
    """One row per stored run, newest first, with one column per verdict counting its benchmarks."""
    import pandas as pd

    from assay.runs.records import Run
    from assay.runs.store import Store
    from assay.runs.wanted import Wanted

    verdicts = ("high", "low", "uncertain", "unscored")
    with Store(home or find_home()) as store:
        rows = [run.to_json() for run in store.runs(Wanted(search))]
    for row in rows:
        summary = row.pop("summary")
        row.update({verdict: summary.get(verdict, 0) for verdict in verdicts})
    columns = [field.name for field in fields(Run) if field.name != "summary"]
    return pd.DataFrame(rows, columns=[*columns, *verdicts])


def probes_table(run: Mapping[str, Any]) -> "pa.Table":
    """The probes of a run as an Arrow table; the columns and types are the same for every run.

    (So that ``runs/*/probes.parquet`` can be read as one data set even where a column is all null.)
    """
    import pyarrow as pa

    from assay.benchmarks.result import ProbeResult

    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    columns = [("run_id", pa.string()), ("benchmark", pa.string()), ("index", pa.int64())]
    for field in fields(ProbeResult):
        plain = next(kind for kind in types if kind is field.type or field.type == kind | None)
        columns.append((field.name, types[plain]))
    rows = [{"run_id": run["run_id"], **row} for row in probe_rows(run["benchmarks"])]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def benchmark_rows(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One flat row per finished benchmark."""
    rows = []
    for result in run["benchmarks"]:
        low, high = result.get("interval") or (None, None)
        row = {name: result.get(name) for name in BENCHMARK_COLUMNS}
        row.update(low=low, high=high, figures=dumps(result.get("figures") or {}))
        row["sub_axes"] = dumps(result.get("sub_axes") or {})
        rows.append({"run_id": run["run_id"], **row})
    return rows


def export(run: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write probes.parquet, probes.csv and benchmarks.csv into ``folder``; returns their paths."""
    import pyarrow.parquet as parquet

    table = probes_table(run)
    paths = [folder / name for name in ("probes.parquet", "probes.csv", "benchmarks.csv")]
    with explained_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, paths[0], compression="zstd")
        _write_csv(paths[1], table.column_names, table.to_pylist())
        _write_csv(paths[2], ["run_id", *BENCHMARK_COLUMNS], benchmark_rows(run))
    return paths


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _read(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        run, why = None, f"{error}"
    else:
        why = "it has no run_id and benchmarks"
    if not isinstance(run, dict) or not {"run_id", "benchmarks"} <= run.keys():
        raise StoreError(
            f"{path}, which is not a run: {why}", "the run.json of a run folder", "assay runs list"
        )
    return run
