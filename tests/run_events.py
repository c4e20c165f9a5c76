"""A small run as its events: what a pipeline would emit, for tests that need no model."""

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.result import BenchResult, ProbeResult
from assay.generators.plan import Plan, Reject, Request, Synthetic
from assay.probes.probe import Probe
from assay.score import Score, unscored

Pair = tuple[str, Mapping[str, Any]]

REQUEST = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "Paris", None)
OPTIONS = {"model": "smollm2", "layer": None, "method": "rome", "variant": "r-rome", "generator": "catalogue"}
OPTIONS |= {"bench": True, "only": None, "seed": 0, "trace": True}


def probe_result(prompt: str = "The Eiffel Tower stands in", value: float | None = 0.9) -> ProbeResult:
    """One measured probe; the fields a run did not know are null."""
    return ProbeResult(
        prompt=prompt,
        target="Berlin",
        is_positive=True,
        axis="direct",
        expected=None,
        source="catalogue landmark_city",
        p_before=0.001,
        p_after=0.9,
        p_mean_token_before=0.001,
        p_mean_token_after=0.9,
        argmax_all_before=False,
        argmax_all_after=True,
        token_accuracy_after=1.0,
        rank_before=40,
        rank_after=1,
        expected_p_before=None,
        expected_p_after=None,
        expected_argmax_before=None,
        kl=1.5,
        tv=0.9,
        top1_before=" Paris",
        top1_after=" Berlin",
        value=value,
        reason=None if value is not None else "the model did not know the answer",
    )


def bench(id: str, value: float | None = 0.9) -> dict[str, Any]:
    """One finished benchmark as its event's data."""
    if value is None:
        score = unscored(id, "the edit was not held", 0.5, 2)
    else:
        score = Score(id, value, value, (value - 0.05, value + 0.05), 2, 0, 0.5, figures={"leak": None})
    probes = (probe_result(), probe_result("Go to the Eiffel Tower in", None))
    return BenchResult(score, id.title(), "Does it hold?", "retention", "catalogue 1", probes).to_json()


BEGIN: tuple[Pair, ...] = (
    (
        "run_started",
        {
            "request": REQUEST.to_json(),
            "model": {"id": "smollm2", "hash": "ab12"},
            "settings": {"bench": {"n_probes": 8}},
        },
    ),
    ("stage_started", {"stage": "trace", "title": "Causal trace", "total": 2}),
    ("stage_progress", {"stage": "trace", "done": 1, "total": 2, "title": "Causal trace"}),
    ("stage_finished", {"stage": "trace", "seconds": 1.5}),
    (
        "plan",
        {
            "generator": "catalogue 1",
            "relation": "landmark_city",
            "relation_confidence": 0.9,
            "generic": False,
            "n_probes": 70,
            "n_rejected": 1,
            "notes": [],
        },
    ),
    ("candidate", {"layer": 5, "index": 0, "of": 2, "why": "default"}),
    ("optimised", {"layer": 5, "steps": 2, "loss": [3.0, 0.1], "p_target": 0.9, "seconds": 0.5}),
    (
        "check",
        {
            "layer": 5,
            "id": "behaviour",
            "value": 0.4,
            "threshold": 0.1,
            "direction": "lower",
            "passed": False,
            "figures": {},
        },
    ),
    ("rolled_back", {"layer": 5, "reason": "behaviour: 0.4 above 0.1"}),
    ("candidate", {"layer": 9, "index": 1, "of": 2, "why": "trace"}),
    ("optimised", {"layer": 9, "steps": 2, "loss": [3.0, 0.1], "p_target": 0.95, "seconds": 0.5}),
    (
        "check",
        {
            "layer": 9,
            "id": "behaviour",
            "value": 0.02,
            "threshold": 0.1,
            "direction": "lower",
            "passed": True,
            "figures": {},
        },
    ),
)
COMMIT: Pair = ("committed", {"layer": 9, "edit_id": "e1"})
SUITE: tuple[Pair, ...] = (
    ("bench_started", {"id": "edit_bench", "title": "EditBench", "index": 0, "of": 2}),
    ("bench_result", bench("edit_bench")),
    ("bench_started", {"id": "zsre", "title": "zsRE", "index": 1, "of": 2}),
    ("bench_result", bench("zsre", None)),
    ("reading", {"pattern": "HHH", "sentences": ["It holds."], "next_steps": []}),
)
END: Pair = ("run_finished", {"status": "committed", "seconds": 4.0})
WHOLE: tuple[Pair, ...] = (*BEGIN, COMMIT, *SUITE, END)


def plan() -> Plan:
    """A small plan with something in every field."""
    probe = Probe("The Eiffel Tower stands in", "Berlin", True, "direct", "Paris", "catalogue landmark_city")
    leak = Probe("Berlin, Berlin,", "Berlin")
    other = Request("The Colosseum is in", "The Colosseum", "Oslo", "Rome", "landmark_city")
    return Plan(
        request=REQUEST,
        generator="catalogue 1",
        relation_confidence=0.9,
        generic=False,
        paraphrases=(probe,),
        neutral=("Water boils at",),
        probes={"edit_bench": (probe,), "leme": ()},
        synthetic=(Synthetic(other, (Probe("The Colosseum stands in", "Oslo"),)),),
        long_form=("The Eiffel Tower is",),
        rejects=(Reject("zsre", leak, "target in prompt"),),
        notes=("relation recognised",),
    )
