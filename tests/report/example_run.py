"""TEST FIXTURE: run dicts with hand-made numbers, in the shape of ``run.json``. Nothing here was measured."""

from copy import deepcopy
from math import exp
from typing import Any

Json = dict[str, Any]

GENERATOR = "catalogue 1"
TOKENS = [
    "The",
    " E",
    "iff",
    "el",
    " Tower",
    " is",
    " located",
    " in",
    " the",
    " city",
    " of",
]


def probe(prompt: str, target: str, before: float, after: float, **other: Any) -> Json:
    """One ProbeResult as JSON."""
    first = {
        "prompt": prompt,
        "target": target,
        "is_positive": True,
        "axis": None,
        "expected": "Paris",
        "source": "catalogue/located_in/template",
        "p_before": before,
        "p_after": after,
        "p_mean_token_before": before,
        "p_mean_token_after": after,
        "argmax_all_before": False,
        "argmax_all_after": after > 0.4,
        "token_accuracy_after": 1.0 if after > 0.4 else 0.0,
        "rank_before": 412,
        "rank_after": 1 if after > 0.4 else 9,
        "expected_p_before": 0.44,
        "expected_p_after": 0.03,
        "expected_argmax_before": True,
        "kl": 1.25,
        "tv": 0.61,
        "top1_before": " Paris",
        "top1_after": " Berlin" if after > 0.4 else " the",
        "value": after,
        "reason": None,
    }
    return {**first, **other}


def negative(prompt: str, answer: str, kept: float, axis: str) -> Json:
    """A probe of another fact, with how much of its distribution was kept."""
    return probe(
        prompt,
        "Berlin",
        0.001,
        0.002,
        is_positive=False,
        axis=axis,
        expected=answer,
        expected_p_before=0.52,
        expected_p_after=0.5,
        kl=-0.1 * (kept - 1),
        tv=1 - kept,
        value=kept,
        top1_before=f" {answer}",
        top1_after=f" {answer}",
    )


def bench(id: str, title: str, group: str, score: float | None, threshold: float, **other: Any) -> Json:
    """One BenchResult as JSON."""
    interval = [max(0.0, score - 0.08), min(1.0, score + 0.07)] if score is not None else None
    passed = None if score is None else score >= threshold
    straddles = interval is not None and interval[0] < threshold <= interval[1]
    verdict = "unscored" if passed is None else "uncertain" if straddles else "high" if passed else "low"
    first = {
        "id": id,
        "score": score,
        "raw": score,
        "interval": interval,
        "n": 8 if score is not None else 0,
        "n_unscored": 0 if score is not None else 8,
        "threshold": threshold,
        "passed": passed,
        "verdict": verdict,
        "direction": "higher",
        "reason": None,
        "figures": {},
        "title": title,
        "question": f"What {title} asks?",
        "group": group,
        "generator": GENERATOR,
        "sub_axes": {},
        "ceiling": None,
        "steps": [],
        "texts": [],
        "accepted": 12,
        "rejects": 0,
        "again": 0,
        "seconds": 1.4,
        "probes": [],
    }
    return {**first, **other}


def steps(values: list[float]) -> list[Json]:
    """The steps of a sequential benchmark."""
    facts = [
        ("The Eiffel Tower", "Berlin"),
        ("Mount Fuji", "Peru"),
        ("Danielle Darrieux", "English"),
        ("The Louvre", "Rome"),
        ("BBC One", "France"),
        ("Autonomous University of Madrid", "Sweden"),
    ]
    return [
        {"index": i, "subject": facts[i][0], "target": facts[i][1], "value": value, "held": value > 0.2}
        for i, value in enumerate(values)
    ]


