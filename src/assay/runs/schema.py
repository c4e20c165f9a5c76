"""The tables as they are now; how they came to be is in migrations/."""

from sqlalchemy import JSON, Boolean, Column, Integer, MetaData, Table, Text

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Text),
    Column("host", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),  # NULL: not finished
    Column("model_id", Text),
    Column("model_hash", Text),  # NULL: the model was not loaded yet
    Column("subject", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("relation", Text),  # NULL: not named and not recognised
    Column("summary", JSON, nullable=False),
    Column("prompt", Text, nullable=False, server_default=""),
)
"""One row per run; everything but the id, kind and request follows from its events."""

EVENTS = Table(
    "events",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Text, nullable=False),
)
"""Append-only: rows are never changed or deleted."""

RESULTS = Table(
    "results",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("benchmark", Text, primary_key=True),
    Column("json", JSON, nullable=False),
    Column("at", Text, nullable=False),
)
"""The newest result of each benchmark of each run."""

EDITS = Table(
    "edits",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("model_id", Text),
    Column("model_hash", Text),
    Column("layer", Integer),
    Column("state", Text, nullable=False),
    Column("file", Text),  # NULL: rolled back, nothing kept
    Column("created_at", Text, nullable=False),
)
"""Every edit a run tried. The id alone is not unique: the same edit made twice has the same one."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("work", Text, nullable=False),
    Column("args", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("created_at", Text, nullable=False),
)
"""Runs that were asked for in the web app, and which of them its worker has begun."""
