"""InterpScore and purity on sentences that a language model wrote, each run through the model now."""

from dataclasses import replace
from typing import Any

import numpy as np

from assay.auroc import auroc
from assay.features.interp import interp_score, token_baseline
from assay.features.llm.sentences import write_sentences
from assay.features.material import Material
from assay.features.on_text import OnText, on_text
from assay.features.purity import purity_score, token_purity
from assay.features.scorer import Scorer, Trial, Trier, alike
from assay.generators.llm.author import Author
from assay.score import Score


def written_by(author: Author) -> Trier:
    """What ``score_feature`` takes to try labels on this model's sentences.

    The null of other features' labels is left out: their sentences come from another hand, and a difference might be
    one of style. What stands beside InterpScore is the AUROC against near misses.
    """

    def trial(material: Material, scorer: Scorer, feature: int, label: str) -> Trial:
        m = material
        made = write_sentences(author, label, m.embed, m.settings.sentences, m.seed, m.emit)
        run = {axis: _run(m, feature, texts) for axis, texts in made.sentences.items()}
        loud = _loud(scorer, feature, run["matching"])
        vectors = m.embedder([_text(one) for one in loud])
        return Trial(
            interp=_interp(m, feature, run),
            purity=purity_score(
                vectors,
                m.settings,
                m.seed + feature,
                n_silent=len(run["matching"]) - len(loud),
                null=_null(scorer, feature, loud),
                tokens=token_purity([one.tokens[int(one.activations.argmax())] for one in loud]),
            ),
            sentences={axis: [_sentence(one) for one in some] for axis, some in run.items()},
            alike=alike(range(len(loud)), vectors if loud else None),
            made=made.to_json(),
        )

    return trial


def _run(material: Material, feature: int, texts: tuple[str, ...]) -> list[OnText]:
    """The feature on each of them, the largest activation first."""
    found = [on_text(material.model, material.sae, feature, text) for text in texts]
    return sorted(found, key=lambda one: -float(one.activations.max()))


def _interp(material: Material, feature: int, run: dict[str, list[OnText]]) -> Score:
    m = material
    matching, other, near = (_values(run[axis]) for axis in ("matching", "other", "near"))
    score = interp_score(
        matching,
        other,
        m.settings,
        m.seed + feature,
        tokens=token_baseline(*([one.tokens for one in run[axis]] for axis in ("matching", "other"))),
    )
    found = auroc(matching.tolist(), near.tolist())
    low, high = found.interval or (None, None)
    beside = {"near_auroc": found.value, "near_auroc_low": low, "near_auroc_high": high}
    return replace(score, figures={**score.figures, **beside})


def _values(run: list[OnText]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([float(one.activations.max()) for one in run], np.float64)


def _loud(scorer: Scorer, feature: int, matching: list[OnText]) -> list[OnText]:
    """Those on which it fires: the first ones, for they are sorted."""
    return matching[: int(scorer.fires(feature, _values(matching)).sum())]


def _null(scorer: Scorer, feature: int, loud: list[OnText]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    if len(loud) < 2:
        return None
    return scorer.null(np.array([len(_text(one)) for one in loud], np.int64), feature)


def _text(one: OnText) -> str:
    return "".join(one.tokens)


def _sentence(one: OnText) -> dict[str, Any]:
    document = one.to_json()
    return {name: document[name] for name in ("text", "value", "tokens", "activations", "peak")}
