"""Puts one fault after another into a copy of this tree, and sees which test notices it first.

``python tests/mutations/run.py [NAME ...]``: every ``NAME.patch`` beside this file is a fault that a colleague could
make, with a line that says what it is and a line that names the tests that should see it. What no test notices is
missed, and the command ends with 1; with 2 where a patch no longer fits or tests could not be run at all.
"""

# ruff: noqa: T201 - it is a command

import argparse
import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LONGEST = 1800
"""Seconds that one pytest may take."""
PASSED, FAILED = "0", "1"
"""What pytest ends with when it ran; all else means that it could not."""


class Trouble(Exception):
    """The tests could not be run as they should."""


@dataclass(frozen=True)
class Mutation:
    name: str
    path: Path
    fault: str
    tests: tuple[str, ...]
    """Files of tests that should see it."""


@dataclass(frozen=True)
class Result:
    name: str
    fault: str
    state: str
    """caught | missed | error"""
    by: str
    """The test that noticed it first; of an error, what went wrong."""
    whole: bool
    """Whether the named files missed it, so that the whole suite was run."""
    seconds: float

    def __str__(self) -> str:
        told = {"caught": self.by, "missed": "MISSED", "error": f"ERROR {self.by}"}[self.state]
        aside = " (by the whole suite)" if self.whole and self.state == "caught" else ""
        return f"{self.name:<33} {self.fault:<86} {told}{aside}, {self.seconds:.1f} s"


def read(path: Path) -> Mutation:
    """A patch with its two lines. Raises Trouble where one is missing."""
    if not path.is_file():
        raise Trouble(f"no such mutation: {path.stem}")
    head = path.read_text(encoding="utf-8").partition("\ndiff --git ")[0].splitlines()
    if len(head) < 2 or not head[1].startswith("Tests: "):
        raise Trouble(f"{path.name}: wants a line with the fault, a line 'Tests: path ...', and the diff")
    return Mutation(path.stem, path, head[0], tuple(head[1].split()[1:]))


