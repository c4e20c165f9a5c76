"""JSON that any reader accepts: NaN and infinities become null, never a token that is not JSON."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def clean(value: Any) -> Any:
    """``value`` as plain JSON types: numbers that are not finite become None, numpy scalars plain numbers."""
    match value:
        case None | bool() | int():
            return value
        case str():  # half a surrogate pair (from undecodable bytes) is in no UTF-8 file
            return value.encode("utf-8", "replace").decode("utf-8")
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): clean(item) for key, item in value.items()}
        case list() | tuple():
            return [clean(item) for item in value]
        case set() | frozenset():
            return [clean(item) for item in sorted(value)]
        case Path():
            return str(value)
    if hasattr(value, "tolist"):  # numpy and torch, without importing either
        return clean(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def dumps(value: Any, indent: int | None = None) -> str:
    """One strict JSON document, in plain UTF-8 text."""
    return json.dumps(clean(value), indent=indent, ensure_ascii=False, allow_nan=False)
