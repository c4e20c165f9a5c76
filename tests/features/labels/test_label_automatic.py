"""Automatic labels find what was planted, and are decided on sentences that they were not found on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import planted_labels as p
from assay.corpus.embed import Embedder
from assay.errors import Mismatch
from assay.features.labelling import label_all, relabel_all
from assay.features.labels.automatic import Deciding, automatic_labels
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.features.labels.relabel import INSPECTED, WORDS, relabel
from assay.features.material import Material
from assay.features.place import place_of
from assay.features.text import IndexedText
from assay.sae.index.bank import Bank
from assay.sae.index.index import FeatureIndex
from embedding import embedder
from small import Heard
from tiny import tiny_model

pytestmark = pytest.mark.slow

Planted = tuple[FeatureIndex, Bank, Embedder]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("planted")
    model = tiny_model("llama")
    sae = p.random_sae(model)
    index, bank = p.planted(model, sae, folder / "cache")
    return Material(model, sae, index, bank, embedder(), place_of(folder, sae.hash, None))


@pytest.fixture(scope="module")
def found(material: Material) -> dict[int, Labelled]:
    m = material
    some = automatic_labels(m.index, m.bank, m.embed, m.text)
    assert len({one.feature for one in some}) == len(some)
    return {one.feature: one for one in some}


@pytest.fixture(scope="module")
def deciding(material: Material) -> Deciding:
    return Deciding(material.bank, material.embed)


@pytest.fixture
def fresh(material: Material, tmp_path: Path) -> Material:
    """The same with an empty book of its own."""
    return replace(material, place=place_of(tmp_path, material.sae.hash, None))


def test_what_was_planted_is_found(found: dict[int, Labelled]) -> None:
    assert found[p.RIVER].label == 'the word "river"'
    assert found[p.YEARS].label == "years"
    assert found[p.ING].label == 'words ending in "-ing"'
    for feature in (p.RIVER, p.YEARS, p.ING):
        figures = found[feature].figures
        assert figures["r_index"] == pytest.approx(1, abs=0.05) and figures["r"] == pytest.approx(1, abs=0.05)
        assert figures["coverage"] == pytest.approx(1) and 0.1 < (figures["base"] or 0) < 0.6
        assert (figures["d"] or 0) > 5
    assert {one.source for one in found.values()} == {"automatic"}


def test_every_live_feature_has_a_label_and_no_silent_one(found: dict[int, Labelled]) -> None:
    assert set(found) == set(range(8)) - {p.DEAD}


def test_held_out_sentences_decide(found: dict[int, Labelled]) -> None:
    """In the index the castle goes with it best; on the deciding sentences it is the bridge."""
    assert found[p.TURNED].label == 'the word "bridge"'
    assert (found[p.TURNED].figures["r"] or 0) > 0.9 > (found[p.TURNED].figures["r_index"] or 0)


def test_where_the_deciding_half_is_silent_the_index_decides(found: dict[int, Labelled]) -> None:
    assert found[p.HALF].label == 'the word "palace"'
    assert found[p.HALF].figures["r"] is None and (found[p.HALF].figures["r_index"] or 0) > 0.9


def test_a_feature_that_is_the_same_everywhere_has_no_figures(found: dict[int, Labelled]) -> None:
    assert set(found[p.SAME].figures.values()) == {None}


def test_figures_are_those_of_a_plain_count(material: Material, deciding: Deciding) -> None:
    bank = material.bank
    half, n = bank.sentences.texts[: bank.n_deciding], bank.n_deciding
    values = bank.values(p.TWO)[:n].astype(np.float64)
    assert np.isfinite(values).all()
    inside = np.array(["harbour" in text for text in half])
    got = deciding.figures(p.TWO, read_label('the word "harbour"'))
    a, b = values[inside], values[~inside]
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (n - 2)
    assert got["d"] == pytest.approx((a.mean() - b.mean()) / pooled**0.5)
    assert got["r"] == pytest.approx(np.corrcoef(values, inside)[0, 1])
    assert got["coverage"] == pytest.approx(a.sum() / values.sum())
    assert got["base"] == pytest.approx(inside.mean())


@pytest.mark.parametrize(
    ("feature", "label"), [(p.DEAD, "years"), (p.SAME, "years"), (p.RIVER, 'the word "zebra"')]
)
def test_what_cannot_be_judged_has_no_figures(deciding: Deciding, feature: int, label: str) -> None:
    assert set(deciding.figures(feature, read_label(label)).values()) == {None}


def test_embeddings_of_the_index_are_kept(material: Material, found: dict[int, Labelled]) -> None:
    path = IndexedText.vectors_path(material.index, material.embedder)
    assert path.is_file() and not list(path.parent.glob(".vectors*"))
    heard = Heard()
    again = IndexedText(material.index, Embedder(), heard)
    assert np.array_equal(again.vectors, np.load(path)) and not heard.events
    some = again.vectors_of([5, 2])
    assert np.array_equal(some, again.vectors[[5, 2]]) and not heard.events
    assert np.allclose(some, Embedder()([again.texts[5], again.texts[2]]), atol=1e-5)


def test_a_second_pass_joins_words(material: Material, deciding: Deciding) -> None:
    better = relabel(material.index, material.text, deciding, p.TWO, 'the word "market"')
    assert better is not None and better.source == "relabelled"
    concept = read_label(better.label)
    assert set(concept.parts) == {"harbour", "library"} and len(concept.parts) <= WORDS
    assert (better.figures["d"] or 0) > 1


def test_a_second_pass_keeps_what_is_as_good(material: Material, deciding: Deciding) -> None:
    for old in ('the words "harbour" or "library"', 'the words "library" or "harbour"'):
        assert relabel(material.index, material.text, deciding, p.TWO, old) is None
    assert relabel(material.index, material.text, deciding, p.RIVER, 'the  word "River"') is None


def test_only_the_deciding_half_decides(material: Material, deciding: Deciding) -> None:
    """The examples, all of the index, say castle; the old label is right on the deciding sentences."""
    examples = material.index.top(p.TURNED, INSPECTED)
    assert sum("castle" in one.text for one in examples) == INSPECTED
    assert relabel(material.index, material.text, deciding, p.TURNED, 'the word "bridge"') is None
    better = relabel(material.index, material.text, deciding, p.TURNED, 'the word "castle"')
    assert better is not None and "bridge" in read_label(better.label).parts


@pytest.mark.parametrize("feature", [p.DEAD, p.HALF, p.SAME])
def test_without_evidence_a_second_pass_finds_nothing(
    material: Material, deciding: Deciding, feature: int
) -> None:
    for old in (None, "years"):
        assert relabel(material.index, material.text, deciding, feature, old) is None


def test_labels_are_kept_and_those_by_hand_stay(fresh: Material, found: dict[int, Labelled]) -> None:
    fresh.book.add([Labelled(p.RIVER, "waters", "user"), Labelled(p.TWO, "sights", "relabelled")])
    new = label_all(fresh)
    assert {one.feature for one in new} == set(found) - {p.RIVER}
    book = fresh.place.labels()
    assert book[p.RIVER].label == "waters" and len(book.history(p.RIVER)) == 1
    assert [one.source for one in book.history(p.TWO)] == ["relabelled", "automatic"]
    assert {f: book[f].label for f in book if f != p.RIVER} == {
        f: one.label for f, one in found.items() if f != p.RIVER
    }


def test_all_live_features_are_relabelled_but_those_by_hand(fresh: Material) -> None:
    fresh.book.add([Labelled(p.RIVER, "waters", "user"), Labelled(p.YEARS, 'the word "market"', "automatic")])
    heard = Heard()
    new = {one.feature: one for one in relabel_all(replace(fresh, emit=heard))}
    assert p.RIVER not in new and p.DEAD not in new
    assert {p.TWO, p.ING} <= set(new)  # which had no label at all
    assert heard.of("stage_started")[-1]["stage"] == "relabel"
    again = fresh.place.labels()
    assert all(again[feature] == one for feature, one in new.items())
    assert again[p.RIVER].label == "waters"
    assert relabel_all(replace(fresh)) == []


def test_features_to_relabel_must_exist(fresh: Material) -> None:
    with pytest.raises(Mismatch, match="feature 8 of the SAE planted"):
        relabel_all(fresh, [p.TWO, 8])
    assert len(fresh.place.labels()) == 0
