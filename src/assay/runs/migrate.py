"""Bring a database to the schema that this version of assay knows."""

import sqlalchemy as sa

from assay.errors import StoreError
from assay.runs.engine import Database
from assay.runs.schema import METADATA

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every schema step, oldest first: the files in migrations/versions/."""

HEAD = REVISIONS[-1]
"""The step that this version of assay needs."""


def migrate(database: Database) -> None:
    """Upgrade to HEAD in one transaction; nothing is written when it is there already."""
    with database.connection(writes=False) as connection:
        if _revision(connection, database.where) == HEAD:
            return
    with database.connection(writes=True) as connection:
        # Asked again under the write lock: another process may have been quicker.
        if _revision(connection, database.where) != HEAD:
            upgrade(connection, HEAD)


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Run the steps up to ``revision`` inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "assay.runs:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _revision(connection: sa.Connection, where: str) -> str | None:
    """The step the database is at; None for an empty one."""
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        clash = sorted(tables & set(METADATA.tables))
        if clash:
            raise StoreError(
                f"the database {where}, where another program keeps its own table {clash[0]!r}",
                "a database that assay made, or an empty one",
                "name another with --db or ASSAY_DB",
            )
        return None
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise StoreError(
            f"the database {where}, with schema {revision!r}",
            f"a schema this version of assay knows, up to {HEAD!r}",
            "a newer assay made it (or another program): upgrade assay, or name another with --db",
        )
    return revision
