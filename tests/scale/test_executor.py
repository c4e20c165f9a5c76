"""Work side by side gives what work one after another gives, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.runs.process import started
from assay.scale.executor import Workforce, default_workers, each
from patience import until

pytestmark = pytest.mark.slow


def tools() -> dict[str, int]:
    return {"made_by": os.getpid()}


def square(own: dict[str, int], n: int) -> tuple[int, int]:
    if n < 0:
        raise ValueError(f"no square of {n} here")
    return n * n, own["made_by"]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_piece_is_done_once_with_tools_of_its_process(workers: int) -> None:
    found = dict(each(tools, square, [1, 2, 3, 4], workers))
    assert {n: done for n, (done, _) in found.items()} == {1: 1, 2: 4, 3: 9, 4: 16}
    makers = {pid for _, pid in found.values()}
    assert (makers == {os.getpid()}) == (workers == 1)
    assert len(makers) <= workers


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="no square of -1 here"):
        list(each(tools, square, [1, -1, 2], 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_keep_their_tools_and_take_no_more_than_is_wanted(workers: int) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for n in range(1, 1000):
            taken.append(n)
            yield n

    with Workforce(tools, workers) as force:
        makers = set()
        for _, (_, pid) in force.each(square, pieces()):
            makers.add(pid)
            if len(taken) >= 4:
                break
        begun = len(taken)
        makers |= {pid for _, (_, pid) in force.each(square, [5, 6, 7])}
    assert begun <= 4 + workers
    assert len(makers) <= workers


def test_a_gpu_gets_one_process() -> None:
    assert default_workers("cuda") == 1
    assert 1 <= default_workers("cpu") <= 4


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, time
            from assay.scale.executor import each

            def tools():
                with open({str(note)!r}, "a") as file:
                    file.write(str(os.getpid()) + "\\n")

            def work(own, n):
                time.sleep(600)

            if __name__ == "__main__":
                list(each(tools, work, [1, 2], 2))
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(program)])
    try:
        until(lambda: note.is_file() and len(note.read_text().split()) == 2, 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    pids = [int(pid) for pid in note.read_text().split()]
    until(lambda: not any(map(started, pids)), 20)
