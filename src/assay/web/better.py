"""A better label of one feature, by assay's own rule or by a language model, as its page shows what came of it."""

from dataclasses import asdict, replace
from typing import Any

from assay.features.labelling import Suggested, suggest
from assay.features.labels.automatic import Deciding
from assay.features.labels.concepts import read_label
from assay.features.material import Material
from assay.generators.llm.author import Author


def better_label(material: Material, feature: int, author: Author | None) -> dict[str, Any]:
    """The label before and the one that was kept, None where there is none; JSON-able.

    Of a language model also ``asked``: who it was and what it cost, the labels that were ``tried`` and ``refused``,
    and the ``reason`` why none was kept. Raises GeneratorError where it gives no answer.
    """
    if author is None:
        return suggest(material, feature).to_json()
    from assay.features.llm.labelling import name_features  # only it needs the packages that speak to servers

    m = material
    old = m.book.get(m.sae.check_feature(feature))
    if old is not None:
        old = replace(old, figures=Deciding(m.bank, m.embed).figures(feature, read_label(old.label)))
    naming = name_features(m, author, "relabel" if old else "label", [feature])
    (named,) = naming.features
    asked = {
        "generator": dict(naming.author),
        "tried": [asdict(one) for one in named.candidates],
        "refused": [asdict(one) for one in named.refused],
        "reason": named.reason,
    }
    return {**Suggested(old, named.kept).to_json(), "asked": asked}
