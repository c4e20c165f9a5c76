"""Files of installed packages: found through their metadata, read as data, never imported."""

from importlib import metadata
from pathlib import Path

from assay.errors import MissingPackage


def packaged(package: str, end: str, source: str, install: str) -> Path:
    """The file of ``package`` whose path ends so. Raises MissingPackage with the install line."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(end):
            return Path(str(file.locate()))
    raise MissingPackage(f"no text for the corpus {source!r}", f"the package {package}", install)
