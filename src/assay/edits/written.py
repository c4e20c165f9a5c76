"""What an edit wrote, read off the edit itself: nothing is optimised again."""

from typing import Any

import torch

from assay.edits.delta import Edit
from assay.edits.key_value import KeyValue, keys_of, mean_key
from assay.edits.solve import output
from assay.models.model import Model
from assay.settings import EditSettings


def settings_of(edit: Edit) -> EditSettings:
    """The settings that the edit was made with; what it does not record is the default."""
    known: dict[str, Any] = {k: v for k, v in edit.settings.items() if k in EditSettings.__dataclass_fields__}
    if "contexts" in known:  # JSON has no tuples
        known["contexts"] = tuple(tuple(c) for c in known["contexts"])
    return EditSettings(**known)


def written(model: Model, edit: Edit) -> KeyValue:
    """Key and value of the edit's first fact: v = W' k of its mean key, on the model as it is now."""
    keys = keys_of(model, edit.layer, edit.request, edit.contexts or ("",))
    k_mean = mean_key(keys, settings_of(edit).bare_weight)
    with edit.applied(model):
        v = output(model, edit.layer, k_mean[:, None])[:, 0]
    v_start = output(model, edit.layer, keys[:1].T)[:, 0]
    return KeyValue(edit.layer, k_mean, keys[0], v_start.float(), v.to(torch.float64), (), ())
