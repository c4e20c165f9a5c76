"""LEME: does free text about the subject reflect the edit? Three axes, judged offline.

After Rosati et al. 2024 in what is asked; the judge here is a rule, not a survey, and says what it counts.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from math import log2
from typing import Any

import numpy as np
import torch

from assay.benchmarks.asking import Bench, mean
from assay.benchmarks.result import Text
from assay.benchmarks.retention import NO_PROBES, Outcome
from assay.benchmarks.seen import Opening, Seen, fill, write
from assay.models.forward import forward, pack
from assay.models.generate import SEEDS_APART
from assay.models.model import Model
from assay.models.tokens import encode, text_of
from assay.score import Score, bootstrap, unscored

TOP_K = 5
HEADS_AT_ONCE = 256
"""Positions whose logits are held at a time."""
AXES = ("consistency", "fluency", "no_contradiction")


def names(text: str, name: str | None) -> bool:
    """Whether a text names something: as whole words, whatever the case, and not as the beginning of a
    longer name ("the Berlin Wall" does not name Berlin)."""
    if not name:
        return False
    whole = rf"(?<!\w)(?i:{re.escape(name)})(?!\w)(?!['’]?s?\s+[A-Z][a-z])"
    return re.search(whole, text) is not None


def consistency(text: str, target: str, old: str | None) -> float | None:
    """Share of the sentences about the relation (naming target or old object) that name the target and
    not the old object; None when no sentence does, which says nothing either way."""
    sentences = [s for s in re.split(r"(?<=[.!?])\s+|\n+", text) if names(s, target) or names(s, old)]
    if not sentences:
        return None
    return mean([float(names(s, target) and not names(s, old)) for s in sentences])


def entropy(text: str) -> float:
    """Weighted bigram and trigram entropy in bits, as in Meng et al. 2022 (GE): H2/3 + 2 H3/3."""
    words = text.split()

    def of(n: int) -> float:
        counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
        total = sum(counts.values())
        return -sum(c / total * log2(c / total) for c in counts.values()) if total else 0.0

    return of(2) / 3 + 2 * of(3) / 3


def fluency(logp_after: float, logp_before: float, text_after: str, text_before: str) -> float:
    """The worse of two ratios, each at most 1: likelihood per token under the unedited model, relative to
    its own text; and n-gram entropy, relative to its own text. Repetition is likely but has no entropy;
    word salad has entropy but is unlikely: the worse one catches both."""
    likely = float(np.exp(min(0.0, logp_after - logp_before)))
    own = entropy(text_before)
    return min(likely, min(1.0, entropy(text_after) / own) if own > 0 else 1.0)


def mean_logp(model: Model, openings: Sequence[list[int]], texts: Sequence[list[int]]) -> list[float]:
    """Mean log-probability per token of each continuation, nats, under the model as it is now."""
    rows = [o + t for o, t in zip(openings, texts, strict=True)]
    batch, _ = pack(model, rows)
    top, device = model.n_layers - 1, model.device
    picks = [
        (i, len(opening) - 1 + j, token)
        for i, (opening, text) in enumerate(zip(openings, texts, strict=True))
        for j, token in enumerate(text)
    ]
    parts = []
    with torch.no_grad():
        hidden = forward(model, batch, block_out=[top]).block_out[top]
        for at in range(0, len(picks), HEADS_AT_ONCE):
            row, column, token = torch.tensor(picks[at : at + HEADS_AT_ONCE], device=device).T
            logp = torch.log_softmax(model.logits(hidden[row, column]).float(), -1)
            parts.append(logp.gather(1, token[:, None])[:, 0])
    found = iter(torch.cat(parts).tolist())
    return [mean(list(islice(found, len(text)))) for text in texts]


def likely(
    model: Model, seen: Seen, openings: Sequence[Opening], texts: Sequence[Sequence[int]]
) -> list[float]:
    """Each text's mean log-probability per token under the unedited model, the missing ones read together."""
    keys = [(ids, tuple(text)) for (ids, _), text in zip(openings, texts, strict=True)]

    def make(missing: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[float]:
        return mean_logp(model, [list(ids) for ids, _ in missing], [list(text) for _, text in missing])

    return fill(seen.likely, keys, make)


def leme(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean of three axes over greedy and sampled paragraphs: consistency with the edit, fluency, absence of
    contradictions. Its ceiling is the same judgement of the unedited model's own text about the old fact."""
    if not bench.plan.long_form:
        return Outcome(unscored(id, NO_PROBES, threshold))
    model, settings, request = bench.model, bench.settings, bench.plan.request
    texts_of = openings_of(bench)
    before = write(model, bench.seen.texts_before, texts_of, settings.long_tokens, TOP_K)
    with bench.edit.applied(model):
        after = write(model, bench.seen.texts_after, texts_of, settings.long_tokens, TOP_K)
    openings = [o for o in bench.plan.long_form for _ in range(1 + settings.long_samples)]
    logp_before, logp_after = (likely(model, bench.seen, texts_of, texts) for texts in (before, after))
    texts, olds = [], []
    for i, opening in enumerate(openings):
        old_text, new_text = text_of(model, before[i]), text_of(model, after[i])
        text = Text(
            opening=opening,
            before=old_text,
            after=new_text,
            sampled=texts_of[i][1] is not None,
            consistency=consistency(opening + new_text, request.target, request.old),
            fluency=fluency(logp_after[i], logp_before[i], new_text, old_text),
            no_contradiction=float(not names(new_text, request.old)),
        )
        texts.append(text)
        if request.old:
            says = consistency(opening + old_text, request.old, request.target)
            olds.append(replace(text, consistency=says, fluency=1.0, no_contradiction=1.0))
    return _outcome(id, threshold, bench, texts, olds)


def openings_of(bench: Bench) -> list[Opening]:
    """Every opening of the plan: once for a greedy paragraph, then for each seeded sample."""
    found: list[Opening] = []
    for opening in bench.plan.long_form:
        ids = tuple(encode(bench.model, opening))
        seed = bench.seed * SEEDS_APART + len(found)
        found += [(ids, None), *((ids, seed + k) for k in range(1, 1 + bench.settings.long_samples))]
    return found


def axis_means(table: Any) -> dict[str, float | None]:
    """Axis to its mean over the texts that say something about it; ``table`` is (texts, 3), NaN for None."""
    array = np.asarray(table, dtype=float)
    return {
        axis: float(np.nanmean(array[:, i])) if np.isfinite(array[:, i]).any() else None
        for i, axis in enumerate(AXES)
    }


def _score(table: Any) -> float:
    values = axis_means(table).values()
    return mean([v for v in values if v is not None]) if None not in values else float("nan")


def _table(texts: Sequence[Text]) -> Any:
    return np.array(
        [[np.nan if (v := getattr(t, a)) is None else v for a in AXES] for t in texts], dtype=float
    )


def _outcome(id: str, threshold: float, bench: Bench, texts: list[Text], olds: list[Text]) -> Outcome:
    table = _table(texts)
    axes = axis_means(table)
    counts = {axis: int(np.isfinite(table[:, i]).sum()) for i, axis in enumerate(AXES)}
    sub_axes = {axis: {"score": axes[axis], "n": counts[axis]} for axis in AXES}
    about = counts["consistency"] / len(texts)
    figures: dict[str, float | None] = {**axes, "about_the_relation": about}
    if axes["consistency"] is None:
        reason = "no generated sentence names the new or the old object, so none can agree with the edit"
        score = Score(id, None, None, None, 0, len(texts), threshold, reason, figures)
        return Outcome(score, sub_axes=sub_axes, texts=texts)
    value = _score(table)
    interval = bootstrap([table], _score, bench.seed, bench.settings.resamples)
    ceiling = _score(_table(olds)) if olds else float("nan")
    score = Score(id, value, value, interval, len(texts), 0, threshold, None, figures)
    return Outcome(score, ceiling=None if np.isnan(ceiling) else ceiling, sub_axes=sub_axes, texts=texts)
