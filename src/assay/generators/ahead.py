"""Probes that are made beside other work: a server writes them while the model is loaded and traced.

Only what waits for a server goes on a thread of its own; nothing there touches a model or a source of chance. What it
has to say is passed on by the caller's own thread, so that whoever listens hears one event at a time.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Protocol, runtime_checkable

from assay.events import Emit, stage
from assay.generators.plan import Generator, Plan, Request


@runtime_checkable
class Begins(Protocol):
    """A generator that mostly waits for a server."""

    def begin(
        self,
        request: Request,
        seed: int,
        n_probes: int,
        n_synthetic: int,
        emit: Emit,
        known_early: Callable[[Request], None],
    ) -> Coroutine[Any, Any, Callable[[], Plan]]:
        """Ask the server for everything, away from the caller's thread; what is returned makes the plan there.

        ``known_early`` is handed the request with its old answer as soon as that is known.
        """
        ...


class Planning(Protocol):
    """A plan that is being made."""

    @property
    def emit(self) -> Emit:
        """For all events while it is made."""
        ...

    def request(self) -> Request:
        """The request with its old answer and relation, where they are known."""
        ...

    def plan(self) -> Plan:
        """The whole plan."""
        ...


@contextmanager
def planning(
    maker: Generator, request: Request, seed: int, n_probes: int, n_synthetic: int, emit: Emit
) -> Iterator[Planning]:
    """A plan in the making while the block lasts. One that waits for a server is begun at once, and given up where
    the block ends before it is done; any other is made when it is first asked for."""
    if not isinstance(maker, Begins):
        yield _WhenAsked(lambda: maker.plan(request, seed, n_probes, n_synthetic), emit)
        return
    beside = _Beside(emit)
    beside.start(maker.begin(request, seed, n_probes, n_synthetic, beside.post, beside.known))
    try:
        yield beside
    finally:
        beside.stop()


class _WhenAsked:
    """Makes the plan in the caller's thread."""

    def __init__(self, make: Callable[[], Plan], emit: Emit) -> None:
        self.emit: Emit = emit
        self._make = make
        self._plan: Plan | None = None

    def request(self) -> Request:
        return self.plan().request

    def plan(self) -> Plan:
        if self._plan is None:
            with stage(self.emit, "plan", "making probes"):
                self._plan = self._make()
        return self._plan


class _Beside:
    """Makes the plan on a thread with an event loop of its own."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._said: SimpleQueue[tuple[str, Mapping[str, Any]] | None] = SimpleQueue()
        """Events; None only wakes who waits."""
        self._request: Request | None = None
        self._finish: Callable[[], Plan] | None = None
        self._plan: Plan | None = None
        self._error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._task: asyncio.Task[Callable[[], Plan]] | None = None

    # On the thread.

    def post(self, kind: str, data: Mapping[str, Any]) -> None:
        self._said.put((kind, data))

    def known(self, request: Request) -> None:
        self._request = request
        self._said.put(None)

    def _run(self, task: asyncio.Task[Callable[[], Plan]]) -> None:
        try:
            self._finish = self._loop.run_until_complete(task)
        except BaseException as error:  # raised again where the plan is asked for
            self._error = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._said.put(None)

    # On the caller's.

    def start(self, work: Coroutine[Any, Any, Callable[[], Plan]]) -> None:
        self._task = self._loop.create_task(work)
        self._thread = threading.Thread(target=self._run, args=(self._task,), name="probes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        assert self._thread is not None and self._task is not None
        if self._thread.is_alive():
            with _closed_loop_is_fine():
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        self._pass_on()

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        self._pass_on()
        self._emit(kind, data)

    def request(self) -> Request:
        self._wait_until(lambda: self._request is not None)
        assert self._request is not None
        return self._request

    def plan(self) -> Plan:
        if self._plan is None:
            with stage(self.emit, "plan", "making probes"):
                self._wait_until(lambda: self._finish is not None)
                assert self._finish is not None
                self._plan = self._finish()
        return self._plan

    def _wait_until(self, there: Callable[[], bool]) -> None:
        """Pass on what is said until it is there; raises what the work failed of."""
        while not there() and self._error is None:
            said = self._said.get()
            if said is not None:
                self._emit(*said)
        self._pass_on()
        if self._error is not None and not there():
            raise self._error

    def _pass_on(self) -> None:
        while True:
            try:
                said = self._said.get_nowait()
            except Empty:
                return
            if said is not None:
                self._emit(*said)


@contextmanager
def _closed_loop_is_fine() -> Iterator[None]:
    """The work may end between the look and the call."""
    try:
        yield
    except RuntimeError:
        return
