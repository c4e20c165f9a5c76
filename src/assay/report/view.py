"""What a run dict says, with its gaps named: the one reading of ``run.json`` that all renderings share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.report.cards import Run, why_not_run
from assay.report.glossary import CHECKS
from assay.report.words import STATUSES, UNKNOWN, WHY, Word, limit_sign, number

COLLAPSE = 0.3
"""The collapse line of runs that recorded none, nats."""


PENDING: Mapping[str, str] = {
    "trace": "No causal trace yet.",
    "candidates": "No layer was tried yet.",
    "edit": "Nothing is committed yet.",
    "validation": "The three checks were not run yet.",
    "benchmarks": "No benchmark has run yet.",
    "reading": "No reading yet: it follows the last benchmark.",
}
"""What stands in the place of a part that may still come."""


def status(run: Run) -> Word:
    """The run's status in words."""
    return STATUSES.get(str(run.get("status")), UNKNOWN)


def layer(run: Run) -> int | None:
    """The layer of the edit, or of the last candidate when none was kept."""
    edit = run.get("edit") or {}
    if edit.get("layer") is not None:
        return int(edit["layer"])
    tried = run.get("candidates") or ()
    return int(tried[-1]["layer"]) if tried and tried[-1].get("layer") is not None else None


def why_layer(run: Run) -> str:
    """Why the edit is where it is."""
    chosen = layer(run)
    tried: Sequence[Mapping[str, Any]] = run.get("candidates") or ()
    mine = [candidate for candidate in tried if candidate.get("layer") == chosen]
    if not mine:
        return "not recorded"
    came = str(mine[-1].get("why"))
    text = WHY.get(came, came)
    ranking = list((run.get("trace") or {}).get("ranking") or ())
    if came == "trace" and chosen in ranking:
        text = f"number {ranking.index(chosen) + 1} in the causal trace's ranking"
    return f"{text}; {len(tried)} layers were tried" if len(tried) > 1 else text


def layer_mark(run: Run) -> str:
    """What the chosen layer is called in a picture of the trace."""
    return f"layer {layer(run)}, {'edited' if run.get('edit') else 'tried'}"


def pattern(run: Run) -> str:
    """The reading's pattern, spelled out where it is the three letters of the core triangle."""
    letters = str((run.get("reading") or {}).get("pattern") or "")
    if len(letters) == 3 and set(letters) <= set("HLU"):
        return f"{letters}: EditBench, EditGeneralization, RippleBench"
    return letters


def headline(run: Run) -> str:
    """The run in one sentence."""
    at = layer(run)
    where = f"layer {at}" if at is not None else "a layer that was not recorded"
    tried = len(run.get("candidates") or ())
    match run.get("status"):
        case "committed":
            return f"The edit validated and is committed at {where}."
        case "rolled_back":
            layers = "the one layer" if tried == 1 else f"any of the {tried} layers"
            return f"The edit did not validate at {layers} tried; the weights are as they were."
        case "interrupted":
            return f"The run was interrupted{_error(run)}. What had finished by then is shown."
        case "running":
            return "The run is not finished; what has come in so far is shown."
        case "queued":
            return "The run waits for its turn."
        case "done":
            return "The run is done."
        case "failed":
            return f"The run failed{_error(run)}. What had finished by then is shown."
    return "The run's status was not recorded."


def _error(run: Run) -> str:
    error = str(run.get("error") or "").strip().rstrip(".")
    return f": {error}" if error else ""


def sentence(check: Mapping[str, Any]) -> str:
    """``0.02 (≤ 0.10)``: a check's figure beside its limit."""
    digits = 3 if check.get("id") == "representation" else 2
    return f"{number(check.get('value'), digits)} (must be {limit(check)})"


def limit(check: Mapping[str, Any]) -> str:
    """``≤ 0.10``: a check's threshold with its side."""
    digits = 3 if check.get("id") == "representation" else 2
    return f"{limit_sign(check.get('direction'))} {number(check.get('threshold'), digits)}"


def figures(check: Mapping[str, Any]) -> list[str]:
    """A check's side figures in words; lists (the prompts, the layers) are evidence, shown elsewhere."""
    found = check.get("figures") or {}
    lines = []
    for key, value in found.items():
        wanted = found.get(f"{key}_threshold")
        if key.endswith("_threshold") or not isinstance(value, int | float | str):
            continue
        shown = value if isinstance(value, str) else number(value, 3 if isinstance(value, float) else 0)
        lines.append(f"in {shown}" if key == "unit" else f"{key.replace('_', ' ')} {shown}")
        if wanted is not None:
            lines[-1] += f" (must be ≥ {number(wanted)})"
    return lines


def evidence(check: Mapping[str, Any], name: str) -> list[Any]:
    """A check's list ``name`` (``prompts``, ``by_layer``); empty when it has none."""
    return list((check.get("figures") or {}).get(name) or ())


def collapse_line(run: Run) -> float:
    """Mean KL in nats beyond which this run counted the model as collapsed."""
    return float(((run.get("settings") or {}).get("bench") or {}).get("collapse_kl") or COLLAPSE)


def check_title(check: Mapping[str, Any]) -> str:
    """The check's name for people."""
    id = str(check.get("id"))
    return CHECKS[id].title if id in CHECKS else id


def checks(run: Run) -> tuple[Mapping[str, Any], ...]:
    """The three checks of the committed layer, or of the last candidate."""
    validation = run.get("validation") or {}
    if validation.get("checks"):
        return tuple(validation["checks"])
    tried = run.get("candidates") or ()
    return tuple(tried[-1].get("checks") or ()) if tried else ()


def gaps(run: Run) -> dict[str, str]:
    """Part to the sentence shown in its place, for every part that is missing."""
    no_reading = "the run ended before it" if run.get("benchmarks") else "there are no scores to read"
    empty = {"validation"} if not checks(run) else set()
    empty |= {"model"} if not any((run.get("model") or {}).values()) else set()
    words = {
        "trace": "No causal trace: it was switched off, or the run ended before it.",
        "candidates": "No layer was tried.",
        "edit": "No edit is stored with this run.",
        "validation": "The three checks were not run.",
        "benchmarks": f"No benchmark has run: {why_not_run(run)}.",
        "reading": f"No reading: {no_reading}.",
        "timings": "No timings were recorded.",
        "generator": "No generator was recorded.",
        "model": "The model was not recorded.",
        "versions": "No versions were recorded.",
        "settings": "No settings were recorded.",
    }
    if run.get("status") in ("running", "queued"):
        words |= PENDING
    return {part: text for part, text in words.items() if not run.get(part) or part in empty}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, text) lines."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, "not set" if value is None else str(value)
