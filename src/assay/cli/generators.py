"""``assay generators``: which there are, and how they compare on the same edits."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay import asked
from assay.cli import inputs, speak
from assay.errors import InputError

app = typer.Typer(help="Who makes the probes, and how they compare.", no_args_is_help=True)


@app.command("compare")
def compare(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="GENERATOR GENERATOR...", help="catalogue, llm:MODEL, local:MODEL, replay:RUN."
        ),
    ],
    cases: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Edits of a data set's file. (Default: eight that come along.)"),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many edits.")] = None,
    model: inputs.Model = "smollm2",
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    seed: inputs.Seed = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again; else go on.")] = False,
    json: speak.Json = False,
) -> None:
    """Measure the same edits with the probes of several generators.

    Stop it when you like: the same command goes on where it stopped, and asks nothing twice.
    """
    home = inputs.home_of(ctx)
    named = [asked.generator(name) for name in names]
    url = _address(named, base_url, timeout)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.generators.compare.cases import cases_of, names_of
            from assay.generators.compare.run import Comparison, run_compare
            from assay.generators.means import means_in
            from assay.generators.table import named as kind_of
            from assay.models.opened import open_model
            from assay.runs.replayed import replayed
            from assay.runs.store import Store
        edits = cases_of(cases, limit)
        if replays := [name for name in named if kind_of(name)[0] == "replay"]:
            if len(edits.requests) > 1:
                raise InputError(
                    f"{replays[0]} for {len(edits.requests)} edits",
                    "the one edit that its probes are about",
                    "add --limit 1, or --cases FILE with that edit alone",
                )
            with Store(home) as store:
                named = [replayed(store, name, edits.requests[0]) for name in named]
        wanted = Comparison(names_of(named), edits, seed, fresh=fresh)
        loaded = open_model(model, home.cache, screen)
        means = means_in(home.cache, url, timeout, screen)
        document = run_compare(loaded, wanted, means, home, screen)
    if json:
        speak.say_json(document)
    else:
        _show(document)


def _address(names: Sequence[str], base_url: str | None, timeout: float | None) -> str | None:
    """The server's address, checked with every generator that asks one."""
    from assay.generators.table import named

    asks = [name for name in names if named(name)[0] == "llm"]
    if not asks and (base_url is not None or timeout is not None):
        raise InputError(
            "--base-url or --timeout without a generator that asks a server",
            "llm:MODEL among the generators",
            "leave it out, or name a model",
        )
    return [asked.endpoint(name, base_url, timeout) for name in asks][-1] if asks else None


def _show(document: Mapping[str, Any]) -> None:
    """One table of the generators, one of their agreement for each two of them."""
    found = document["generators"]
    count = len(document["cases"]["requests"])
    speak.say(f"{count} edits ({document['cases']['title']}) on {document['model']['id']}")
    speak.say("")
    rows = [(title, *(write(row) for row in found.values())) for title, write in FIGURES.items()]
    if any(row["dollars"] is not None for row in found.values()):
        rows.append((DOLLARS, *(_dollars(row["dollars"]) for row in found.values())))
    speak.table(("", *found), rows, right=tuple(found))
    for pair in document["agreement"]:
        first, second = pair["generators"]
        speak.say("")
        speak.say(f"Scores by {first} and by {second}, edit by edit")
        columns = ("benchmark", "edits", "means", "difference", "95%", "rho", "rho 95%")
        speak.table(columns, [_agreement(row) for row in pair["benchmarks"]], right=columns[1:])
    for line in _explained(document):
        speak.say(line)


def _agreement(row: Mapping[str, Any]) -> tuple[str, ...]:
    means, rho = row["means"], row["rho"]
    return (
        row["title"],
        str(row["n"]),
        "-" if means is None else " ".join(map(_two, means)),
        _two(row["difference"]),
        _ends(row["interval"]),
        _two(rho["rho"]),
        _ends(rho["interval"]),
    )


def _explained(document: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Difference: mean absolute difference of the two scores. Rho: Spearman's over the edits that both score."
    for pair in document["agreement"]:
        few = sorted({row["rho"]["reason"] for row in pair["benchmarks"] if row["rho"]["reason"]})
        if few:
            yield f"No rho where {'; '.join(few)}."


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _ends(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else " ".join(map(_two, interval))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _dollars(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _quartiles(row: Mapping[str, Any] | None) -> str:
    return "-" if row is None else " ".join(map(_two, row["quartiles"]))


FIGURES: Mapping[str, Any] = {
    "accepted by the audit": lambda row: _share(row["acceptance"]),
    "rejected": lambda row: f"{row['rejected']:,}",
    "asked again": lambda row: f"{row['again']:,}",
    "prompts per edit": lambda row: f"{row['asked']:.0f}",
    "scores that could not be made": lambda row: f"{row['unscored']:,}",
    "distinct": lambda row: _share(row["distinct"]),
    "distance of two prompts": lambda row: _two(row["distance"]),
    "P(target) before, quartiles": lambda row: _quartiles(row["p_before"]),
    "P(target) after, quartiles": lambda row: _quartiles(row["p_after"]),
    "seconds to make, per edit": lambda row: f"{row['seconds_plan']:.1f}",
    "seconds to measure, per edit": lambda row: f"{row['seconds_suite']:.1f}",
    "tokens in": lambda row: f"{row['tokens_in']:,}",
    "tokens out": lambda row: f"{row['tokens_out']:,}",
}
"""Row of the table to how it is written."""
DOLLARS = "dollars, at list prices"
"""A further row where any price is known."""
