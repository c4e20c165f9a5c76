"""A language model's judgement of a stored run's paragraphs, kept in the run beside the rule's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.errors import StoreError
from assay.runs.folder import RunFolder
from assay.runs.process import only_writer
from assay.runs.store import Store

LEME = "leme"

Judge = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]], float], Mapping[str, Any]]
"""``(request, texts, threshold)`` to what is kept, as ``benchmarks.llm_judge.judge_texts`` gives it."""


def paragraphs(store: Store, asked: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Id, request and LEME's result of a run; StoreError where it has no paragraphs to judge."""
    run_id = store.find(asked)
    run = store.document(run_id)
    leme = store.results(run_id).get(LEME)
    if not leme or not leme.get("texts"):
        raise StoreError(
            f"run {run_id}, which has no paragraphs about the subject",
            "a run in which LEME was measured",
            f"measure it: assay bench {run_id} --only {LEME}, and judge that run",
        )
    # What the generator knew of the old answer, where the user did not say it.
    old = run["request"].get("old") or (run["generator"] or {}).get("old")
    return run_id, {**run["request"], "old": old}, leme


def judge_run(store: Store, asked: str, judge: Judge) -> str:
    """Have the paragraphs of a run judged and keep what comes of it in the run; its id.

    The rule's scores stay as they are. Another judgement by the same model takes the place of the first.
    """
    run_id, request, leme = paragraphs(store, asked)
    folder = RunFolder(store.home.run(run_id))
    with only_writer(folder.path, run_id):
        found = judge(request, leme["texts"], leme["threshold"])
        store.append(run_id, "judged", found)
        folder.write_run(store.document(run_id))
    return run_id
