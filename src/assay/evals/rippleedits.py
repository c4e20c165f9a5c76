"""RippleEdits' accuracies (Cohen et al. 2024, sections 3 and 5), one per criterion.

A test counts only where the unedited model passes its condition queries; a case counts only where the edit
itself holds in free text; a criterion's score is the mean over cases of passed / counted. Two deviations,
both mend flaws of the published code: an answer is looked for in the continuation alone (there, the
text still has the prompt in it, and a prompt that holds the answer passes), and a continuation has a
limit in tokens (there, the limit is the prompt's length in characters plus 30, several times as much).
"""

from collections.abc import Sequence

from assay.datasets.case import Case, Prompt, Query, Test
from assay.datasets.rippleedits import CRITERIA
from assay.evals.metric import Evaluation, Metric, Outcome, Scores, Seen, exact, share

SOURCE = "Cohen et al. 2024, sections 3 and 5"
ANSWER_TOKENS = 20
HELD = "edit_success"

METRICS = (
    Metric(HELD, "free text has new object", "Cohen et al. 2024, section 5"),
    Metric("exact_rewrite", "new is every argmax", "Meng et al. 2023, section 5.2.2"),
    *(Metric(name, "share of tests passed", SOURCE, needs=HELD, compared=True) for name in CRITERIA),
)


def score(seen: Sequence[Seen], outcomes: Sequence[Outcome]) -> Scores:
    """One case's share of passed tests by criterion."""
    return {
        "exact_rewrite": exact(seen, "rewrite"),
        **{name: share(outcomes, name) for name in (HELD, *CRITERIA)},
    }


def prompts(case: Case) -> tuple[Prompt, ...]:
    """The edit's own prompt."""
    return (Prompt("rewrite", case.first.prompt, (case.first.target_new,)),)


def tests(case: Case) -> tuple[Test, ...]:
    """Whether the edit holds, and the six lists."""
    held = Query(case.first.prompt, ((case.first.target_new,),), "contains")
    return (Test(HELD, (held,), needs_all=True), *case.tests)


EVALUATION = Evaluation(METRICS, prompts, tests, ANSWER_TOKENS, score)
