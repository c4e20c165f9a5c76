from dataclasses import replace

import pytest

from assay.datasets.case import Case, Prompt, Rewrite
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
        true_logps, argmax, _ = measure_slowly(llama, fact.prompt, fact.target_true or "")
        new_logps, _, _ = measure_slowly(llama, fact.prompt, fact.target_new)
        better = sum(true_logps) / len(true_logps) > sum(new_logps) / len(new_logps)
        known = all(argmax) if rule == "argmax" else better
        wanted += [case] if known else []
    found = select(llama, cases, rule, None)
    assert found.cases == tuple(wanted)
    assert found.unknown == len(cases) - len(wanted)
    assert found.not_asked == 0


def test_a_fact_is_preferred_only_where_its_neighbours_are_right_too(llama: Model) -> None:
    for case in facts(llama):
        fact = case.first
        flipped = (fact.target_true or "", fact.target_new)
        right = Prompt("neighborhood", fact.prompt, (fact.target_new, fact.target_true or ""))
        wrong = Prompt("neighborhood", fact.prompt, flipped)  # here the other object counts as true
        alone = select(llama, [case], "preferred", None).cases
        assert select(llama, [replace(case, prompts=(right,))], "preferred", None).unknown == (not alone)
        assert select(llama, [replace(case, prompts=(right, wrong))], "preferred", None).unknown == 1
        assert len(select(llama, [replace(case, prompts=(wrong,))], "argmax", None).cases) == len(
            select(llama, [case], "argmax", None).cases
        )


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
