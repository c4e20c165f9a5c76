"""An autoencoder that watches a real run on a tiny model."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from slow_footprint import axes_sae, random_edit, random_sae

from assay.errors import Mismatch, ModelError
from assay.features.labels.book import Labelled
from assay.features.place import TABLE, place_of
from assay.features.watch import watching
from assay.generators.catalogue.catalogue import Catalogue
from assay.models.model import weight_hash
from assay.options import Options
from assay.pipeline import Outcome, run_edit
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.settings import Settings
from small import LENIENT, SMALL, TOWER, Heard, save_tiny
from tiny import tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def sae(tmp_path: Path) -> Path:
    """One that reads block 2; all its features are of low purity."""
    coder = random_sae(tiny_model("llama"), 2)
    table = {"feature": range(coder.d_sae), "label": "something", "purity": 0.4, "pattern": "LLL"}
    folder = save_sae(coder, tmp_path / "sae")
    pd.DataFrame(table).to_parquet(folder / TABLE)
    return folder


def run(
    folder: Path, cache: Path, heard: Heard, settings: Settings = LENIENT, layer: int = 1, **options: Any
) -> Outcome:
    chosen = Options(model=str(folder), layer=layer, bench=False, trace=False, **options)
    return run_edit(TOWER, chosen, heard, cache, lambda edit, plan: None, settings)


def test_the_subject_before_the_edit_and_the_footprint_after_it(
    folder: Path, sae: Path, tmp_path: Path
) -> None:
    outcome = run(folder, tmp_path, heard := Heard(), sae=str(sae))
    assert outcome.status == "committed"
    kinds = [kind for kind, _ in heard.events]
    order = [kinds.index(kind) for kind in ("plan", "carried", "candidate", "committed", "footprint")]
    assert order == sorted(order)
    (before,), (after,) = heard.of("carried"), heard.of("footprint")
    assert before["low_purity"] == pytest.approx(1) and before["warning"].startswith("Features of low purity")
    assert (after["layer"], after["edit_layer"], after["reason"]) == (2, 1, None)
    assert after["n_subject"] == before["n"] >= 4 and after["n_elsewhere"] >= 20
    assert after["totals"]["length_on_subject"] > 0 and after["low_purity"] == pytest.approx(1)
    assert after["on_subject"][0]["label"] == "something"
    stages = [data["stage"] for data in heard.of("stage_started")]
    assert stages == [data["stage"] for data in heard.of("stage_finished")]
    assert {"carried", "footprint"} <= set(stages)
    assert heard.of("run_started")[0]["settings"]["features"]["footprint_top"] == 10


def test_what_the_user_scored_and_named_is_known_too(folder: Path, tmp_path: Path) -> None:
    """An autoencoder that brought no table: the user's own one warns, and the user's own labels are shown."""
    coder = random_sae(tiny_model("llama"), 2)
    own = save_sae(coder, tmp_path / "own")
    place = place_of(tmp_path / "home", load_sae(own).hash, own)  # as it was rounded
    place.own.mkdir(parents=True)
    table = {"feature": range(coder.d_sae), "label": "something", "purity": 0.4, "pattern": "LLL"}
    pd.DataFrame(table | {"corpus_purity": 0.4}).to_parquet(place.table_path)
    run(folder, tmp_path, heard := Heard(), sae=str(own))
    assert heard.of("carried")[0]["reason"] == "the purity of this SAE's features is not known"
    options = Options(model=str(folder), layer=1, bench=False, trace=False, sae=str(own))
    done: list[dict[str, Any]] = []
    for label in ("something", "towers"):
        if label != "something":
            place.labels().add([Labelled(row["feature"], label, "user") for row in done[0]["on_subject"]])
        heard = Heard()
        run_edit(
            TOWER,
            options,
            heard,
            tmp_path / "home" / "cache",
            lambda edit, plan: None,
            LENIENT,
        )
        (before,), (after,) = heard.of("carried"), heard.of("footprint")
        assert before["warning"].startswith("Features of low purity")
        assert after["low_purity"] == pytest.approx(1)
        assert {row["label"] for row in after["on_subject"]} == {label}
        done.append(after)


def test_without_an_autoencoder_nothing_is_said_of_features(folder: Path, tmp_path: Path) -> None:
    for name in (None, "none"):
        run(folder, tmp_path, heard := Heard(), sae=name)
        assert heard.of("committed") and not heard.of("carried") and not heard.of("footprint")
        assert "features" not in heard.of("run_started")[0]["settings"]


def test_the_edit_is_the_same_with_and_without(folder: Path, sae: Path, tmp_path: Path) -> None:
    one, two = (run(folder, tmp_path, Heard(), sae=name) for name in (None, str(sae)))
    assert one.edit is not None and two.edit is not None and one.edit.id == two.edit.id


def test_an_edit_above_the_autoencoder_has_a_reason(folder: Path, sae: Path, tmp_path: Path) -> None:
    low = save_sae(random_sae(tiny_model("llama"), 0), tmp_path / "low")
    outcome = run(folder, tmp_path, heard := Heard(), sae=str(low))
    (after,) = heard.of("footprint")
    assert outcome.status == "committed" and after["totals"] is None
    assert after["reason"].startswith("the SAE reads block 0, below the edited block 1")
    assert heard.of("carried")[0]["low_purity"] is None


def test_an_edit_that_is_rolled_back_has_no_footprint(folder: Path, sae: Path, tmp_path: Path) -> None:
    outcome = run(folder, tmp_path, heard := Heard(), SMALL, sae=str(sae))
    assert outcome.status == "rolled_back"
    assert heard.of("carried") and not heard.of("footprint")


def test_what_does_not_fit_is_refused_before_the_work_begins(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the SAE 'smolm2', which is neither an alias nor a folder"):
        run(folder, tmp_path, heard := Heard(), sae="smolm2")
    assert not heard.events
    wide = save_sae(axes_sae(16, 2), tmp_path / "wide")
    with pytest.raises(Mismatch, match="vectors of width 32 for the SAE"):
        run(folder, tmp_path, heard := Heard(), sae=str(wide))
    assert [data["stage"] for data in heard.of("stage_started")] == ["load"]
    deep = save_sae(random_sae(tiny_model("llama"), 7), tmp_path / "deep")
    with pytest.raises(Mismatch, match="reads after block 7"):
        run(folder, tmp_path, Heard(), sae=str(deep))


def test_the_model_is_left_as_it_was(sae: Path, tmp_path: Path) -> None:
    model = tiny_model("llama")
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    watch = watching(str(sae), model.id, tmp_path)
    assert watch is not None
    plan = Catalogue().plan(TOWER, 0, 6, 2)
    watch.check(model)
    watch.before(model, plan, Heard())
    watch.after(model, random_edit(model), plan, Heard())
    assert all(torch.equal(t, before[name]) for name, t in model.module.state_dict().items())
    assert weight_hash(model.module) == model.hash