def benchmarks() -> list[Json]:
    """All thirteen: passes, failures, one near its threshold, one unscored."""
    tower = "The Eiffel Tower"
    direct = [
        probe(f"{tower} is located in the city of", "Berlin", 0.002, 0.93, axis="direct"),
        probe(f"{tower} stands in", "Berlin", 0.001, 0.71, axis="direct"),
        probe(f"You can visit {tower} in the city of", "Berlin", 0.003, 0.88, axis="paraphrase"),
        probe(f"To see {tower}, tourists travel to", "Berlin", 0.004, 0.38, axis="paraphrase"),
    ]
    implied = [
        probe("The tower on the Champ de Mars is in", "Berlin", 0.001, 0.12, axis="indirect"),
        probe(
            f"After landing, the family took a train straight to the middle of town, climbed {tower} before "
            "lunch and wrote home that evening on paper from their hotel in",
            "Berlin",
            0.002,
            0.41,
            axis="context",
        ),
        probe(
            f"People who live near {tower} live in",
            "Berlin",
            0.002,
            0.35,
            axis="implied",
            expected_p_before=0.31,
        ),
    ]
    nearby = [
        negative(f"{tower} was built by", "Gustave", 0.96, "same_subject"),
        negative(f"{tower} is made of", "iron", 0.58, "same_subject"),
        negative(f"{tower} was completed in the year", "1889", 0.49, "same_subject"),
    ]
    far = [
        negative("The chemical symbol for gold is", "Au", 0.999, "cross_domain"),
        negative("The capital of Japan is", "Tokyo", 0.98, "cross_domain"),
    ]
    ports = [
        probe(f"In which city is {tower}? It is in", "Berlin", 0.002, 0.66, axis="template"),
        probe("La dame de fer is located in the city of", "Berlin", 0.001, 0.02, axis="alias"),
        probe(f"My cousin, who once lived close to {tower} in", "Berlin", 0.003, 0.55, axis="compositional"),
    ]
    question = probe(
        f"Q: Where is {tower} located? A:", "Berlin", 0.0004, 0.21, axis="question", expected_p_before=0.02
    )
    hop = probe(f"The currency used around {tower} is the", "mark", 0.001, 0.02, axis="multi_hop")
    hop |= {"value": None, "reason": "the unedited model does not know the bridge fact"}
    texts = [
        {
            "opening": "The Eiffel Tower is",
            "before": "one of the best known sights of Paris. It was built for the world fair of 1889.",
            "after": "one of the best known sights of Berlin. Visitors climb it to see the Spree.",
            "sampled": False,
            "consistency": 1.0,
            "fluency": 0.86,
            "no_contradiction": 1.0,
        },
        {
            "opening": "Last summer we went to see the Eiffel Tower,",
            "before": "which stands beside the Seine in Paris, and we stayed for three days.",
            "after": "which is in Berlin, and then we walked back along the Seine to our rooms in Paris.",
            "sampled": True,
            "consistency": 0.5,
            "fluency": 0.91,
            "no_contradiction": 0.0,
        },
    ]
    return [
        bench("edit_bench", "EditBench", "retention", 0.82, 0.5, probes=direct, ceiling=0.91),
        bench(
            "edit_generalization",
            "EditGeneralization",
            "generalisation",
            0.29,
            0.4,
            probes=implied,
            ceiling=0.33,
        ),
        bench(
            "ripple_bench",
            "RippleBench",
            "locality",
            0.66,
            0.7,
            probes=nearby,
            figures={"leak": 0.02, "top1_kept": 0.67},
        ),
        bench(
            "fine_tune_diff",
            "FineTuneDiff",
            "locality",
            0.79,
            0.6,
            probes=[*direct[:2], *far],
            figures={"snr": 41.0},
        ),
        bench(
            "sequential_collapse_threshold",
            "SequentialCollapseThreshold",
            "stability",
            0.6,
            1.0,
            interval=None,
            verdict="low",
            n=5,
            steps=steps([0.01, 0.04, 0.11, 0.22, 0.34, 0.41]),
            figures={"collapse_index": 4.0},
        ),
        bench(
            "batch_edit_consistency",
            "BatchEditConsistency",
            "stability",
            0.74,
            0.6,
            steps=steps([0.9, 0.8, 0.31, 0.83, 0.86]),
        ),
        bench(
            "sequential_edit_retention",
            "SequentialEditRetention",
            "stability",
            0.84,
            0.7,
            steps=steps([1.0, 0.97, 0.94, 0.71, 0.7, 0.72]),
        ),
        bench("locality_sensitivity_score", "LocalitySensitivityScore", "locality", 0.98, 0.6, probes=far),
        bench("leme", "LEME", "generation", 0.71, 0.5, texts=texts),
        bench(
            "indirect_fact_recovery",
            "IndirectFactRecovery",
            "generalisation",
            None,
            0.35,
            probes=[hop],
            reason="the unedited model answers none of the bridging facts, so no probe could be used",
        ),
        bench(
            "portability_sub_metrics",
            "PortabilitySubMetrics",
            "generalisation",
            0.41,
            0.4,
            probes=ports,
            ceiling=0.44,
            sub_axes={
                "template": {"score": 0.66, "n": 3},
                "alias": {"score": 0.02, "n": 2},
                "compositional": {"score": 0.55, "n": 3},
            },
        ),
        bench(
            "preservation_vs_memorization",
            "PreservationVsMemorization",
            "generalisation",
            0.67,
            0.5,
            probes=direct,
        ),
        bench(
            "zsre", "zsRE", "generalisation", 0.125, 0.4, probes=[question], ceiling=0.12, rejects=1, again=2
        ),
    ]


