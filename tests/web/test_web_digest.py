"""Pages of an SAE that brought a digest, in a home without any index."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import feature_home
from assay.corpus.embed import Embedder
from assay.corpus.sources import corpus
from assay.features.digest import make_digest
from assay.features.opened import open_material
from assay.models.load import load
from assay.sae.formats.table import load_sae
from assay.sae.index.digest_file import FILE
from assay.sae.shipped import open_sae
from banked import banked, prose
from feature_home import SAE, Pages, served

pytestmark = pytest.mark.slow

PAGE = "/features/{}?sae=saes%2Ftiny"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = feature_home.copied(tmp_path_factory, tmp_path_factory.mktemp("digest") / "home")
    text, folder = root / "prose.txt", root / SAE
    text.write_text("\n\n".join(prose().documents), encoding="utf-8")
    shutil.rmtree(root / "cache" / "indexes")
    model_id = open_sae(folder).model_id
    assert model_id is not None
    banked(load(model_id, root / "cache"), root / "cache", Embedder(), load_sae(folder), corpus(str(text)))
    make_digest(open_material(folder, root, root / "cache"), folder / FILE)
    shutil.rmtree(root / "cache" / "indexes")
    return root


@pytest.fixture(scope="module")
def pages(root: Path) -> Iterator[Pages]:
    with served(root) as opened:
        yield opened


def test_a_page_has_sentences_and_can_be_scored(pages: Pages) -> None:
    text = pages.html(PAGE.format(2))
    index = pages.client.get("/api/features/2", params={"sae": SAE}).json()["index"]
    assert index["digest"] and index["nearest"] and index["top"]
    assert text.count('class="heat"') >= len(index["top"])
    assert 'id="score"' in text and "Promotes" in text and "Activations where it fires" in text
    assert "A live score reads the digest of an index that came with this SAE." in text


def test_better_labels_need_an_index_and_say_so(pages: Pages) -> None:
    text = pages.html(PAGE.format(2))
    button = text[text.index('id="better"') :].partition(">")[0]
    assert button.endswith(" disabled")
    assert f"needs a whole index: <code>assay sae index {pages.home.root / SAE}</code>" in text


def test_a_job_scores_from_the_digest(pages: Pages) -> None:
    status, answer = pages.post("/api/features/2/score", {"sae": SAE, "seed": 0})
    assert status == 201
    pages.work()
    run = pages.client.get(f"/api/runs/{answer['run_id']}").json()
    assert run["status"] == "done", run["error"]
    index = pages.client.get("/api/features/2", params={"sae": SAE}).json()["index"]
    made_of = run["feature"]["made_of"]
    assert made_of["index"]["digest"] == index["digest"]
    assert made_of["index"]["corpus_hash"] == index["corpus"]["hash"]
    assert run["feature"]["interp"]["score"] is not None and run["feature"]["mui"]["positions"]


def test_without_the_text_the_page_says_what_to_do(root: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(root, tmp_path / "home"))
    kept = root / "prose.txt"
    content = kept.read_text(encoding="utf-8")
    kept.write_text(content.replace("river", "brook"), encoding="utf-8")
    try:
        with served(home) as opened:
            text = opened.html(PAGE.format(2))
    finally:
        kept.write_text(content, encoding="utf-8")
    assert "A digest of an index came with this SAE, and its text is missing: the corpus" in text
    assert "make an index of the text that is there: assay sae index" in text
    assert 'id="score"' not in text and "As scored with all features" in text
