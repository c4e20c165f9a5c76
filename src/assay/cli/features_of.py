"""What every command of ``assay features`` is about: an SAE, a model, a feature; opened."""

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import inputs, speak

if TYPE_CHECKING:
    from assay.features.material import Material
    from assay.progress import Screen

DEFAULT = "smollm2"

Feature = Annotated[int, typer.Argument(metavar="FEATURE", help="Its number, from 0.")]
SAE = Annotated[str, typer.Option("--sae", help="smollm2, a folder, or owner/name[/folder] on the hub.")]
Model = Annotated[
    str | None,
    typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2. (Default: the SAE's.)"),
]


def material_of(ctx: typer.Context, screen: "Screen", sae: str, model: str | None, seed: int) -> "Material":
    """The SAE with its model, its index and its corpus."""
    with speak.loading(screen):
        from assay.features.opened import open_material
    home = inputs.home_of(ctx)
    return open_material(sae, home.root, home.cache, model=model, seed=seed, emit=screen)
