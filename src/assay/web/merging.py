"""Edits into model folders, as jobs: what may be asked for, and what the worker does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.asked import chosen
from assay.edits import merge
from assay.events import Emit, stage
from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.runs.trouble import explained_files
from assay.web.exports import folder_of, model_folder, new_folder


@dataclass(frozen=True)
class Verb:
    """One thing that can be done with a stored edit and a folder."""

    doing: str
    """What the page says while it is done."""
    checked: Callable[[Home, str], Path]
    """The folder of a name, if this can be done with it."""
    act: Callable[[Path, str, Path, Path], object]
    """``(edit file, model id, folder, cache)``."""


VERBS: Mapping[str, Verb] = {
    "export": Verb("writing a model folder with the edit in it", new_folder, merge.export),
    "apply": Verb(
        "writing the edit into the folder",
        model_folder,
        lambda edit, model, folder, cache: merge.apply(edit, folder, cache),
    ),
    "revert": Verb(
        "putting the original weights back",
        model_folder,
        lambda edit, model, folder, cache: merge.revert(edit, folder, cache),
    ),
}
"""What to do to how."""


def ask(store: Store, queue: Queue, asked: str, verb: str, folder: str) -> str:
    """Ask for it; the id of the run that does it. Raises InputError where it cannot be done."""
    wanted = VERBS[chosen("action", verb, tuple(VERBS))]
    of, _ = store.edit_file(asked)
    wanted.checked(store.home, folder)
    run = store.document(of)
    options = {"model": run["model"]["id"], "of": of, "do": verb, "folder": folder}
    return queue.put("merge", run["request"], options, "merge")


def merged(store: Store, options: Mapping[str, Any], emit: Emit, cache: Path) -> None:
    """Do what ``ask`` put into a run's options."""
    verb = VERBS[options["do"]]
    _, edit = store.edit_file(options["of"])
    folder = folder_of(store.home, options["folder"])
    with stage(emit, options["do"], verb.doing), explained_files(folder):
        verb.checked(store.home, options["folder"])
        verb.act(edit, options["model"], folder, cache)
