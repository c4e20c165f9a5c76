"""Every metric against a slow obvious re-computation: one whole forward per token, plain loops."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp
from typing import Any

import pytest
from eval_bench import Bench, lines_of, say_slowly

from assay.datasets.case import Case
from assay.edits.make import make_edit
from assay.evals.counterfact import EVALUATION as COUNTERFACT
from assay.evals.editing import edit_of, requests_of, values_of
from assay.evals.measure import measure_case, optimise_cases
from assay.evals.metric import Evaluation
from assay.evals.zsre import EVALUATION as ZSRE
from assay.models.model import Model, weight_hash
from oracles import measure_slowly
from small import SMALL
from tiny import TEXT

pytestmark = pytest.mark.slow

Slow = Callable[[Model, Case], dict[str, float | None]]


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def counterfact_slowly(model: Model, case: Case) -> dict[str, float | None]:
    new, true = case.first.target_new, case.first.target_true
    assert true is not None

    def nll(text: str, answer: str) -> float:
        logps = measure_slowly(model, text, answer)[0]
        return -sum(logps) / len(logps)

    def right(text: str, answer: str) -> bool:
        return all(measure_slowly(model, text, answer)[1])

    def texts(purpose: str) -> list[str]:
        return [p.text for p in case.prompts if p.purpose == purpose]

    edited, near = [case.first.prompt], texts("neighborhood")
    worded = texts("paraphrase") or texts("pararel")
    said = {t: say_slowly(model, t, 10).strip() for t in edited + worded}
    return {
        "ES": mean([nll(t, new) < nll(t, true) for t in edited]),
        "PS": mean([nll(t, new) < nll(t, true) for t in worded]),
        "NS": mean([nll(t, true) < nll(t, new) for t in near]),
        "PS_pararel": mean([nll(t, new) < nll(t, true) for t in texts("pararel")]),
        "PS_loose": mean([nll(t, new) < nll(t, true) for t in texts("loose")]),
        "EM": mean([exp(-nll(t, new)) - exp(-nll(t, true)) for t in edited]),
        "PM": mean([exp(-nll(t, new)) - exp(-nll(t, true)) for t in worded]),
        "NM": mean([exp(-nll(t, true)) - exp(-nll(t, new)) for t in near]),
        "exact_rewrite": mean([right(t, new) for t in edited]),
        "exact_paraphrase": mean([right(t, new) for t in worded]),
        "exact_neighborhood": mean([right(t, true) for t in near]),
        "free_rewrite": mean([said[t].startswith(new) for t in edited]),
        "free_paraphrase": mean([said[t].startswith(new) for t in worded]),
        "contains_rewrite": mean([new in said[t] for t in edited]),
        "contains_paraphrase": mean([new in said[t] for t in worded]),
    }


def zsre_slowly(model: Model, case: Case) -> dict[str, float | None]:
    paraphrase, unrelated = case.prompts
    asked = {
        "efficacy": (case.first.prompt, case.first.target_new),
        "paraphrase": (paraphrase.text, case.first.target_new),
        "specificity": (unrelated.text, unrelated.answers[0]),
    }
    return {name: mean(list(map(float, measure_slowly(model, *pair)[1]))) for name, pair in asked.items()}


def mquake_slowly(model: Model, case: Case) -> dict[str, float | None]:
    right = [all(measure_slowly(model, fact.prompt, fact.target_new)[1]) for fact in case.rewrites]
    return {"edit_wise": mean(list(map(float, right)))}


@pytest.mark.parametrize(
    ("name", "slowly"),
    [
        ("counterfact", counterfact_slowly),
        ("counterfact_flat", counterfact_slowly),
        ("zsre", zsre_slowly),
        ("mquake", mquake_slowly),
    ],
)
def test_scores_are_those_of_the_slow_way(bench: Bench, name: str, slowly: Slow) -> None:
    model = bench.model
    document = bench.run(name)
    lines = lines_of(document)
    means = bench.means()
    cases = bench.data(name).cases
    assert len(lines) == 4 * len(cases)
    for (layer, variant, id), line in lines.items():
        (case,) = (c for c in cases if c.id == id)
        requests = requests_of(case)
        edit = edit_of(model, requests, values_of(model, requests, layer, means), variant, means)
        before = slowly(model, case)
        with edit.applied(model):
            after = slowly(model, case)
        for wanted, found in ((before, line["before"]), (after, line["after"])):
            assert {k: found[k] for k in wanted} == pytest.approx(wanted, abs=2e-5)
    for cell in document["cells"]:
        for metric in cell["metrics"]:
            if metric["id"] == "S":
                continue
            values = [
                line["after"][metric["id"]]
                for (layer, variant, _), line in lines.items()
                if (layer, variant) == (cell["layer"], cell["variant"])
            ]
            scored = [v for v in values if v is not None]
            assert metric["n"] == len(scored)
            assert metric["value"] == (pytest.approx(100 * sum(scored) / len(scored)) if scored else None)
    assert weight_hash(model.module) == model.hash


def own_word(model: Model) -> tuple[str, str]:
    """A prompt after which the model's most probable token is a whole word, and that word."""
    for start in TEXT.split():
        text = f"The town of {start} is"
        said = say_slowly(model, text, 1)
        if said.startswith(" ") and said.strip().isalpha():
            return text, said.strip()
    raise AssertionError("no such prompt")


