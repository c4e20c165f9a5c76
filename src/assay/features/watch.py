"""An autoencoder that watches one run: a warning before the edit, the footprint after it, both told as events."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.edits.delta import Edit
from assay.events import Emit, stage
from assay.features.carried import Carried, carried
from assay.features.footprint import Footprint, footprint
from assay.features.known import Features, read_known
from assay.features.place import place_of
from assay.features.streams import layer_of, on_subject, whole
from assay.generators.plan import Plan
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.shipped import find_sae
from assay.settings import FeatureSettings


@dataclass(frozen=True, eq=False)
class Watch:
    """What is needed to look at an edit through an autoencoder."""

    sae: SAE
    known: Features
    settings: FeatureSettings

    def check(self, model: Model) -> None:
        """Raise Mismatch or InputError unless the autoencoder can read this model."""
        layer_of(model, self.sae)

    def before(self, model: Model, plan: Plan, emit: Emit) -> Carried:
        """What carries the subject in the unedited model, emitted as ``carried``."""
        with stage(emit, "carried", "features of the subject"):
            subject = on_subject(model, plan.request.subject, _prompts(plan))
            found = carried(model, self._on(model), subject, self.known, self.settings)
        emit("carried", found.to_json())
        return found

    def after(self, model: Model, edit: Edit, plan: Plan, emit: Emit) -> Footprint:
        """The footprint of an edit that is not applied, emitted as ``footprint``."""
        with stage(emit, "footprint", "feature footprint"):
            subject = on_subject(model, plan.request.subject, _prompts(plan))
            elsewhere = whole(model, plan.neutral)
            sae = self._on(model)
            found = footprint(model, [edit], sae, subject, elsewhere, self.known, self.settings)
        emit("footprint", found.to_json())
        return found

    def _on(self, model: Model) -> SAE:
        return self.sae.to(model.device)


def watching(
    name_or_path: str | None, model_id: str, home: Path, settings: FeatureSettings | None = None
) -> Watch | None:
    """The autoencoder that was asked for, else the model's default one, with what is known of its features; None for
    none. ``home`` holds the user's own scores and labels.

    Raises ModelError when one was asked for that does not exist or cannot be read.
    """
    settings = settings or FeatureSettings()
    found = find_sae(name_or_path, model_id)
    if found is None:
        return None
    place = place_of(home, found.sae.hash, found.folder)
    return Watch(found.sae, read_known(place, found.sae, settings), settings)


def _prompts(plan: Plan) -> Iterable[str]:
    return [plan.request.prompt, *(probe.prompt for probe in plan.paraphrases)]
