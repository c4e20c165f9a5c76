"""Generators on the same edits: counted, compared, resumable."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydantic_ai")

from hypothesis import given
from hypothesis import strategies as st
from llm_server import QUICK, TOWER, serving
from typer.testing import CliRunner

from assay.benchmarks.names import NAMES
from assay.cli.generators import _show
from assay.cli.main import app
from assay.errors import InputError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.compare.cases import BUILT_IN, Cases, cases_of, names_of
from assay.generators.compare.figures import offer_of, spread
from assay.generators.compare.run import Comparison, key_of, run_compare
from assay.generators.compare.summary import agreements, of_generator
from assay.generators.llm.generator import Llm
from assay.generators.means import Means
from assay.generators.table import generator
from assay.models.load import load
from assay.runs.home import Home
from small import SMALL, Heard, save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.mark.slow
def test_two_generators_on_the_same_edits_and_again_from_what_is_kept(folder: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    model = load(str(folder), home.cache)
    asked = Comparison(("catalogue", "llm:scripted"), Cases("one", (TOWER,)))
    heard, again = Heard(), Heard()
    with serving() as server:
        means = server.means(cache=home.cache)
        found = run_compare(model, asked, means, home, heard, SMALL)
        calls = len(server.calls)
        same = run_compare(model, asked, means, home, again, SMALL)
        assert len(server.calls) == calls
        more = Comparison(asked.names, Cases("two", (TOWER, BUILT_IN[1])))
        longer = run_compare(model, more, means, home, Heard(), SMALL)
        calls = len(server.calls)
    assert json.dumps(found["lines"]) == json.dumps(same["lines"])
    assert {name: some[:1] for name, some in longer["lines"].items()} == found["lines"]
    assert [d["stage"] for d in again.of("stage_started")] == []
    assert heard.of("stage_progress")[-1]["done"] == 2
    found = longer
    catalogue, scripted = (found["generators"][name] for name in asked.names)
    assert catalogue["rejected"] == 0 and catalogue["acceptance"] == 1.0 and catalogue["tokens_in"] == 0
    assert (scripted["title"], scripted["edits"]) == ("llm 1 (scripted)", 2)
    assert scripted["rejected"] > 0 and 0 < scripted["acceptance"] < 1, (
        "it writes of the tower, whoever is asked for"
    )
    assert scripted["tokens_out"] == 50 * calls
    assert 0 < scripted["distinct"] <= 1 and 0 < catalogue["distance"] < 1
    assert catalogue["p_after"]["n"] == sum(len(line["p_after"]) for line in found["lines"]["catalogue"])
    (pair,) = found["agreement"]
    assert pair["generators"] == list(asked.names) and [row["id"] for row in pair["benchmarks"]] == list(
        NAMES
    )
    row = next(row for row in pair["benchmarks"] if row["id"] == "edit_bench")
    scores = [[line["scores"]["edit_bench"] for line in found["lines"][name]] for name in asked.names]
    both = [(a, b) for a, b in zip(*scores, strict=True) if b is not None]
    assert row["n"] == len(both) and row["difference"] == pytest.approx(
        np.mean([abs(a - b) for a, b in both])
    )


def test_other_weights_and_other_bounds_are_other_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured of a local writer is gone on with only while its files and its bounds are the same."""
    pytest.importorskip("llguidance")
    from assay.generators.local import constrained

    writer = save_tiny(tmp_path / "writer")
    name, means = f"local:{writer}", Means(cache=tmp_path / "cache")

    def key() -> str:
        return key_of({"seed": 0}, name, generator(name, means), means)

    first = key()
    assert key() == first != key_of({"seed": 1}, name, generator(name, means), means)
    (writer / "generation_config.json").write_text('{"temperature": 0.01}')
    second = key()
    monkeypatch.setattr(constrained, "BOUNDS", "others")
    assert len({first, second, key()}) == 3


def lines(values: list[float | None]) -> list[dict[str, object]]:
    return [{"scores": dict.fromkeys(NAMES, value)} for value in values]


def test_agreement_counts_only_edits_that_both_score() -> None:
    (pair,) = agreements(
        {"a": lines([0.1, 0.2, 0.3, 0.9, None]), "b": lines([0.2, 0.3, 0.4, 0.5, 0.6])}, 0, 200
    )
    row = pair["benchmarks"][0]
    assert row["n"] == 4 and row["rho"]["rho"] == 1.0
    assert row["difference"] == pytest.approx((0.1 + 0.1 + 0.1 + 0.4) / 4)
    low, high = row["interval"]
    assert 0.1 - 1e-9 <= low <= row["difference"] <= high <= 0.4 + 1e-9
    (pair,) = agreements({"a": lines([None]), "b": lines([0.2])}, 0, 200)
    assert pair["benchmarks"][0]["n"] == 0 and pair["benchmarks"][0]["difference"] is None
    assert len(agreements({name: lines([0.5]) for name in "abc"}, 0, 200)) == 3


