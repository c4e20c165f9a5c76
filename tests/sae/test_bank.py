"""The sentence bank: its halves, and its numbers against every sentence run alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.corpus.embed import Embedder
from assay.corpus.sentences import sentences_of
from assay.corpus.sources import hashed
from assay.errors import InputError, Mismatch, StoreError
from assay.models.model import Model
from assay.models.tokens import plain_ids
from assay.sae.index.bank import FOLDER, RECORD, Bank, held_out, make_bank
from assay.sae.index.build import build_index
from assay.sae.rows import SHORTEST
from banked import CONTEXT, DEAD, DENSE, LAYER, banked, prose, random_sae, silent
from oracles import codes_slowly
from small import Heard
from tiny import tiny_model
from training import one_thread  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

SHORT = "The capital of the capital the."
"""Thirty characters and more, of which the tiny tokenizer makes fewer tokens than a row must have."""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def alone(model: Model, text: str, context: int) -> tuple[list[np.ndarray], list[int]]:
    """Activations of a sentence's rows, each run by itself, and its tokens; rows too short to be run left out."""
    ids, lead = plain_ids(model, text), [] if model.start is None else [model.start]
    room = context - len(lead)
    rows = [ids[at : at + room] for at in range(0, len(ids), room)]
    kept = [row for row in rows if len(row) >= SHORTEST]
    sae = random_sae(model)
    return [codes_slowly(model, sae, LAYER, [*lead, *row]) for row in kept], [
        id for row in kept for id in row
    ]


@pytest.mark.parametrize("context", [128, 24])
def test_every_value_is_that_of_the_sentence_run_alone(
    llama: Model, embedder: Embedder, tmp_path: Path, context: int
) -> None:
    """In the short context every sentence is several rows; the largest activation of all of them counts."""
    corpus = hashed(
        "mixed", [*prose(40).documents, *(f"{SHORT} It has {n} towers, all old." for n in range(60))]
    )
    bank = Bank(banked(llama, tmp_path, embedder, corpus=corpus, context=context))
    found = np.stack([bank.values(feature) for feature in range(24)], 1)
    several = 0
    for number, text in enumerate(bank.sentences.texts):
        codes, ids = alone(llama, text, context)
        several += len(codes) > 1
        assert bank.tokens(number) == ids
        if not codes:
            assert np.isnan(found[number]).all() and bank.example(DENSE, number) is None
            continue
        wanted = np.concatenate(codes).max(0)
        # float16 keeps 11 bits; what lies at its threshold may fall on the other side of 0.
        assert found[number] == pytest.approx(wanted, rel=1e-3, abs=1e-4)
        for feature in (DEAD, DENSE, 5):
            example = bank.example(feature, number)
            assert example is not None
            assert (
                example.value == found[number, feature] == pytest.approx(wanted[feature], rel=1e-3, abs=1e-4)
            )
            row = codes[int(np.argmax([part[:, feature].max() for part in codes]))]
            assert example.activations == pytest.approx(row[:, feature], rel=1e-3, abs=1e-4)
            assert example.text == text if len(codes) == 1 and context == 128 else example.text in text
    assert (several > 20) == (context == 24)
    assert SHORT in bank.sentences.texts and np.isnan(found).any()
    assert np.isfinite(found).all(1).sum() == len(bank) - 1
    assert (found[np.isfinite(found).all(1), DEAD] == 0).all()


def test_the_halves_are_of_different_documents_that_the_index_has_not(
    llama: Model, embedder: Embedder, tmp_path: Path
) -> None:
    index = banked(llama, tmp_path, embedder)
    bank, parts = Bank(index), held_out(prose())
    assert set(bank.sentences.texts) == set(sentences_of(parts.held_out.documents))
    assert not set(bank.sentences.texts) & set(sentences_of(parts.train.documents))
    home = {text: n for n, document in enumerate(prose().documents) for text in sentences_of([document])}
    deciding, scoring = (
        {home[text] for text in half.texts} for half in (bank.deciding_half, bank.scoring_half)
    )
    assert deciding and scoring and not deciding & scoring
    assert len(bank) == len(bank.deciding_half) + len(bank.scoring_half)
    assert bank.deciding.sum() == bank.n_deciding == len(bank.deciding_half)
    assert bank.sentences.vectors == pytest.approx(embedder(bank.sentences.texts), abs=1e-6)


