"""What scoring a feature reads, kept open from one job to the next: of the SAE that was asked about last, for as long
as its files stay as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.events import Emit, ignore
from assay.features.labels.book import FILE as LABELS
from assay.features.material import Material
from assay.features.opened import material_of
from assay.features.place import TABLE, Place
from assay.features.scorer import Scorer
from assay.models.model import Model
from assay.runs.home import Home
from assay.sae.coder import SAE
from assay.sae.index.find import reader_files
from assay.sae.shipped import open_sae, sae_folder
from assay.web.kept import Kept, Stamp, stamp_of


@dataclass(frozen=True, eq=False)
class _Held:
    sae: SAE
    seed: int
    index: Stamp
    labels: Stamp
    material: Material
    scorer: Scorer


class LastSae:
    """``LastSae(home)``: one for as long as the worker lives."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._saes: Kept[SAE] = Kept(1)
        self._held: _Held | None = None
        self._emit: Emit = ignore

    def sae(self, name: str) -> SAE:
        """The SAE itself. Raises ModelError where there is none, or where it cannot be read."""
        folder = sae_folder(name)
        own = (file for file in folder.iterdir() if file.name not in (LABELS, TABLE))
        return self._saes.get(Path(name), stamp_of(*own), lambda: open_sae(name))

    def scoring(self, name: str, model: Model, seed: int, emit: Emit) -> Scorer:
        """All that scoring its features needs, as ``Scorer.material`` too; ``emit`` hears of it until the next call.

        Labels are read anew where they changed on disk; tables are read whenever they are looked at. Raises InputError
        where there is neither an index nor a digest, and what ``material_of`` raises.
        """
        self._emit = emit
        sae, held = self.sae(name), self._held
        index = stamp_of(*reader_files(self._home.cache, sae.hash, sae_folder(name)))
        same = held is not None and held.sae is sae and held.material.model is model
        if held is not None and same and (held.seed, held.index) == (seed, index):
            labels = _labels(held.material.place)
            if labels == held.labels:
                return held.scorer
            material = held.material.with_labels_anew()
        else:
            self._held = None  # before the next one is opened: they are large
            root, cache = self._home.root, self._home.cache
            material = material_of(
                model, sae, root, cache, folder=sae_folder(name), seed=seed, emit=self._told
            )
            labels = _labels(material.place)
        self._held = _Held(sae, seed, index, labels, material, Scorer(material))
        return self._held.scorer

    def empty(self) -> None:
        """Let go of all of it."""
        self._saes = Kept(1)
        self._held = None

    def _told(self, kind: str, data: Mapping[str, Any]) -> None:
        """Whoever listens now: what is kept outlives the job that it was opened for."""
        self._emit(kind, data)


def _labels(place: Place) -> Stamp:
    folders = (folder for folder in (place.own, place.shipped) if folder is not None)
    return stamp_of(*(folder / LABELS for folder in folders))
