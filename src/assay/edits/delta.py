"""An edit is data: low-rank factors and where they come from. Applied in a ``with``, undone bit for bit."""

import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assay.edits.tensors import write_tensors
from assay.errors import Mismatch, ModelError, StoreError
from assay.generators.plan import Request
from assay.models.model import Model

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Update:
    """A low-rank change of one down-projection: W + left @ right.T, in (d_model, d_mlp) orientation.

    The factors lie on the processor, whatever device made them, as those of an edit read from its file do.
    """

    layer: int
    left: Float[Tensor, "d_model rank"]
    """float64"""
    right: Float[Tensor, "d_mlp rank"]
    """float64"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", self.left.cpu())
        object.__setattr__(self, "right", self.right.cpu())

    def dense(self) -> Float[Tensor, "d_model d_mlp"]:
        """The whole change, float64."""
        return self.left @ self.right.T


@dataclass(frozen=True, eq=False)
class Edit:
    """One or several facts written as low-rank updates, with everything needed to trust or repeat them."""

    requests: tuple[Request, ...]
    """The facts, one for ROME."""
    method: str
    variant: str
    updates: tuple[Update, ...]
    model_id: str
    model_hash: str
    """Hash of the unedited weights this edit was made for."""
    seed: int
    contexts: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    """What was measured while making it: loss curve, norms, key ratio, seconds."""

    @property
    def request(self) -> Request:
        """The first (for ROME the only) fact."""
        return self.requests[0]

    @property
    def id(self) -> str:
        """Twelve hex digits over the weights it is for and the factors: the same edit has the same id."""
        digest = sha256(self.model_hash.encode())
        for update in self.updates:
            for factor in (update.left, update.right):
                digest.update(f"{update.layer} {tuple(factor.shape)}".encode())
                digest.update(factor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]

    @property
    def layer(self) -> int:
        """The lowest edited layer."""
        return min(u.layer for u in self.updates)

    @contextmanager
    def applied(self, model: Model) -> Iterator[Model]:
        """The model with this edit in its weights, inside the ``with``; the exact old bits afterwards.

        Edits nest. The weights are restored after any exception and after Ctrl-C, too.
        """
        self.check(model)
        kept: list[tuple[Tensor, Tensor]] = []
        try:
            for update in self.updates:
                weight = model.down(update.layer).weight
                change = update.left.to(weight.device) @ update.right.to(weight.device).T
                change = change.T if model.family.transposed else change
                edited = (weight.double() + change).to(weight.dtype)
                if not torch.isfinite(edited).all():
                    raise ModelError(
                        f"the edited weights of layer {update.layer} are not finite",
                        "a finite update",
                        "edit another layer, or raise the ridge of the second moments",
                    )
                kept.append((weight, weight.detach().clone()))
                weight.data.copy_(edited)
            yield model
        finally:
            with _no_interrupt():
                for weight, original in reversed(kept):
                    weight.data.copy_(original)

    def check(self, model: Model) -> None:
        """Raise Mismatch unless this edit was made for these weights."""
        if self.model_hash != model.hash:
            raise Mismatch(
                f"an edit made for weights {self.model_hash[:12]} ({self.model_id}) and a model with weights "
                f"{model.hash[:12]} ({model.id})",
                "the very weights the edit was made for",
                f"load {self.model_id}, or make the edit anew for {model.id}",
            )

    def to_json(self) -> dict[str, Any]:
        """Everything but the tensors."""
        return {
            "format": FORMAT,
            "requests": [r.to_json() for r in self.requests],
            "method": self.method,
            "variant": self.variant,
            "layers": [u.layer for u in self.updates],
            "model_id": self.model_id,
            "model_hash": self.model_hash,
            "seed": self.seed,
            "contexts": list(self.contexts),
            "settings": dict(self.settings),
            "figures": dict(self.figures),
        }

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file (about 20 KB for a rank-one edit of the default model), atomically."""
        path = Path(path)
        tensors = {}
        for number, update in enumerate(self.updates):
            tensors[f"{number}.left"] = update.left
            tensors[f"{number}.right"] = update.right
        note = ("assay-edit", json.dumps(self.to_json()))
        write_tensors(path, tensors, note, "room and permission", "free space or save elsewhere")
        return path


def load_edit(path: str | Path) -> Edit:
    """Read an edit that ``Edit.save`` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            meta = json.loads((file.metadata() or {})["assay-edit"])
            updates = tuple(
                Update(layer, file.get_tensor(f"{n}.left"), file.get_tensor(f"{n}.right"))
                for n, layer in enumerate(meta["layers"])
            )
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise StoreError(
            f"{path} cannot be read as an edit: {str(error).splitlines()[0][:160]}",
            "a file written by Edit.save (edit.safetensors of a run)",
            "check the path; if the file was cut short, make the edit again from its run",
        ) from error
    if meta["format"] != FORMAT:
        raise StoreError(
            f"edit format {meta['format']}", f"format {FORMAT}", "use the version of assay that wrote it"
        )
    return Edit(
        requests=tuple(Request(**r) for r in meta["requests"]),
        method=meta["method"],
        variant=meta["variant"],
        updates=updates,
        model_id=meta["model_id"],
        model_hash=meta["model_hash"],
        seed=meta["seed"],
        contexts=tuple(meta["contexts"]),
        settings=meta["settings"],
        figures=meta["figures"],
    )


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Hold back Ctrl-C for the few milliseconds in which weights are put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pending.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pending:
            signal.raise_signal(signal.SIGINT)
