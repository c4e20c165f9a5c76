"""Is the process that writes a run still there? And: only one process writes a run."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StoreError
from assay.runs.trouble import explained_files


def host() -> str:
    """This machine's name, as runs record it."""
    return socket.gethostname()


def started(pid: int) -> str | None:
    """When process ``pid`` of this machine started, in the system's own words; None when it is not running.

    Two processes that were given the same number differ in it.
    """
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # ENOENT, or ESRCH when it ends while being read
            return None
        # Counted from the field after the name: state first, start time (ticks since boot) twentieth.
        return None if fields[0] in "ZX" else fields[19]
    asked = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def alive(pid: int, pid_started: str | None) -> bool:
    """Whether that very process still runs, not another one with its number."""
    since = started(pid)
    return since is not None and (pid_started is None or since == pid_started)


def held(folder: Path) -> bool:
    """Whether a living process holds this folder as ``only_writer`` does."""
    import fcntl

    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        if not holder.isdigit() or not alive(int(holder), None):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def only_writer(folder: Path, run_id: str) -> Iterator[None]:
    """Hold a run for this process; StoreError names the process that holds it already.

    The lock is the kernel's, so a killed process never leaves one behind.
    """
    import fcntl

    with explained_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "unknown"
            raise StoreError(
                f"run {run_id}, which process {holder} is writing now",
                "a run that no other process writes",
                f"wait for process {holder} to end, or stop it: kill {holder}",
            ) from None
        with explained_files(folder):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
