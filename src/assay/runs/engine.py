"""One database engine: SQLite in WAL mode, or whatever a URL names."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from assay.errors import MissingPackage, StoreError
from assay.runs.home import Home
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files, sqlite_trouble


@dataclass(frozen=True)
class Database:
    """An engine and how to speak of it."""

    engine: sa.Engine
    where: str
    """Path or URL without its password, for messages."""
    wait: float
    """Seconds to wait for a database that another process is writing."""

    @contextmanager
    def connection(self, writes: bool) -> Iterator[sa.Connection]:
        """A connection inside one transaction; troubles a user can fix come out as StoreError."""
        with self.explained(), self.engine.connect() as connection:
            connection.execution_options(writes=writes)
            with connection.begin():
                yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Inside, database errors that a user can fix become StoreError; others are bugs and stay."""
        try:
            yield
        except DBAPIError as error:
            known = self._known(error)
            if known is None:
                raise
            raise known from error

    def _known(self, error: DBAPIError) -> StoreError | None:
        if isinstance(error.orig, sqlite3.Error):
            return sqlite_trouble(error.orig, self.where, self.wait)
        if isinstance(error, OperationalError):
            return StoreError(
                f"the database {self.where}, which answered: {error.orig}",
                "a database that can be reached and written",
                "check the URL in --db or ASSAY_DB, and that its server runs",
            )
        return None


def open_database(home: Home, wait: float) -> Database:
    """An engine for the home's database; nothing is read or written yet but the home folder itself."""
    url = _url(home)
    sqlite = url.get_backend_name() == "sqlite"
    if home.database is None:
        with explained_files(home.root):
            home.root.mkdir(parents=True, exist_ok=True)
    try:
        engine = sa.create_engine(
            url, json_serializer=dumps, connect_args={"timeout": wait} if sqlite else {}
        )
    except NoSuchModuleError as error:
        raise _bad_url(url.render_as_string()) from error
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"the database {url.render_as_string()}",
            f"the package {error.name}, which speaks to it",
            f"pip install {error.name}",
        ) from error
    if sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite(wait))
        sa.event.listen(engine, "begin", _begin)
    return Database(engine, str(url.database) if sqlite else url.render_as_string(), wait)


def _url(home: Home) -> sa.URL:
    if home.database is None:
        return sa.URL.create("sqlite", database=str(home.store))
    if "://" not in home.database:
        return sa.URL.create("sqlite", database=home.database)
    try:
        return sa.make_url(home.database)
    except (ArgumentError, ValueError) as error:
        raise _bad_url(home.database) from error


def _bad_url(text: str) -> StoreError:
    return StoreError(
        f"database {text!r}",
        "the path of a SQLite file, or a URL such as postgresql+psycopg://user@host/name",
        "correct --db or ASSAY_DB, or leave it out to use store.db in the home folder",
    )


def _prepare_sqlite(wait: float) -> Any:
    """A listener that gets a fresh SQLite connection ready."""

    def prepare(connection: sqlite3.Connection, record: object) -> None:
        # The driver would begin transactions by itself, but not before DDL; _begin does it for all.
        connection.isolation_level = None
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        # Only the very first connection switches: the mode is a property of the file. Switching is refused
        # at once while another process reads, whatever the timeout, hence the loop.
        give_up = time.monotonic() + wait
        while mode not in ("wal", "memory"):
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)
        # With WAL this loses at most the last moments on power failure, never the file's integrity.
        connection.execute("PRAGMA synchronous = NORMAL")

    return prepare


def _begin(connection: sa.Connection) -> None:
    """Writers take the write lock at once: upgrading a reader's would fail without waiting."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