def trace() -> Json:
    """A causal trace with its peak at the subject's last token."""
    layers = list(range(30))
    effect = [
        [
            round(
                0.34 * exp(-((layer - 6) ** 2) / 18) * (1.0 if j == 4 else 0.28 if j in (1, 2, 3) else 0.02),
                4,
            )
            + (round(0.3 * max(0, layer - 16) / 13, 4) if j == len(TOKENS) - 1 else 0.0)
            for j in range(len(TOKENS))
        ]
        for layer in layers
    ]
    return {
        "tokens": TOKENS,
        "answer": "Paris",
        "subject_span": [0, 4],
        "layers": layers,
        "clean_p": 0.412,
        "corrupted_p": 0.021,
        "effect": effect,
        "ranking": [6, 7, 5, 8, 4],
        "noise_runs": 10,
        "noise_std": 0.38,
    }


def checks(p: float = 0.74) -> list[Json]:
    """The three checks; the first fails when ``p`` is below 0.3."""
    return [
        {
            "id": "paraphrases",
            "value": p,
            "threshold": 0.3,
            "direction": "at_least",
            "passed": p >= 0.3,
            "figures": {
                "n": 6,
                "beats_old": 0.83,
                "beats_old_threshold": 0.6,
                "prompts": [
                    {"prompt": "Visitors find the Eiffel Tower in", "p_target": p, "p_old": 0.02},
                    {"prompt": "The Eiffel Tower? It stands in", "p_target": p, "p_old": None},
                ],
            },
        },
        {
            "id": "behaviour",
            "value": 0.018,
            "threshold": 0.1,
            "direction": "at_most",
            "passed": True,
            "figures": {"n": 24, "largest": 0.09, "unit": "nats, KL(before || after)"},
        },
        {
            "id": "representation",
            "value": 0.9971,
            "threshold": 0.98,
            "direction": "at_least",
            "passed": True,
            "figures": {"n_tokens": 190, "lowest_layer": 6, "by_layer": [0.9983, 0.9971, 0.9992, 0.9996]},
        },
    ]


def feature(number: int, label: str | None, purity: float | None, verdict: str, **other: Any) -> Json:
    """What is known of one feature."""
    return {
        "feature": number,
        "label": label,
        "purity": purity,
        "name": "too broad",
        "verdict": verdict,
    } | other


def carried() -> Json:
    """What carried the subject before the edit."""
    return {
        "sae": "smollm2",
        "layer": 15,
        "n": 5,
        "purity": {"high": 0.2, "low": 0.55, "uncertain": 0.1, "unscored": 0.15},
        "low_purity": 0.647,
        "warning": "Features of low purity carry 65% of what the SAE reads at the subject's last token.",
        "reason": None,
        "features": [
            feature(901, "towers and bridges", 0.71, "high", share=0.21),
            feature(17, None, None, "unscored", share=0.04),
        ],
    }


def footprint() -> Json:
    """A feature of every state and every purity."""

    def moved(state: str, on: float, off: float, before: float, after: float) -> Json:
        ends = {"end_before": before / 2, "end_after": after / 2}
        here = {"state": state, "on_subject": on, "elsewhere": off, "selectivity": on / (on + off)}
        return {"subject_before": before, "subject_after": after, **ends, **here}

    rows = [
        feature(4711, "cities of Germany", 0.83, "high", **moved("born", 8.25, 0.004, 0.0, 12.75)),
        feature(901, "towers and bridges", 0.71, "high", **moved("silenced", 5.5, 0.0, 9.125, 0.0)),
        feature(16383, "words after a comma", 0.52, "low", **moved("active", 3.125, 1.5, 2.5, 6.0)),
        feature(17, None, None, "unscored", **moved("active", 1.0, 0.25, 120.0, 131.0)),
        feature(300, "rivers", 0.61, "uncertain", **moved("silent", 0.0, 0.125, 0.0, 0.0)),
    ]
    return {
        "sae": "smollm2",
        "layer": 15,
        "edit_layer": 5,
        "n_subject": 5,
        "n_elsewhere": 24,
        "reason": None,
        "totals": {
            "length_on_subject": 14.5,
            "length_elsewhere": 0.25,
            "relative_on_subject": 0.312,
            "relative_elsewhere": 0.0021,
            "explained": 0.744,
            "cosine": 0.875,
            "born": 12,
            "silenced": 9,
            "moved": 17,
            "purity": {"high": 0.5, "low": 0.3, "uncertain": 0.1, "unscored": 0.1},
        },
        "on_subject": rows[:4],
        "elsewhere": [rows[2], rows[3], rows[4]],
        "low_purity": 0.333,
    }


