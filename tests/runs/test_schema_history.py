"""The database's history is code: it starts from the first schema with rows in it and ends as pinned."""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from assay.runs.engine import open_database
from assay.runs.home import Home
from assay.runs.migrate import HEAD, REVISIONS, upgrade
from assay.runs.schema import METADATA
from assay.runs.store import Store

FINAL = {
    "runs": "id kind status pid pid_started host created_at finished_at model_id model_hash subject target "
    "relation summary prompt",
    "events": "run_id seq kind data at",
    "results": "run_id benchmark json at",
    "edits": "run_id id model_id model_hash layer state file created_at",
    "jobs": "run_id work args state cancel created_at",
}


def columns(home: Home) -> dict[str, str]:
    database = open_database(home, 1.0)
    with database.connection(writes=False) as connection:
        look = sa.inspect(connection)
        found = {
            name: " ".join(column["name"] for column in look.get_columns(name))
            for name in look.get_table_names()
        }
    database.engine.dispose()
    found.pop("alembic_version")
    return found


def test_the_steps_named_are_the_steps_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", "assay.runs:migrations")
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == REVISIONS
    assert HEAD == "0004"


def test_the_final_schema_is_pinned_and_is_what_the_code_uses(tmp_path: Path) -> None:
    Store(Home(tmp_path)).close()
    assert columns(Home(tmp_path)) == FINAL
    assert {name: " ".join(table.columns.keys()) for name, table in METADATA.tables.items()} == FINAL


def test_a_database_of_the_first_schema_keeps_its_rows(tmp_path: Path) -> None:
    home = Home(tmp_path)
    database = open_database(home, 1.0)
    with database.connection(writes=True) as connection:
        upgrade(connection, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO runs VALUES ('r1', 'edit', 'committed', 1, NULL, 'h', '2030', NULL, 'm', NULL, "
                "'Eiffel', 'Berlin', NULL, '{}')"
            )
        )
        connection.execute(
            sa.text("""INSERT INTO events VALUES ('r1', 0, 'run_started', :data, '2030')"""),
            {"data": '{"request": {"prompt": "Whe\\u0072e is \\"it\\"?"}}'},
        )
    database.engine.dispose()
    assert "edits" not in columns(home)
    with Store(home) as store:
        assert store.run("last").subject == "Eiffel"
        assert store.run("r1").prompt == 'Where is "it"?'
        assert store.events("r1")[0].data == {"request": {"prompt": 'Where is "it"?'}}
        assert store.edits() == []
    assert columns(home) == FINAL


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path)
    database = open_database(home, 1.0)
    try:
        with database.connection(writes=True) as connection:
            upgrade(connection, "0002")
            raise RuntimeError("power")
    except RuntimeError:
        pass
    with database.connection(writes=False) as connection:
        assert sa.inspect(connection).get_table_names() == []
    database.engine.dispose()
