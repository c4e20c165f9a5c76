"""One feature's label looked at by a language model, with what its present label is worth on the same sentences."""

from dataclasses import asdict, replace
from typing import Any

from assay.features.labelling import Suggested
from assay.features.labels.automatic import Deciding
from assay.features.labels.concepts import read_label
from assay.features.llm.labelling import name_features
from assay.features.material import Material
from assay.generators.llm.author import Author


def suggest_by(author: Author, material: Material, feature: int) -> dict[str, Any]:
    """As ``labelling.suggest``, JSON-able; and under ``asked`` who it was and what it cost, the labels that were
    ``tried`` and ``refused``, and the ``reason`` why none was kept.

    A feature without a label is looked at as for the first time. Raises GeneratorError where there is no answer.
    """
    m = material
    old = m.book.get(m.sae.check_feature(feature))
    if old is not None:
        old = replace(old, figures=Deciding(m.whole_bank, m.embed).figures(feature, read_label(old.label)))
    naming = name_features(m, author, "relabel" if old else "label", [feature])
    (named,) = naming.features
    asked = {
        "generator": dict(naming.author),
        "tried": [asdict(one) for one in named.candidates],
        "refused": [asdict(one) for one in named.refused],
        "reason": named.reason,
    }
    return {**Suggested(old, named.kept).to_json(), "asked": asked}
