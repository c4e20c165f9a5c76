"""LEME's second judge at the end of a suite: the language model that makes the probes also judges the paragraphs.

Nothing depends on it. Where it cannot judge, that is told, and the run goes on.
"""

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.names import chosen
from assay.errors import InputError
from assay.events import Emit
from assay.generators.llm.author import author, is_model
from assay.generators.means import Means
from assay.generators.plan import Request

LEME = "leme"
LONGEST = 300
"""Letters of what went wrong that are kept."""


def judges(generator: str, only: tuple[str, ...] | None) -> bool:
    """Whether this generator judges the paragraphs of a suite of these benchmarks (None: all)."""
    return is_model(generator) and LEME in chosen(only)


def judge_suite(
    generator: str,
    means: Means,
    request: Request,
    leme: Mapping[str, Any] | None,
    *,
    seed: int,
    resamples: int,
    emit: Emit,
) -> None:
    """Have the paragraphs of LEME's result judged: ``judged``, or ``not_judged`` with what came. Raises nothing of its
    own: the benchmarks are measured, and are not to be lost for a second opinion."""
    if leme is None or not leme["texts"]:
        return
    try:
        who = author(generator, means, "marks")
        from assay.benchmarks.llm_judge import judge_texts  # needs the optional packages, which are there now

        found = judge_texts(
            who,
            request.to_json(),
            leme["texts"],
            threshold=leme["threshold"],
            seed=seed,
            resamples=resamples,
            emit=emit,
        )
    except Exception as error:  # also a full GPU, or whatever a foreign library makes of a foreign answer
        came = error.came if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        told = {"judge": generator, "base_url": means.base_url, "timeout": means.llm.timeout}
        emit("not_judged", {"id": LEME, **told, "came": " ".join(came.split())[:LONGEST]})
    else:
        emit("judged", found)
