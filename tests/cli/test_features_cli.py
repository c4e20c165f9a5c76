"""``assay features``: label, relabel, score, list and show on a tiny model, as text of 80 columns and as JSON."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from rich.cells import cell_len
from typer.testing import CliRunner, Result

import planted_labels as p
from assay.cli.main import app
from assay.features.labels.book import Labelled
from assay.features.place import TABLE, Place, place_of
from assay.models.load import load
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.index.bank import Bank
from assay.sae.index.build import find_index
from assay.settings import FeatureSettings
from small import save_tiny

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]


@pytest.fixture(autouse=True)
def _one_thread(_threads: None) -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds an SAE of eight features, whose model is in a folder too."""
    torch.set_num_threads(1)
    model = save_tiny(tmp_path_factory.mktemp("model"))
    made = p.random_sae(load(str(model), tmp_path_factory.mktemp("cache")))
    named = replace(made, model_id=str(model), start_token=True, context=p.CONTEXT)
    return save_sae(named, tmp_path_factory.mktemp("sae") / "tiny")


@pytest.fixture(scope="module")
def ready(sae: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an index in which is planted what each feature fires on."""
    home = tmp_path_factory.mktemp("ready")
    text = home / "text.txt"
    text.write_text("\n".join(p.corpus(200).documents), encoding="utf-8")
    invoke(home, "sae", "index", str(sae), "--corpus", str(text))
    index = p.plant(find_index(home / "cache", load_sae(sae)), lambda document: p.IN_INDEX)
    bank = Bank(index)
    p.plant(bank.index, lambda n: p.IN_DECIDING if n < bank.n_deciding else p.IN_SCORING)
    return home


@pytest.fixture(scope="module")
def named(ready: Path, sae: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The same home with automatic labels, and what the command said."""
    home = tmp_path_factory.mktemp("named") / "home"
    shutil.copytree(ready, home)
    return home, invoke(home, "features", "label", "--all", "--sae", str(sae), "--json")


def invoke(home: Path, *words: str) -> Result:
    result = CliRunner().invoke(app, ["--home", str(home), *words])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def empty(sae: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    """``empty("list")`` in a home where nothing is."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    return lambda *words: CliRunner().invoke(app, ["features", *map(str, words), "--sae", str(sae)])


@pytest.fixture
def assay(empty: Assay, ready: Path, tmp_path: Path) -> Assay:
    """The same where the SAE has its index."""
    shutil.copytree(ready, tmp_path / "home")
    return empty


@pytest.fixture
def labelled(empty: Assay, named: tuple[Path, Result], tmp_path: Path) -> Assay:
    """The same with automatic labels."""
    shutil.copytree(named[0], tmp_path / "home")
    return empty


@pytest.fixture
def place(sae: Path, tmp_path: Path) -> Place:
    return place_of(tmp_path / "home", load_sae(sae).hash, sae)


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def lines(result: Result) -> list[str]:
    """What people see: no line is wider than their terminal."""
    assert result.exit_code == 0, result.stderr
    found = result.stdout.splitlines()
    assert all(cell_len(line.rstrip()) <= 80 for line in found if "/" not in line)
    return found


def test_label_by_hand(assay: Assay, place: Place) -> None:
    assert lines(assay("label", 3, " capital   cities ")) == ["3  capital cities"]
    (again,) = as_json(assay("label", 3, 'the words "Rome"', "--json"))["labels"]
    assert (again["feature"], again["label"], again["source"]) == (3, 'the word "rome"', "user")
    assert [one.label for one in place.labels().history(3)] == ["capital cities", 'the word "rome"']


def test_label_by_hand_needs_no_index(empty: Assay, place: Place) -> None:
    assert lines(empty("label", 0, "towns")) == ["0  towns"]
    assert place.labels()[0].label == "towns"


def test_label_all(named: tuple[Path, Result], labelled: Assay, place: Place) -> None:
    new = {one["feature"]: one for one in as_json(named[1])["labels"]}
    assert set(new) == {f for f in range(8) if f != p.DEAD}
    assert new[p.RIVER]["label"] == 'the word "river"' and new[p.ING]["label"] == 'words ending in "-ing"'
    assert {f: place.labels()[f].label for f in new} == {f: one["label"] for f, one in new.items()}
    lines(labelled("label", p.YEARS, "dates of battles"))
    found = lines(labelled("label", "--all"))
    assert f'{p.RIVER}  the word "river"' in found and len(found) == 6
    history = [(one.label, one.source) for one in place.labels().history(p.YEARS)]
    assert history == [("years", "automatic"), ("dates of battles", "user")]


def test_show(labelled: Assay) -> None:
    lines(labelled("label", p.RIVER, "waters"))
    shown = as_json(labelled("show", p.RIVER, "--json"))
    assert [one["label"] for one in shown["labels"]] == ['the word "river"', "waters"]
    text = lines(labelled("show", p.RIVER))
    assert text[0].startswith("feature 1  of 8 at layer 1")
    assert sum("⟦" in line for line in text) >= 10


def test_relabel(assay: Assay, place: Place) -> None:
    place.labels().add([Labelled(p.TWO, 'the word "market"', "automatic")])
    (said,) = lines(assay("relabel", p.TWO))
    after = place.labels()[p.TWO]
    assert said == f"{p.TWO}  {after.label}" and after.source == "relabelled"
    assert {"harbour", "library"} <= set(after.label.split('"'))
    assert lines(assay("relabel", p.TWO)) == ["No better label was found. Those given by hand always stay."]
    assert as_json(assay("relabel", p.DEAD, p.TWO, "--json")) == {"labels": []}


def test_relabel_all_takes_live_features_without_a_label_too(assay: Assay, place: Place) -> None:
    lines(assay("label", p.RIVER, "waters"))
    new = {one["feature"]: one["label"] for one in as_json(assay("relabel", "--all", "--json"))["labels"]}
    assert {p.YEARS, p.ING, p.TWO, p.TURNED} >= set(new) >= {p.ING, p.TWO, p.TURNED}
    assert place.labels()[p.RIVER].label == "waters"


def test_score_one(labelled: Assay) -> None:
    assay = labelled
    one = as_json(assay("score", p.RIVER, "--json"))
    parts = {"feature", "label", "label_source", "interp", "purity", "mui", "reading", "made_of"}
    assert set(one) == parts
    made_of = one["made_of"]
    assert made_of["seed"] == 0 and made_of["settings"]["sentences"] == FeatureSettings().sentences
    assert (
        len(made_of["model"]["hash"]) == len(made_of["sae"]["hash"]) == len(made_of["index"]["corpus_hash"])
    )
    assert made_of["model"]["dtype"] == made_of["bank"]["dtype"] == "float32"
    assert made_of["versions"]["torch"] == version("torch")
    assert (one["feature"], one["label"], one["label_source"]) == (p.RIVER, 'the word "river"', "automatic")
    assert one["interp"]["score"] == 1 and len(one["interp"]["matching"]) == 10
    assert all("river" in sentence["text"] for sentence in one["interp"]["matching"])
    assert not any("river" in sentence["text"] for sentence in one["interp"]["other"])
    assert one["mui"]["score"] is not None and one["mui"]["positions"]
    assert as_json(assay("score", p.RIVER, "--json")) == one
    shown = "\n".join(lines(assay("score", p.RIVER)))
    assert 'the word "river"' in shown and "InterpScore" in shown and "100%" in shown


def test_score_another_label(assay: Assay, place: Place) -> None:
    one = as_json(assay("score", p.RIVER, "--label", 'the word  "Market"', "--json"))
    assert one["label_source"] is None and one["interp"]["score"] < 0.6
    assert all("market" in sentence["text"] for sentence in one["interp"]["matching"])
    assert len(place.labels()) == 0


def test_score_several(assay: Assay) -> None:
    some = as_json(assay("score", p.RIVER, p.ING, "--json"))
    assert [one["feature"] for one in some] == [p.RIVER, p.ING]
    assert some[0]["interp"]["score"] is None and some[0]["interp"]["reason"] == "it has no label"
    text = "\n".join(lines(assay("score", p.RIVER, p.ING)))
    assert text.count("It has no label.") == 2


def test_a_silent_feature_is_unscored_with_the_reason(assay: Assay) -> None:
    result = assay("score", p.DEAD, "--label", "years", "--json")
    one = as_json(result)
    assert [one[name]["score"] for name in ("interp", "purity", "mui")] == [None] * 3
    assert one["interp"]["reason"] == "the feature is silent on every sentence"
    assert one["purity"]["reason"] and one["mui"]["reason"]
    text = "\n".join(lines(assay("score", p.DEAD, "--label", "years")))
    assert "not scored: the feature is silent on every sentence" in text


def test_a_label_that_claims_nothing_is_unscored_with_the_reason(assay: Assay) -> None:
    one = as_json(assay("score", p.RIVER, "--label", 'the word "zebra"', "--json"))
    assert one["interp"]["score"] is None
    assert one["interp"]["reason"] == "0 matching sentences: at least two are needed"
    assert one["mui"]["score"] is not None


def test_score_all_twice_and_list(labelled: Assay, place: Place) -> None:
    assay = labelled
    text = lines(assay("score", "--all"))
    first = pd.read_parquet(place.table_path)
    assert text[-2:] == [str(place.own / TABLE), str(place.own / "features.svg")]
    assert (place.own / "features.svg").read_text().startswith("<svg")
    assert first["feature"].tolist() == list(range(8)) and first["dead"].tolist() == [True] + [False] * 7

    said = as_json(assay("score", "--all", "--json"))
    assert sum(said["readings"].values()) == 8 and said["readings"]["dead"] == 1
    pd.testing.assert_frame_equal(pd.read_parquet(place.table_path), first)
    one = as_json(assay("score", p.RIVER, "--json"))
    row = first.loc[p.RIVER]
    assert one["interp"]["score"] == row["interp"] and one["purity"]["score"] == row["purity"]
    assert one["mui"]["score"] == pytest.approx(row["mui"], rel=1e-5)  # ablated beside other features
    assert 0 <= one["mui"]["percentile"] <= 100

    listed = as_json(assay("list", "--noise", "--sort", "interp", "--json"))
    assert (listed["of"], listed["found"]) == (8, 8)
    values = [one["interp"] for one in listed["features"]]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True) and values == known + [None] * (8 - len(known))
    assert listed["features"][-1]["label"] is None or listed["features"][-1]["feature"] != p.DEAD

    table = lines(assay("list", "--noise", "--limit", 3))
    assert table[0].split() == ["feature", "label", "interp", "purity", "MUI", "reading"]
    assert len(table) == 5 and table[-1] == "3 of 8 found, 8 in all"
    searched = lines(assay("list", "--noise", "--search", "RIVER"))
    assert searched[1].split()[:4] == ["1", "the", "word", '"river"'] and "100%" in searched[1]
    assert searched[-1] == "1 of 1 found, 8 in all"
    assert lines(assay("list", "--search", "zebra"))[-1] == "0 of 0 found, 8 in all"
    assert as_json(assay("list", "--review", "--json"))["found"] <= 7


def test_a_sample_of_the_features(labelled: Assay, place: Place) -> None:
    found = as_json(labelled("score", "--all", "--sample", 3, "--json"))
    assert found["table"] == str(place.own / "features-3.parquet") and sum(found["readings"].values()) == 3


def test_score_all_and_list_where_nothing_has_a_label(assay: Assay) -> None:
    lines(assay("score", "--all"))
    table = lines(assay("list", "--noise"))
    assert table[-1] == "8 of 8 found, 8 in all"
    assert all(line.split()[1:3] == ["-", "-"] for line in table[1:-1])
    assert as_json(assay("list", "--search", "river", "--json"))["features"] == []


LONG = {
    "words": "the words " + ", ".join(f'"{"abcdefghij"[n:] * 3}"' for n in range(6)),
    "one word": "x" * 400,
    "wide": "東京" * 100,
    "escape": "bad \x1b[31mred\x07 [bold]text[/bold]",
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_label_does_not_break_the_list(name: str, empty: Assay, place: Place) -> None:
    place.own.mkdir(parents=True)
    rows = [(16_383, LONG[name], 0.5, None, 1.0, "mislabelled and unused"), (2, "years", 1, 1, 1, "ideal")]
    columns = ["feature", "label", "interp", "purity", "mui", "name"]
    pd.DataFrame(rows, columns=columns).to_parquet(place.table_path)
    table = lines(empty("list"))
    assert "\x1b" not in "".join(table)
    head, first = table[0], table[1]
    assert [head.index(word) for word in ("feature", "label", "reading")] == [0, 9, 58]
    assert first.startswith("16383  ") and first.rstrip().endswith(
        "50%       -  100%  mislabelled and unused"
    )
    below = table[2 : table.index(next(line for line in table if line.startswith("2 ")))]
    assert len(below) <= 4 and all(not line[:9].strip() and not line[37:].strip() for line in below)
    assert as_json(empty("list", "--json"))["features"][0]["label"] == LONG[name]


WRONG: dict[str, tuple[tuple[object, ...], str, str, str]] = {
    "score out of range": (("score", 8), "feature 8 of the SAE {sae}", "a feature from 0 to 7", "choose"),
    "show out of range": (("show", 8), "feature 8 of the SAE {sae}", "a feature from 0 to 7", "choose"),
    "label out of range": (
        ("label", 8, "x"),
        "feature 8 of the SAE {sae}",
        "a feature from 0 to 7",
        "choose",
    ),
    "relabel out of range": (("relabel", 8), "feature 8 of the SAE {sae}", "a feature from 0 to 7", "choose"),
    "no table": (
        ("list",),
        "the SAE {sae}, whose features have not been scored",
        "a table of their scores",
        "make it: assay features score --all --sae {sae}",
    ),
    "empty label": (("label", 1, "  "), "an empty label", "some words", "say what the feature is about"),
    "empty label to score": (
        ("score", 1, "--label", ""),
        "an empty label",
        "some words",
        "say what the feature is about",
    ),
    "label of nothing": (
        ("label",),
        "neither a feature with its label nor --all",
        "a feature and its label, or --all",
        'for example: assay features label 1234 "capital cities"',
    ),
    "label without its text": (
        ("label", 1),
        "neither a feature with its label nor --all",
        "a feature and its label, or --all",
        "for example: ",
    ),
    "label one and all": (
        ("label", 1, "x", "--all"),
        "a feature and --all together",
        "a feature and its label, or --all",
        "for example: ",
    ),
    "score nothing": (("score",), "no feature", "the numbers of some features, or --all", "for example: "),
    "score some and all": (
        ("score", 1, "--all"),
        "features and --all together",
        "the numbers of some features, or --all",
        "for example: assay features score 1234",
    ),
    "score all by one label": (
        ("score", "--all", "--label", "x"),
        "--label with --all",
        "a label for one feature",
        "leave one of the two out",
    ),
    "relabel nothing": (
        ("relabel",),
        "no feature",
        "the numbers of some features, or --all",
        "for example: assay features relabel 1234",
    ),
    "relabel some and all": (
        ("relabel", 1, "--all"),
        "features and --all together",
        "the numbers of some features, or --all",
        "for example: ",
    ),
}
NO_INDEX = {
    "score": ("score", 1),
    "score all": ("score", "--all"),
    "label all": ("label", "--all"),
    "relabel": ("relabel", 1),
    "show": ("show", 1),
}


def explained(result: Result, came: str, wanted: str, todo: str) -> None:
    assert result.exit_code == 2 and result.stdout == "", result.output
    first, second, third = result.stderr.splitlines()[-3:]
    assert first == f"came:   {came}" and second == f"wanted: {wanted}"
    assert third.startswith(f"to do:  {todo}")


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_explained(name: str, assay: Assay, sae: Path) -> None:
    words, *said = WRONG[name]
    came, wanted, todo = (part.replace("{sae}", str(sae)) for part in said)
    explained(assay(*words), came, wanted, todo)
    again = assay(*words, "--json")
    assert again.exit_code == 2 and json.loads(again.stdout)["error"]["came"] == came


@pytest.mark.parametrize("name", NO_INDEX)
def test_without_an_index(name: str, empty: Assay, sae: Path) -> None:
    came = f"the SAE {sae}, of which there is no index"
    explained(empty(*NO_INDEX[name]), came, "an index of a corpus", f"make one: assay sae index {sae}")


def test_a_column_and_a_reading_that_are_not_there(assay: Assay) -> None:
    lines(assay("score", "--all"))
    for words, came, todo in (
        (("--sort", "intrep"), "column 'intrep'", "did you mean interp?"),
        (("--reading", "idael"), "reading 'idael'", "did you mean ideal?"),
    ):
        result = assay("list", *words)
        assert result.exit_code == 2 and f"came:   {came}" in result.stderr and todo in result.stderr


def test_an_sae_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["features", "label", "1", "towns", "--sae", str(tmp_path / "none")])
    assert result.exit_code == 2 and "which is neither an alias nor a folder" in result.stderr
