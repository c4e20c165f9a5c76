"""Training: every batch is read once and given to all autoencoders in training, and a killed run goes on."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from assay.edits.tensors import write_tensors
from assay.errors import InputError
from assay.events import Emit, ignore, stage
from assay.models.repeatable import in_fixed_order
from assay.sae.activations import Activations
from assay.sae.coder import SAE
from assay.sae.stream import Stream
from assay.sae.threads import prove_threads
from assay.sae.trainer import Trainer, check_settings
from assay.settings import SaeSettings

SAVE_EVERY = 60.0
"""Seconds between two checkpoints; one takes about a second for 16,384 features."""
TELL_EVERY = 1.0
"""Seconds between two reports of progress."""


@dataclass(frozen=True, eq=False)
class Trained:
    """One finished autoencoder."""

    sae: SAE
    settings: SaeSettings
    steps: int
    token_passes: int
    """Tokens learnt from, repeats counted."""
    tokens: int
    """Different ones among them."""
    left_out: int
    """Tokens of outlying norm, which nothing was learnt from."""
    ev: float
    """Running share of the variance explained at the end, on training batches."""
    dead: int
    """Features that had not fired within the dead window at the end."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, without the weights."""
        return {
            "steps": self.steps,
            "token_passes": self.token_passes,
            "tokens": self.tokens,
            "left_out": self.left_out,
            "ev_training": self.ev,
            "dead_in_training": self.dead,
            "settings": asdict(self.settings),
        }


def train(
    activations: Activations,
    several: Sequence[SaeSettings],
    checkpoints: Path,
    *,
    device: torch.device | str = "cpu",
    save_every: float = SAVE_EVERY,
    emit: Emit = ignore,
) -> list[Trained]:
    """Train one autoencoder per settings on one stream of tokens; they may differ in architecture, k and L1.

    The state is written into the folder ``checkpoints`` now and then; a run that was killed, started again with
    the same arguments, ends as if it had not been. ``forget`` removes it once the results are safe.
    """
    _one_stream(several)
    prove_threads()
    with stage(emit, "statistics", "mean and scale of activations"):
        stream = Stream(activations, several[0])
    trainers = [Trainer(activations.d_model, stream.steps, settings, device) for settings in several]
    path = checkpoint_path(activations, several, checkpoints)
    begin = _restore(trainers, path)
    with stage(emit, "sae", _title(trainers), stream.steps), in_fixed_order(device):
        saved = told = started = time.monotonic()
        for number in range(begin, stream.steps):
            x = stream.at(number).to(device)
            for trainer in trainers:
                trainer.step(number, x)
            now = time.monotonic()
            done = number + 1
            if now - told >= TELL_EVERY or done == stream.steps:
                left = (now - started) / (done - begin) * (stream.steps - done)
                _tell(emit, trainers, done, stream.steps, left)
                told = now
            if now - saved >= save_every or done == stream.steps:
                _save(trainers, done, path)
                saved = time.monotonic()
    return [
        Trained(
            sae=trainer.sae(stream.mean, stream.scale),
            settings=trainer.settings,
            steps=stream.steps,
            token_passes=stream.steps * stream.batch,
            tokens=len(stream),
            left_out=len(activations) - len(stream),
            ev=trainer.ev,
            dead=trainer.dead,
        )
        for trainer in trainers
    ]


def checkpoint_path(activations: Activations, several: Sequence[SaeSettings], folder: Path) -> Path:
    """Where the state of this very training is kept."""
    words = json.dumps([activations.key, *(asdict(settings) for settings in several)])
    return folder / f"{sha256(words.encode()).hexdigest()[:20]}.safetensors"


def forget(activations: Activations, several: Sequence[SaeSettings], folder: Path) -> None:
    """Remove the state of a training whose results are safe."""
    checkpoint_path(activations, several, folder).unlink(missing_ok=True)


def _one_stream(several: Sequence[SaeSettings]) -> None:
    """Raise InputError unless all settings are sound and read the same batches."""
    for settings in several:
        check_settings(settings)
    free = {name: getattr(SaeSettings(), name) for name in ("architecture", "k", "l1")}
    if len({replace(settings, **free) for settings in several}) != 1:
        raise InputError(
            "settings of one training that differ in more than architecture, k and L1",
            "the same batches for all",
            "train them one after another",
        )


def _title(trainers: Sequence[Trainer]) -> str:
    one = trainers[0]
    return f"training {len(trainers)} SAEs" if len(trainers) > 1 else f"training, k {one.settings.k}"


def _tell(emit: Emit, trainers: Sequence[Trainer], done: int, total: int, left: float) -> None:
    one = trainers[-1]
    emit(
        "stage_progress",
        {
            "stage": "sae",
            "title": f"EV {one.ev:.2f}, L0 {one.l0:.0f}, dead {one.dead}",
            "done": done,
            "total": total,
            "seconds_left": left,
            "saes": [
                {
                    "k": t.settings.k,
                    "l1": t.settings.l1,
                    "loss": 1 - t.ev,
                    "ev": t.ev,
                    "l0": t.l0,
                    "dead": t.dead,
                }
                for t in trainers
            ],
        },
    )


def _save(trainers: Sequence[Trainer], step: int, path: Path) -> None:
    tensors = {f"{i}.{name}": t for i, one in enumerate(trainers) for name, t in one.tensors().items()}
    write_tensors(
        path,
        tensors,
        ("assay", json.dumps({"step": step, "trainers": [one.figures() for one in trainers]})),
        "room and permission for the state of the training",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )


def _restore(trainers: Sequence[Trainer], path: Path) -> int:
    """Take up the written state, if there is one; the number of the next step."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads(file.metadata()["assay"])
            # Copies: the file is replaced while the training that was restored from it runs.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError:
        path.unlink()  # written by a machine that died in the middle: begin again
        return 0
    for i, (trainer, figures) in enumerate(zip(trainers, note["trainers"], strict=True)):
        begin = f"{i}."
        mine = {name.removeprefix(begin): t for name, t in tensors.items() if name.startswith(begin)}
        trainer.restore(mine, figures)
    return int(note["step"])
