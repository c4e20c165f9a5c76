"""MQuAKE's metrics (Zhong et al. 2023, section 4).

Multi-hop accuracy: any of the three questions is answered with the new answer or an alias, exactly.
Edit-wise success: the new object is what greedy decoding says after an edit's cloze prompt.
Instance-wise accuracy: every single hop of the chain is recalled. Two deviations: questions are put after
four demonstrations of our own in place of the paper's sixteen (eight per relation for single hops), and an
answer is the first line or sentence of the text, so that a model that goes on talking is not marked wrong.
The ``_old`` figures ask for the answers before the edit: on the unedited model they are what it can do at all.
"""

from collections.abc import Sequence
from dataclasses import replace

from assay.datasets.case import Case, Prompt, Query, Test
from assay.evals.metric import Evaluation, Metric, Outcome, Scores, Seen, exact, share

SOURCE = "Zhong et al. 2023, section 4"
ANSWER_TOKENS = 16

DEMONSTRATIONS = """\
Q: Which language is spoken in the country where the Colosseum stands? A: Italian
Q: Who wrote the novel Emma? A: Jane Austen
Q: What is the capital of the country where sumo wrestling began? A: Tokyo
Q: On which continent is the home country of Nelson Mandela? A: Africa
"""
"""Put before every question: they show the form of an answer."""

METRICS = (
    Metric("multi_hop", "any of three: new answer", SOURCE, compared=True),
    Metric("edit_wise", "new is every argmax", SOURCE, compared=True),
    Metric("instance_wise", "all new hops recalled", SOURCE, compared=True),
    Metric("multi_hop_old", "any of three: old answer", SOURCE),
    Metric("instance_wise_old", "all old hops recalled", SOURCE),
)


def score(seen: Sequence[Seen], outcomes: Sequence[Outcome]) -> Scores:
    """One instance's scores; edit-wise is the mean over its edits."""
    return {
        "multi_hop": share(outcomes, "multi_hop"),
        "edit_wise": exact(seen, "rewrite"),
        "instance_wise": share(outcomes, "new_hops"),
        "multi_hop_old": share(outcomes, "multi_hop_old"),
        "instance_wise_old": share(outcomes, "old_hops"),
    }


def prompts(case: Case) -> tuple[Prompt, ...]:
    """The edits' own prompts."""
    return tuple(Prompt("rewrite", fact.prompt, (fact.target_new,)) for fact in case.rewrites)


def tests(case: Case) -> tuple[Test, ...]:
    """The case's tests with the demonstrations before every question; cloze statements stay as they are."""
    return tuple(replace(test, queries=tuple(map(_shown, test.queries))) for test in case.tests)


def _shown(query: Query) -> Query:
    return replace(query, text=f"{DEMONSTRATIONS}Q: {query.text} A:") if query.match == "exact" else query


EVALUATION = Evaluation(METRICS, prompts, tests, ANSWER_TOKENS, score)
