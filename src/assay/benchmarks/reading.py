"""What the thirteen scores say together, in sentences, with what to do next.

The core triangle (EditBench, EditGeneralization, RippleBench) names the pattern; the other benchmarks
confirm or qualify it. An edit is never blamed for what the model could not do before it: where the old
fact, on the unedited model, misses the threshold too, the sentence says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.benchmarks.names import NAMES
from assay.score import LETTERS, Meaning

CORE = ("edit_bench", "edit_generalization", "ripple_bench")

PATTERNS: Mapping[str, tuple[str, str]] = {
    "HHH": (
        "Robust, generalised and local: the ideal profile.",
        "Use it; watch SequentialEditRetention if more edits will follow.",
    ),
    "HHL": (
        "The edit generalised but rippled: other facts of the same subject moved with it.",
        "Compare the ripple probes before and after; try another layer or fewer optimisation steps.",
    ),
    "HLH": (
        "Surface memorisation: the edit holds on direct probes but is not implied by other wording.",
        "Try a lower layer or more contexts, and look at PreservationVsMemorization.",
    ),
    "HLL": (
        "The edit holds on direct probes only and disturbed its subject: a shallow edit with side effects.",
        "Edit another layer; check the key ratio and the norm of the update.",
    ),
    "LHH": (
        "Implied wording gives the new answer more readily than the direct form: the direct probes may be a "
        "form this model does not use.",
        "Read the direct probes' ceilings; rephrase the training prompt.",
    ),
    "LHL": (
        "The new answer appears where it is implied, not where it is asked, and the subject's other facts moved.",
        "Treat it as bleeding rather than editing: lower the update's norm or change the layer.",
    ),
    "LLH": (
        "The edit did not hold: the new object stays improbable even on direct probes, and nothing else moved.",
        "Try another layer, check the target's tokens, or raise the number of optimisation steps.",
    ),
    "LLL": (
        "The edit did not hold and disturbed the subject's other facts: the worst of both.",
        "Roll it back; check the layer and the second moments.",
    ),
}
"""Pattern of the core triangle to its sentence and next step."""


Found = Mapping[str, Mapping[str, Any]]
"""Benchmark id to its result as JSON."""


def read_suite(results: Sequence[Mapping[str, Any]]) -> Meaning:
    """The pattern, its sentence, what qualifies it, and the next steps, from results as BenchResult.to_json()."""
    by_id = {r["id"]: r for r in results}
    pattern = "".join(LETTERS[by_id[i]["verdict"]] if i in by_id else "-" for i in CORE)
    sentences: list[str] = []
    steps: list[str] = []
    if "-" in pattern:
        missing = [i for i, letter in zip(CORE, pattern, strict=True) if letter == "-"]
        sentences.append(f"No overall reading: {', '.join(missing)} could not be scored.")
    else:
        firm = _firm(pattern, by_id)
        sentence, step = PATTERNS[firm]
        if "U" in pattern:
            unsure = [NAMES[i].title for i, letter in zip(CORE, pattern, strict=True) if letter == "U"]
            sentence = f"{sentence} (Leaning only: the interval of {' and of '.join(unsure)} straddles its threshold.)"
        sentences.append(sentence)
        steps.append(step)
    for rule in RULES:
        found = rule(by_id)
        if found:
            sentences.append(found[0])
            steps.extend(found[1:])
    return Meaning(pattern, tuple(sentences), tuple(dict.fromkeys(steps)))


def _firm(pattern: str, by_id: Found) -> str:
    """The pattern with each uncertain letter decided by its value alone."""
    return "".join(
        ("H" if by_id[i]["passed"] else "L") if letter == "U" else letter
        for i, letter in zip(CORE, pattern, strict=True)
    )


def _passed(by_id: Found, id: str) -> bool | None:
    return by_id[id]["passed"] if id in by_id else None


def _failed(by_id: Found, id: str) -> bool:
    """Whether it fails although the old fact, on the unedited model, did not: only then is the edit to blame."""
    return _passed(by_id, id) is False and not _beyond(by_id[id])


def _beyond(result: Mapping[str, Any]) -> bool:
    """Whether the model missed the threshold for the old fact too."""
    ceiling = result["ceiling"]
    return ceiling is not None and ceiling < result["threshold"]


def _memorised(by_id: Found) -> tuple[str, ...] | None:
    direct, implied = _passed(by_id, "edit_bench"), _passed(by_id, "edit_generalization")
    ratio = _passed(by_id, "preservation_vs_memorization")
    if direct and implied is False and ratio is not None:
        return (
            (
                "PreservationVsMemorization is high, though: rewordings of the prompt work, only inference does not.",
            )
            if ratio
            else ("PreservationVsMemorization is low as well, which confirms memorisation of the surface.",)
        )
    return None


def _not_in_text(by_id: Found) -> tuple[str, ...] | None:
    if _passed(by_id, "edit_bench") and _failed(by_id, "leme"):
        return (
            "LEME fails while EditBench passes: the fact holds in cloze prompts, not in free text.",
            "Read the paragraphs: is the old object named, or does the text fall apart?",
        )
    return None


def _no_premise(by_id: Found) -> tuple[str, ...] | None:
    if _passed(by_id, "edit_generalization") and _failed(by_id, "indirect_fact_recovery"):
        return ("IndirectFactRecovery fails while EditGeneralization passes: the model can paraphrase the fact but "
                "not use it as a premise.",)  # fmt: skip
    return None


def _answers_lost(by_id: Found) -> tuple[str, ...] | None:
    figures = by_id["ripple_bench"]["figures"] if "ripple_bench" in by_id else {}
    before, after = figures.get("known_answer_p_before"), figures.get("known_answer_p_after")
    if before is None or after is None or after >= before / 2:
        return None
    return (
        f"The known answers about the subject went: their mean probability fell from {before:.2f} to "
        f"{after:.3f}, which RippleBench's next-token distributions alone do not show.",
        "Read the ripple probes: which of the subject's other facts were lost?",
    )


def _bleeds(by_id: Found) -> tuple[str, ...] | None:
    near, far = _passed(by_id, "ripple_bench"), _passed(by_id, "locality_sensitivity_score")
    if far is False:
        where = "as well as facts of its subject" if near is False else "though not those of its own subject"
        return (
            f"The edit moved facts of other domains, {where}.",
            "Check the second moments (tokens, relative error) and the update's norm.",
        )
    return None


def _fragile(by_id: Found) -> tuple[str, ...] | None:
    row, later = _passed(by_id, "sequential_collapse_threshold"), _passed(by_id, "sequential_edit_retention")
    batch = _passed(by_id, "batch_edit_consistency")
    if row is False and later is False:
        return (
            "Further edits at this layer both degrade the model and erase this edit.",
            "Spread edits over layers.",
        )
    if row is False:
        index = by_id["sequential_collapse_threshold"]["figures"].get("collapse_index")
        return (
            f"The model collapses at further edit {int(index or 0)}, although this edit survives until then.",
        )
    if later is False:
        return (
            "The edit fades as others follow, while the model itself stays well: edits share a direction.",
        )
    if batch is False:
        return ("Several edits made at once interfere, although one after another they do not.",)
    return None


def _could_not_before(by_id: Found) -> tuple[str, ...] | None:
    beyond = [r for r in by_id.values() if r["passed"] is False and _beyond(r)]
    if not beyond:
        return None
    listed = ", ".join(f"{r['title']} ({r['score']:.2f} of a possible {r['ceiling']:.2f})" for r in beyond)
    return (
        f"Not the edit's fault alone: before it, this model missed the threshold for the old fact too on {listed}.",
    )


RULES = (_memorised, _not_in_text, _no_premise, _answers_lost, _bleeds, _fragile, _could_not_before)