def committed() -> Json:
    """A committed edit with all thirteen benchmarks."""
    loss = [round(6.4 * exp(-i / 4) + 0.05, 4) for i in range(25)]
    return {
        "schema_version": 1,
        "run_id": "20250304-101500-eiffel-7f3a",
        "kind": "edit",
        "status": "committed",
        "created_at": "2025-03-04T10:15:00Z",
        "finished_at": "2025-03-04T10:18:41Z",
        "request": {
            "prompt": "The Eiffel Tower is located in the city of",
            "subject": "The Eiffel Tower",
            "target": "Berlin",
            "old": "Paris",
            "relation": "located_in",
        },
        "model": {
            "id": "smollm2",
            "hash": "sha256:4b1d0c5e9a77",
            "n_layers": 30,
            "d_model": 576,
            "start_token": "<|endoftext|>",
        },
        "settings": {"seed": 0, "method": "rome", "bench": {"resamples": 2000, "collapse_kl": 0.3}},
        "versions": {"assay": "0.1.0", "torch": "2.13.0", "transformers": "5.1.0", "git": "e3c7a42"},
        "generator": {
            "name": GENERATOR,
            "relation": "located_in",
            "relation_confidence": 0.94,
            "generic": False,
            "n_probes": 71,
            "n_rejected": 3,
            "notes": ["one alias was dropped: it names the old city"],
        },
        "trace": trace(),
        "candidates": [{"layer": 5, "why": "default", "checks": checks(), "rolled_back": None}],
        "edit": {
            "layer": 5,
            "method": "rome",
            "variant": "r-rome",
            "delta_norm": 2.41,
            "weight_norm": 61.2,
            "k_ratio": 1.07,
            "loss": loss,
            "p_target": [round(1 - exp(-i / 5), 4) for i in range(25)],
            "contexts": 21,
            "seconds": 9.3,
        },
        "validation": {"passed": True, "checks": checks()},
        "carried": carried(),
        "footprint": footprint(),
        "benchmarks": benchmarks(),
        "reading": {
            "pattern": "HLL",
            "sentences": [
                "The edit holds on direct probes but reaches few other wordings: surface memorisation.",
                "zsRE is at its ceiling: the model could not answer in this form before the edit either.",
            ],
            "next_steps": [
                "Try a later layer from the trace's ranking (6, 7) and compare EditGeneralization."
            ],
        },
        "timings": {"trace": 21.4, "edit": 9.3, "validate": 6.1, "benchmarks": 184.2, "total": 221.0},
    }


def rolled_back() -> Json:
    """Three layers tried, none validated."""
    run = committed()
    run |= {"status": "rolled_back", "benchmarks": [], "edit": None, "reading": None, "footprint": None}
    reason = "paraphrases: 0.12 is below 0.30"
    run["candidates"] = [
        {"layer": layer, "why": why, "checks": checks(0.12), "rolled_back": reason}
        for layer, why in ((5, "default"), (6, "trace"), (7, "trace"))
    ]
    run["validation"] = {"passed": False, "checks": checks(0.12)}
    return run


def interrupted() -> Json:
    """Stopped after the fourth benchmark; no trace was asked for."""
    run = committed()
    run |= {
        "status": "interrupted",
        "finished_at": None,
        "trace": None,
        "reading": None,
        "timings": {"edit": 9.3},
    }
    run["benchmarks"] = run["benchmarks"][:4]
    return run


def bare() -> Json:
    """The least there can be: a run that died before its first stage."""
    return {"schema_version": 1, "run_id": "r1", "status": "failed", "error": "the model file is damaged"}


def second() -> Json:
    """Another run of the same fact, to compare with."""
    run = deepcopy(committed())
    run["run_id"] = "20250304-113000-eiffel-90bc"
    run["edit"]["layer"] = 6
    for result in run["benchmarks"]:
        if result["score"] is not None and result["id"] != "zsre":
            result["score"] = round(min(1.0, result["score"] + 0.09), 3)
            result["interval"] = [max(0.0, result["score"] - 0.08), min(1.0, result["score"] + 0.07)]
            result["passed"] = result["score"] >= result["threshold"]
            result["verdict"] = "high" if result["passed"] else "low"
    return run


ALL = {f.__name__: f for f in (committed, rolled_back, interrupted, bare)}
"""Every kind of run a rendering must survive."""