class Copy:
    """A copy of what git knows of the tree, with a Python of its own that imports assay from there."""

    def __init__(self, folder: Path, tests: Path | None) -> None:
        self.root, self._report = folder / "tree", folder / "report.xml"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().strip("\0").split("\0"):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        if tests is not None:
            shutil.rmtree(self.root / "tests")
            shutil.copytree(tests, self.root / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        # Some tests start processes with a PYTHONPATH of their own: the interpreter itself has to know the place.
        venv.EnvBuilder(with_pip=False, symlinks=True).create(folder / "python")
        (packages,) = (folder / "python" / "lib").glob("python*/site-packages")
        places = [str(self.root / "src"), *site.getsitepackages()]
        (packages / "copy.pth").write_text("\n".join(places) + "\n", encoding="utf-8")
        own = {"PYTHONPATH": places[0], "ASSAY_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        self._environ = {**os.environ, **own, "HF_HUB_OFFLINE": "1", "GIT_CEILING_DIRECTORIES": str(folder)}
        self._forks = subprocess.Popen(
            [folder / "python" / "bin" / "python", HERE / "forks.py"],
            cwd=self.root,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """Let go of the process that runs the tests."""
        self._forks.communicate()

    def has(self, tests: Sequence[str]) -> list[str]:
        """Those of these files that are there."""
        return [name for name in tests if (self.root / name).is_file()]

    @contextmanager
    def with_fault(self, mutation: Mutation) -> Iterator[None]:
        """The copy with the fault in it. Raises Trouble where the patch does not fit."""
        self._apply(mutation)
        try:
            yield
        finally:
            self._apply(mutation, "-R")
            shutil.rmtree(self.root / ".hypothesis", ignore_errors=True)  # what other faults were found by

    def _apply(self, mutation: Mutation, *options: str) -> None:
        words = ["git", "apply", "-p1", *options, str(mutation.path)]
        done = subprocess.run(words, cwd=self.root, env=self._environ, capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"the patch no longer applies: {done.stderr.strip()[:200]}")

    def pytest(self, files: Sequence[str], markers: str | None, jobs: int = 1) -> str | None:
        """The first test that failed, None where all passed. Raises Trouble where they could not be run."""
        # Assertions stay as they are written: to rewrite them has to come before all imports.
        words = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", *files]
        words += ["-o", "junit_family=xunit1", f"--junitxml={self._report}"]
        words += ["-m", markers] if markers else []
        words += ["-n", str(jobs), "--dist", "loadfile"] if jobs > 1 else []
        # What tests/threads.py goes by: one thread each, where several stand side by side.
        environ = {} if jobs > 1 else {"PYTEST_XDIST_WORKER": "gw0"}
        self._report.unlink(missing_ok=True)
        said = self._report.with_suffix(".txt")
        assert self._forks.stdin and self._forks.stdout
        self._forks.stdin.write(json.dumps([words, str(said), environ, LONGEST]) + "\n")
        self._forks.stdin.flush()
        status = self._forks.stdout.readline().strip()
        failed = _failed(self._report) if status == FAILED else []
        if status != PASSED and not failed:
            told = said.read_text(errors="replace").strip().splitlines()[-3:] if said.exists() else []
            raise Trouble(f"pytest ended with {status or 'no status'}: {' / '.join(told)[:300]}")
        return failed[0] if failed else None


def _failed(report: Path) -> list[str]:
    """Tests that failed, or whose fixtures did; a file that could not be collected is none."""
    cases = ElementTree.parse(report).iter("testcase")
    wrong = {case: [*case.iterfind("failure"), *case.iterfind("error")] for case in cases}
    return [
        f"{case.get('file')}::{case.get('name')}"
        for case, told in wrong.items()
        if any(one.get("message") != "collection failure" for one in told)
    ]


def tried(copy: Copy, mutation: Mutation, asked: argparse.Namespace) -> Result:
    """What becomes of one mutation."""
    began, whole, by = time.monotonic(), False, None
    try:
        files = copy.has(mutation.tests)
        if not files and asked.named_only:
            raise Trouble(f"there is none of {', '.join(mutation.tests)}")
        with copy.with_fault(mutation):
            if files:
                by = copy.pytest(files, asked.markers)
            if by is None and not asked.named_only:
                whole, by = True, copy.pytest([], asked.markers)
        state = "caught" if by else "missed"
    except Trouble as trouble:
        state, by = "error", str(trouble)
    return Result(mutation.name, mutation.fault, state, by or "", whole, round(time.monotonic() - began, 1))


def every(mutations: Sequence[Mutation], copies: Sequence[Copy], asked: argparse.Namespace) -> list[Result]:
    """What becomes of each mutation, one at a time in each copy."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(mutation: Mutation) -> Result:
        copy = free.get()
        result = tried(copy, mutation, asked)
        free.put(copy)
        print(f"{result}\n", end="", flush=True)
        return result

    with ThreadPoolExecutor(len(copies)) as pool:
        return list(pool.map(one, mutations))


def control(mutations: Sequence[Mutation], copies: Sequence[Copy], asked: argparse.Namespace) -> None:
    """Raises Trouble unless the named tests pass without any fault."""
    began = time.monotonic()
    files = copies[0].has(sorted({test for one in mutations for test in one.tests}))
    by = copies[0].pytest(files, asked.markers, len(copies)) if files else None
    if by is not None:
        raise Trouble(f"without any fault {by} fails: nothing can be told")
    print(f"{len(files)} files of tests pass without a fault, {time.monotonic() - began:.1f} s", flush=True)


def main() -> int:
    """The exit status: 0 all are caught, 1 some are missed, 2 something could not be tried."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="mutations, without .patch (default: all)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="copies side by side")
    parser.add_argument("--named-only", action="store_true", help="do not run the whole suite on a miss")
    parser.add_argument(
        "--no-control", action="store_true", help="do not run the tests without a fault first"
    )
    parser.add_argument("--markers", help="marker expression for pytest -m")
    parser.add_argument("--tests", type=Path, help="folder of tests to take in place of the tree's own")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    asked = parser.parse_args()
    try:
        mutations = [read(HERE / f"{name}.patch") for name in asked.names]
        mutations = mutations or [read(path) for path in sorted(HERE.glob("*.patch"))]
        with tempfile.TemporaryDirectory(prefix="mutations-") as scratch, ExitStack() as stack:
            copies = [Copy(Path(scratch) / str(number), asked.tests) for number in range(asked.jobs)]
            for copy in copies:
                stack.callback(copy.close)
            if not asked.no_control:
                control(mutations, copies, asked)
            results = every(mutations, copies, asked)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    counts = {state: sum(one.state == state for one in results) for state in ("caught", "missed", "error")}
    print(", ".join(f"{n} {state}" for state, n in counts.items()))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")
    return 1 if counts["missed"] else 2 if counts["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
