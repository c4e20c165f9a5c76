"""What an index answers, against everything encoded densely and sorted the slow way."""

import numpy as np
import pytest
import torch
from test_index_codes import (
    CONTEXT,
    DEAD,
    DENSE,
    FEATURES,
    LAYER,
    dense_of,
    indexed,
    sentences_of,
    text,
    tiny_sae,
)

from assay.errors import Mismatch
from assay.features.mui import ablate_features
from assay.sae.index.index import FeatureIndex
from assay.sae.rows import rows_of
from oracles import Sentences, distinct_slowly, ranked_slowly
from tiny import tiny_model
from training import one_thread  # noqa: F401 - a fixture

EVERY = range(FEATURES)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> FeatureIndex:
    torch.set_num_threads(1)
    model = tiny_model("llama")
    return indexed(model, tiny_sae(model), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def dense(index: FeatureIndex) -> np.ndarray:
    return dense_of(index)


@pytest.fixture(scope="module")
def sentences(index: FeatureIndex) -> Sentences:
    return sentences_of(index)


def test_rows_are_those_of_the_corpus(index: FeatureIndex) -> None:
    wanted = sorted(rows_of(tiny_model("llama"), text(), CONTEXT, index.about.tokens))
    assert sorted(index.rows) == wanted
    assert index.rows[-1] == list(index.rows)[-1] and index.rows[1:3] == [index.rows[1], index.rows[2]]
    with pytest.raises(IndexError):
        index.rows[len(index.rows)]


def test_statistics(index: FeatureIndex, dense: np.ndarray) -> None:
    for feature in EVERY:
        found, column = index.statistics(feature), dense[:, feature]
        n = int((column > 0).sum())
        assert (found.feature, found.n_tokens, found.max) == (feature, n, column.max())
        assert found.density == n / len(column)
        assert (found.mean is None) == (n == 0)
        assert n == 0 or found.mean == pytest.approx(column[column > 0].astype(np.float64).mean())
        assert found.dead == (n == 0) and found.dense == (n > 0.1 * len(column))
    assert index.statistics(DEAD).dead and index.statistics(DENSE).density == 1
    assert index.summary() == {
        "l0": pytest.approx((dense > 0).sum(1).mean()),
        "live": int((dense > 0).any(0).sum()),
        "dead": int((~(dense > 0).any(0)).sum()),
        "dense": sum(index.statistics(feature).dense for feature in EVERY),
    }


def test_the_table_says_the_same_of_all(index: FeatureIndex) -> None:
    table = index.table()
    assert list(table.columns) == ["feature", "density", "n_tokens", "max", "mean", "dead", "dense"]
    for row in table.itertuples():
        one = index.statistics(int(row.feature))
        assert (row.density, row.n_tokens, row.max) == (one.density, one.n_tokens, one.max)
        assert (row.dead, row.dense) == (one.dead, one.dense)
        assert np.isnan(row.mean) if one.mean is None else row.mean == one.mean


def test_histogram_and_quantiles(index: FeatureIndex, dense: np.ndarray) -> None:
    for feature in EVERY:
        column = dense[:, feature]
        fired = np.sort(column[column > 0].astype(np.float64))
        found = index.histogram(feature, 7)
        assert found.counts.sum() == len(fired) and len(found.edges) == 8 and found.edges[0] == 0
        for bin, count in enumerate(found.counts.tolist()):
            low, high = found.edges[bin : bin + 2]
            last = bin == 6
            assert count == sum(low <= value and (value < high or last) for value in fired.tolist())
        assert len(fired) == 0 or found.edges[-1] == fired[-1]
        quantiles = index.quantiles(feature, (0.0, 0.5, 1.0))
        assert (
            np.isnan(quantiles).all()
            if not len(fired)
            else quantiles.tolist() == pytest.approx([fired[0], np.median(fired), fired[-1]])
        )


@pytest.mark.slow
def test_top_sentences(index: FeatureIndex, dense: np.ndarray, sentences: Sentences) -> None:
    model = tiny_model("llama")
    for feature in EVERY:
        found = index.top(feature, 5)
        ranked = ranked_slowly(dense[:, feature], sentences)
        assert [one.sentence for one in found] == distinct_slowly(ranked, sentences, 5)
        for one in found:
            row, begin, end, words = sentences[one.sentence]
            assert one.row == row and one.text == words.strip() and len(one.tokens) == end - begin
            assert np.array_equal(one.activations, dense[begin:end, feature])
            assert one.activations[one.peak] == one.value == dense[begin:end, feature].max()
            ids = index.rows[row][one.position : one.position + len(one.tokens)]
            assert ids == index.arrays["ids"][begin:end].tolist()
            decoded = str(model.tokenizer.decode(ids))
            assert decoded == "".join(one.tokens) or "\ufffd" in decoded  # a window can cut a character
    assert index.top(DEAD, 5) == []
    assert len(ranked_slowly(dense[:, DENSE], sentences)) > len(index.top(DENSE, 10_000))


def test_sentences_of_each_tenth(index: FeatureIndex, dense: np.ndarray, sentences: Sentences) -> None:
    for feature in (DENSE, 7, 30):
        ranked = ranked_slowly(dense[:, feature], sentences)[::-1]
        sizes = [len(ranked) // 10 + (n < len(ranked) % 10) for n in range(10)]
        found = index.deciles(feature, 2, seed=1)
        assert len(found) == 10
        for tenth, size in zip(found, sizes, strict=True):
            mine, ranked = ranked[:size], ranked[size:]
            drawn = [one.sentence for one in tenth]
            assert set(drawn) <= set(mine) and len(set(drawn)) == len(drawn)
            assert len(drawn) == min(2, len(distinct_slowly(drawn, sentences, 99)))
            assert len(drawn) == 2 or len(distinct_slowly(drawn + mine, sentences, 99)) == len(drawn)
        again = [[one.sentence for one in tenth] for tenth in index.deciles(feature, 2, seed=1)]
        other = [[one.sentence for one in tenth] for tenth in index.deciles(feature, 2, seed=2)]
        assert again == [[one.sentence for one in tenth] for tenth in found]
        assert again != other or feature != DENSE
    assert index.deciles(DEAD, 2) == [[] for _ in range(10)]


def test_where_it_fires_is_what_mui_takes(index: FeatureIndex, dense: np.ndarray) -> None:
    model = tiny_model("llama")
    sae = tiny_sae(model)
    firing = index.firing(9)
    lengths = [len(row) - 1 for row in index.rows]
    places = np.cumsum([0, *lengths])[firing.rows] + firing.positions - 1
    assert np.array_equal(dense[places, 9], firing.activations)
    assert len(places) == (dense[:, 9] > 0).sum() and firing.positions.min() >= 1
    ablated = ablate_features(model, LAYER, index.rows, [firing], sae.W_dec[9:10], seed=0)[0]
    assert len(ablated.kl) == len(places) and (ablated.kl >= 0).all()
    assert ablated.squared_norm == pytest.approx(firing.activations**2, rel=1e-3)


@pytest.mark.parametrize("feature", [-1, FEATURES])
def test_a_feature_that_does_not_exist(index: FeatureIndex, feature: int) -> None:
    for ask in (index.postings, index.statistics, index.firing, lambda n: index.top(n, 1)):
        with pytest.raises(Mismatch) as error:
            ask(feature)
        assert str(error.value) == (
            f"feature {feature} of the SAE tiny\n  wanted: a feature from 0 to 63\n"
            "  to do:  choose a number in that range"
        )
