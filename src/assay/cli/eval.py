"""``assay eval``: the papers' metrics on a published data set of edits."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay import asked
from assay.cli import inputs, speak
from assay.errors import InputError
from assay.settings import VARIANTS, EditSettings, Settings

app = typer.Typer(help="Run a published data set with its paper's metrics.")

HELP: Mapping[str, str] = {
    "counterfact": "Run CounterFact: efficacy, paraphrases, neighbours.",
    "zsre": "Run zsRE: efficacy, paraphrase, specificity.",
    "mquake": "Run MQuAKE: multi-hop and single-hop accuracy.",
    "rippleedits": "Run RippleEdits: accuracy on each of the six criteria.",
}
"""Format to what its command does."""

ALL = "all"
KNOWN = ("argmax", "preferred", ALL)
"""What --known takes: the rules of assay.evals.known, or every fact."""


def _command(format: str) -> Callable[..., None]:
    def evaluate(
        ctx: typer.Context,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="The data set's JSON file.")],
        model: inputs.Model = "smollm2",
        layers: Annotated[
            str | None,
            typer.Option(help="Layers to edit, with commas: 3,5,7. (Default: the model's own.)"),
        ] = None,
        method: Annotated[str, typer.Option(help="rome or memit.")] = "rome",
        variants: Annotated[str, typer.Option(help="Variants of ROME, with commas: r-rome,rome.")] = VARIANTS[
            0
        ],
        known: Annotated[
            str,
            typer.Option(
                help="Which facts the model must know: argmax (it says them), preferred (it prefers the true "
                "object, also on neighbours), or all."
            ),
        ] = "argmax",
        limit: Annotated[int | None, typer.Option(min=1, help="At most so many (known) cases.")] = None,
        contexts: Annotated[
            int | None,
            typer.Option(min=2, help="Sampled prefixes per edit; fewer is faster. (Default: five.)"),
        ] = None,
        benchmarks: Annotated[
            bool,
            typer.Option(
                "--benchmarks",
                help="Also run the thirteen benchmarks on every edit, and correlate them with the metrics.",
            ),
        ] = False,
        seed: inputs.Seed = 0,
        workers: inputs.Workers = None,
        fresh: Annotated[bool, typer.Option("--fresh", help="Begin again; else go on.")] = False,
        json: speak.Json = False,
    ) -> None:
        chosen_layers = _layers(layers)
        names = tuple(asked.variant(name) for name in _words(variants, "--variants", "r-rome"))
        asked.method(method)
        rule = asked.chosen("--known", known, KNOWN)
        home = inputs.home_of(ctx)
        with speak.screen() as screen:
            from assay.datasets.table import load

            dataset = load(file, format)
            with speak.loading(screen):
                from assay.evals.run import EvalOptions, run_eval
                from assay.models.opened import open_model
                from assay.scale.executor import default_workers
            loaded = open_model(model, home.cache, screen)
            options = EvalOptions(
                layers=chosen_layers,
                method=method,
                variants=names,
                rule=None if rule == ALL else rule,
                limit=limit,
                seed=seed,
                fresh=fresh,
                benchmarks=benchmarks,
                workers=workers or default_workers(loaded.device.type),
            )
            document = run_eval(loaded, dataset, options, home, screen, _settings(contexts))
        if json:
            speak.say_json(document)
        else:
            _show(document)

    evaluate.__doc__ = f"""{HELP[format]}

    Stop it when you like: the same command goes on where it stopped.
    """
    return evaluate


for _format in HELP:
    app.command(_format)(_command(_format))


def _words(text: str, option: str, example: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise InputError(f"an empty {option}", "names separated by commas", f"for example {option} {example}")
    return words


def _layers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    words = _words(text, "--layers", "3,5,7")
    if not all(word.isascii() and word.isdigit() for word in words):
        raise InputError(
            f"layers {text!r}", "numbers of blocks counted from 0, with commas", "for example --layers 3,5,7"
        )
    return tuple(int(word) for word in words)


def _settings(contexts: int | None) -> Settings:
    """The defaults, or with so many contexts, half of them of 5 tokens and half of 10 as in the paper."""
    if contexts is None:
        return Settings()
    half = contexts // 2
    return Settings(edit=EditSettings(contexts=((contexts - half, 5), (half, 10))))


def _show(document: Mapping[str, Any]) -> None:
    """The counts, then one table per layer and variant."""
    counts, model = document["counts"], document["model"]
    speak.say(f"{document['dataset']['title']} on {model['id']} ({model['hash'][:12]})")
    speak.say(
        f"{counts['run']} cases run of {counts['records']}; not known {counts['unknown']}, "
        f"not asked {counts['not_asked']}, skipped {sum(counts['skipped'].values())}"
    )
    if document["known_rule"]:
        speak.say(f"known: {document['known_rule']}")
    for reason, count in counts["skipped"].items():
        speak.say(f"  skipped {count}: {reason}")
    for cell in document["cells"]:
        speak.say(f"\nLayer {cell['layer']}, {cell['variant']}: {cell['seconds_per_case']:.1f} s a case")
        rows = [
            (
                m["id"],
                _number(m["before"]),
                _number(m["value"]),
                _interval(m["interval"]),
                str(m["n"]),
                m["title"],
            )
            for m in cell["metrics"]
            if m["n"]
        ]
        columns = ("x 100", "before", "after", "95%", "n", "what it is")
        speak.table(columns, rows, right=("before", "after", "95%", "n"))
        for purpose, tally in cell["tests"].items():
            if tally["filtered"]:
                speak.say(f"  {purpose}: {tally['filtered']} of {tally['tests']} tests filtered out")
        empty = [m["id"] for m in cell["metrics"] if not m["n"]]
        if empty:
            speak.say("  nothing to score: " + ", ".join(empty))
        if cell["benchmarks"]:
            _show_benchmarks(cell["benchmarks"])
        speak.say(f"  {cell['file']}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _interval(interval: list[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.1f} to {interval[1]:.1f}"


WIDTH = 80
TITLE = 27
"""Columns of a terminal, and of the longest title of a benchmark."""
CELL = 9
"""Columns of an interval: ``-.31 -.02``."""


def _show_benchmarks(found: Mapping[str, Any]) -> None:
    """The benchmarks beside the paper's metrics: rho in one line, its interval below it."""
    speak.say(f"\nThe thirteen on the same edits, n = {found['cases']}")
    if found["several_facts"]:
        speak.say(f"  left out, cases with several facts: {found['several_facts']}")
    if found["generic"]:
        speak.say(f"  generic probes, relation not recognised: {found['generic']}")
    speak.say("Spearman's rho with the paper's metrics over cases, below it the 95% interval")
    for metrics in _blocks([metric["id"] for metric in found["metrics"]]):
        speak.say(_columns("benchmark", metrics, metrics))
        for row in found["scores"]:
            cells = [c for c in row["correlations"] if c["metric"] in metrics]
            speak.say(_columns(row["title"], metrics, [_decimal(c["rho"]) for c in cells]))
            speak.say(_columns(_about(row, cells), metrics, [_ends(c["interval"]) for c in cells]))
    for line in (*_missing(found["scores"]), *_unscored(found["scores"])):
        speak.say(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    "))


def _blocks(metrics: Sequence[str]) -> Iterator[list[str]]:
    """As many metrics side by side as the width holds."""
    block: list[str] = []
    for metric in metrics:
        if block and len(_columns("", [*block, metric], [*block, metric])) > WIDTH:
            yield block
            block = []
        block.append(metric)
    yield block


def _columns(first: str, metrics: Sequence[str], cells: Sequence[str]) -> str:
    """One line of the table; a metric's column is as wide as its name or an interval."""
    pairs = zip(metrics, cells, strict=True)
    return f"{first:{TITLE}}" + "".join(f" {cell:>{max(CELL, len(metric))}}" for metric, cell in pairs)


def _about(row: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    """A benchmark's mean score and the cases behind its correlations."""
    counts = sorted({cell["n"] for cell in cells})
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"  mean {_decimal(row['mean'])}, n {n}"


def _missing(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Why there is no rho: each reason once, with the benchmarks or metrics that it holds for."""
    from assay.evals.correlation import FEW, FEWEST, SAME_METRIC

    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        for cell in row["correlations"]:
            reason = cell["reason"]
            if reason:
                of_metric = reason == SAME_METRIC or (reason == FEW and row["n"] >= FEWEST)
                reasons.setdefault(reason, {})[cell["metric"] if of_metric else row["title"]] = None
    for reason, names in reasons.items():
        yield f"no rho, {reason}: {', '.join(names)}"


def _unscored(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the benchmarks could not score, and why."""
    for row in rows:
        for reason, count in row["unscored"].items():
            yield f"{row['title']} without {count}: {reason}"


def _decimal(value: float | None) -> str:
    """Two places without the leading zero, as correlations are written."""
    if value is None:
        return "-"
    text = f"{value:.2f}"
    return text[:-3] if text.endswith("1.00") else "0" if float(text) == 0 else text.replace("0.", ".", 1)


def _ends(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else " ".join(map(_decimal, interval))
