"""What every route works with: the home, its store and queue."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.web.safety import Safety


@dataclass(frozen=True, eq=False)
class State:
    """Opened when the server starts, closed when it ends."""

    home: Home
    store: Store
    queue: Queue
    safety: Safety
    allowed: tuple[Path, ...] = ()
    """Folders outside of the home that models and autoencoders may lie in."""

    @property
    def roots(self) -> tuple[Path, ...]:
        """All folders that models and autoencoders may lie in."""
        return (self.home.root, *self.allowed)


def state_of(request: Request) -> State:
    """The state of the server that answers."""
    return cast(State, request.app.state.assay)


Server = Annotated[State, Depends(state_of)]
"""The parameter of a route that needs any of it."""
