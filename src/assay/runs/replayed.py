"""Which run a generator replays: found by a part of its id, and looked at before another run begins."""

from assay.generators.means import Means
from assay.generators.plan import Request
from assay.generators.replay import Replay
from assay.generators.table import named
from assay.runs.store import Store


def replayed(store: Store, generator: str, request: Request) -> str:
    """The generator's name with the run's whole id in it; names of other generators as they are.

    Raises MissingRun for a run that is not stored, and GeneratorError for one that kept no probes or is about another
    request.
    """
    kind, asked = named(generator)
    if kind != "replay":
        return generator
    run_id = store.find(asked)
    Replay(run_id, Means(runs=store.home.runs)).plan(request, 0)
    return f"{kind}:{run_id}"
