"""Edits: what each run tried, and what of it was kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of edits."""
    op.create_table(
        "edits",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model_id", sa.Text),
        sa.Column("model_hash", sa.Text),
        sa.Column("layer", sa.Integer),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("file", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
    )
