"""How good the features of an SAE are as features, without a label or an ablation: figures to compare SAEs by.

Each feature is read on the held-out sentences on which it fires. One whose sentences have no more in common than
random ones, and which does not keep to one token either, is about no one thing: it is counted as polysemantic.
A fusion of two clear subjects is not seen as one by this measure, for half of its pairs of sentences agree.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from assay.corpus.embed import Embedder
from assay.corpus.sources import corpora
from assay.corpus.split import split
from assay.events import Emit, ignore, stage
from assay.features.corpus_purity import CorpusPurity
from assay.features.text import IndexedText
from assay.sae.coder import SAE
from assay.sae.host import open_bulk
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.sae.recipe import Recipe
from assay.score import Score
from assay.settings import FeatureSettings

TOKENS = 60_000
"""Of held-out text."""
SAMPLE = 2000
"""Live features that are read, drawn at random."""
CHANCE = 1.645
"""Standard deviations of the null above its mean below which sentences have nothing in common: one in twenty sets
of random sentences is above."""
ONE_TOKEN = 0.5
"""Token purity from which a feature is one of a token."""


@dataclass(frozen=True)
class Quality:
    """Figures of the live features that were read."""

    judged: int
    """Features that fired on two sentences at least."""
    polysemantic: float | None
    """Share about no one thing; None where none was judged, as are the others."""
    calibrated: float | None
    """Mean null-calibrated purity: 0 is chance, 1 is one sentence again and again."""
    one_token: float | None
    """Share that keeps to one token."""


def is_polysemantic(purity: Score) -> bool:
    """Whether a feature with this corpus purity is about neither one subject nor one token."""
    z, token = purity.figures.get("z"), purity.figures.get("token_purity")
    return z is not None and z < CHANCE and (token is None or token < ONE_TOKEN)


def quality(
    index: FeatureIndex, text: IndexedText, sample: int = SAMPLE, seed: int = 0, emit: Emit = ignore
) -> Quality:
    """The figures of an index; the null is drawn from its own sentences."""
    settings = FeatureSettings()
    purity = CorpusPurity(index, text.vectors_of, text.sentences, settings, seed)
    live = np.flatnonzero(np.diff(index.arrays["begin"]) > 0)
    chosen = np.sort(np.random.default_rng(seed).permutation(live)[:sample]).tolist()
    scores = []
    with stage(emit, "quality", "what features are about", len(chosen)) as tick:
        for at, feature in enumerate(chosen):
            score, _ = purity(feature)
            if score.value is not None:
                scores.append(score)
            tick(at + 1)
    if not scores:
        return Quality(0, None, None, None)
    calibrated = [value for one in scores if (value := one.figures.get("calibrated")) is not None]
    return Quality(
        judged=len(scores),
        polysemantic=sum(map(is_polysemantic, scores)) / len(scores),
        calibrated=float(np.mean(calibrated)) if calibrated else None,
        one_token=sum((one.figures.get("token_purity") or 0) >= ONE_TOKEN for one in scores) / len(scores),
    )


def qualities(recipe: Recipe, saes: Sequence[SAE], cache: Path, emit: Emit = ignore) -> list[dict[str, Any]]:
    """The figures of some SAEs of one recipe on its held-out documents, as JSON-able dicts in their order."""
    text = split(corpora(recipe.corpora), recipe.activations.held_out).held_out
    model = open_bulk(recipe.model, cache, emit)
    embedder = Embedder()  # remembers the sentences, which are the same for all
    work, out = cache / "quality", []
    for sae in saes:
        context = recipe.activations.context
        index = build_index(
            model, sae, text, work, tokens=TOKENS, context=context, layer=recipe.layer, emit=emit
        )
        read = IndexedText(index, embedder, emit)
        out.append(asdict(quality(index, read, seed=recipe.sae.seed, emit=emit)))
    rmtree(work)
    return out
