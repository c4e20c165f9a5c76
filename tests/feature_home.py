"""A home in which the features of a tiny SAE are indexed, labelled and scored, as pages find it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

from assay.corpus.embed import Embedder
from assay.features.everything import score_all
from assay.features.labels.book import Labelled
from assay.features.opened import material_of
from assay.features.text import IndexedText
from assay.models.load import load
from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.settings import FeatureSettings
from assay.web.app import create_app
from assay.web.work import Workshop
from assay.web.worker import do
from banked import CONTEXT, banked, random_sae
from shared import made_once
from small import save_tiny

SAE = "saes/tiny"
LABELS = {
    2: 'the word "river"',
    3: 'the word "paris"',
    5: 'the word "sailor"',
    6: "numbers",
    7: "<b>market</b>",
}
SETTINGS = FeatureSettings(sentences=6, positions=8, resamples=100, null_draws=30)
HERE = "http://127.0.0.1"


def built(factory: pytest.TempPathFactory) -> Path:
    """The home, made once, only to be read; its SAE names the model's folder, which lies elsewhere."""
    where = made_once(factory, "feature-model", _save)
    return made_once(factory, "feature-home", lambda root: _build(root, where))


def _save(folder: Path) -> None:
    save_tiny(folder)


def _build(root: Path, where: Path) -> None:
    torch.set_num_threads(1)
    cache = root / "cache"
    model = load(str(where), cache)
    made = replace(random_sae(model), model_id=str(where), start_token=True, context=CONTEXT)
    folder = save_sae(made, root / SAE)
    sae, embedder = load_sae(folder), Embedder()
    index = banked(model, cache, embedder, sae)
    _ = IndexedText(index, embedder).vectors
    material = material_of(model, sae, root, cache, folder=folder, settings=SETTINGS)
    material.book.add([Labelled(feature, label, "automatic") for feature, label in LABELS.items()])
    score_all(material)


@dataclass
class Pages:
    """A server over a home, and its worker's work done here."""

    home: Home
    client: TestClient

    def csrf(self) -> str:
        """What a page of this server sends along with a write."""
        text = self.client.get("/runs", headers={"accept": "text/html"}).text
        return text.partition('<meta name="csrf" content="')[2].partition('"')[0]

    def post(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        """Status and answer of a write."""
        answer = self.client.post(path, json=body, headers={"x-csrf": self.csrf()})
        return answer.status_code, answer.json()

    def html(self, path: str) -> str:
        """A page that is there."""
        answer = self.client.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 200, answer.text
        return answer.text

    def work(self) -> None:
        """All that waits is done."""
        with Store(self.home) as store:
            queue, shop = Queue(store), Workshop(store)
            while job := queue.take():
                do(shop, queue, job)


@contextmanager
def served(root: Path) -> Iterator[Pages]:
    """A server without a worker of its own."""
    home = Home(root)
    with TestClient(create_app(home, worker=False), base_url=HERE) as client:
        yield Pages(home, client)


def copied(factory: pytest.TempPathFactory, to: Path) -> Path:
    """A home of one's own to write into."""
    shutil.copytree(built(factory), to)
    return to
