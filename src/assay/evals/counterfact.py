"""CounterFact's metrics (Meng et al. 2022, "Locating and Editing Factual Associations in GPT", section 3.3).

All compare the new object with the true one by mean NLL per token, teacher-forced. Beside them stand
stricter readings of the same edits: MEMIT's argmax accuracy (Meng et al. 2023, section 5.2.2; the
``*_prompts_correct`` of its code) and free greedy text. The three kinds are never mixed in one figure.
PS is over the papers' kind of paraphrase; a case that has none is scored on its clean ones.
Generation entropy and consistency (GE, RS) are not computed.

The benchmarks are set beside PS and NS, the papers' headline, and beside the margins EM, PM and NM, which
still differ from case to case where the shares are all 1 (as ES nearly always is).
"""

from collections.abc import Sequence
from math import exp

from assay.datasets.case import Case, Prompt, Query, Test
from assay.evals.metric import Evaluation, Metric, Outcome, Scores, Seen, exact, mean, share

ROME = "Meng et al. 2022, section 3.3"
MEMIT = "Meng et al. 2023, section 5.2.2"
FREE = "greedy continuation of at most 10 tokens, whole words"
NEW, TRUE = 0, 1
"""Places of the two objects among a prompt's answers."""
FREE_TOKENS = 10

METRICS = (
    Metric("S", "harmonic mean of the three", ROME, harmonic=("ES", "PS", "NS")),
    Metric("ES", "rewrite: new > true", ROME),
    Metric("PS", "paraphrase: new > true", ROME, compared=True),
    Metric("NS", "neighbour: true > new", ROME, compared=True),
    Metric("PS_pararel", "clean wording: new > true", "PS on ParaRel wordings, no sentence in front"),
    Metric("PS_loose", "roundabout: new > true", "PS on generation prompts filed as rephrases"),
    Metric("EM", "rewrite: P new - P true", ROME, compared=True),
    Metric("PM", "paraphrase: the same", ROME, compared=True),
    Metric("NM", "neighbour: P true - P new", ROME, compared=True),
    Metric("exact_rewrite", "new is every argmax", MEMIT),
    Metric("exact_paraphrase", "the same", MEMIT),
    Metric("exact_neighborhood", "true is every argmax", MEMIT),
    Metric("free_rewrite", "free text begins with it", FREE),
    Metric("free_paraphrase", "the same", FREE),
    Metric("contains_rewrite", "free text has it", FREE),
    Metric("contains_paraphrase", "the same", FREE),
)


def success(seen: Sequence[Seen], purpose: str, wins: int = NEW) -> float | None:
    """ES, PS, NS of one case: share of prompts on which one object's NLL is below the other's."""
    return mean(s.nll[wins] < s.nll[1 - wins] for s in seen if s.purpose == purpose)


def magnitude(seen: Sequence[Seen], purpose: str, wins: int = NEW) -> float | None:
    """EM, PM, NM of one case: mean difference of the objects' geometric-mean token probabilities."""
    return mean(exp(-s.nll[wins]) - exp(-s.nll[1 - wins]) for s in seen if s.purpose == purpose)


def paraphrases(purposes: Sequence[str]) -> str:
    """The purpose whose prompts make PS: the papers' kind, or the clean kind where a case has only that."""
    return "paraphrase" if "paraphrase" in purposes else "pararel"


def score(seen: Sequence[Seen], outcomes: Sequence[Outcome]) -> Scores:
    """All per-case metrics (S is made of their means over cases)."""
    worded = paraphrases([s.purpose for s in seen])
    return {
        "ES": success(seen, "rewrite"),
        "PS": success(seen, worded),
        "NS": success(seen, "neighborhood", TRUE),
        "PS_pararel": success(seen, "pararel"),
        "PS_loose": success(seen, "loose"),
        "EM": magnitude(seen, "rewrite"),
        "PM": magnitude(seen, worded),
        "NM": magnitude(seen, "neighborhood", TRUE),
        "exact_rewrite": exact(seen, "rewrite"),
        "exact_paraphrase": exact(seen, worded),
        "exact_neighborhood": exact(seen, "neighborhood", TRUE),
        **{
            name: share(outcomes, name)
            for name in ("free_rewrite", "free_paraphrase", "contains_rewrite", "contains_paraphrase")
        },
    }


def prompts(case: Case) -> tuple[Prompt, ...]:
    """The rewrite's own prompt and all others, each with the new and the true object."""
    fact = case.first
    return (Prompt("rewrite", fact.prompt, (fact.target_new, fact.target_true or "")), *case.prompts)


def tests(case: Case) -> tuple[Test, ...]:
    """Does free text after the rewrite's prompt and the paraphrases begin with, or name, the new object?"""
    worded = paraphrases([p.purpose for p in case.prompts])
    texts = [("rewrite", case.first.prompt)]
    texts += [("paraphrase", p.text) for p in case.prompts if p.purpose == worded]
    return tuple(
        Test(f"{kind}_{purpose}", (Query(text, ((case.first.target_new,),), match),), needs_all=True)
        for kind, match in (("free", "prefix"), ("contains", "word"))
        for purpose, text in texts
    )


EVALUATION = Evaluation(METRICS, prompts, tests, FREE_TOKENS, score)
