"""Each benchmark against its formula, computed the slow way from whole forwards on the edited weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.benchmarks.asking import Bench
from assay.benchmarks.names import NAMES, chosen
from assay.benchmarks.suite import run_suite
from assay.benchmarks.table import SCORERS
from assay.edits.delta import Edit, Update
from assay.edits.moments import Moments
from assay.errors import RequestError
from assay.generators.plan import Plan, Request, Synthetic
from assay.models.model import Model, weight_hash
from assay.models.tokens import encode
from assay.probes.probe import Probe
from assay.settings import BenchSettings
from oracles import measure_slowly, next_logp_slowly
from tiny import tiny_model

LAYER = 1
REQUEST = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Rome", "Paris")
SETTINGS = BenchSettings(long_tokens=8, resamples=100, known_p=0.0)


def positive(axis: str, *prompts: str) -> tuple[Probe, ...]:
    return tuple(Probe(p, "Rome", True, axis, "Paris") for p in prompts)


def negative(axis: str, *facts: tuple[str, str]) -> tuple[Probe, ...]:
    return tuple(Probe(p, "Rome", False, axis, a) for p, a in facts)


FACTS = [("Water", "boils"), ("Big Ben stands in", "London"), ("She walked to the", "market")]
CITY = ["The Eiffel Tower is in", "The city of the Eiffel Tower is"]


def plan() -> Plan:
    held = positive("direct", *CITY) + positive("paraphrase", "People see the Eiffel Tower in")
    return Plan(
        request=REQUEST,
        generator="by hand",
        relation_confidence=1.0,
        generic=False,
        paraphrases=held,
        neutral=tuple(
            f"{word} and the old town" for word in ("She", "He", "Water", "Rome", "People", "Apple")
        ),
        probes={
            "edit_bench": held,
            "edit_generalization": positive(
                "implied", "To see the Eiffel Tower, go to", "A map of the Eiffel Tower"
            ),
            "ripple_bench": negative(
                "same_subject", ("The Eiffel Tower was made by", "Steve"), ("It has", "people")
            ),
            "fine_tune_diff": positive("edited", *CITY) + negative("unrelated", *FACTS),
            "batch_edit_consistency": held,
            "sequential_edit_retention": held,
            "locality_sensitivity_score": negative("cross_domain", *FACTS),
            "indirect_fact_recovery": (Probe("The tower's land is", "Italy", True, "multi_hop", "France"),)
            * 2,
            "portability_sub_metrics": positive("template", *CITY) + positive("alias", "The tower is in"),
            "preservation_vs_memorization": positive("surface", *CITY)
            + positive("paraphrase", "You see it in"),
            "zsre": positive("question", "Q: Where is the Eiffel Tower? A:", "Q: Which city? A:"),
        },
        synthetic=tuple(
            Synthetic(Request(f"{s} stands in", s, t, o), (Probe(f"{s} is in", t, True, "direct", o),))
            for s, t, o in [("Big Ben", "Germany", "London"), ("The Louvre", "Italy", "Paris")]
        ),
        long_form=("The Eiffel Tower is a", "About the Eiffel Tower:"),
    )


def bench_for(model: Model, size: float = 0.15) -> Bench:
    generator = torch.Generator().manual_seed(5)
    left = torch.randn(model.d_model, 1, generator=generator, dtype=torch.float64) * size
    right = torch.randn(model.d_mlp, 1, generator=generator, dtype=torch.float64)
    edit = Edit(
        (REQUEST,),
        "rome",
        "r-rome",
        (Update(LAYER, left, right),),
        model.id,
        model.hash,
        0,
        ("",),
        {"steps": 4},
    )
    keys = torch.randn(400, model.d_mlp, generator=generator)
    moments = Moments({LAYER: keys.T @ keys / 400}, 400, "random", "0" * 64, model.hash, {LAYER: 0.1})
    return Bench(model, edit, plan(), moments, SETTINGS)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_for(tiny_model("llama"))


def p(model: Model, prompt: str, answer: str) -> float:
    return float(np.exp(sum(measure_slowly(model, prompt, answer)[0])))


def both(bench: Bench, probes: tuple[Probe, ...]) -> tuple[list[float], list[float]]:
    """P(target) before and after, slowly."""
    before = [p(bench.model, q.prompt, q.target) for q in probes]
    with bench.edit.applied(bench.model):
        return before, [p(bench.model, q.prompt, q.target) for q in probes]


def distributions(bench: Bench, prompts: list[str]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    read = lambda: [next_logp_slowly(bench.model, encode(bench.model, x)).double().exp() for x in prompts]  # noqa: E731
    before = read()
    with bench.edit.applied(bench.model):
        return list(zip(before, read(), strict=True))


def run(bench: Bench, id: str):  # type: ignore[no-untyped-def]
    (result,) = run_suite(bench, [id])
    return result


@pytest.mark.parametrize("id", ["edit_bench", "edit_generalization", "indirect_fact_recovery"])
def test_mean_probability(bench: Bench, id: str) -> None:
    result = run(bench, id)
    probes = bench.plan.probes[id]
    before, after = both(bench, probes)
    assert result.score.value == pytest.approx(np.mean(after), rel=1e-4)
    assert [x.p_before for x in result.probes] == pytest.approx(before, rel=1e-4)
    ceiling = [p(bench.model, q.prompt, str(q.expected)) for q in probes]
    assert result.ceiling == pytest.approx(np.mean(ceiling), rel=1e-4)


def test_ripple_and_locality(bench: Bench) -> None:
    pairs = distributions(bench, [q.prompt for q in bench.plan.probes["ripple_bench"]])
    tv = [float((a - b).abs().sum() / 2) for a, b in pairs]
    assert run(bench, "ripple_bench").score.value == pytest.approx(1 - np.mean(tv), rel=1e-4)
    pairs = distributions(bench, [q.prompt for q in bench.plan.probes["locality_sensitivity_score"]])
    kls = [float((a * (a / b).log()).sum()) for a, b in pairs]
    far = run(bench, "locality_sensitivity_score").score
    assert far.value == pytest.approx(np.exp(-np.mean(kls)), rel=1e-4)
    assert far.raw == pytest.approx(np.mean(kls), rel=1e-3)


def test_fine_tune_diff(bench: Bench) -> None:
    before, after = both(bench, bench.plan.probes["fine_tune_diff"][:2])
    signal = np.mean(np.subtract(after, before))
    known = tuple(Probe(a, b) for a, b in FACTS)
    before, after = both(bench, known)
    noise = np.mean(np.abs(np.subtract(after, before)))
    score = run(bench, "fine_tune_diff").score
    assert score.raw == pytest.approx(signal - noise, abs=1e-6)
    assert score.value == pytest.approx(np.clip(signal - noise, 0, 1), abs=1e-6)
    unknowing = replace(bench, settings=replace(SETTINGS, known_p=0.99))
    unsure = run(unknowing, "fine_tune_diff")
    assert unsure.score.value is None and "knows none of the unrelated facts" in str(unsure.score.reason)
    assert unsure.score.n_unscored == 3


def test_portability_weighs_axes_and_memorisation_is_a_ratio(bench: Bench) -> None:
    probes = bench.plan.probes["portability_sub_metrics"]
    _, after = both(bench, probes)
    result = run(bench, "portability_sub_metrics")
    assert result.score.value == pytest.approx((np.mean(after[:2]) + after[2]) / 2, rel=1e-4)
    assert result.sub_axes["alias"] == {"score": pytest.approx(after[2], rel=1e-4), "n": 1}
    result = run(
        replace(bench, settings=replace(SETTINGS, surface_floor=0.0)), "preservation_vs_memorization"
    )
    _, after = both(bench, bench.plan.probes["preservation_vs_memorization"])
    assert result.score.raw == pytest.approx(after[2] / np.mean(after[:2]), rel=1e-4)
    assert 0 <= result.score.value <= 1
    unheld = run(
        replace(bench, settings=replace(SETTINGS, surface_floor=0.99)), "preservation_vs_memorization"
    )
    assert unheld.score.verdict == "unscored" and "edit not held" in str(unheld.score.reason)


def test_zsre_counts_argmax(bench: Bench) -> None:
    with bench.edit.applied(bench.model):
        hits = [all(measure_slowly(bench.model, q.prompt, q.target)[1]) for q in bench.plan.probes["zsre"]]
    result = run(bench, "zsre")
    assert result.score.value == np.mean(hits)
    assert result.score.interval is not None and result.score.interval[1] > 0


def test_the_chain_measures_the_live_model_and_undoes_everything(bench: Bench) -> None:
    fresh = replace(bench, memo={})
    collapse = run(fresh, "sequential_collapse_threshold")
    pairs = distributions(bench, list(bench.plan.neutral))
    kls = [float((a * (a / b).log()).sum()) for a, b in pairs]
    assert [s.index for s in collapse.steps] == [0, 1, 2]
    assert collapse.steps[0].value == pytest.approx(np.mean(kls), rel=1e-3)
    retention = run(fresh, "sequential_edit_retention")
    assert retention.score.verdict == "unscored" or retention.steps[0].value == 1.0
    batch = run(fresh, "batch_edit_consistency")
    assert [s.subject for s in batch.steps] == ["The Eiffel Tower", "Big Ben", "The Louvre"]
    assert batch.score.value == pytest.approx(np.mean([s.value for s in batch.steps]))
    assert weight_hash(bench.model.module) == bench.model.hash


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "pythia", "gemma2", "opt"])
def test_all_thirteen_on_other_families_scored_or_unscored_with_a_reason(name: str) -> None:
    events: list[str] = []
    bench = replace(bench_for(tiny_model(name)), emit=lambda kind, data: events.append(kind))
    results = run_suite(bench)
    assert [r.score.id for r in results] == list(NAMES) == list(SCORERS)
    for r in results:
        assert (r.score.value is None) == bool(r.score.reason)
        assert r.score.value is None or 0 <= r.score.value <= 1
    assert events.count("bench_result") == 13
    again = run_suite(replace(bench, memo={}))
    assert [r.score for r in again] == [r.score for r in results]
    assert weight_hash(bench.model.module) == bench.model.hash


def test_no_edit_at_all_is_quiet_everywhere(bench: Bench) -> None:
    still = replace(bench_for(bench.model, size=0.0))
    assert run(still, "ripple_bench").score.value == 1.0
    assert run(still, "locality_sensitivity_score").score.value == 1.0
    assert run(still, "fine_tune_diff").score.value == 0.0


def test_missing_probes_are_unscored_and_done_ones_left_out(bench: Bench) -> None:
    empty = replace(bench, plan=replace(bench.plan, probes={}, synthetic=(), long_form=()), memo={})
    assert {r.score.reason for r in run_suite(empty)} == {"the generator had no probe for this benchmark"}
    assert [r.score.id for r in run_suite(bench, ["zsre", "edit_bench"], done={"zsre"})] == ["edit_bench"]
    with pytest.raises(RequestError, match="unknown benchmark 'zsree'") as error:
        chosen(["zsree"])
    assert error.value.todo == "use zsre"
