"""The coder itself: activation functions, the sparse form, contributions, the hash, what it refuses."""

from dataclasses import replace

import pytest
import torch
from foreign import D_IN, D_SAE, Draw, K, topk
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from assay.errors import InputError, Mismatch, ModelError
from assay.sae import coder
from assay.sae.coder import SAE, Architecture


def sae_of(architecture: Architecture = "relu", seed: int = 0, **more: object) -> SAE:
    draw = Draw(seed)
    return SAE(
        id="toy",
        architecture=architecture,
        W_enc=draw(D_IN, D_SAE),
        b_enc=draw(D_SAE),
        W_dec=draw(D_SAE, D_IN),
        b_dec=draw(D_IN),
        threshold=draw.positive(D_SAE) if architecture == "jumprelu" else None,
        k=K if architecture == "topk" else None,
        **more,  # type: ignore[arg-type]
    )


def vectors(n: int = 40, seed: int = 1) -> Tensor:
    return Draw(seed)(n, D_IN)


def test_relu_keeps_what_is_positive() -> None:
    sae, x = sae_of("relu"), vectors()
    assert torch.equal(sae.encode(x), sae.pre(x).clamp(min=0))


def test_topk_keeps_the_largest() -> None:
    sae, x = sae_of("topk"), vectors()
    assert torch.equal(sae.encode(x), topk(sae.pre(x)))


def test_topk_never_makes_up_activations() -> None:
    sae = sae_of("topk")
    sae = replace(sae, b_enc=sae.b_enc - 100)
    assert not sae.encode(vectors()).any()


def test_jumprelu_gives_what_exceeds_its_threshold_and_not_the_excess() -> None:
    sae, x = sae_of("jumprelu"), vectors()
    pre, codes = sae.pre(x), sae.encode(x)
    assert sae.threshold is not None
    assert torch.equal(codes[pre > sae.threshold], pre[pre > sae.threshold])
    assert not codes[pre <= sae.threshold].any()
    exact = replace(sae, threshold=pre[0])
    assert not exact.encode(x)[0].any()  # at the threshold is not above it


def test_scale_belongs_to_the_model_not_to_the_coder() -> None:
    plain, scaled, x = sae_of(), sae_of(scale=4.0), vectors()
    assert torch.equal(scaled.encode(x / 4), plain.encode(x))
    assert torch.equal(scaled.decode(plain.encode(x)), plain.decode(plain.encode(x)) / 4)


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("architecture", ["relu", "topk", "jumprelu"])
def test_folding_changes_nothing(architecture: Architecture, subtract: bool) -> None:
    sae, x = sae_of(architecture, scale=0.3, subtract_b_dec=subtract), vectors()
    folded = sae.folded()
    assert folded.scale == 1 and folded.folded() is folded
    assert torch.allclose(folded.encode(x), sae.encode(x), atol=1e-5)
    assert torch.allclose(folded.decode(folded.encode(x)), sae.decode(sae.encode(x)), atol=1e-4)
    assert torch.allclose(folded.contribution(2, 1.5), sae.contribution(2, 1.5), atol=1e-5)


def test_contributions_and_bias_add_up_to_the_decoding() -> None:
    sae, x = sae_of("topk", scale=0.5), vectors(1)
    codes = sae.encode(x)[0]
    fired = codes.nonzero()[:, 0]
    total = sae.contribution(fired, codes[fired]).sum(0) + sae.b_dec / sae.scale
    assert torch.allclose(total, sae.decode(codes[None])[0], atol=1e-5)
    first = sae.contribution(int(fired[0]), float(codes[fired[0]]))
    assert torch.equal(first, sae.contribution(fired, codes[fired])[0])
    assert sae.contribution(fired[:0], codes[:0]).shape == (0, D_IN)


@given(
    n=st.integers(0, 30),
    block=st.integers(1, 200),
    floor=st.sampled_from([0.0, 0.25, 1.0, 100.0]),
    architecture=st.sampled_from(["relu", "topk", "jumprelu"]),
    seed=st.integers(0, 1000),
)
def test_sparse_is_dense(n: int, block: int, floor: float, architecture: Architecture, seed: int) -> None:
    """Whatever the size of the blocks, down to one row each."""
    sae, x = sae_of(architecture, seed), vectors(n, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coder, "CHUNK", block)
        codes = sae.encode_sparse(x, floor)
    dense = torch.zeros(n, D_SAE)
    dense[codes.row, codes.feature.long()] = codes.value
    want = torch.cat([sae.encode(row[None]) for row in x]) if n else dense
    assert torch.allclose(dense, torch.where(want > floor, want, 0.0), atol=1e-5)
    assert codes.n == n and (codes.value > floor).all()
    assert (codes.row.dtype, codes.feature.dtype, codes.value.dtype) == (
        torch.int64,
        torch.int32,
        torch.float32,
    )
    place = codes.row * D_SAE + codes.feature
    assert (place.diff() > 0).all()  # by row, then by feature, none twice


