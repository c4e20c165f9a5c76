"""What a unit reads ahead, in common batches, gives the scores that each suite gives on its own."""

import pytest
import torch

from assay.benchmarks.asking import Bench
from assay.benchmarks.names import NAMES
from assay.benchmarks.suite import run_suite
from assay.edits.delta import load_edit
from assay.edits.make import make_edit
from assay.edits.moments import Moments
from assay.generators.table import generator
from assay.models.model import weight_hash
from assay.selfcheck.cells import Unit
from assay.selfcheck.contrasts import benchmarks_of
from assay.selfcheck.facts import Fact
from assay.selfcheck.first_token import FORMS, first_token_findings
from assay.selfcheck.planted import PLANTED, SOUND, Ground
from assay.selfcheck.tools import Tools
from assay.selfcheck.work import COLLAPSE, FURTHER, FURTHER_DRAWN_FROM, Piece, _plans, measure_unit
from assay.settings import BenchSettings, EditSettings, Settings
from small import TOWER
from tiny import tiny_model

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
"""Of a score, all of which lie in [0, 1]; rows of other batches round differently in float32."""
LAYER = 1
SETTINGS = Settings(
    edit=EditSettings(steps=4), bench=BenchSettings(n_synthetic=3, long_tokens=6, resamples=20)
)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    model = tiny_model("llama")
    keys = torch.randn(400, model.d_mlp, generator=torch.Generator().manual_seed(1))
    c = dict.fromkeys(range(model.n_layers), keys.T @ keys / 400)
    moments = Moments(c, 400, "random", "0" * 64, model.hash, dict.fromkeys(c, 0.1))
    cache = tmp_path_factory.mktemp("cache")
    return Tools(model, moments, ("", "The river. "), LAYER, generator("catalogue"), SETTINGS, 0, cache)


@pytest.fixture(scope="module")
def piece(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Piece:
    request = tools.plan(TOWER, 0).request
    edit = make_edit(
        tools.model, [request], LAYER, tools.moments, contexts=tools.contexts, settings=SETTINGS.edit
    )
    path = edit.save(tmp_path_factory.mktemp("edit") / "0.safetensors")
    return Piece(Fact(0, TOWER, path), again=(SOUND,), seeds=(0, 1, 2))


@pytest.fixture(scope="module")
def unit(tools: Tools, piece: Piece) -> Unit:
    return measure_unit(tools, piece)


def test_every_cell_is_what_the_suite_alone_says(tools: Tools, piece: Piece, unit: Unit) -> None:
    plans = _plans(tools, piece)
    ground = Ground(tools.model, LAYER, tools.contexts, tools.moments, SETTINGS, plans[0], tools.seed)
    sound = load_edit(piece.fact.edit)
    compared = 0
    for condition in (SOUND, *PLANTED):
        for plan, seed in zip(plans, piece.seeds, strict=True):
            mine = [c for c in unit.cells if (c.condition, c.seed) == (condition, seed)]
            assert bool(mine) == (condition == SOUND or (seed == 0 and bool(benchmarks_of(condition))))
            if not mine:
                continue
            if condition == SOUND:
                edit, asked = sound, plan
            else:
                edit = PLANTED[condition].make(ground, plans[0].request, sound)
                asked = PLANTED[condition].plan(plan)
            bench = Bench(tools.model, edit, asked, tools.moments, SETTINGS.bench, seed)
            alone = run_suite(bench, [c.benchmark for c in mine])
            for cell, result in zip(mine, alone, strict=True):
                assert cell.benchmark == result.score.id
                if result.score.value is None:
                    assert cell.score is None and cell.reason == result.score.reason
                else:
                    assert cell.score == pytest.approx(result.score.value, abs=TOLERANCE)
                    compared += 1
    assert compared > 40
    assert weight_hash(tools.model.module) == tools.model.hash


def test_what_is_measured_of_which_edit(unit: Unit) -> None:
    measured = {
        (condition, seed): [c.benchmark for c in unit.cells if (c.condition, c.seed) == (condition, seed)]
        for condition in (SOUND, *PLANTED)
        for seed in (0, 1, 2)
    }
    assert all(measured[SOUND, seed] == list(NAMES) for seed in (0, 1, 2))
    for name in PLANTED:
        wanted = [
            id for id in benchmarks_of(name) if name not in ("prompt-only", "repeats") or id not in FURTHER
        ]
        assert measured[name, 0] == wanted and not measured[name, 1]
    assert COLLAPSE in measured["random-key", 0]


def test_further_edits_of_all_seeds_come_from_a_few(tools: Tools, piece: Piece) -> None:
    plans = _plans(tools, piece)
    drawn = {made.request for plan in plans for made in plan.synthetic}
    assert len(drawn) <= FURTHER_DRAWN_FROM
    assert all(len({m.request.subject for m in plan.synthetic}) == 3 for plan in plans)
    assert len({tuple(m.request for m in plan.synthetic) for plan in plans}) > 1


def test_what_is_said_of_the_original_form() -> None:
    assert first_token_findings([]) is None
    lines = [
        {
            name: {
                "scores": {"ripple_bench": r + n / 100, "locality_sensitivity_score": None if n == 2 else r},
                "norm": size,
                "key_ratio": 1 / size,
                "kl": 1 - r,
                "stopped": name == "original",
            }
            for name, r, size in (("original", 0.2, 30.0), ("corrected", 0.9, 2.0))
        }
        for n in range(3)
    ]
    found = first_token_findings(lines)
    assert found is not None and list(FORMS) == ["original", "corrected"]
    assert found["norm_ratio"] == 15 and found["stopped"] == {"original": 1.0, "corrected": 0.0}
    assert [row["auroc"] for row in found["benchmarks"]] == [1.0, 1.0]
    assert len(found["benchmarks"][1]["scores"]["original"]) == 2
