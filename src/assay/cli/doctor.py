"""``assay doctor``: what is installed, cached and reachable, and what to do about the rest."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from assay.cli import inputs, speak
from assay.errors import ModelError
from assay.models.packaged import packaged_file
from assay.runs.home import Home

SPACE = 2_000_000_000
"""Bytes that one unpacked default model, its moments and some hundred runs take."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    value: str
    ok: bool
    todo: str = ""
    """What to do when it is not ok."""


def doctor(ctx: typer.Context, json: speak.Json = False) -> None:
    """Check versions, memory, disk, database and caches.

    Nothing is changed, no model is loaded and no network is used.
    """
    findings = list(_look(inputs.home_of(ctx)))
    if json:
        speak.say_json({"ok": all(f.ok for f in findings), "findings": [asdict(f) for f in findings]})
        return
    rows = [
        ("ok" if f.ok else "TO DO", f.what, f.value + (f"\n{f.todo}" if f.todo else "")) for f in findings
    ]
    speak.table(("", "what", "found"), rows)


def _look(home: Home) -> Iterator[Finding]:
    yield Finding("python", f"{sys.version.split()[0]} on {platform.platform(terse=True)}", True)
    yield from _packages()
    yield _default_model()
    yield _wikipedia()
    yield _language_model()
    threads = os.environ.get("OMP_NUM_THREADS")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("threads", f"{usable} cores" + (f", OMP_NUM_THREADS={threads}" if threads else ""), True)
    yield _memory()
    yield _disk(home)
    yield Finding("home", f"{home.root}" + ("" if home.root.exists() else " (made on first use)"), True)
    yield _database(home)
    for name in ("models", "moments", "indexes", "llm"):
        yield _cached(name, home.cache / name)


def _packages() -> Iterator[Finding]:
    """Required packages by assay's own metadata, then the optional ones by extra."""
    import re
    from importlib.metadata import requires

    from assay.runs.provenance import package_version

    optional: dict[str, list[str]] = {}
    missing, shown = [], []
    for line in requires("assay") or ():
        name = re.split(r"[^A-Za-z0-9._-]", line)[0]
        extra = re.search(r"extra == ['\"]([^'\"]+)", line)
        found = package_version(name)
        if extra:
            optional.setdefault(extra[1], []).append(f"{name} {found or 'not installed'}")
        elif found is None:
            missing.append(name)
        elif name in ("torch", "transformers", "sentence-transformers"):
            shown.append(f"{name} {found}")
    todo = "pip install " + " ".join(missing) if missing else ""
    yield Finding("packages", ", ".join(shown), not missing, todo)
    for extra_name, lines in optional.items():
        yield Finding(f"extra {extra_name}", ", ".join(lines), True)


def _default_model() -> Finding:
    """The packaged weights, found without importing the package."""
    try:
        weights = packaged_file("smollm2")
    except ModelError as error:
        return Finding("model smollm2", "not installed", False, error.todo)
    return Finding("model smollm2", f"{weights.name}, {_size(weights.stat().st_size)}", True)


def _wikipedia() -> Finding:
    """The text that SAEs are trained on and indexed with; optional."""
    from assay.corpus.packages import packaged
    from assay.corpus.wikipedia import LEADS, LEADS_INSTALL
    from assay.errors import MissingPackage

    try:
        text = packaged(*LEADS, "wiki", LEADS_INSTALL)
    except MissingPackage as error:
        return Finding("corpus wiki", f"not installed; for features of SAEs: {error.todo}", True)
    return Finding("corpus wiki", f"{text.name}, {_size(text.stat().st_size)}", True)


def _language_model() -> Finding:
    """What probes by a language model need: packages, and a key for servers elsewhere. No key is shown."""
    from assay.errors import MissingPackage
    from assay.generators.llm.endpoint import KEY, OWN_KEYS, check_installed

    try:
        check_installed()
    except MissingPackage as error:
        return Finding("language models", f"not installed; for probes by llm:MODEL: {error.todo}", True)
    keys = [name for name in (KEY, *OWN_KEYS.values()) if os.environ.get(name, "").strip()]
    told = f"{' and '.join(keys)} set" if keys else f"no key set ({KEY}); servers on this machine need none"
    return Finding("language models", told, True)


def _memory() -> Finding:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):  # not told on this system
        return Finding("memory", "not known", True)
    todo = "" if total >= SPACE else "the default model needs about 2 GB: close other programs"
    return Finding("memory", f"{_size(total)}, {_size(free)} unused", total >= SPACE, todo)


def _disk(home: Home) -> Finding:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    todo = "" if free >= SPACE else "free some space, or point ASSAY_HOME at another disk"
    return Finding("disk", f"{_size(free)} free at {folder}", free >= SPACE, todo)


def _database(home: Home) -> Finding:
    from assay.errors import InputError

    if home.database is None and not home.store.exists():
        return Finding("database", f"{home.store} (made on first use)", True)
    from assay.runs.store import Store

    try:
        with Store(home, wait=1.0) as store:
            n = store.count()
    except InputError as error:
        return Finding("database", error.came, False, error.todo)
    return Finding("database", f"{home.database or home.store}, {n} runs", True)


def _cached(name: str, folder: Path) -> Finding:
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Finding(
        f"cached {name}", f"{len(entries)}, {_size(size)} in {folder}" if entries else "none", True
    )


def _size(n: int) -> str:
    """Bytes as people read them: 91.7 MB."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
