"""One feature scored live: three scores with their evidence, and what they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from assay.features.material import Material
from assay.features.mui import Ablated, ablate_features, mui_score
from assay.features.mui import percentile as place_among
from assay.features.reading import dead_reading, read_feature
from assay.features.scorer import Said, Scorer, Trier, alike
from assay.sae.index.records import Example, Firing
from assay.score import Meaning, Score


@dataclass(frozen=True)
class FeatureScores:
    """What is known of one feature under one label."""

    feature: int
    label: str | None
    label_source: str | None
    """automatic, relabelled or user, of a label of the book; None for one that was given for this time."""
    interp: Score
    purity: Score
    """Of the matching sentences, as in the reference definition."""
    corpus: Score
    """Purity of corpus sentences that no label has chosen."""
    mui: Score
    percentile: float | None
    """Percent of the SAE's live features with a smaller plain MUI ratio; None until all have been scored."""
    reading: Meaning
    label_author: str | None = None
    """The language model that proposed the label, as ``llm:MODEL`` or ``local:MODEL``."""
    made_of: Mapping[str, Any] = field(default_factory=dict)
    """``Material.made_of``."""
    sentences: Mapping[str, Any] | None = None
    """Who wrote the label's sentences and what became of them, where a language model did; None for the bank's."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """``matching`` and ``other`` sentences, strongest ``corpus`` sentences, ``positions``, and the cosines of all pairs
    of sentences that it fires on: ``alike`` of the matching ones, ``corpus_alike``; JSON-able."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``label_author`` and ``sentences`` are there only where they say something."""
        some = {"label_author": self.label_author, "sentences": self.sentences}
        return {
            **{name: value for name, value in some.items() if value is not None},
            "feature": self.feature,
            "label": self.label,
            "label_source": self.label_source,
            "interp": _interp_json(self.interp, self.evidence),
            "purity": _purity_json(self.purity, self.corpus, self.evidence),
            "mui": _mui_json(self.mui, self.percentile, self.evidence),
            "reading": self.reading.to_json(),
            "made_of": self.made_of,
        }


def _interp_json(interp: Score, held: Mapping[str, Any]) -> dict[str, Any]:
    near = {"near": held["near"]} if "near" in held else {}
    return {**interp.to_json(), "matching": held["matching"], "other": held["other"], **near}


def _purity_json(purity: Score, corpus: Score, held: Mapping[str, Any]) -> dict[str, Any]:
    of_corpus = {**corpus.to_json(), "sentences": held["corpus"], "alike": held["corpus_alike"]}
    return {**purity.to_json(), "alike": held["alike"], "corpus": of_corpus}


def _mui_json(mui: Score, percentile: float | None, held: Mapping[str, Any]) -> dict[str, Any]:
    return {**mui.to_json(), "percentile": percentile, "positions": held["positions"]}


def score_feature(
    material: Material,
    feature: int,
    label: str | None = None,
    trier: Trier | None = None,
    scorer: Scorer | None = None,
) -> FeatureScores:
    """The three scores of one feature: of ``label``, or of its label in the book.

    ``trier`` tries the label on sentences of its own, such as a language model's; else they are the bank's. ``scorer``
    is one of this material that has scored features before. Each score is told as a ``feature_scores`` event as soon as
    it is there. Without any label InterpScore and the purity of matching sentences are unscored. Raises Mismatch for a
    feature that does not exist, InputError for an empty label.
    """
    m, scorer = material, scorer or Scorer(material)
    m.sae.check_feature(feature)
    own = m.book.get(feature) if label is None else None
    name, source = (own.label, own.source) if own else (label, None)
    said = scorer.label_scores(feature, name)
    evidence: dict[str, Any] = _tried(scorer, feature, said)
    evidence["alike"] = _matching_alike(scorer, feature, said)
    named: dict[str, Any] = {"feature": feature, "label": name, "label_source": source}
    made = None
    if trier is not None and name is not None:
        trial = trier(m, scorer, feature, name)
        made = {**trial.made, "on_corpus": said.interp.to_json()}
        said = replace(said, interp=trial.interp, purity=trial.purity)
        evidence = {**trial.sentences, "alike": trial.alike}
        named["sentences"] = made
    m.emit("feature_scores", {**named, "interp": _interp_json(said.interp, evidence)})
    corpus, examples = scorer.corpus_purity(feature)
    evidence |= {
        "corpus": [_sentence(example) for example in examples],
        "corpus_alike": _corpus_alike(m, scorer, feature, examples),
    }
    m.emit("feature_scores", {"purity": _purity_json(said.purity, corpus, evidence)})
    firing = m.positions.of(feature)
    ablated = ablate_one(m, feature, firing)
    mui = mui_score(ablated, m.settings, m.seed, int(m.positions.n_firing[feature]))
    percentile = _percentile(m, mui)
    evidence["positions"] = _positions(m, firing, ablated)
    m.emit("feature_scores", {"mui": _mui_json(mui, percentile, evidence)})
    reading = reading_of(m, feature, said, corpus, mui)
    m.emit("feature_scores", {"reading": reading.to_json(), "made_of": m.made_of})
    return FeatureScores(
        feature=feature,
        label=name,
        label_source=source,
        interp=said.interp,
        purity=said.purity,
        corpus=corpus,
        mui=mui,
        percentile=percentile,
        reading=reading,
        label_author=own.author if own else None,
        made_of=m.made_of,
        sentences=made,
        evidence=evidence,
    )


