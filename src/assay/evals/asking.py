"""Everything that is asked of a model about one case, in as few passes as possible.

Teacher-forced answers of all prompts go through one ``prepare``; the layers below the lowest edited one are
run once for the unedited model and for every edit. Free text is greedy, one batch for all texts of a case,
each text continued once however many queries look at it.
"""

from collections.abc import Mapping, Sequence

from assay.datasets.case import Prompt, Query, Test
from assay.evals.match import passes
from assay.evals.metric import Outcome, Seen
from assay.models.generate import continue_rows
from assay.models.model import Model
from assay.models.tokens import encode, text_of
from assay.probes.measure import Prepared, Question, prepare, read

ROWS = 32
"""Texts continued side by side."""


def prepare_prompts(model: Model, prompts: Sequence[Prompt], layer: int) -> Prepared:
    """All prompts of a case, run up to ``layer``, the lowest one that any edit will touch."""
    return prepare(model, [Question(p.text, p.answers) for p in prompts], layer)


def see(model: Model, prompts: Sequence[Prompt], prepared: Prepared) -> tuple[Seen, ...]:
    """The prompts read with the weights as they are now."""
    return tuple(
        Seen(
            prompt.purpose,
            tuple(-a.logp / len(a.logps) for a in reading.answers),
            tuple(a.argmax for a in reading.answers),
        )
        for prompt, reading in zip(prompts, read(model, prepared), strict=True)
    )


def say(model: Model, texts: Sequence[str], tokens: int) -> dict[str, str]:
    """Each text's greedy continuation, without the text itself."""
    rows = sorted((len(ids), text, ids) for text in dict.fromkeys(texts) for ids in [encode(model, text)])
    out: dict[str, str] = {}
    for at in range(0, len(rows), ROWS):
        chunk = rows[at : at + ROWS]
        grown = continue_rows(model, [ids for _, _, ids in chunk], tokens, [None] * len(chunk), 1)
        out |= {text: text_of(model, new) for (_, text, _), new in zip(chunk, grown, strict=True)}
    return out


def texts_of(queries: Sequence[Query]) -> list[str]:
    """The queries' texts."""
    return [query.text for query in queries]


def counted(tests: Sequence[Test], said: Mapping[str, str]) -> list[bool]:
    """Whether each test counts: it has queries, and ``said``, the unedited model, passes its conditions."""
    return [bool(t.queries) and all(passes(q, said[q.text]) for q in t.conditions) for t in tests]


def outcomes(tests: Sequence[Test], counts: Sequence[bool], said: Mapping[str, str]) -> tuple[Outcome, ...]:
    """How each test ends when the model says ``said``."""
    return tuple(
        Outcome(test.purpose, _passes(test, said) if yes else None)
        for test, yes in zip(tests, counts, strict=True)
    )


def _passes(test: Test, said: Mapping[str, str]) -> bool:
    results = [passes(query, said[query.text]) for query in test.queries]
    return all(results) if test.needs_all else any(results)
