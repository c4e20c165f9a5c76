"""How each format is evaluated."""

from collections.abc import Mapping
from types import MappingProxyType

from assay.evals import counterfact, mquake, rippleedits, zsre
from assay.evals.metric import Evaluation

EVALUATIONS: Mapping[str, Evaluation] = MappingProxyType(
    {
        "counterfact": counterfact.EVALUATION,
        "zsre": zsre.EVALUATION,
        "mquake": mquake.EVALUATION,
        "rippleedits": rippleedits.EVALUATION,
    }
)
"""Name of a format, as in ``assay.datasets.table.FORMATS``, to its evaluation."""