@pytest.mark.parametrize("floor", [0.0, 0.25])
def test_sparse_is_dense_whatever_the_threshold(floor: float) -> None:
    """Thresholds below 0, between 0 and the floor, and above it: bit for bit."""
    thresholds = torch.linspace(-1, 1, D_SAE)
    sae, x = replace(sae_of("jumprelu"), threshold=thresholds), vectors(200)
    codes, dense = sae.encode_sparse(x, floor), sae.encode(x)
    assert torch.equal(torch.stack((codes.row, codes.feature)).T, (dense > floor).nonzero())
    assert torch.equal(codes.value, dense[dense > floor])
    assert (codes.value < 0.5).any() and (thresholds < 0).any()


class Watched(SAE):
    """Notes how many rows are ever dense at once."""

    def pre(self, x: Tensor) -> Tensor:
        self.metadata["rows"].append(len(x))
        return super().pre(x)


def test_sparse_holds_no_full_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coder, "CHUNK", 5 * D_SAE)
    rows: list[int] = []
    plain = sae_of()
    sae = Watched("toy", "relu", plain.W_enc, plain.b_enc, plain.W_dec, plain.b_dec, metadata={"rows": rows})
    assert sae.encode_sparse(vectors(23)).n == 23
    assert rows == [5, 5, 5, 5, 3]


def test_other_dtypes_are_held_in_float32() -> None:
    sae = sae_of()
    half = replace(sae, W_enc=sae.W_enc.bfloat16())
    assert half.W_enc.dtype == torch.float32
    assert half.encode(vectors().bfloat16()).dtype == torch.float32


def test_hash_is_of_the_numbers() -> None:
    sae = sae_of("topk")
    same = (replace(sae, id="other", layer=2, metadata={"a": 1}), sae.to("cpu"))
    assert {other.hash for other in same} == {sae.hash}
    changed = (
        replace(sae, W_dec=sae.W_dec * 2),
        replace(sae, k=2),
        replace(sae, scale=2.0),
        replace(sae, subtract_b_dec=False),
        replace(sae, architecture="relu", k=None),
    )
    assert len({sae.hash, *(other.hash for other in changed)}) == 6


def text(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


def test_wrong_width() -> None:
    sae = sae_of(model_id="gpt2", layer=3)
    with pytest.raises(Mismatch) as error:
        sae.encode(torch.zeros(2, 5))
    assert "vectors of width 5 for the SAE toy" in text(error)
    assert "width 7, as gpt2 has" in text(error)
    with pytest.raises(Mismatch, match="vectors of width 768"):
        sae.check(768)
    sae.check(D_IN)


def test_wrong_layer() -> None:
    sae = sae_of(layer=3)
    sae.check(D_IN, 3)
    with pytest.raises(Mismatch) as error:
        sae.check(D_IN, 4)
    assert "layer 4 for the SAE toy, which was trained after block 3" in text(error)
    assert "read layer 3, or load the SAE of layer 4" in text(error)
    sae_of().check(D_IN, 4)  # it does not say where it was trained


def test_another_place_than_the_residual_stream() -> None:
    with pytest.raises(Mismatch) as error:
        sae_of(hook="blocks.3.hook_mlp_out").check(D_IN, 3)
    assert "the SAE toy reads blocks.3.hook_mlp_out" in text(error)
    assert "wanted: an SAE of the residual stream after a block" in text(error)


@pytest.mark.parametrize("feature", [-1, D_SAE])
def test_no_such_feature(feature: int) -> None:
    for call in (sae_of().check_feature, lambda f: sae_of().contribution(f, 1.0)):
        with pytest.raises(Mismatch) as error:
            call(feature)
        assert f"feature {feature} of the SAE toy" in text(error)
        assert "a feature from 0 to 18" in text(error)
    assert sae_of().check_feature(18) == 18
    with pytest.raises(Mismatch, match="feature 19"):
        sae_of().contribution(torch.tensor([0, 19]), torch.ones(2))


def test_negative_floor() -> None:
    with pytest.raises(InputError, match=r"a floor of -0\.5"):
        sae_of().encode_sparse(vectors(), -0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"W_enc": torch.zeros(D_SAE)}, r"W_enc of shape \(19,\)"),
        ({"b_enc": torch.zeros(D_IN)}, r"b_enc of shape \(7,\) beside W_enc of shape \(7, 19\)"),
        ({"W_dec": torch.zeros(D_IN, D_SAE)}, r"W_dec of shape \(7, 19\) beside"),
        ({"b_dec": torch.zeros(D_SAE)}, r"wanted: b_dec of shape \(7,\)"),
        ({"b_dec": torch.full((D_IN,), float("nan"))}, "b_dec holds infinite or NaN numbers"),
        ({"W_dec": torch.full((D_SAE, D_IN), float("inf"))}, "W_dec holds infinite or NaN"),
        ({"architecture": "jumprelu"}, "no threshold in a coder of architecture jumprelu"),
        ({"threshold": torch.zeros(D_SAE)}, "a threshold in a coder of architecture relu"),
        ({"architecture": "topk"}, "no k in a coder of architecture topk"),
        ({"k": 3}, "k = 3 in a coder of architecture relu"),
        ({"architecture": "topk", "k": 20}, "k = 20 of 19 features"),
        ({"scale": 0.0}, r"a scale of 0\.0"),
        ({"scale": float("nan")}, "a scale of nan"),
    ],
)
def test_parts_that_do_not_belong_together(change: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        replace(sae_of(), **change)  # type: ignore[arg-type]
