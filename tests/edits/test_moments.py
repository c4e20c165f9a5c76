"""Second moments against one outer product per token; resumable, cached by content, honest about error."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.corpus.sources import Corpus, corpus
from assay.edits import moments as module
from assay.edits.moments import batches_of, second_moments
from assay.errors import InputError, ModelError
from assay.models.forward import forward
from assay.models.model import Model
from assay.models.tokens import encode
from assay.settings import MomentSettings
from oracles import moments_slowly
from tiny import TEXT, tiny_model

WORDS = TEXT.split()
DOCUMENTS = tuple(" ".join(WORDS[i : i + 14]) for i in range(0, 60, 3))
CORPUS = Corpus("by hand", DOCUMENTS, "1" * 64)
SETTINGS = MomentSettings(tokens=400, tokens_per_dimension=1, row=24)


def taken(model: Model) -> list[list[int]]:
    """The rows that are averaged, one document after another."""
    rows: list[list[int]] = []
    for document in DOCUMENTS:
        if sum(map(len, rows)) < 400:
            rows.append(encode(model, document)[:24])
    return rows


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches of these few tokens."""
    monkeypatch.setattr(module, "BATCH", 60)


def killed(model: Model, cache: Path, layers: list[int], at: int) -> None:
    """A pass that is interrupted after ``at`` batches."""
    ticks = 0

    def die(kind: str, data: object) -> None:
        nonlocal ticks
        ticks += kind == "stage_progress"
        if ticks == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        second_moments(model, CORPUS, cache, layers=layers, settings=SETTINGS, emit=die)


def test_equals_one_outer_product_per_token(some_model: Model, tmp_path: Path) -> None:
    found = second_moments(some_model, CORPUS, tmp_path, layers=[2, 0], settings=SETTINGS)
    rows = taken(some_model)
    assert found.tokens == sum(map(len, rows))
    assert sorted(found.c) == [0, 2]
    for layer in (0, 2):
        slow = moments_slowly(some_model, rows, layer)
        assert float((found.c[layer].double() - slow).norm() / slow.norm()) < 1e-5


def test_a_killed_pass_goes_on_where_it_stopped(llama: Model, tmp_path: Path, short: None) -> None:
    whole = second_moments(llama, CORPUS, tmp_path / "a", layers=[1], settings=SETTINGS)
    killed(llama, tmp_path / "b", [1], at=6)
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
    assert torch.equal(resumed.c[1], whole.c[1]) and resumed.convergence == whole.convergence
    assert [p.suffix for p in (tmp_path / "b" / "moments").iterdir()] == [".safetensors"]


def test_a_layer_joins_a_killed_pass_of_another(llama: Model, tmp_path: Path, short: None) -> None:
    whole = second_moments(llama, CORPUS, tmp_path / "a", layers=[1, 3], settings=SETTINGS)
    killed(llama, tmp_path / "b", [1], at=4)
    killed(llama, tmp_path / "b", [3, 1], at=3)
    joined = second_moments(llama, CORPUS, tmp_path / "b", layers=[3, 1], settings=SETTINGS)
    assert all(torch.equal(joined.c[n], whole.c[n]) for n in (1, 3))
    assert (joined.tokens, joined.convergence) == (whole.tokens, whole.convergence)


def test_a_layer_is_the_same_alone_and_with_others(some_model: Model, tmp_path: Path, short: None) -> None:
    together = second_moments(some_model, CORPUS, tmp_path / "all", layers=range(4), settings=SETTINGS)
    for layer in range(4):
        alone = second_moments(some_model, CORPUS, tmp_path / str(layer), layers=[layer], settings=SETTINGS)
        assert list(alone.c) == [layer]
        assert torch.equal(alone.c[layer], together.c[layer])
        assert alone.convergence[layer] == together.convergence[layer]
        assert alone.tokens == together.tokens


def test_only_missing_layers_are_collected_in_one_pass_that_ends_at_the_highest(
    llama: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[tuple[tuple[int, ...], int]] = []

    def watched(model: Model, batch: object, **how: Any) -> Any:
        passes.append((tuple(how["down_in"]), how["stop"]))
        return forward(model, batch, **how)

    monkeypatch.setattr(module, "forward", watched)
    first = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    assert set(passes) == {((1,), 1)}
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "moments").iterdir()}
    passes.clear()
    more = second_moments(llama, CORPUS, tmp_path, layers=[2, 1, 0], settings=SETTINGS)
    assert set(passes) == {((0, 2), 2)} and len(passes) == len(batches_of(taken(llama)))
    assert torch.equal(more.c[1], first.c[1]) and sorted(more.c) == [0, 1, 2]
    assert (
        files.items() <= {file: file.stat().st_mtime_ns for file in (tmp_path / "moments").iterdir()}.items()
    )
    assert len(list((tmp_path / "moments").iterdir())) == 3


def test_batches_hold_every_row_once_and_pad_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 40)
    rows = [[number] * length for number, length in enumerate([3, 17, 8, 40, 17, 5, 8, 9, 12, 64, 1])]
    batches = batches_of(rows)
    assert sorted(row for batch in batches for row in batch) == sorted(rows)
    assert all(len(b) == 1 or len(b) * max(map(len, b)) <= 40 for b in batches)
    lengths = [len(row) for batch in batches for row in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert batches_of(rows) == batches


def test_the_second_time_comes_from_the_cache_and_other_weights_do_not(llama: Model, tmp_path: Path) -> None:
    first = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    kinds: list[str] = []
    again = second_moments(
        llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS, emit=lambda kind, data: kinds.append(kind)
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


def test_the_relative_error_is_half_the_distance_of_the_halves(
    llama: Model, tmp_path: Path, short: None
) -> None:
    """The sketch is an estimate: with 16 directions its relative error is about 1/sqrt(16 * rank)."""
    found = second_moments(llama, CORPUS, tmp_path, layers=[1], settings=SETTINGS)
    batches = batches_of(taken(llama))
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


@pytest.mark.slow
def test_corpora(tmp_path: Path) -> None:
    book = corpus()
    assert len(book.documents) > 1000 and book.hash == corpus().hash
    assert all(len(d) >= 200 and "<" not in d[:50] for d in book.documents[:50])
    (tmp_path / "a.txt").write_text(TEXT.replace("\n", " ") + "\n\nshort")
    assert len(corpus(str(tmp_path)).documents) == 1
    for name, says in [("nowhere.txt", "no text at"), (str(tmp_path / "b"), "no text at")]:
        with pytest.raises(InputError, match=says):
            corpus(name)
