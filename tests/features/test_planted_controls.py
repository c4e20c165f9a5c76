"""Features that were planted against the same under the labels of others, and against random directions of the same
residual stream: the scores have to tell them apart, or they tell nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from planted_home import planted_home
from planted_model import DEAD, DECORATIVE, LABELS, SWAPPED, planted_corpus, planted_model, planted_sae

from assay.features.everything import score_all
from assay.features.labelling import label_all
from assay.features.labels.book import Labelled
from assay.sae.control import random_like
from assay.sae.residual import residual

pytestmark = pytest.mark.slow

TRUE = sorted(set(LABELS) - {SWAPPED, DEAD})
"""Features whose planted label is their own."""


@pytest.fixture(scope="module", params=["whitened", pytest.param("plain", marks=pytest.mark.nightly)])
def tables(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("controls")
    corpus, sae = planted_corpus(), planted_sae()
    model = planted_model(corpus)
    own = planted_home(model, sae, corpus, home / "own")
    own.book.add([Labelled(f, LABELS[f], "user") for f in TRUE])
    shuffled = replace(own, place=replace(own.place, own=home / "shuffled"))
    others = dict(zip(TRUE, np.roll(TRUE, 1).tolist(), strict=True))
    shuffled.book.add([Labelled(f, LABELS[g], "user") for f, g in others.items()])
    found = {"own": own, "shuffled": shuffled}
    x = residual(model, own.index.about.layer, [own.index.rows[n] for n in range(200)])
    control = random_like(sae, x, 0, request.param == "whitened")
    found["control"] = planted_home(model, control, corpus, home / "control")
    label_all(found["control"])  # their own best labels: the hardest comparison
    return {name: pd.read_parquet(score_all(one)) for name, one in found.items()}


@pytest.mark.parametrize("other", ["shuffled", "control"])
def test_labels_of_planted_features_are_better_than_those_of_a_control(
    tables: dict[str, pd.DataFrame], other: str
) -> None:
    own, control = tables["own"].loc[TRUE], tables[other].dropna(subset=["auroc"])
    assert own["auroc"].min() > 0.95
    assert len(control) >= 5 and control["auroc"].mean() < own["auroc"].mean()
    assert control["d"].median() < own["d"].median() / 2


def test_planted_directions_move_more_than_random_ones(tables: dict[str, pd.DataFrame]) -> None:
    """The one that nothing reads moves nothing, whatever it is compared with."""
    own = tables["own"]["over_random"]
    read = own.drop([DECORATIVE, DEAD])
    control = tables["control"]["over_random"].dropna()
    assert read.median() > 1.5 * control.median() and own[DECORATIVE] < control.min()


def test_what_has_no_label_in_it_is_the_same_under_the_labels_of_others(
    tables: dict[str, pd.DataFrame],
) -> None:
    names = ["mui", "ratio", "over_random", "corpus_purity", "density"]
    pd.testing.assert_frame_equal(tables["own"][names], tables["shuffled"][names])


def test_a_table_says_what_it_was_made_of(tables: dict[str, pd.DataFrame]) -> None:
    made_of = {name: table.attrs["made_of"] for name, table in tables.items()}
    assert made_of["own"] == made_of["shuffled"]
    hashes = {one["sae"]["hash"] for one in made_of.values()}
    assert len(hashes) == 2 and len({one["model"]["hash"] for one in made_of.values()}) == 1
    assert made_of["own"]["settings"]["sentences"] == 60 and made_of["own"]["seed"] == 0
    assert made_of["own"]["versions"]["torch"]
