"""What a home knows of an autoencoder's features: its newest index, else the digest that came with the weights."""

from collections.abc import Callable
from pathlib import Path

from assay.sae.coder import SAE
from assay.sae.index import bank, effects, neighbours
from assay.sae.index.build import newest_index, no_index
from assay.sae.index.digest import IndexDigest, digest_path
from assay.sae.index.files import RECORD
from assay.sae.index.index import FeatureIndex
from assay.sae.index.reader import IndexReader


def reader_files(cache: Path, sae_hash: str, folder: Path | None) -> list[Path]:
    """The files that say which index or digest ``find_reader`` gives, and whether it has changed; none where there is
    neither. ``folder`` is the autoencoder's own."""
    found = newest_index(cache, sae_hash)
    if found is not None:
        names = (RECORD, effects.FILE, neighbours.FILE, f"{bank.FOLDER}/{bank.RECORD}")
        return [found / name for name in names]
    digest = digest_path(folder)
    return [] if digest is None else [digest]


def open_reader(
    cache: Path, sae_hash: str, folder: Path | None, sae: Callable[[], SAE]
) -> IndexReader | None:
    """The index of this SAE that was finished last, else the digest in its own folder; None where there is neither.

    ``sae`` gives the weights where a digest needs them. Raises StoreError for what is damaged, Mismatch for a digest of
    another SAE.
    """
    files = reader_files(cache, sae_hash, folder)
    if not files:
        return None
    if files[0].name == RECORD:
        return FeatureIndex(files[0].parent)
    digest = IndexDigest(files[0], cache, sae)
    digest.check_sae(sae_hash)
    return digest


def find_reader(cache: Path, sae: SAE, folder: Path | None) -> IndexReader:
    """The same. Raises InputError where there is neither."""
    found = open_reader(cache, sae.hash, folder, lambda: sae)
    if found is None:
        raise no_index(sae)
    return found
