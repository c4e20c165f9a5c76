"""Second moments against one outer product per token; resumable, cached by content, honest about error."""

from pathlib import Path

import pytest
import torch

from assay.corpus.sources import Corpus, corpus
from assay.edits import moments as module
from assay.edits.moments import second_moments
from assay.errors import InputError, ModelError
from assay.models.model import Model
from assay.models.tokens import encode
from assay.settings import MomentSettings
from oracles import moments_slowly
from tiny import TEXT, tiny_model

WORDS = TEXT.split()
DOCUMENTS = tuple(" ".join(WORDS[i : i + 14]) for i in range(0, 60, 3))
CORPUS = Corpus("by hand", DOCUMENTS, "1" * 64)
SETTINGS = MomentSettings(tokens=400, tokens_per_dimension=1, row=24)


def test_equals_one_outer_product_per_token(some_model: Model, tmp_path: Path) -> None:
    found = second_moments(some_model, CORPUS, tmp_path, layers=[2], settings=SETTINGS)
    rows, total = [], 0
    for document in DOCUMENTS:
        row = encode(some_model, document)[:24]
        if total < 400:
            rows.append(row)
            total += len(row)
    assert found.tokens == total
    for layer in (0, 2):
        slow = moments_slowly(some_model, rows, layer)
        assert float((found.c[layer].double() - slow).norm() / slow.norm()) < 1e-5


def test_a_killed_pass_goes_on_where_it_stopped(llama: Model, tmp_path: Path) -> None:
    whole = second_moments(llama, CORPUS, tmp_path / "a", layers=[1], settings=SETTINGS)
    ticks = 0

    def die(kind: str, data: object) -> None:
        nonlocal ticks
        ticks += kind == "stage_progress"
        if ticks == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        second_moments(llama, CORPUS, tmp_path / "b", layers=[1], settings=SETTINGS, emit=die)
    assert [p.suffix for p in (tmp_path / "b" / "moments").iterdir()] == [".partial"]
    seen: list[int] = []
    resumed = second_moments(
        llama,
        CORPUS,
        tmp_path / "b",
        layers=[1],
        settings=SETTINGS,
        emit=lambda kind, data: seen.append(data["done"]) if kind == "stage_progress" else None,
    )
    assert resumed.tokens == whole.tokens and seen[0] > 200
    assert torch.allclose(resumed.c[1], whole.c[1], atol=1e-6)
    assert [p.suffix for p in (tmp_path / "b" / "moments").iterdir()] == [".safetensors"]


def test_the_second_time_comes_from_the_cache_and_other_weights_do_not(llama: Model, tmp_path: Path) -> None:
    first = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    kinds: list[str] = []
    again = second_moments(
        llama, CORPUS, tmp_path, layers=[3], settings=SETTINGS, emit=lambda kind, data: kinds.append(kind)
    )
    assert kinds == [] and torch.equal(again.c[1], first.c[1])
    second_moments(tiny_model("llama", seed=3), CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    assert len(list((tmp_path / "moments").iterdir())) == 2


def test_a_cut_cache_file_is_collected_again(llama: Model, tmp_path: Path) -> None:
    first = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    (file,) = (tmp_path / "moments").iterdir()
    file.write_bytes(file.read_bytes()[:500])
    again = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    assert torch.equal(first.c[1], again.c[1])


def test_the_relative_error_is_half_the_distance_of_the_halves(llama: Model, tmp_path: Path) -> None:
    """The sketch is an estimate: with 16 directions its relative error is about 1/sqrt(16 * rank)."""
    found = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    rows = [encode(llama, d)[:24] for d in DOCUMENTS]
    taken, total = [], 0
    for row in rows:
        if total < 400:
            taken.append(row)
            total += len(row)
    batches = [taken[i : i + module.ROWS_PER_BATCH] for i in range(0, len(taken), module.ROWS_PER_BATCH)]
    odd = moments_slowly(llama, [r for b in batches[0::2] for r in b], 1)
    even = moments_slowly(llama, [r for b in batches[1::2] for r in b], 1)
    exact = float((odd - even).norm() / found.c[1].double().norm() / 2)
    assert found.convergence[1] == pytest.approx(exact, rel=0.5)


def test_solve_inverts_with_a_relative_ridge(llama: Model, tmp_path: Path) -> None:
    found = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    keys = torch.randn(llama.d_mlp, 3)
    c = found.c[1].double()
    ridged = c + 0.01 * c.diagonal().mean() * torch.eye(len(c), dtype=torch.float64)
    assert torch.allclose(ridged @ found.solve(1, keys, 0.01), keys.double(), atol=1e-8)
    with pytest.raises(ModelError, match="no second moments for layer 99"):
        found.solve(99, keys)


def test_large_models_collect_only_the_wanted_layers(
    llama: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALL_LAYERS_UP_TO", 1)
    found = second_moments(llama, CORPUS, tmp_path, layers=[3, 1], settings=SETTINGS)
    assert sorted(found.c) == [1, 3]


def test_corpora(tmp_path: Path) -> None:
    book = corpus()
    assert len(book.documents) > 1000 and book.hash == corpus().hash
    assert all(len(d) >= 200 and "<" not in d[:50] for d in book.documents[:50])
    (tmp_path / "a.txt").write_text(TEXT.replace("\n", " ") + "\n\nshort")
    assert len(corpus(str(tmp_path)).documents) == 1
    for name, says in [("nowhere.txt", "no text at"), (str(tmp_path / "b"), "no text at")]:
        with pytest.raises(InputError, match=says):
            corpus(name)
