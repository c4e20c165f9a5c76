"""The command line that repeats a run, for every kind of run that one repeats."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from assay.report.cards import Run
from assay.report.view import layer

Spoken = tuple[list[str], Mapping[str, Any]]
"""The command's words, and its options: None and False are left out, True has no value."""

MAKER: Mapping[str, str | None] = {"generator": "catalogue", "base_url": None, "timeout": None}
"""Who makes the probes unless something else is said."""
USUAL: Mapping[str, str | None] = {"method": "rome", "variant": "r-rome", **MAKER}
"""What an edit is made with unless something else is said."""


def command(run: Run) -> str | None:
    """The command; None where there is none that does the same."""
    say = SPOKEN.get(str(run.get("kind")))
    spoken = say(run) if say else None
    if spoken is None:
        return None
    words = [shlex.quote(word) for word in spoken[0]]
    for option, value in spoken[1].items():
        if value is not None and value is not False:
            words += [option] if value is True else [option, shlex.quote(str(value))]
    return " ".join(words)


def _edit(run: Run) -> Spoken:
    request, model, settings, options = (
        _part(run, part) for part in ("request", "model", "settings", "options")
    )
    fact = {f"--{name}": request.get(name) for name in ("prompt", "subject", "target", "old", "relation")}
    at = settings.get("layer") if layer(run) is None else layer(run)
    where = {
        "--model": model.get("id"),
        "--layer": at,
        "--seed": settings.get("seed"),
        "--sae": settings.get("sae"),
    }
    off = {f"--no-{name}": options.get(name) is False for name in ("bench", "trace")}
    return ["assay", "edit"], {**fact, **where, **_unusual(settings, USUAL), "--only": _only(settings), **off}


def _bench(run: Run) -> Spoken | None:
    settings = _part(run, "settings")
    if not settings.get("of"):
        return None
    given = {"--probes": settings.get("probes"), "--only": _only(settings), "--seed": settings.get("seed")}
    maker = _unusual(settings, MAKER) if settings.get("probes") == "fresh" else {}
    return ["assay", "bench", str(settings["of"])], {**given, **maker}


def _merge(run: Run) -> Spoken | None:
    settings = _part(run, "settings")
    if not settings.get("of"):
        return None
    words, folder = (
        ["assay", "edits", str(settings.get("do")), str(settings["of"])],
        str(settings.get("folder")),
    )
    return (words, {"--out": folder}) if settings.get("do") == "export" else ([*words, folder], {})


def _trace(run: Run) -> Spoken:
    request, model, settings = (_part(run, part) for part in ("request", "model", "settings"))
    fact = {f"--{name}": request.get(name) or None for name in ("prompt", "subject", "old")}
    return ["assay", "trace"], {**fact, "--model": model.get("id"), "--seed": settings.get("seed")}


def _feature(run: Run) -> Spoken | None:
    """Scoring it, or another label of it; a typed text has no command."""
    options = _part(run, "options")
    does = FEATURE.get(str(options.get("work")))
    if does is None:
        return None
    by, maker = f"--{does[1]}", {"--base-url": options.get("base_url"), "--timeout": options.get("timeout")}
    given = {
        "--label": options.get("label"),
        by: options.get(does[1]),
        **maker,
        "--sae": options.get("source"),
    }
    words = ["assay", "features", does[0], str(options.get("feature"))]
    return words, {**given, "--seed": options.get("seed")}


FEATURE: Mapping[str, tuple[str, str]] = {
    "feature": ("score", "sentences"),
    "relabel": ("relabel", "generator"),
}
"""Work on a feature to its command, and to the option that names a language model."""

SPOKEN: Mapping[str, Callable[[Run], Spoken | None]] = {
    "edit": _edit,
    "bench": _bench,
    "merge": _merge,
    "trace": _trace,
    "feature": _feature,
}
"""Kind of run to how it is said."""


def _part(run: Run, name: str) -> Mapping[str, Any]:
    return run.get(name) or {}


def _only(settings: Mapping[str, Any]) -> str | None:
    return ",".join(settings.get("only") or ()) or None


def _unusual(settings: Mapping[str, Any], usual: Mapping[str, str | None]) -> dict[str, Any]:
    """The options that say what is not as usual."""
    return {
        f"--{name.replace('_', '-')}": settings.get(name)
        for name, value in usual.items()
        if settings.get(name) not in (None, value)
    }
