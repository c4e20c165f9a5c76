"""The whole job on tiny random models: every stage is real, only the numbers mean nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.benchmarks.names import NAMES
from assay.characterise import assess, run_bench
from assay.corpus.sources import corpus
from assay.edits.delta import Edit, load_edit
from assay.edits.make import make_edit
from assay.edits.moments import Moments, second_moments
from assay.errors import ModelError, RequestError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.plan import Plan, Request
from assay.generators.plan_json import plan_to_json
from assay.models.model import Model, weight_hash
from assay.options import Options
from assay.pipeline import Outcome, run_edit
from assay.settings import Settings
from small import LENIENT, SMALL, TOWER, Heard, save, save_tiny, timeless
from tiny import tiny_model

pytestmark = pytest.mark.slow

FAMILIES = ("llama", "gpt2", "pythia")
"""A llama-like model, one whose weights are stored the other way round, one with a parallel residual."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


def run(
    folder: Path, cache: Path, heard: Heard, settings: Settings = LENIENT, **options: Any
) -> tuple[Outcome, list[tuple[Edit, Plan]]]:
    """One run of the pipeline and what it saved."""
    saved: list[tuple[Edit, Plan]] = []

    def save_edit(edit: Edit, plan: Plan) -> None:
        assert not heard.of("committed")
        saved.append((edit, plan))

    request = options.pop("request", TOWER)
    outcome = run_edit(request, Options(model=str(folder), **options), heard, cache, save_edit, settings)
    return outcome, saved


def in_json(outcome: Outcome) -> list[dict[str, Any]]:
    return [timeless(result.to_json()) for result in outcome.results]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_committed_edit_is_measured_thirteen_times(family: str, tmp_path: Path) -> None:
    heard = Heard()
    outcome, saved = run(save_tiny(tmp_path / "model", family), tmp_path / "cache", heard)
    assert outcome.status == "committed"
    assert [result.score.id for result in outcome.results] == list(NAMES)
    for result in outcome.results:
        score = result.score
        assert (score.value is None) == (score.reason is not None)
        assert score.value is None or 0 <= score.value <= 1
        assert score.n > 0 or score.value is None
        assert all((probe.value is None) <= (probe.reason is not None) for probe in result.probes)
    assert sum(result.score.value is not None for result in outcome.results) >= 9
    assert [data["id"] for data in heard.of("bench_result")] == list(NAMES)
    assert len(heard.of("check")) == 3
    assert heard.of("reading")[0]["sentences"]
    ((edit, plan),) = saved
    assert heard.of("committed")[0]["edit_id"] == edit.id == outcome.edit.id  # type: ignore[union-attr]
    assert (plan.request.old, plan.request.relation) == ("Paris", "landmark_city")
    assert edit.figures["validation"]["passed"] is True


def test_every_stage_that_begins_ends(folder: Path, tmp_path: Path) -> None:
    heard = Heard()
    run(folder, tmp_path, heard)
    begun = [data["stage"] for data in heard.of("stage_started")]
    assert begun == [data["stage"] for data in heard.of("stage_finished")]
    assert begun == [
        *("load", "plan", "trace", "moments", "contexts", "optimise", "validate", "probes"),
        *("optimise", "chain", "batch"),  # the further edits' values, in a row, at once
    ]


def test_edits_that_do_not_validate_are_rolled_back_one_after_another(tmp_path: Path) -> None:
    heard = Heard()
    deep = save_tiny(tmp_path / "model", num_hidden_layers=7)
    outcome, saved = run(deep, tmp_path / "cache", heard, SMALL)
    assert (outcome.status, outcome.edit, outcome.results, saved) == ("rolled_back", None, (), [])
    tried = [data["layer"] for data in heard.of("candidate")]
    assert len(tried) == 3
    assert [data["layer"] for data in heard.of("rolled_back")] == tried
    assert all("paraphrases" in data["reason"] for data in heard.of("rolled_back"))
    assert len(heard.of("check")) == 9
    files = {file.name.rsplit("-layer")[-1] for file in (tmp_path / "cache" / "moments").iterdir()}
    assert files == {f"{layer}.safetensors" for layer in tried}
    assert not heard.of("committed") and not heard.of("bench_started")


def test_moments_of_a_further_layer_wait_until_it_is_tried(folder: Path, tmp_path: Path) -> None:
    heard = Heard()
    outcome, _ = run(folder, tmp_path, heard, bench=False)
    assert outcome.edit is not None and heard.of("candidate")[0]["of"] > 1
    (file,) = (tmp_path / "moments").iterdir()
    assert file.name.endswith(f"-layer{outcome.edit.layer}.safetensors")


def test_the_last_layer_is_never_tried_by_itself(tmp_path: Path) -> None:
    shallow = save_tiny(tmp_path / "model", num_hidden_layers=2)
    heard = Heard()
    run(shallow, tmp_path / "cache", heard, SMALL)
    assert [data["layer"] for data in heard.of("candidate")] == [0]


def test_the_same_seed_gives_the_same_scores_to_the_last_digit(folder: Path, tmp_path: Path) -> None:
    first, _ = run(folder, tmp_path / "one", Heard(), seed=3)
    again, _ = run(folder, tmp_path / "two", Heard(), seed=3)
    other, _ = run(folder, tmp_path / "one", Heard(), seed=4)
    assert first.edit is not None and again.edit is not None and other.edit is not None
    assert first.edit.id == again.edit.id != other.edit.id
    assert in_json(first) == in_json(again) != in_json(other)
    assert first.reading == again.reading


