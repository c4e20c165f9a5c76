"""Alembic runs this file for every upgrade; the caller owns the connection and its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
