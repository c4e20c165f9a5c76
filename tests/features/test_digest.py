"""A feature scored from a digest against the same feature scored from the index that the digest was made of."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from assay.corpus.embed import Embedder
from assay.corpus.sources import corpus
from assay.errors import InputError, Mismatch, StoreError
from assay.features.digest import make_digest
from assay.features.everything import score_all
from assay.features.labelling import label_all, relabel_all
from assay.features.labels.book import FILE as LABEL_FILE
from assay.features.labels.book import Labelled
from assay.features.material import Material
from assay.features.opened import material_of
from assay.features.score import score_feature
from assay.features.scorer import Scorer
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_file import FILE, RECORD, read_digest
from assay.sae.index.document import feature_document
from assay.sae.index.find import find_reader
from assay.sae.index.index import FeatureIndex
from assay.settings import FeatureSettings
from banked import CONTEXT, DEAD, DENSE, banked, prose, random_sae
from small import Heard
from tiny import tiny_model

pytestmark = pytest.mark.slow

SETTINGS = FeatureSettings(sentences=6, positions=8, resamples=200, null_draws=50)
FEATURES = (DEAD, DENSE, 5, 17)
"""With a label of a word, with one read by its meaning, and without a label; all of them are in the table."""
LABELS = {
    1: 'the word "in"',
    2: 'the word "river"',
    3: 'the word "paris"',
    5: "boats and the people who sail them",
    6: "numbers",
    8: 'the word "sailor"',
    13: 'the word "rome"',
}
STEP = 2**-10
"""Relative: the last digit of the half precision that activations are kept in, which may be rounded the other way where
a sentence is run without those that it was run with for the bank."""
UNIT = 1.001e-3
"""Of cosines, whose third decimal may be rounded the other way: embeddings are rounded."""


@dataclass
class Pair:
    """One SAE: a home with its index, and one with nothing but the digest in the SAE's folder."""

    model: Model
    sae: SAE
    root: Path
    embedder: Embedder

    def material(self, home: str | Path, **other: Any) -> Material:
        """All of one embedder, which remembers its sentences."""
        root = self.root / home
        given = {"settings": SETTINGS, **other}
        found = material_of(self.model, self.sae, root, root / "cache", folder=self.root / "sae", **given)
        return replace(found, embedder=self.embedder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    torch.set_num_threads(1)
    root, model, embedder = tmp_path_factory.mktemp("pair"), tiny_model("llama"), Embedder()
    text = root / "prose.txt"
    text.write_text("\n\n".join(prose(90).documents), encoding="utf-8")
    made = replace(random_sae(model), context=CONTEXT, model_id=model.id)
    sae = load_sae(save_sae(made, root / "sae"))
    banked(model, root / "whole" / "cache", embedder, sae, corpus(str(text)))
    found = Pair(model, sae, root, embedder)
    material = found.material("whole")
    named = [Labelled(feature, label, "automatic") for feature, label in LABELS.items()]
    material.book.add(named)
    shutil.copy(material.place.own / "labels.jsonl", root / "sae" / "labels.jsonl")
    make_digest(found.material("whole"), root / "sae" / FILE, tokens=10)
    yield found


def alike(mine: Any, other: Any, where: str = "") -> None:
    """The same document but for rounding."""
    if isinstance(other, dict):
        assert mine.keys() == other.keys(), where
        for name in other:
            alike(mine[name], other[name], f"{where}.{name}")
    elif isinstance(other, list | tuple):
        assert len(mine) == len(other), where
        for at, (a, b) in enumerate(zip(mine, other, strict=True)):
            alike(a, b, f"{where}.{at}")
    elif isinstance(other, float):
        assert mine == pytest.approx(other, rel=2 * STEP, abs=UNIT), where
    else:
        assert mine == other, where


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_scores_as_it_does_from_the_index(pair: Pair, feature: int) -> None:
    whole, bare = (pair.material(home) for home in ("whole", "bare"))
    assert isinstance(whole.index, FeatureIndex) and isinstance(bare.index, IndexDigest)
    a, b = (score_feature(one, feature).to_json() for one in (whole, bare))
    for name in ("label", "reading", "mui", "interp", "purity"):
        alike(b[name], a[name], name)
    assert [one["activation"] for one in b["mui"]["positions"]] == [
        one["activation"] for one in a["mui"]["positions"]
    ]
    sentences = a["purity"]["corpus"]["sentences"]
    assert b["purity"]["corpus"]["sentences"] == sentences  # to the bit: these are kept as they are
    assert feature == DEAD or sentences


def test_every_feature_shows_as_it_does_from_the_index(pair: Pair) -> None:
    whole, bare = (
        find_reader(pair.root / home / "cache", pair.sae, pair.root / "sae") for home in ("whole", "bare")
    )
    for feature in range(pair.sae.d_sae):
        a, b = (feature_document(one, feature, 10) for one in (whole, bare))
        assert (a.pop("digest"), b.pop("digest")) == (None, bare.digest)
        for name in ("promoted", "suppressed"):
            alike(b.pop(name), a.pop(name), name)
        near = [{one["feature"]: one["cosine"] for one in document.pop("nearest")} for document in (a, b)]
        alike(near[1], near[0], "nearest")
        quantiles = [document.pop("quantiles") for document in (a, b)]
        alike(quantiles[1], quantiles[0], "quantiles")
        assert b == a  # statistics, histogram and sentences to the bit


def test_rows_of_token_ids_are_those_of_the_index(pair: Pair) -> None:
    whole, bare = (pair.material(home).index for home in ("whole", "bare"))
    assert list(bare.rows) == list(whole.rows)
    assert bare.about == whole.about and bare.key == whole.key
    assert list(bare.sentences(range(40))) == list(whole.sentences(range(40)))


def test_every_sentence_of_the_bank_is_as_in_the_index(pair: Pair) -> None:
    """Also those that the digest keeps nothing of, and in whatever order they are asked for."""
    whole, bare = (pair.material(home).bank for home in ("whole", "bare"))
    n = len(whole.scoring_half)
    assert bare.scoring_half.texts == whole.scoring_half.texts and n > 30
    assert bare.scoring_half.vectors == pytest.approx(whole.scoring_half.vectors, abs=1e-4)
    lengths = np.linalg.norm(np.asarray(bare.scoring_half.vectors), axis=1)
    assert lengths == pytest.approx(np.ones(n), abs=1e-6)
    kept = set(read_digest(pair.root / "sae" / FILE).kept.tolist())
    assert 0 < len(kept) < n
    some = np.random.default_rng(0).permutation(n)
    for feature in (DEAD, DENSE, 5, 20):
        mine, other = (one.scoring_values(feature, some) for one in (bare, whole))
        assert mine == pytest.approx(other, rel=STEP, abs=1e-4)
        assert whole.fires_in_scoring(feature) == bare.fires_in_scoring(feature) == bool(other.any())
        of_kept = np.isin(some, list(kept))
        assert (mine[of_kept] == other[of_kept]).all()
        for sentence in some[:8].tolist():
            assert bare.scoring_tokens(sentence) == whole.scoring_tokens(sentence)
            a, b = (one.scoring_example(feature, sentence) for one in (whole, bare))
            assert a is not None and b is not None and a.tokens == b.tokens
            assert b.activations == pytest.approx(a.activations, rel=STEP, abs=1e-4)


def stages(heard: Heard) -> set[str]:
    return {data["stage"] for data in heard.of("stage_started")}


def test_a_sentence_is_run_once_whoever_asks(pair: Pair, tmp_path: Path) -> None:
    heard = Heard()

    def scored() -> dict[str, Any]:
        heard.events.clear()
        return score_feature(pair.material(tmp_path, emit=heard), 5).to_json()

    first = scored()
    assert "sentences" in stages(heard)
    assert scored() == first and "sentences" not in stages(heard)
    codes = next((tmp_path / "cache" / "digests").glob("*/bank/codes-*.npz"))
    codes.write_bytes(codes.read_bytes()[:40])
    assert scored() == first and "sentences" in stages(heard)


def test_the_null_needs_no_sentence_but_the_labels_own(pair: Pair) -> None:
    """Those of other labels, most of all sentences, are in the digest."""
    strangers = np.unique(Scorer(pair.material("bare")).strangers())
    assert set(strangers.tolist()) == set(read_digest(pair.root / "sae" / FILE).kept.tolist())


def test_after_another_label_the_null_takes_other_sentences(pair: Pair) -> None:
    """Which are not in the digest, and are run."""
    names = [Labelled(20, 'the word "ben"', "user"), Labelled(21, 'the word "town"', "user")]
    numbers = []
    for home in ("whole", "bare"):
        book = pair.material(home).place.own / LABEL_FILE
        before = book.read_bytes() if book.is_file() else None
        pair.material(home).book.add(names)
        try:
            material = pair.material(home)
            strangers = set(Scorer(material).strangers().ravel().tolist())
            assert strangers - set(read_digest(pair.root / "sae" / FILE).kept.tolist())
            numbers.append(score_feature(material, 3).to_json()["interp"])
        finally:
            book.unlink() if before is None else book.write_bytes(before)
    alike(numbers[1], numbers[0])


def test_what_the_scores_are_made_of_says_that_a_digest_was_read(pair: Pair) -> None:
    whole, bare = (pair.material(home).made_of for home in ("whole", "bare"))
    index, digest = whole["index"], bare["index"]
    assert digest.pop("digest") == pair.material("bare").index.digest
    assert digest == index and "digest" not in index
    assert bare["bank"] == whole["bank"]


def test_an_index_in_the_home_goes_before_the_digest(pair: Pair) -> None:
    assert (pair.root / "sae" / FILE).is_file()
    assert isinstance(pair.material("whole").index, FeatureIndex)


def test_all_features_score_as_from_the_index(pair: Pair) -> None:
    import pandas as pd

    tables = []
    for home in ("whole", "bare"):
        tables.append(pd.read_parquet(score_all(pair.material(home))))
        pair.material(home).place.table_path.unlink()
    numbers = tables[0].select_dtypes("number").columns
    for name in tables[0]:
        if name in numbers:
            mine, other = (table[name].to_numpy(float) for table in tables)
            assert mine == pytest.approx(other, rel=2 * STEP, abs=UNIT, nan_ok=True), name
        else:
            assert tables[1][name].equals(tables[0][name]), name


@pytest.mark.parametrize("work", [label_all, relabel_all, lambda material: relabel_all(material, [5])])
def test_labels_are_looked_for_in_a_whole_index(pair: Pair, work: Any) -> None:
    with pytest.raises(InputError, match=r"a digest of an index .*, which does not hold") as caught:
        work(pair.material("bare"))
    assert caught.value.todo == f"make one: assay sae index {pair.sae.id}"


def test_positions_of_other_settings_need_an_index(pair: Pair) -> None:
    material = pair.material("bare", settings=replace(SETTINGS, positions=9))
    with pytest.raises(Mismatch, match=r"at most 9 positions above 0.05 .*\n  wanted: at most 8 above 0.05"):
        score_feature(material, 5)


def test_another_seed_takes_the_same_positions(pair: Pair) -> None:
    a, b = (score_feature(pair.material("bare", seed=seed), 5).to_json() for seed in (0, 1))
    assert [one["position"] for one in a["mui"]["positions"]]
    assert {(p["row"], p["position"]) for p in a["mui"]["positions"]} == {
        (p["row"], p["position"]) for p in b["mui"]["positions"]
    }


def copied(pair: Pair, to: Path) -> Path:
    return Path(shutil.copytree(pair.root / "sae", to / "sae"))


def opened(pair: Pair, folder: Path, sae: SAE | None = None) -> Material:
    return material_of(pair.model, sae or pair.sae, folder, folder / "cache", folder=folder)


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        (lambda content: content[: len(content) // 2], "cannot be read: File is not a zip file"),
        (lambda content: b"", "cannot be read: File is not a zip file"),
        (lambda content: content[:9000] + b"\0" * 16 + content[9016:], "cannot be read: "),
    ],
)
def test_a_damaged_digest_is_named(pair: Pair, tmp_path: Path, damage: Any, how: str) -> None:
    folder = copied(pair, tmp_path)
    (folder / FILE).write_bytes(damage((folder / FILE).read_bytes()))
    with pytest.raises(StoreError) as caught:
        opened(pair, folder)
    assert caught.value.came.startswith(f"{folder / FILE} {how}")
    assert caught.value.wanted == "the digest of an index, whole, as it came with the SAE"
    assert caught.value.todo.startswith("install the package anew, or take the file away")


def rewritten(folder: Path, change: Any) -> None:
    """The digest with another record; a member that ``change`` takes out is gone."""
    with ZipFile(folder / FILE) as file:
        held = {name: file.read(name) for name in file.namelist()}
    record = json.loads(held[RECORD])
    change(record, held)
    held[RECORD] = json.dumps(record).encode()
    with ZipFile(folder / FILE, "w") as file:
        for name, content in held.items():
            file.writestr(name, content)


def test_arrays_that_do_not_belong_together(pair: Pair, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)

    def shorter(record: dict[str, Any], held: dict[str, bytes]) -> None:
        kind, (n,) = record["arrays"]["row"]
        record["arrays"]["row"] = [kind, [n - 1]]
        held["row"] = held["row"][:-1]

    rewritten(folder, shorter)
    with pytest.raises(StoreError, match=r"digest.zip holds row of shape \(\d+,\), not \(\d+,\)"):
        opened(pair, folder)
    rewritten(folder, lambda record, held: held.pop("vectors"))
    with pytest.raises(StoreError, match=r"digest.zip cannot be read: .*vectors"):
        opened(pair, folder)


def test_a_digest_of_another_sae_is_refused(pair: Pair, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)
    other = replace(pair.sae, b_dec=pair.sae.b_dec + 1)
    with pytest.raises(Mismatch, match=r"digest.zip, a digest of the SAE .*, beside an SAE with the hash"):
        opened(pair, folder, other)


def test_other_text_under_the_same_name_is_refused(pair: Pair, tmp_path: Path) -> None:
    """As after another version of a package: nothing is scored, and nothing is run."""
    folder = copied(pair, tmp_path)
    text = tmp_path / "prose.txt"
    text.write_text("\n\n".join(prose(91).documents), encoding="utf-8")
    rewritten(folder, lambda record, held: record["index"].update(corpus=str(text)))
    digest = find_reader(folder / "cache", pair.sae, folder)
    with pytest.raises(Mismatch, match="whose text is not the one that the digest of the SAE") as caught:
        digest.top(5, 3)
    assert caught.value.todo == f"make an index of the text that is there: assay sae index {pair.sae.id}"
    rewritten(folder, lambda record, held: record["index"].update(corpus=str(tmp_path / "gone.txt")))
    with pytest.raises(InputError, match="no text at"):
        find_reader(folder / "cache", pair.sae, folder).top(5, 3)


def test_other_sentences_of_the_bank_are_refused(pair: Pair, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)
    rewritten(folder, lambda record, held: record["bank"].update(corpus_hash="0" * 64))
    with pytest.raises(Mismatch, match="whose text is not the one"):
        _ = opened(pair, folder).bank.scoring_half


def test_another_tokenizer_is_refused(pair: Pair, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)
    own = pair.model.tokenizer
    other = replace(pair.model, tokenizer=lambda text, **asked: own(text.replace("e", "éé"), **asked))
    index = find_reader(folder / "cache", pair.sae, folder)
    assert isinstance(index, IndexDigest)
    with pytest.raises(InputError, match="token ids of a digest without a model"):
        index.row_ids(0)
    index.model = other
    with pytest.raises(Mismatch, match=r"the tokenizer of .*, which cuts the text in another way"):
        index.row_ids(0)


def test_another_model_is_refused(pair: Pair, tmp_path: Path) -> None:
    folder = copied(pair, tmp_path)
    rewritten(folder, lambda record, held: record["bank"].update(model_hash="0" * 64))
    with pytest.raises(Mismatch, match="an index of the model"):
        opened(pair, folder)


def test_an_index_without_tables_makes_a_digest_without_effects(pair: Pair, tmp_path: Path) -> None:
    cache = Path(shutil.copytree(pair.root / "whole", tmp_path / "whole")) / "cache"
    (next(cache.glob("indexes/*")) / "effects.safetensors").unlink()
    folder = copied(pair, tmp_path)
    material = material_of(pair.model, pair.sae, tmp_path / "whole", cache, folder=folder, settings=SETTINGS)
    make_digest(material, folder / FILE)
    document = feature_document(find_reader(tmp_path / "none", pair.sae, folder), 5, 10)
    assert document["promoted"] is document["suppressed"] is None and document["nearest"]


def test_the_same_digest_is_the_same_file(pair: Pair, tmp_path: Path) -> None:
    again = make_digest(pair.material("whole"), tmp_path / FILE, tokens=10)
    assert again.read_bytes() == (pair.root / "sae" / FILE).read_bytes()


def test_a_digest_holds_no_text(pair: Pair) -> None:
    with ZipFile(pair.root / "sae" / FILE) as file:
        content = b" ".join(file.read(name) for name in file.namelist())
    for sentence in pair.material("whole").bank.scoring_half.texts:
        assert sentence.encode() not in content
    for word in (b"market", b"Berlin", b"dreamt"):
        assert word not in content