def test_a_sentence_of_both_halves_decides_and_does_not_score(
    llama: Model, embedder: Embedder, tmp_path: Path
) -> None:
    """The same sentence stands in every document."""
    again = "Everybody says that the capital of Italy is Rome."
    corpus = hashed("again", [f"{text} {again}" for text in prose(80).documents])
    bank = Bank(banked(llama, tmp_path, embedder, corpus=corpus))
    assert again in bank.deciding_half.texts and again not in bank.scoring_half.texts


def test_at_most_so_many_sentences(llama: Model, embedder: Embedder, tmp_path: Path) -> None:
    sae, parts = random_sae(llama), held_out(prose())
    index = build_index(llama, sae, parts.train, tmp_path, tokens=500, context=CONTEXT)
    bank = make_bank(index, llama, sae, parts.held_out, embedder, sentences=14)
    assert (bank.n_deciding, len(bank)) == (7, 14)
    (bank.folder / "bank-1.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=r"bank-1.json cannot be read.*\n.*\n  to do:  delete the folder"):
        Bank(index)


def test_what_is_missing(llama: Model, embedder: Embedder, tmp_path: Path) -> None:
    sae, parts = random_sae(llama), held_out(prose())
    index = build_index(llama, sae, parts.train, tmp_path, tokens=500, context=CONTEXT)
    with pytest.raises(StoreError, match=r"no sentence bank in .*\n.*\n  to do:  run assay sae index again"):
        Bank(index)
    few = hashed("few", prose(40, 1).documents)
    with pytest.raises(
        InputError, match=r"\d+ and \d+ held-out sentences in corpus 'few, held out'\n  wanted: at least 5"
    ):
        make_bank(index, llama, sae, held_out(few).held_out, embedder)
    with pytest.raises(InputError, match="none of them on one side of the split"):
        make_bank(index, llama, sae, hashed("one", parts.held_out.documents[:1]), embedder)
    with pytest.raises(Mismatch, match="an index of the SAE random"):
        make_bank(index, llama, silent(sae), parts.held_out, embedder)
    with pytest.raises(Mismatch, match="an index of the model tiny-llama"):
        make_bank(index, tiny_model("llama", 1), sae, parts.held_out, embedder)
    assert not (index.folder / FOLDER / RECORD).exists()


@pytest.mark.parametrize("stage", ["codes", "sort", "embed"])
def test_interrupted_anywhere_it_goes_on(
    llama: Model, tmp_path: Path, embedder: Embedder, stage: str
) -> None:
    sae, parts = random_sae(llama), held_out(prose())
    index = build_index(llama, sae, parts.train, tmp_path / "stopped", tokens=500, context=CONTEXT)

    def stop(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "stage_progress" and data["stage"] == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_bank(index, llama, sae, parts.held_out, Embedder(), emit=stop)
    with pytest.raises(StoreError, match="no sentence bank"):
        Bank(index)
    heard = Heard()
    again = make_bank(index, llama, sae, parts.held_out, embedder, emit=heard)
    stages = {str(event["stage"]) for event in heard.of("stage_started")}
    assert ("codes" in stages) == (stage == "codes"), "what was finished is not made again"
    other = build_index(llama, sae, parts.train, tmp_path / "whole", tokens=500, context=CONTEXT)
    whole = make_bank(other, llama, sae, parts.held_out, embedder)
    assert again.sentences.texts == whole.sentences.texts
    assert again.sentences.vectors == pytest.approx(whole.sentences.vectors, abs=1e-6)
    assert all(np.array_equal(again.values(f), whole.values(f), equal_nan=True) for f in range(24))
    heard = Heard()
    make_bank(index, llama, sae, parts.held_out, embedder, emit=heard)
    assert heard.events == []


def test_an_sae_that_never_fires(llama: Model, embedder: Embedder, tmp_path: Path) -> None:
    bank = Bank(banked(llama, tmp_path, embedder, silent(random_sae(llama))))
    assert all((bank.values(feature) == 0).all() for feature in (0, 1, 23))
    example = bank.example(3, 0)
    assert example is not None and example.value == 0 and bank.sentences.texts[0].startswith(example.text)