@pytest.mark.parametrize(
    ("name", "evaluation", "slowly", "metric"),
    [
        ("counterfact", COUNTERFACT, counterfact_slowly, "exact_neighborhood"),
        ("zsre", ZSRE, zsre_slowly, "specificity"),
    ],
)
def test_scores_where_the_model_is_right(
    bench: Bench, name: str, evaluation: Evaluation, slowly: Slow, metric: str
) -> None:
    """A random model is right only about its own words: one is made the answer of the last prompt."""
    case = bench.data(name).cases[0]
    text, own = own_word(bench.model)
    last = replace(case.prompts[-1], text=text)
    case = replace(
        case,
        rewrites=(replace(case.first, target_true=own),),
        prompts=tuple(
            replace(p, answers=(*p.answers[:-1], own)) if len(p.answers) == 2 or p is last else p
            for p in (*case.prompts[:-1], last)
        ),
    )
    made = optimise_cases(bench.model, [case], 1, bench.means())
    ((_, line),) = measure_case(bench.model, case, evaluation, {(1, "rome"): made[case.id]}, bench.means(), 1)
    wanted = slowly(bench.model, case)
    assert {k: line["before"][k] for k in wanted} == pytest.approx(wanted, abs=2e-5)
    assert line["before"][metric] > 0


@pytest.mark.parametrize("variant", ["r-rome", "rome"])
def test_one_fact_gets_the_very_edit_that_assay_edit_makes(bench: Bench, variant: str) -> None:
    means = bench.means()
    requests = requests_of(bench.data("counterfact").cases[0])
    values = values_of(bench.model, requests, 1, means)
    edit = edit_of(bench.model, requests, values, variant, means)
    again = make_edit(
        bench.model,
        requests,
        1,
        means.moments,
        variant=variant,
        contexts=means.contexts,
        settings=SMALL.edit,
    )
    assert edit.id == again.id
    assert edit.figures["delta_norm"][0] == pytest.approx(again.figures["delta_norm"])


@pytest.mark.parametrize("variant", ["r-rome", "rome", "joint"])
def test_several_facts_of_a_case_are_written_together(bench: Bench, variant: str) -> None:
    model, means = bench.model, bench.means()
    requests = requests_of(bench.data("mquake").cases[0])
    values = values_of(model, requests, 1, means)
    edit = edit_of(model, requests, values, variant, means)
    with edit.applied(model):
        weight = model.down(1).weight.double()
        last = values[-1]
        key = (last.k_bare if variant == "rome" else last.k_mean).double()
        assert float((weight @ key - last.v.double()).abs().max()) < 1e-4
    assert weight_hash(model.module) == model.hash


def test_memit_has_one_variant(bench: Bench) -> None:
    document = bench.run("mquake", method="memit")
    assert [(c["layer"], c["variant"]) for c in document["cells"]] == [(1, "joint"), (2, "joint")]
    lines: Mapping[Any, Any] = lines_of(document)
    assert {line["method"] for line in lines.values()} == {"memit"}
