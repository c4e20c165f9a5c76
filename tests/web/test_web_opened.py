"""What scoring a feature reads stays open between jobs, and what changes on disk is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import feature_home
from assay.errors import InputError
from assay.features.labels.book import FILE, Labelled
from assay.features.opened import open_material
from assay.features.place import TABLE, read_table
from assay.features.score import score_feature
from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.web.opened import LastSae
from assay.web.work import Workshop
from assay.web.worker import do
from feature_home import SAE
from small import Heard

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return feature_home.copied(tmp_path_factory, tmp_path / "home")


@pytest.fixture
def shop(root: Path) -> Iterator[Workshop]:
    with Store(Home(root)) as store:
        yield Workshop(store)


def later(path: Path) -> None:
    """The file as if it had been written again a second later."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def scored(shop: Workshop, feature: int) -> dict[str, Any]:
    request = {"prompt": "", "subject": "a feature", "target": "", "old": None, "relation": None}
    args = {
        "model": None,
        "sae": str(shop.store.home.root / SAE),
        "feature": feature,
        "label": None,
        "seed": 0,
    }
    queue = Queue(shop.store)
    run_id = queue.put("feature", request, args, "feature", args)
    job = queue.take()
    assert job is not None
    do(shop, queue, job)
    run = shop.store.document(run_id)
    assert run["status"] == "done", run["error"]
    found: dict[str, Any] = run["feature"]
    return found


def test_a_second_job_opens_nothing_and_gives_what_the_first_gave(shop: Workshop, root: Path) -> None:
    sae = str(root / SAE)
    first = scored(shop, 5)
    kept = shop.scoring(sae, None, 0, Heard())
    assert scored(shop, 5) == first
    scored(shop, 2)
    assert shop.scoring(sae, None, 0, Heard()) is kept and shop.sae(sae) is shop.sae(sae)
    wanted = score_feature(open_material(sae, root, shop.cache), 5).to_json()
    assert {name: scored(shop, 5)[name] for name in wanted if name in first} == {
        name: wanted[name] for name in wanted if name in first
    }


def test_events_go_to_the_job_that_runs(shop: Workshop, root: Path) -> None:
    first, second = Heard(), Heard()
    shop.scoring(str(root / SAE), None, 0, first)
    score = shop.scoring(str(root / SAE), None, 0, second)
    score_feature(score.material, 3, scorer=score)
    assert first.events == [] and "feature_scores" in {kind for kind, _ in second.events}


def test_a_label_given_since_is_seen_and_the_rest_stays_open(shop: Workshop, root: Path) -> None:
    sae = str(root / SAE)
    assert scored(shop, 5)["label"] == feature_home.LABELS[5]
    before = shop.scoring(sae, None, 0, Heard()).material
    open_material(sae, root, shop.cache).place.labels().add([Labelled(5, 'the word "market"', "user")])
    assert scored(shop, 5)["label"] == 'the word "market"'
    after = shop.scoring(sae, None, 0, Heard()).material
    assert after is not before and after.book is not before.book
    assert (after.sae, after.index, after.bank, after.positions) == (
        before.sae,
        before.index,
        before.bank,
        before.positions,
    )
    assert before.book[5].label == feature_home.LABELS[5]


def test_labels_that_come_with_the_sae_are_seen_too(shop: Workshop, root: Path) -> None:
    scored(shop, 9)
    (root / SAE / FILE).write_text('{"feature": 9, "label": "numbers", "source": "automatic"}\n')
    assert scored(shop, 9)["label"] == "numbers"


def test_another_table_is_seen(shop: Workshop, root: Path) -> None:
    first = scored(shop, 5)["mui"]["percentile"]
    assert first is not None
    (file,) = (root / "features").glob(f"*/{TABLE}")
    table = read_table(file)
    table["ratio"] = 0.0
    table.to_parquet(file)
    assert scored(shop, 5)["mui"]["percentile"] != first
    file.unlink()
    assert scored(shop, 5)["mui"]["percentile"] is None


@pytest.mark.parametrize(
    "what", ["saes/tiny/cfg.json", "cache/*/*/index-*.json", "cache/*/*/bank/bank-*.json"]
)
def test_another_sae_index_or_bank_is_opened_anew(shop: Workshop, root: Path, what: str) -> None:
    sae = str(root / SAE)
    kept = shop.scoring(sae, None, 0, Heard())
    (file,) = root.glob(what)
    later(file)
    again = shop.scoring(sae, None, 0, Heard())
    assert again is not kept and again.material.index is not kept.material.index
    assert shop.scoring(sae, None, 1, Heard()) is not again  # another seed draws other sentences
    file.unlink()
    with pytest.raises(InputError):
        shop.scoring(sae, None, 0, Heard())


def test_nothing_is_kept_of_an_sae_before_the_last(root: Path, shop: Workshop) -> None:
    (root / "saes" / "twin").mkdir()
    for file in (root / SAE).iterdir():
        (root / "saes" / "twin" / file.name).write_bytes(file.read_bytes())
    last = LastSae(Home(root))
    one = last.sae(str(root / SAE))
    assert last.sae(str(root / SAE)) is one
    assert last.sae(str(root / "saes" / "twin")) is not one
    assert last.sae(str(root / SAE)) is not one
