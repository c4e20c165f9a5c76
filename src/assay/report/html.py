"""One self-contained HTML file per run: no requests, no script needed, nothing in it can act.

The page forbids everything by its own policy except its one style sheet and its one small script, each
named by hash. Every string of the run passes ``text.clean`` and then the template's escaping.
"""

import os
from base64 import b64encode
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined
from markupsafe import Markup

from assay.errors import StoreError
from assay.report import cards, charts, curves, feature_panels, footprint, heatmap, judged, view, words
from assay.report.cards import Run
from assay.report.command import command
from assay.report.feature_naming import cost_words
from assay.report.glossary import BENCHMARKS, CHECKS
from assay.report.text import clean, one_line, token


def render(run: Run) -> str:
    """The page as text; the same run gives the same text."""
    known = environment()
    source = partial(_source, known)
    style, script = source("report.css"), source("report.js.j2")
    return known.get_template("report.html.j2").render(
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        **shown(run),
    )


def shown(run: Run) -> dict[str, Any]:
    """What the templates of a run's parts are filled in with."""
    thirteen = cards.benches(run)
    return {
        "run": {part: run.get(part) for part in _PARTS},
        "request": run.get("request") or {},
        "thirteen": thirteen,
        "all_thirteen": cards.all_of_them(thirteen),
        "failures_first": cards.failures_first(thirteen),
        "groups": tuple(cards.by_group(thirteen)),
        "tally": cards.tally(thirteen),
        "any_scored": cards.any_scored(run),
        "status": view.status(run),
        "gaps": view.gaps(run),
        "checks": view.checks(run),
        "layer": view.layer(run),
        "curves": {card.id: _curve(card, run) for card in thirteen},
        "trace": heatmap.heatmap(run.get("trace"), view.layer(run), view.layer_mark(run)),
        "glossary": BENCHMARKS,
        "checks_glossary": CHECKS,
    }


_PARTS = (
    *("run_id", "kind", "status", "created_at", "finished_at", "request", "model", "settings", "versions"),
    *(
        "generator",
        "trace",
        "candidates",
        "edit",
        "validation",
        "carried",
        "footprint",
        "feature",
        "benchmarks",
        "reading",
        "timings",
    ),
    *("schema_version", "error"),
)


def write_report(run: Run, path: Path) -> Path:
    """Write the page to ``path``, whole or not at all; returns ``path``."""
    page = render(run).encode()
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StoreError(
            came=f"could not write the report {path}: {error.strerror or error}",
            wanted=f"a place that can take a file of {max(1, len(page) // 1000):,} kB",
            todo="free some space or choose another folder, then run: assay report RUN",
        ) from error
    return path


def _curve(card: cards.Bench, run: Run) -> Markup | None:
    """The curve of a benchmark whose steps are one; the steps of others stand side by side."""
    match card.id:
        case "sequential_collapse_threshold":
            return curves.collapse_curve(card.data, view.collapse_line(run))
        case "sequential_edit_retention":
            return curves.retention_curve(card.data)
    return None


def _source(known: Environment, name: str) -> str:
    assert known.loader is not None
    return known.loader.get_source(known, name)[0]


def _hash(inside: str) -> str:
    return "sha256-" + b64encode(sha256(inside.encode()).digest()).decode()


def _finalize(value: Any) -> Any:
    """What every ``{{ ... }}`` passes on its way out, before escaping."""
    if isinstance(value, Markup):
        return value
    return words.NONE if value is None or isinstance(value, Undefined) else clean(value)


@cache
def environment() -> Environment:
    """The templates' own filters and functions, with escaping."""
    # Compiling the templates takes longer than filling them in; nothing changes the environment later.
    made = Environment(
        loader=PackageLoader("assay.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": words.number,
        "probability": words.probability,
        "interval": words.interval,
        "seconds": words.seconds,
        "one_line": one_line,
        "token": token,
        "flat": view.flat,
        "anchor": anchor,
        "wording": lambda key: str(key).replace("_", " "),
    }
    made.globals |= {
        "charts": charts,
        "loss_curve": curves.loss_curve,
        "view": view,
        "words": words,
        "command": command,
    }
    made.globals |= {"target_curve": curves.target_curve, "features": footprint, "command": command}
    made.globals |= {"panels": feature_panels, "judge_later": judged.later, "cost_words": cost_words}
    return made


def anchor(id: Any) -> str:
    """A benchmark's id as a fragment that is safe in a link."""
    return "b-" + "".join(c if c.isascii() and c.isalnum() else "-" for c in str(id)[:60])