def _matching_alike(scorer: Scorer, feature: int, said: Said) -> dict[str, Any]:
    """Of the matching sentences that it fires on, which are the first ones of those sorted by activation."""
    if said.sets is None:
        return alike([], None)
    order = np.argsort(-said.matching, kind="stable")
    loud = said.sets.matching[order][scorer.fires(feature, said.matching[order])]
    return alike(range(len(loud)), scorer.vectors(loud))


def _corpus_alike(
    material: Material, scorer: Scorer, feature: int, examples: Sequence[Example]
) -> dict[str, Any]:
    loud = [n for n, e in enumerate(examples) if scorer.fires(feature, np.array([e.value]))[0]]
    numbers = [examples[n].sentence for n in loud]
    return alike(loud, material.text.vectors_of(numbers) if numbers else None)


def dead(material: Material, feature: int) -> bool:
    """Whether it fires neither in the index nor on any sentence of the bank's scoring half."""
    return material.index.statistics(feature).dead and not material.bank.fires_in_scoring(feature)


def reading_of(material: Material, feature: int, said: Said, corpus: Score, mui: Score) -> Meaning:
    """What the scores of a feature say together; of one that never fires, that it is dead."""
    if dead(material, feature):
        return dead_reading(material.index.about.n_tokens)
    return read_feature(said.interp, said.purity, mui, material.settings, corpus)


def ablate_one(material: Material, feature: int, firing: Firing) -> Ablated:
    """What taking the feature out does at each of these positions."""
    m = material
    needed, where = np.unique(firing.rows, return_inverse=True)
    rows = [m.index.rows[int(row)] for row in needed]
    documents = np.asarray(m.index.arrays["documents"][needed])
    directions = m.sae.contribution(torch.tensor([feature]), torch.ones(1))
    own = Firing(where.astype(np.int64), firing.positions, firing.activations)
    (found,) = ablate_features(
        m.model, m.index.about.layer, rows, [own], directions, m.seed, m.emit, documents, needed
    )
    return found


def _percentile(material: Material, mui: Score) -> float | None:
    table = material.place.table()
    if table is None or mui.raw is None:
        return None
    ratios = table["ratio"].to_numpy(np.float64)
    return place_among(mui.raw, ratios[np.isfinite(ratios)])


def _tried(scorer: Scorer, feature: int, said: Said) -> dict[str, list[dict[str, Any]]]:
    """The label's sentences, those on which the feature fires most first."""
    if said.sets is None:
        return {"matching": [], "other": []}
    out = {}
    for name, some in (("matching", said.sets.matching), ("other", said.sets.other)):
        found = [scorer.example(feature, int(sentence)) for sentence in some]
        run = sorted((e for e in found if e is not None), key=lambda e: -e.value)
        out[name] = [_sentence(example) for example in run]
    return out


def _sentence(example: Example) -> dict[str, Any]:
    return {
        "text": example.text,
        "value": example.value,
        "tokens": list(example.tokens),
        "activations": example.activations.tolist(),
        "peak": example.peak,
    }


def _positions(material: Material, firing: Firing, ablated: Ablated) -> list[dict[str, Any]]:
    """Every measured position, the largest KL first."""
    begins: Sequence[int] = material.index.arrays["rows"][firing.rows].tolist()
    lead = material.index.about.lead
    out = []
    for i, begin in enumerate(begins):
        place = begin + int(firing.positions[i]) - lead
        before = material.index.pieces(max(begin, place - 12), place)
        out.append(
            {
                "token": material.index.pieces(place, place + 1)[0],
                "before": "".join(before),
                "row": int(firing.rows[i]),
                "position": int(firing.positions[i]),
                "activation": float(firing.activations[i]),
                "kl": float(ablated.kl[i]),
                "entropy": float(ablated.entropy[i]),
                "random_kl": float(ablated.random_kl[i]),
                "nothing_kl": float(ablated.nothing_kl[i]),
            }
        )
    return sorted(out, key=lambda one: -one["kl"])
