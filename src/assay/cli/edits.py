"""``assay edits``: the edits that are stored, and what can be done with one."""

from pathlib import Path
from typing import Annotated

import typer

from assay import asked
from assay.cli import inputs, speak

app = typer.Typer(help="Stored edits: list, show, apply to a folder, revert, export.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A local Hugging Face model folder.")]


@app.command("list")
def list_edits(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that did not validate.")] = False,
    json: speak.Json = False,
) -> None:
    """List the stored edits, newest first."""
    from assay.runs.store import Store

    with Store(inputs.home_of(ctx)) as store:
        edits = store.edits(rolled_back=every)
    if json:
        speak.say_json({"edits": [edit.to_json() for edit in edits]})
    elif not edits:
        speak.say("No edit is stored yet. Make one: assay edit --prompt ... --subject ... --target ...")
    else:
        rows = [
            (edit.run_id, edit.state.replace("_", " "), str(edit.layer), edit.model_id or "-")
            for edit in edits
        ]
        speak.table(("run", "state", "layer", "model"), rows, right=("layer",))


@app.command("show")
def show(ctx: typer.Context, run: inputs.Run, json: speak.Json = False) -> None:
    """Show one stored edit and how it validated."""
    from assay.runs.store import Store

    with Store(inputs.home_of(ctx)) as store:
        run_id, path = store.edit_file(run)
        document = store.document(run_id)
    kept = ("run_id", "request", "model", "edit", "validation")
    if json:
        speak.say_json({**{name: document[name] for name in kept}, "file": path})
        return
    request, edit = document["request"], document["edit"]
    rows = [
        ("run", run_id),
        ("prompt", request["prompt"]),
        ("subject", request["subject"]),
        ("target", request["target"]),
        ("model", f"{document['model']['id']} ({document['model']['hash'] or 'hash not recorded'})"),
        ("layer", str(edit["layer"])),
        ("method", " ".join(filter(None, (edit["method"], edit["variant"])))),
        ("file", str(path)),
    ]
    rows += [
        (
            f"check {check['id']}",
            f"{check['value']} (needs {check['threshold']}): {'pass' if check['passed'] else 'FAIL'}",
        )
        for check in document["validation"]["checks"]
    ]
    speak.table(("what", "value"), rows)


@app.command("export")
def export(
    ctx: typer.Context,
    run: inputs.Run,
    out: Annotated[Path, typer.Option(help="Folder to write; made if it is not there.")],
    json: speak.Json = False,
) -> None:
    """Write a model folder with the edit merged in."""
    from assay.runs.store import Store
    from assay.runs.trouble import explained_files

    home = inputs.home_of(ctx)
    with Store(home) as store:
        run_id, path = store.edit_file(run)
        model_id = str(store.run(run_id).model_id)
    with speak.screen() as screen, speak.loading(screen):
        from assay.edits import merge
    with speak.screen(), explained_files(out):
        merge.export(path, model_id, out, home.cache)
    _done(json, run_id, "exported", out)


@app.command("apply")
def apply(ctx: typer.Context, run: inputs.Run, model_folder: Folder, json: speak.Json = False) -> None:
    """Write the edit into a model folder in place.

    The original tensors are kept in DIR/.assay for 'assay edits revert'.
    """
    run_id = _change(ctx, run, model_folder, "apply")
    _done(json, run_id, "applied", model_folder)


@app.command("revert")
def revert(ctx: typer.Context, run: inputs.Run, model_folder: Folder, json: speak.Json = False) -> None:
    """Put the original tensors back, bit for bit."""
    run_id = _change(ctx, run, model_folder, "revert")
    _done(json, run_id, "reverted", model_folder)


def _change(ctx: typer.Context, run: str, model_folder: Path, verb: str) -> str:
    """Apply or revert the edit of ``run`` in ``model_folder``; returns the run's id."""
    from assay.runs.store import Store
    from assay.runs.trouble import explained_files

    asked.folder(model_folder, "model folder")
    home = inputs.home_of(ctx)
    with Store(home) as store:
        run_id, path = store.edit_file(run)
    with speak.screen() as screen, speak.loading(screen):
        from assay.edits import merge
    with speak.screen(), explained_files(model_folder):
        {"apply": merge.apply, "revert": merge.revert}[verb](path, model_folder, home.cache)
    return run_id


def _done(as_json: bool, run_id: str, what: str, where: Path) -> None:
    if as_json:
        speak.say_json({"run_id": run_id, "state": what, "folder": where})
    else:
        speak.say(f"Edit of {run_id} {what}: {where}")
