"""How far features moved, by hand."""

from dataclasses import replace

import pytest
import torch
from slow_footprint import axes_sae

from assay.features.shift import shift_of
from assay.sae.coder import SAE

SAE_ = axes_sae(2, 0)
"""Features 0 and 1 are the axes, 2 and 3 the same ones, negative."""


def rows(*vectors: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(vectors, dtype=torch.float32)


def test_a_text_counts_as_much_as_another_however_long_it_is() -> None:
    before = [rows((1, 0)), rows((0, 2), (0, 2), (0, 2), (0, 2))]
    after = [rows((4, 0)), rows((0, 2), (0, 2), (0, 2), (0, -2))]
    found = shift_of(SAE_, before, after)
    # Feature 0 moved by 3 in the first text; 1 and 3 by 2 each at one of the second's four tokens.
    assert found.change.tolist() == pytest.approx([1.5, 0.25, 0, 0.25])
    assert found.active_before.tolist() == [True, True, False, False]
    assert found.active_after.tolist() == [True, True, False, True]
    assert found.length == pytest.approx((3 + 4 / 4) / 2)
    assert found.relative == pytest.approx((3 + 2 / 4) / 2)
    assert found.explained == pytest.approx(1)


def test_explained_is_less_than_nothing_where_features_point_away() -> None:
    wrong = replace(SAE_, W_dec=-SAE_.W_dec)
    found = shift_of(wrong, [rows((1, 1))], [rows((2, 1))])
    assert (found.explained, found.cosine) == (pytest.approx(1 - 4), pytest.approx(-1))
    deaf = replace(SAE_, W_enc=torch.zeros_like(SAE_.W_enc))
    silent = shift_of(deaf, [rows((1, 1))], [rows((2, 1))])
    assert (silent.explained, silent.cosine) == (0, None)


def test_no_change_explains_nothing_and_is_not_zero() -> None:
    same = [rows((1, 1))]
    found = shift_of(SAE_, same, same)
    assert (found.length, found.relative, found.explained, found.cosine) == (0, 0, None, None)


def test_a_factor_on_the_input_leaves_the_streams_unit() -> None:
    scaled = replace(SAE_, scale=0.25)
    found = shift_of(scaled, [rows((4, 0))], [rows((8, 0))])
    assert found.change.tolist() == [1, 0, 0, 0] and found.explained == pytest.approx(1)


def test_working_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch.Generator().manual_seed(0)
    before, after = ([torch.randn(n, 2, generator=draw) for n in (3, 1, 7)] for _ in range(2))
    at_once = shift_of(SAE_, before, after)
    sizes = []

    class Counted(SAE):
        def encode(self, x: torch.Tensor) -> torch.Tensor:
            sizes.append(len(x))
            return super().encode(x)

    monkeypatch.setattr("assay.features.shift.CHUNK", 2 * 4 * 2)
    in_blocks = shift_of(
        Counted(**{name: getattr(SAE_, name) for name in SAE_.__dataclass_fields__}), before, after
    )
    assert sizes == [2] * 10 + [1] * 2
    assert in_blocks.change == pytest.approx(at_once.change)
    assert in_blocks.explained == pytest.approx(at_once.explained)
