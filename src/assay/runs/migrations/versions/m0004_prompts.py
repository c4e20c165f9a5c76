"""The prompt stands in the list of runs, so that it can be searched."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, and fill it in from the first event of each run."""
    op.add_column("runs", sa.Column("prompt", sa.Text, nullable=False, server_default=""))
    runs = sa.table("runs", sa.column("id"), sa.column("prompt"))
    events = sa.table("events", sa.column("run_id"), sa.column("seq"), sa.column("data", sa.JSON))
    connection = op.get_bind()
    begun = connection.execute(sa.select(events.c.run_id, events.c.data).where(events.c.seq == 0)).all()
    for run_id, data in begun:
        prompt = (data.get("request") or {}).get("prompt")
        if prompt:
            connection.execute(sa.update(runs).where(runs.c.id == run_id).values(prompt=prompt))
