import pytest

from assay.datasets.case import Case, Rewrite
from assay.evals.known import CASES_PER_BATCH, RULES, select
from assay.models.model import Model
from assay.models.tokens import plain_ids, text_of
from oracles import measure_slowly, next_logp_slowly

PROMPTS = ("The capital of Italy is", "The Louvre is in", "Big Ben stands", "Apple was founded by")


def facts(model: Model) -> list[Case]:
    """Half of them with the model's own next token as the true object."""
    out = []
    for n, prompt in enumerate(PROMPTS):
        logp = next_logp_slowly(model, [model.start or 0, *plain_ids(model, prompt)])
        words = [(float(p), text_of(model, [i])) for i, p in enumerate(logp.tolist())]
        said = next(w for _, w in sorted(words, reverse=True) if w.startswith(" ") and w.strip().isalpha())
        true = said.strip() if n % 2 else "the river"
        out.append(Case(str(n), (Rewrite(prompt, prompt.split()[1], "an old town", true),), ()))
    return out


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_against_one_forward_per_token(llama: Model, rule: str) -> None:
    cases = facts(llama)
    wanted = []
    for case in cases:
        fact = case.first
        true_logps, argmax, rank = measure_slowly(llama, fact.prompt, fact.target_true or "")
        new_logps, _, _ = measure_slowly(llama, fact.prompt, fact.target_new)
        known = all(argmax) if rule == "argmax" else rank == 1 and sum(true_logps) > sum(new_logps)
        wanted += [case] if known else []
    found = select(llama, cases, rule, None)
    assert found.cases == tuple(wanted)
    assert found.unknown == len(cases) - len(wanted)
    assert found.not_asked == 0


def test_the_limit_ends_the_search_and_what_was_not_asked_is_counted(llama: Model) -> None:
    (fact,) = facts(llama)[0].rewrites
    open_facts = [
        Case(str(n), (Rewrite(fact.prompt, fact.subject, "London", None),), ())
        for n in range(CASES_PER_BATCH * 2)
    ]
    for limit in (1, CASES_PER_BATCH, CASES_PER_BATCH + 1):
        found = select(llama, open_facts, "argmax", limit)
        assert [c.id for c in found.cases] == [str(n) for n in range(limit)]
        assert (found.unknown, found.not_asked) == (0, len(open_facts) - limit)
    assert select(llama, open_facts, None, 3).not_asked == len(open_facts) - 3
