"""Packed ablation against one whole forward pass of the whole model an ablation."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import InputError, ModelError
from assay.features import packed
from assay.features.packed import Effects, Queries, ablate
from assay.models.model import Model
from oracles import ablate_slowly
from small import Heard
from tiny import tiny_model

FLOOR = 1e-7
"""Nats; what an ablation of nothing may read."""


def token_rows(*lengths: int, seed: int = 0) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, 400, (n,), generator=generator).tolist() for n in lengths]


def random_queries(model: Model, rows: list[list[int]], n: int, seed: int = 0) -> Queries:
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(0, len(rows), (n,), generator=generator)
    lengths = torch.tensor([len(row) for row in rows])[chosen]
    positions = (torch.rand(n, generator=generator) * lengths).long()
    return Queries(chosen, positions, torch.randn(n, model.d_model, generator=generator))


def slowly(
    model: Model, layer: int, rows: list[list[int]], queries: Queries
) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [
        ablate_slowly(model, layer, rows[row], position, delta)
        for row, position, delta in zip(
            queries.rows.tolist(), queries.positions.tolist(), queries.deltas, strict=True
        )
    ]
    kl, entropy = torch.tensor(pairs, dtype=torch.float64).T
    return kl, entropy


def assert_equal(found: Effects, kl: torch.Tensor, entropy: torch.Tensor) -> None:
    assert torch.allclose(found.kl.double(), kl, rtol=1e-4, atol=1e-9)
    assert torch.allclose(found.entropy.double(), entropy, rtol=1e-5)


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_equals_a_whole_forward_an_ablation(any_model: Model, layer: int) -> None:
    rows = token_rows(9, 5, 12, 1)
    queries = random_queries(any_model, rows, 14)
    assert_equal(ablate(any_model, layer, rows, queries), *slowly(any_model, layer, rows, queries))


def test_small_ablations_keep_their_digits(any_model: Model) -> None:
    """KL falls with the square of the vector down to where float32 has nothing left to say."""
    rows = token_rows(8)
    queries = random_queries(any_model, rows, 4)
    small = replace(queries, deltas=queries.deltas * 1e-2)
    whole, part = (
        ablate(any_model, 1, rows, small).kl,
        ablate(any_model, 1, rows, replace(small, deltas=small.deltas / 8)).kl,
    )
    assert torch.allclose(whole / 64, part, rtol=0.2)


def test_nothing_subtracted_changes_nothing(any_model: Model) -> None:
    rows = token_rows(11, 40)
    queries = random_queries(any_model, rows, 30)
    found = ablate(any_model, 1, rows, replace(queries, deltas=torch.zeros_like(queries.deltas)))
    assert found.kl.min() >= 0 and found.kl.max() < FLOOR


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    n=st.integers(0, 12),
    seed=st.integers(0, 9),
    queries_at_once=st.integers(1, 6),
    tokens=st.integers(1, 20),
)
def test_however_the_queries_are_cut_into_batches(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int], n: int, seed: int, queries_at_once: int, tokens: int
) -> None:
    monkeypatch.setattr(packed, "QUERIES", queries_at_once)
    monkeypatch.setattr(packed, "TOKENS", tokens)
    model = tiny_model("llama")
    rows = token_rows(*lengths, seed=seed)
    queries = random_queries(model, rows, n, seed)
    heard = Heard()
    found = ablate(model, 1, rows, queries, heard)
    assert len(found.kl) == n
    if n:
        assert_equal(found, *slowly(model, 1, rows, queries))
        done = [event["done"] for event in heard.of("stage_progress")]
        assert done == sorted(done) and done[-1] == n


def test_an_ablation_that_turns_the_impossible_likely_is_finite(llama: Model) -> None:
    rows = token_rows(6)
    queries = random_queries(llama, rows, 3)
    weight = llama.module.lm_head.weight
    weight.mul_(200)
    found = ablate(llama, 3, rows, replace(queries, deltas=queries.deltas * 1e3))
    assert torch.isfinite(found.kl).all() and found.kl.max() > 88
    assert_equal(found, *slowly(llama, 3, rows, replace(queries, deltas=queries.deltas * 1e3)))


def test_the_model_is_left_as_it_was(any_model: Model) -> None:
    rows = token_rows(6)
    before = any_model.module(torch.tensor(rows)).logits
    ablate(any_model, 0, rows, random_queries(any_model, rows, 4))
    assert torch.equal(before, any_model.module(torch.tensor(rows)).logits)
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in any_model.blocks)


@pytest.mark.parametrize(("row", "position"), [(2, 0), (-1, 0), (1, 4), (0, -1)])
def test_a_query_outside_the_rows(llama: Model, row: int, position: int) -> None:
    queries = Queries(torch.tensor([0, row]), torch.tensor([0, position]), torch.zeros(2, llama.d_model))
    with pytest.raises(InputError) as told:
        ablate(llama, 0, token_rows(6, 4), queries)
    assert str(told.value) == (
        f"an ablation at row {row}, position {position}\n"
        "  wanted: a position inside one of the 2 token rows\n"
        "  to do:  count rows and positions from 0, the start token included"
    )


def test_a_vector_of_another_width(llama: Model) -> None:
    with pytest.raises(InputError, match=r"vectors of width 7 to subtract in tiny-llama\n  wanted: width 32"):
        ablate(llama, 0, token_rows(3), Queries(torch.tensor([0]), torch.tensor([0]), torch.zeros(1, 7)))


def test_a_layer_that_does_not_exist(llama: Model) -> None:
    with pytest.raises(ModelError, match="layer 4 of tiny-llama"):
        ablate(llama, 4, token_rows(3), random_queries(llama, token_rows(3), 1))


@pytest.mark.parametrize("family", ["mistral", "gemma2", "gemma3"])
def test_rows_that_outgrow_a_sliding_window(family: str) -> None:
    model = tiny_model(family, sliding_window=5)
    rows = token_rows(5)
    queries = random_queries(model, rows, 4)
    assert_equal(ablate(model, 1, rows, queries), *slowly(model, 1, rows, queries))
    with pytest.raises(ModelError) as told:
        ablate(model, 1, token_rows(6), queries)
    assert str(told.value) == (
        f"a row of 6 tokens for tiny-{family}, whose attention slides over 5\n"
        "  wanted: rows of at most 5 tokens\n"
        "  to do:  cut the text into shorter rows"
    )
