"""What rows of the table share: a home of their own, and in it what is costly to make, made once per run.

The home is a temporary folder. The user's is neither read nor written, so a figure "from nothing" is one.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from assay.events import ignore
from assay.runs.home import Home

Made = TypeVar("Made")

SAE, MODEL = "smollm2", "smollm2"


class Ground:
    """``folder`` is empty at the beginning, and removed by whoever made it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self._made: dict[Callable[..., Any], Any] = {}

    def once(self, make: "Callable[[Ground], Made]") -> Made:
        """What ``make`` makes, made when it is first asked for; what failed fails again without being tried."""
        if make not in self._made:
            try:
                self._made[make] = make(self)
            except Exception as error:
                self._made[make] = error
        found = self._made[make]
        if isinstance(found, Exception):
            raise found
        return found

    def has(self, make: "Callable[[Ground], Any]") -> bool:
        """Whether it has been made."""
        return make in self._made and not isinstance(self._made[make], Exception)

    def new_home(self, name: str) -> Home:
        """A further home with nothing in it."""
        home = Home(self.folder / name)
        shutil.rmtree(home.root, ignore_errors=True)
        return home

    def beside(self, name: str) -> Home:
        """A further home that has the unpacked model, so that its indexes do not count as those of the first."""
        self.once(model)
        home = self.new_home(name)
        home.cache.mkdir(parents=True)
        (home.cache / "models").symlink_to(self.home.cache / "models")
        return home


@contextmanager
def ground() -> Iterator[Ground]:
    """An empty ground; ``ASSAY_HOME`` and ``ASSAY_DB`` are its own while it is there."""
    kept = {name: os.environ.pop(name, None) for name in ("ASSAY_HOME", "ASSAY_DB")}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        made = Ground(Path(folder))
        os.environ["ASSAY_HOME"] = str(made.home.root)
        try:
            yield made
        finally:
            del os.environ["ASSAY_HOME"]
            os.environ.update({name: value for name, value in kept.items() if value is not None})


@dataclass(frozen=True)
class Loaded:
    """The default model, and how long it took to load, unpacked before."""

    model: Any
    seconds: float


def model(ground: Ground) -> Loaded:
    """The default model in float32."""
    import assay

    cache = ground.home.cache
    if not (cache / "models").is_dir():
        assay.load(MODEL, cache=cache)  # unpacks it
    began = time.perf_counter()
    loaded = assay.load(MODEL, cache=cache)
    return Loaded(loaded, time.perf_counter() - began)


class Heard:
    """An ``emit`` that keeps how long each stage took, in the order in which they ended, and every word of progress."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, float]] = []
        self.progress: list[tuple[str, int, float]] = []
        """(stage, how much is done, when)."""

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        """One event."""
        ignore(kind, data)
        if kind == "stage_finished":
            self.stages.append((data["stage"], data["seconds"]))
        elif kind == "stage_progress":
            self.progress.append((data["stage"], data["done"], time.perf_counter()))

    def seconds(self, *names: str) -> float:
        """Of all stages of these names; each must have run."""
        for name in names:
            if name not in dict(self.stages):
                raise LookupError(f"no stage {name!r} among {', '.join(dict(self.stages))}")
        return sum(seconds for name, seconds in self.stages if name in names)

    def rate(self, name: str) -> float:
        """How much is done in a second, from the first word of progress to the last; over all of the stage where it was
        told once."""
        told = [(done, at) for stage, done, at in self.progress if stage == name]
        if len(told) == 1:
            return told[0][0] / self.seconds(name)
        return (told[-1][0] - told[0][0]) / (told[-1][1] - told[0][1])
