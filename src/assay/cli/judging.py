"""``assay bench RUN --judge``: a language model's marks for the paragraphs of a stored run."""

from typing import TYPE_CHECKING, Any

from assay.cli import speak
from assay.cli.author import author_of
from assay.errors import InputError

if TYPE_CHECKING:
    from assay.runs.home import Home


def judge(
    home: "Home", run: str, name: str, base_url: str | None, timeout: float | None, seed: int | None
) -> dict[str, Any]:
    """Judge the paragraphs of a run; its document then. No model is loaded and no benchmark run again."""
    from assay.runs.judged import judge_run, paragraphs
    from assay.runs.store import Store

    with Store(home) as store:
        paragraphs(store, run)  # what is missing is said before anything is asked
        with speak.screen() as screen:
            who = author_of(home, "judge", name, base_url, timeout, "marks", screen)
            with speak.loading(screen):
                from assay.benchmarks.llm_judge import judge_texts
                from assay.settings import BenchSettings
            own = store.document(run)["options"].get("seed") or 0

            def marks(request: Any, texts: Any, threshold: float) -> Any:
                return judge_texts(
                    who,
                    request,
                    texts,
                    threshold=threshold,
                    seed=own if seed is None else seed,
                    resamples=BenchSettings().resamples,
                    emit=screen,
                )

            run_id = judge_run(store, run, marks)
        return store.document(run_id)


def alone(given: dict[str, object]) -> None:
    """Raises InputError where options were given beside --judge that mean a new run of the benchmarks."""
    others = [f"--{name}" for name, value in given.items() if value]
    if others:
        raise InputError(
            f"--judge together with {', '.join(others)}",
            "--judge alone: it reads what a stored run has written, and runs no benchmark",
            "leave those out; to judge new paragraphs, run the benchmarks first and judge that run",
        )
