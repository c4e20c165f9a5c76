"""Features scored by the worker of a running ``assay ui``, for ``assay features score``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.events import Emit
    from assay.runs.home import Home

WORK = "feature"
"""What the worker's table calls it."""


def scored(
    home: "Home", features: Sequence[int], label: str | None, sae: str, seed: int, emit: "Emit"
) -> list[dict[str, Any]] | None:
    """What ``score_feature`` gives of each, as JSON; None where no idle worker did all of them."""
    if not home.store.is_file() and home.database is None:
        return None
    from assay.runs.about_feature import KIND, SCORED, about
    from assay.runs.lent import done_by_worker
    from assay.runs.store import Store

    name, source = _named(home, sae)
    found = []
    with Store(home) as store:
        for feature in features:
            asked = {"label": label, "seed": seed}
            request, told, args = about(SCORED, WORK, feature, name, source, asked)
            run = done_by_worker(store, KIND, request, told, WORK, args, emit)
            if run is None:
                return None
            found.append(run["feature"])
    return found


def _named(home: "Home", sae: str) -> tuple[str, str]:
    """What pages call an SAE, and what opens it wherever the worker was started."""
    path = Path(sae).expanduser()
    if not path.is_dir():
        return sae, sae
    whole = path.resolve()
    below = whole.relative_to(home.root).as_posix() if whole.is_relative_to(home.root) else str(whole)
    return below, str(whole)
