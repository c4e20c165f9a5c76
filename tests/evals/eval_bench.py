"""The samples of every format, run on a tiny model; and what a case's edit and texts are, the slow way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.corpus.sources import corpus
from assay.datasets.case import Dataset
from assay.datasets.table import load
from assay.edits.contexts import sample_contexts
from assay.edits.moments import second_moments
from assay.evals.casefile import CaseFile
from assay.evals.editing import Means
from assay.evals.run import EvalOptions, run_eval
from assay.events import Emit, ignore
from assay.models.model import Model
from assay.models.tokens import encode, text_of
from assay.runs.home import Home
from oracles import next_logp_slowly
from small import SMALL

SAMPLES = Path(__file__).parent.parent / "datasets" / "samples"


class Bench:
    """Runs a sample in a home of its own."""

    def __init__(self, home: Home, model: Model) -> None:
        self.home = home
        self.model = model

    def data(self, name: str) -> Dataset:
        return load(SAMPLES / f"{name}.json", name.partition("_")[0])

    def run(self, name: str, emit: Emit = ignore, **changes: Any) -> dict[str, Any]:
        """All cases of a sample, whether known or not."""
        chosen = {"layers": (1, 2), "variants": ("r-rome", "rome"), "rule": None, **changes}
        return run_eval(self.model, self.data(name), EvalOptions(**chosen), self.home, emit, SMALL)

    def means(self, seed: int = 0) -> Means:
        """What the run's edits were made with."""
        moments = second_moments(self.model, corpus(), self.home.cache, layers=[1, 2], settings=SMALL.moments)
        return Means(moments, sample_contexts(self.model, seed, SMALL.edit), SMALL, seed)


def lines_of(document: Mapping[str, Any]) -> dict[tuple[int, str, str], dict[str, Any]]:
    """Layer, variant and case id to the line in the case file, without how long it took."""
    return {
        (cell["layer"], cell["variant"], case): {k: v for k, v in line.items() if "seconds" not in k}
        for cell in document["cells"]
        for case, line in CaseFile(Path(cell["file"]).parent).read().items()
    }


def say_slowly(model: Model, text: str, tokens: int) -> str:
    """Greedy text by one whole forward per token, special tokens never chosen."""
    ids, new = encode(model, text), []
    for _ in range(tokens):
        logp = next_logp_slowly(model, ids + new)
        logp[model.tokenizer.all_special_ids] = -float("inf")
        new.append(int(logp.argmax()))
    return text_of(model, new)
