"""``assay relations``: what the catalogue knows how to ask about."""

from typing import Annotated

import typer

from assay.cli import speak


def relations(
    search: Annotated[str, typer.Option(help="Only relations with this text in id, label or example.")] = "",
    json: speak.Json = False,
) -> None:
    """List the catalogue's relations: the ids that --relation takes."""
    rows = [row for row in _rows() if search.lower() in " ".join(row.values()).lower()]
    if json:
        speak.say_json({"relations": rows})
    elif not rows:
        speak.say(f"No relation has {search!r} in it. All of them: assay relations")
    else:
        cells = [(row["id"], f"{row['subject_kind']} > {row['object_kind']}", row["example"]) for row in rows]
        speak.table(("relation", "from > to", "example"), cells)


def _rows() -> list[dict[str, str]]:
    """Id, label, kinds and one example prompt of every relation."""
    from assay.generators.catalogue.relations import load_relations

    names = ("id", "label", "subject_kind", "object_kind", "example")
    return [{name: getattr(relation, name) for name in names} for relation in load_relations().values()]
