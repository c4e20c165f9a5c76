import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import MissingPackage, StoreError
from assay.runs.folder import RunFolder
from assay.runs.home import Home
from assay.runs.store import Store
from run_events import OPTIONS, REQUEST


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of one megabyte, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def new_run(store: Store) -> str:
    return store.create_run("edit", REQUEST.to_json(), OPTIONS)


def test_a_locked_database_is_waited_for_then_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    Store(home).close()
    holder = sqlite3.connect(home.store, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Store(home, wait=0.2) as store, pytest.raises(StoreError) as caught:
        new_run(store)
    holder.close()
    assert caught.value.came == f"the database {home.store}, locked by another program"
    assert caught.value.wanted == "a database that is free within 0.2 seconds"
    assert caught.value.todo.startswith("close what holds it open")


def test_an_exclusively_locked_new_database_is_named_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    holder = sqlite3.connect(home.store, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked by another program"):
        Store(home, wait=0.2)
    holder.close()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.store.write_text("my notes " * 100)
    with pytest.raises(StoreError, match="which is not a SQLite database") as caught:
        Store(home)
    assert "move that file away" in caught.value.todo
    assert home.store.read_text().startswith("my notes")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    Store(home).close()
    with sqlite3.connect(home.store) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreError) as caught:
        Store(home)
    assert caught.value.came == f"the database {home.store}, with schema '9999'"
    assert caught.value.wanted == "a schema this version of assay knows, up to '0004'"
    assert "upgrade assay" in caught.value.todo


def test_another_programs_tables_are_not_touched(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with sqlite3.connect(home.store) as database:
        database.execute("CREATE TABLE runs (theirs TEXT)")
    database.close()
    with pytest.raises(StoreError, match="another program keeps its own table 'runs'"):
        Store(home)


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="where a file is in the way"):
        Store(Home(tmp_path / "file"))
    with pytest.raises(StoreError, match="whose path leads through a file"):
        Store(Home(tmp_path / "file" / "below"))


@pytest.mark.parametrize("url", ["mysqlx://host/name", "://", "postgresql+nodriver://host/name"])
def test_a_database_url_that_means_nothing_is_explained(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError, match="the path of a SQLite file, or a URL") as caught:
        Store(Home(tmp_path, url))
    assert "--db" in caught.value.todo


def test_a_missing_database_driver_comes_with_its_install_line(tmp_path: Path) -> None:
    with pytest.raises(MissingPackage) as caught:
        Store(Home(tmp_path, "postgresql+pg8000://someone:secret@host/name"))
    assert caught.value.todo == "pip install pg8000"
    assert "secret" not in str(caught.value)


def test_another_sqlite_file_can_be_named(tmp_path: Path) -> None:
    with Store(Home(tmp_path / "home", str(tmp_path / "other.db"))) as store:
        new_run(store)
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "home" / "store.db").exists()
    with pytest.raises(StoreError, match="which cannot be opened or made"):
        Store(Home(tmp_path, str(tmp_path / "no" / "such" / "folder.db")))


def test_a_full_disk_is_named_and_the_store_stays_whole(small_disk: Path) -> None:
    home = Home(small_disk)
    with Store(home) as store:
        run_id = new_run(store)
        filler = {"stage": "x", "done": 0, "total": 1, "title": "x" * 20_000}
        with pytest.raises(StoreError) as caught:
            for _ in range(200):
                store.append(run_id, "stage_progress", filler)
        assert caught.value.came == f"the database {home.store}, on a full disk"
        assert caught.value.todo == "free some space, or point ASSAY_HOME at another disk"
    with Store(Home(small_disk)) as store:
        assert [event.seq for event in store.events(run_id)] == list(range(len(store.events(run_id))))


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError) as caught:
        Store(Home(small_disk))
    assert "which cannot be opened or made" in caught.value.came
    assert caught.value.wanted == "a folder that exists and that this user may write"
    with pytest.raises(StoreError, match="on a read-only disk"):
        RunFolder(small_disk / "run").make()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="which this user may not write"):
        Store(Home(tmp_path / "home"))
    tmp_path.chmod(0o700)


LIMITED = """
import resource, sys
from pathlib import Path
from assay.errors import StoreError
from assay.runs.home import Home
from assay.runs.store import Store
store = Store(Home(Path(sys.argv[1])))
run_id = store.create_run("edit", {"subject": "A", "target": "B"}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for _ in range(100):
        store.append(run_id, "stage_progress", {"stage": "x", "title": "x" * 10_000})
except StoreError as error:
    sys.exit(f"StoreError {error.came}")
"""


@pytest.mark.slow
def test_a_limit_on_file_sizes_is_a_disk_that_refused(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert child.stderr.startswith("StoreError the database")
    assert "on a disk that refused to read or write" in child.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_a_run_folder_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.probes.symlink_to("/dev/full")
    with pytest.raises(StoreError) as caught:
        folder.add_probes({"id": "zsre", "probes": [{"prompt": "x"}]})
    assert caught.value.came == f"{folder.probes}, on a full disk"
