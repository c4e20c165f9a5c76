"""The demo's edit: as a command in an empty home, and again in the home that it leaves."""

from dataclasses import dataclass
from typing import Any

from assay.generators.plan import Request
from assay.runs.home import Home
from commands import run
from figure import Found
from ground import Ground, model

REQUEST = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "Paris")
WORDS = ("edit", "--prompt", REQUEST.prompt, "--subject", REQUEST.subject, "--target", REQUEST.target)


@dataclass(frozen=True)
class Edited:
    """A run of the demo's edit."""

    home: Home
    seconds: float
    run: dict[str, Any]

    @property
    def stages(self) -> dict[str, float]:
        """Seconds by stage."""
        found: dict[str, float] = self.run["timings"]
        return found

    @property
    def raw(self) -> dict[str, Any]:
        """What rows tell of it."""
        return {"seconds": self.seconds, "stages": self.stages}


def first(ground: Ground) -> Edited:
    """In a home with nothing in it: the shared one, unless another row was there before."""
    home = ground.new_home("nothing") if ground.home.root.exists() else ground.home
    done = run(home.root, *WORDS)
    return Edited(home, done.seconds, done.document)


def second(ground: Ground) -> Edited:
    """In the same home."""
    home = ground.once(first).home
    done = run(home.root, *WORDS)
    return Edited(home, done.seconds, done.document)


def from_nothing(ground: Ground) -> Found:
    """The whole command, with everything that it makes once."""
    done = ground.once(first)
    return Found(done.seconds, done.raw)


def cached(ground: Ground) -> Found:
    """The same command again."""
    done = ground.once(second)
    return Found(done.seconds, done.raw)


def cached_reckoned(ground: Ground) -> Found:
    """The first run without what it makes once."""
    done, loaded = ground.once(first), ground.once(model).seconds
    once = done.stages["moments"] + done.stages["load"] - loaded
    said = "the run from nothing without its stage of second moments, the model loaded instead of unpacked"
    return Found(done.seconds - once, {**done.raw, "load": loaded}, share=1 - once / done.seconds, part=said)


def unpack(ground: Ground) -> Found:
    """What the first load takes longer than a later one."""
    first_load, loaded = ground.once(first).stages["load"], ground.once(model).seconds
    return Found(first_load - loaded, {"first_load": first_load, "load": loaded})


def trace(ground: Ground) -> Found:
    """The stage of the causal trace."""
    return Found(ground.once(first).stages["trace"])


def moments(ground: Ground) -> Found:
    """The stage of second moments, in a home that has none."""
    return Found(ground.once(first).stages["moments"])


def suite(ground: Ground) -> Found:
    """The thirteen benchmarks, with the reading of all their probes, which comes before."""
    done = ground.once(first)
    each = {one["id"]: one["seconds"] for one in done.run["benchmarks"]}
    return Found(sum(each.values()) + done.stages["probes"], {"probes": done.stages["probes"], "each": each})
