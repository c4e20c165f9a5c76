"""zsRE's metrics (Meng et al. 2022, section 3.2; Meng et al. 2023, section 5.2.1): token accuracies.

Each is the share of the answer's tokens that are the argmax after the question and the right tokens before
them. One deviation from the published code: token ids are never decoded and encoded again in between.
"""

from collections.abc import Sequence

from assay.datasets.case import Case, Prompt, Test
from assay.evals.metric import Evaluation, Metric, Outcome, Scores, Seen, token_accuracy

SOURCE = "Meng et al. 2022, section 3.2"
METRICS = (
    Metric("S", "harmonic mean of the three", "Meng et al. 2023, section 5.2.1",
           harmonic=("efficacy", "paraphrase", "specificity")),
    Metric("efficacy", "answer tokens right", SOURCE, compared=True),
    Metric("paraphrase", "the same, reworded", SOURCE, compared=True),
    Metric("specificity", "unrelated: tokens right", SOURCE, compared=True),
)  # fmt: skip


def score(seen: Sequence[Seen], outcomes: Sequence[Outcome]) -> Scores:
    """One case's token accuracies."""
    return {
        "efficacy": token_accuracy(seen, "rewrite"),
        "paraphrase": token_accuracy(seen, "paraphrase"),
        "specificity": token_accuracy(seen, "locality"),
    }


def prompts(case: Case) -> tuple[Prompt, ...]:
    """The question itself and the other two."""
    return (Prompt("rewrite", case.first.prompt, (case.first.target_new,)), *case.prompts)


def tests(case: Case) -> tuple[Test, ...]:
    """None: nothing is asked in free text."""
    return ()


EVALUATION = Evaluation(METRICS, prompts, tests, 0, score)