def test_parts_can_be_left_out(folder: Path, tmp_path: Path) -> None:
    outcome, saved = run(folder, tmp_path, heard := Heard(), bench=False, trace=False, layer=1)
    assert (outcome.status, outcome.results, len(saved)) == ("committed", (), 1)
    assert not heard.of("trace") and not heard.of("bench_started")
    some, _ = run(folder, tmp_path, Heard(), only=("zsre", "edit_bench"), trace=False, layer=1)
    assert [result.score.id for result in some.results] == ["edit_bench", "zsre"]


@pytest.mark.parametrize(("method", "variant"), [("memit", "r-rome"), ("rome", "rome")])
def test_other_methods_make_other_edits(folder: Path, tmp_path: Path, method: str, variant: str) -> None:
    outcome, _ = run(folder, tmp_path, Heard(), method=method, variant=variant, bench=False, layer=1)
    assert outcome.edit is not None
    assert (outcome.edit.method, outcome.edit.variant) == (method, variant if method == "rome" else "joint")


def test_a_stored_edit_is_measured_again_with_the_same_result(folder: Path, tmp_path: Path) -> None:
    outcome, ((edit, plan),) = run(folder, tmp_path, Heard())
    file = edit.save(tmp_path / "edit.safetensors")
    options = Options(model=str(folder))
    done = {result.score.id: result.to_json() for result in outcome.results[:5]}
    heard = Heard()
    run_bench(file, plan_to_json(plan), options, heard, tmp_path, done, LENIENT)
    again = {data["id"]: timeless(data) for data in heard.of("bench_result")}
    assert again == {result["id"]: result for result in in_json(outcome)[5:]}
    assert outcome.reading is not None
    assert heard.of("reading") == [outcome.reading.to_json()]


def test_fresh_probes_are_handed_over_before_they_are_used(folder: Path, tmp_path: Path) -> None:
    _, ((edit, plan),) = run(folder, tmp_path, Heard(), bench=False)
    file = edit.save(tmp_path / "edit.safetensors")
    heard, kept = Heard(), []

    def keep(fresh: Plan) -> None:
        assert not heard.of("bench_started")
        kept.append(fresh)

    options = Options(model=str(folder), seed=1, only=("zsre",))
    run_bench(file, None, options, heard, tmp_path, settings=LENIENT, keep=keep)
    assert kept[0].request == plan.request
    assert kept[0].probes != plan.probes
    assert load_edit(file).id == edit.id


class Bench:
    """A tiny model in memory with an edit, so that its weights can be looked at after the suite."""

    def __init__(self, cache: Path, family: str = "llama") -> None:
        self.model: Model = tiny_model(family)
        self.moments: Moments = second_moments(
            self.model, corpus(), cache, layers=[1], settings=SMALL.moments
        )
        self.plan = Catalogue().plan(TOWER, 0, 6, 2)
        self.edit = make_edit(self.model, [self.plan.request], 1, self.moments, settings=SMALL.edit)
        self.before = {name: t.clone() for name, t in self.model.module.state_dict().items()}

    def run(self, emit: Callable[[str, Mapping[str, Any]], None]) -> None:
        assess(self.model, self.edit, self.plan, self.moments, Options(), emit, SMALL)

    def check(self) -> None:
        assert weight_hash(self.model.module) == self.model.hash
        for name, tensor in self.model.module.state_dict().items():
            assert torch.equal(tensor, self.before[name]), name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_suite_leaves_the_weights_as_they_were(family: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path, family)
    bench.run(heard := Heard())
    assert len(heard.of("bench_result")) == 13
    bench.check()


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", ["chain", "batch", "bench_result"])
def test_whatever_stops_the_suite_the_weights_are_put_back(
    error: type[BaseException], place: str, tmp_path: Path
) -> None:
    """In the chain, the committed edit and further ones are in the weights when the listener raises."""
    bench = Bench(tmp_path)
    moved = []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == place or (kind == "stage_progress" and data["stage"] == place and data["done"] == 1):
            moved.append(weight_hash(bench.model.module) != bench.model.hash)
            raise error

    with pytest.raises(error):
        bench.run(listen)
    assert moved == [place == "chain"]
    bench.check()


def test_an_answer_that_the_catalogue_knows_to_hold_is_no_target(folder: Path, tmp_path: Path) -> None:
    request = Request(TOWER.prompt, TOWER.subject, "Paris")
    with pytest.raises(RequestError, match="target 'Paris' is the old answer") as caught:
        run(folder, tmp_path, heard := Heard(), request=request)
    assert caught.value.todo == "choose another target, or correct --old"
    assert not heard.of("candidate")


def test_an_answer_that_the_model_gives_already_is_no_target(tmp_path: Path) -> None:
    model = tiny_model("pythia")
    neox = model.module.gpt_neox
    word = model.tokenizer.convert_tokens_to_ids("Ġthe")
    # The final norm puts out ones whatever comes in, and only one token's row of the head listens.
    neox.final_layer_norm.weight.data.zero_()
    neox.final_layer_norm.bias.data.fill_(1.0)
    model.module.lm_head.weight.data.zero_()
    model.module.lm_head.weight.data[word] = 1.0
    folder = save(model, tmp_path / "model")
    request = Request(TOWER.prompt, TOWER.subject, "the")
    with pytest.raises(RequestError, match=r"the model says 'the' already \(P = 1.00\)"):
        run(folder, tmp_path / "cache", Heard(), request=request)


@pytest.mark.parametrize(
    ("layer", "says"), [(4, "layer 4 of "), (99, "layer 99 of "), (3, "layer 3, the last of ")]
)
def test_a_layer_that_cannot_be_edited_is_refused_before_the_work_begins(
    folder: Path, tmp_path: Path, layer: int, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        run(folder, tmp_path, heard := Heard(), layer=layer)
    assert [data["stage"] for data in heard.of("stage_started")] == ["load"]
