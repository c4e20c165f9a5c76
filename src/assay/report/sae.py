"""Autoencoders as lines of tables: held-out figures, a sweep, an index, one that was imported."""

from collections.abc import Mapping, Sequence
from typing import Any

FIGURES: Sequence[str] = ("figure", "value", "what it is")
"""The columns of ``figures`` and ``indexed``."""


def figures(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """One line per figure of an ``Evaluation.to_json()``."""
    of = f"of {found['tokens']:,} held-out tokens"
    return [
        ("L0", f"{found['l0']:.1f}", f"active features, mean {of}"),
        ("", f"{found['l0_p5']:.0f} to {found['l0_p95']:.0f}", "5th to 95th percentile"),
        ("EV", f"{found['ev']:.3f}", "variance explained, outlying tokens left out"),
        ("", f"{found['ev_all']:.3f}", f"the same with the {found['outliers']} outlying tokens"),
        (
            "recovered",
            _share(found["recovered_zero"]),
            f"of the loss, over zeros; {found['ce_tokens']:,} tokens",
        ),
        ("", _share(found["recovered_mean"]), "the same over the mean"),
        ("dead", _share(found["dead"]), f"features that fired on none {of}"),
        ("dense", _share(found["dense"]), "features that fired on more than a tenth"),
    ]


def indexed(about: Mapping[str, Any], found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """One line per figure of an index: its ``About.to_json()`` and its summary."""
    of = f"of {about['d_sae']:,} features"
    return [
        ("tokens", f"{about['n_tokens']:,}", f"in {about['n_sentences']:,} sentences"),
        ("L0", f"{found['l0']:.1f}", "active features per token, mean"),
        ("dead", f"{found['dead']:,}", f"{of}: fired on no token"),
        ("dense", f"{found['dense']:,}", f"{of}: fired on more than a tenth of the tokens"),
    ]


def imported(was: Mapping[str, Any], became: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, as it was, as it became) of an ``Imported.to_json()``."""
    lines = [
        (name, _word(was[key]), _word(became[key]))
        for name, key in (
            ("format", "format"),
            ("activation", "architecture"),
            ("k", "k"),
            ("width", "d_in"),
            ("features", "features"),
            ("scale", "scale"),
            ("model", "model"),
            ("reads", "hook"),
            ("after block", "layer"),
        )
        if key != "k" or was[key] is not None
    ]
    folded = was["scale"] != became["scale"]
    return [
        (name, a, f"{b} (folded into the weights)" if folded and name == "scale" else b)
        for name, a, b in lines
    ]


def kept(dtype: str, rounding: float, size: int) -> str:
    """What became of the numbers: the matrices' dtype, the largest ``rounding`` of a feature's direction over its
    length, and the folder's bytes."""
    how = "exact" if rounding == 0 else f"each direction within {rounding:.1e} of its length"
    return f"matrices in {dtype}, {how}; {size / 1e6:.1f} MB"


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
