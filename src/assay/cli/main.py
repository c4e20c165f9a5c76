"""The command ``assay``: nouns and verbs, and what every one of them has in common."""

import atexit
import gc
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli import (
    bench,
    doctor,
    edit,
    edits,
    eval,
    features,
    generators,
    relations,
    report,
    runs,
    sae,
    selfcheck,
    speak,
    trace,
    ui,
)
from assay.errors import InputError
from assay.runs.home import find_home
from assay.steady import hold_to_one_way

BAD_INPUT = 2
STOPPED = 130


COLLECT_AFTER = 200_000
"""New objects between two looks for garbage in cycles; Python's own default is for small programs."""


class Stopped(InputError):
    """Not an error but the user's wish, told in the same three parts."""


class Guarded(TyperGroup):
    """Runs a command; an InputError or a Ctrl-C ends it with its exit status and without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note whether --json was asked for: an error must know it even when the arguments make no sense."""
        ctx.meta["assay.json"] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        as_json = ctx.meta["assay.json"]
        try:
            return super().invoke(ctx)
        except InputError as error:
            speak.explain(error, as_json)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            stop = Stopped(
                "Ctrl-C; a run that was going on keeps what it had finished",
                "the command to end by itself",
                "see the run: assay runs show last; finish its benchmarks: assay bench last --resume; "
                "eval and selfcheck go on when the same command is given again",
            )
            speak.explain(stop, as_json)
            raise typer.Exit(STOPPED) from None
        except Exception as error:
            if as_json and hasattr(error, "format_message"):  # the command line's own usage errors
                usage = InputError(error.format_message(), "arguments as --help lists them", "assay --help")
                speak.say_json({"error": speak.error_json(usage)})
            raise


app = typer.Typer(
    cls=Guarded,
    name="assay",
    help="What a weight edit is really worth: edit one fact, validate it, and measure what the edit did.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        speak.say(f"assay {version('assay')}")
        raise typer.Exit()


@app.callback()
def root(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(envvar="ASSAY_HOME", help="Folder of runs, database and cache. (Default: ~/.assay.)"),
    ] = None,
    db: Annotated[
        str | None,
        typer.Option(
            envvar="ASSAY_DB",
            help="Another database: a SQLite file or a URL. (Default: store.db in the home.)",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What a weight edit is really worth: edit one fact, validate it, and measure what the edit did."""
    ctx.obj = find_home(root=home, database=db)


app.command("edit")(edit.edit)
app.command("bench")(bench.bench)
app.command("trace")(trace.trace)
app.command("selfcheck")(selfcheck.selfcheck)
app.add_typer(edits.app, name="edits")
app.add_typer(runs.app, name="runs")
app.add_typer(eval.app, name="eval")
app.add_typer(sae.app, name="sae")
app.add_typer(features.app, name="features")
app.command("report")(report.report)
app.command("relations")(relations.relations)
app.add_typer(generators.app, name="generators")
app.command("doctor")(doctor.doctor)
app.command("ui")(ui.ui)


def main() -> None:
    """Entry point of the command ``assay``."""
    # Loading the libraries makes a million objects that live to the end: looking through them again and again, and
    # once more at the exit, is a quarter of a short command's time.
    gc.set_threshold(COLLECT_AFTER, 20, 100)
    atexit.register(gc.freeze)
    hold_to_one_way()
    app()


if __name__ == "__main__":
    main()
