"""Jobs: runs that were asked for and are done one after another by a process of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of jobs."""
    op.create_table(
        "jobs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("work", sa.Text, nullable=False),
        sa.Column("args", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
    )