@given(st.integers(2, 9), st.integers(0, 5))
def test_spread_is_the_mean_over_all_pairs(n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    slowly = [1 - float(vectors[i] @ vectors[j]) for i in range(n) for j in range(i)]
    assert spread(vectors) == pytest.approx(np.mean(slowly), abs=1e-5)


@pytest.mark.slow
def test_what_a_plan_offers() -> None:
    catalogue = offer_of(Catalogue().plan(TOWER, 0))
    assert (catalogue.rejected, catalogue.answers, catalogue.distinct) == (0, 0, 1.0)
    assert catalogue.asked > 50 and catalogue.unasked == ()
    with serving() as server:
        plan = Llm("scripted", server.means(QUICK)).plan(TOWER, 0)
    scripted = offer_of(plan)
    assert (scripted.rejected, scripted.again, scripted.answers) == (0, 0, 10)
    assert (scripted.tokens_in, scripted.tokens_out) == (1000, 500)
    assert spread(np.zeros((1, 4), dtype=np.float32)) is None


def test_dollars_stand_in_the_table_where_any_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    offer = {**asdict(offer_of(Catalogue().plan(TOWER, 0))), "unasked": []}
    line = {"generator": "g", "distance": None, "p_before": [], "p_after": [], "unscored": {}, "offer": offer}
    line |= {"seconds_plan": 1.0, "seconds_suite": 1.0, "scores": dict.fromkeys(NAMES)}
    paid = [{**line, "offer": {**offer, "dollars": cost}} for cost in (0.5, 0.25)]
    assert of_generator(paid)["dollars"] == 0.75
    assert of_generator([*paid, line])["dollars"] is None, "a part of the cost is not the cost"

    def shown(lines: list[dict[str, object]]) -> str:
        found = {"free": of_generator([line]), "paid": of_generator(lines)}
        document = {"generators": found, "cases": {"requests": [1], "title": "one"}, "model": {"id": "m"}}
        _show({**document, "agreement": []})
        return capsys.readouterr().out

    assert "dollars" not in shown([line])
    assert re.search(r"dollars, at list prices +- +0\.7500$", shown(paid), re.MULTILINE)


def test_cases_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cf.json"
    record = {
        "case_id": 1,
        "requested_rewrite": {
            "prompt": "{} was born in",
            "subject": "Ada",
            "target_new": {"str": "Oslo"},
            "target_true": {"str": "London"},
            "relation_id": "P19",
        },
        "paraphrase_prompts": [],
        "neighborhood_prompts": [],
        "attribute_prompts": [],
        "generation_prompts": [],
    }
    file.write_text(json.dumps([record]))
    found = cases_of(file, 5)
    assert found.title == "cf.json" and len(found.requests) == 1
    assert (found.requests[0].prompt, found.requests[0].old) == ("Ada was born in", "London")
    assert len(cases_of(None, 3).requests) == 3 and cases_of(None, None).requests == BUILT_IN
    assert len(set(cases_of(None, None).ids)) == len(BUILT_IN)
    with pytest.raises(InputError) as caught:
        names_of(["catalogue", "catalogue "])
    assert caught.value.wanted == "two different ones at least"


@pytest.mark.parametrize(
    ("words", "came"),
    [
        (("catalogue",), "the generators catalogue"),
        (("catalogue", "catalog"), "generator 'catalog'"),
        (("catalogue", "replay:none", "--timeout", "3"), "--base-url or --timeout without a generator that"),
        (("catalogue", "llm:x", "--base-url", "nowhere"), "base URL 'nowhere'"),
        (("catalogue", "replay:none", "--model", "no-such-folder/at all", "--limit", "1"), "run 'none'"),
        (("catalogue", "replay:none", "--limit", "2"), "replay:none for 2 edits"),
    ],
)
def test_what_the_command_refuses(words: tuple[str, ...], came: str, folder: Path) -> None:
    given = ["--model", str(folder), *words]  # a replay is looked up before its model
    refused = CliRunner().invoke(app, ["generators", "compare", *given, "--json"])
    assert refused.exit_code == 2, refused.output
    assert json.loads(refused.stdout)["error"]["came"].startswith(came)
