"""Sentences that a language model writes for a label: from the label alone, audited, counted, the same again."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("pydantic_ai")

from hypothesis import given
from hypothesis import strategies as st
from llm_feature_server import FeatureServer, asked, proposing, writing
from llm_server import QUICK, Call, Reply, said
from planted_model import IDEAL, SWAPPED, planted_corpus, planted_model, planted_sae, words_label

from assay.corpus.sentences import LONGEST, SHORTEST
from assay.errors import GeneratorError
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.features.llm.audit import AXES, REASONS, Sieve, english, tidied
from assay.features.llm.labelling import NO_BETTER, name_features
from assay.features.llm.sentences import Made, write_sentences
from assay.features.llm.trial import written_by
from assay.features.material import Material
from assay.features.opened import material_of
from assay.features.score import FeatureScores, score_feature
from assay.report.feature_scores import render_scores
from assay.sae.index.bank import held_out, make_bank
from assay.sae.index.build import build_index
from assay.settings import FeatureSettings, LlmSettings
from embedding import embedder
from small import Heard

pytestmark = pytest.mark.slow

KEY = "sk-very-secret-0123456789"
RIVERS = 'the words "river" or "lake"'


def rivers(word: str) -> str:
    return f"The {word} otters swam in the cold {'river' if len(word) % 2 else 'lake'} for an hour."


def bread(word: str) -> str:
    return f"The {word} baker burnt the bread in the kitchen for an hour."


def sea(word: str) -> str:
    return f"The {word} sailors looked at the sea from the harbour for an hour."


GOOD = writing(rivers, bread, sea)


def made_by(server: FeatureServer, label: str = RIVERS, seed: int = 0, n: int = 10, **more: Any) -> Made:
    return write_sentences(server.author(asked_for="sentences", **more), label, embedder(), n, seed, Heard())


def test_the_model_sees_the_label_and_nothing_else() -> None:
    with asked(GOOD) as server:
        made = made_by(server)
        (call,) = server.calls
    assert set(call.data) == {"label", "reads", "counts", "variation"}
    assert call.data["label"] == RIVERS and "one of these words" in call.data["reads"]
    assert call.data["counts"] == dict.fromkeys(AXES, 13), "some more, for the audit"
    assert {axis: len(texts) for axis, texts in made.sentences.items()} == dict.fromkeys(AXES, 10)
    assert (made.rejects, made.again) == ((), 0)
    assert made.to_json()["tokens_in"] == 100


def test_what_fails_is_counted_shown_and_asked_for_again() -> None:
    def script(call: Call) -> Reply:
        reply = GOOD(call)
        if call.number:
            return reply
        answer = json.loads(reply.content or "")
        answer["matching"] = [bread("fresh"), *answer["matching"][:4], rivers("amber")]
        answer["other"][0] = "The Lake was frozen and nobody went there."
        answer["near"][:3] = [
            "Too short.",
            "The \x1b[31m sailors looked at the sea for an hour.",
            "Der Fluss fließt durch ganz Deutschland bis nach Holland.",
        ]
        return said(answer)

    with asked(script) as server:
        made = made_by(server)
        first, second = server.calls
    assert made.again == 1 and len(first.data["counts"]) == 3
    assert [(one.axis, one.reason) for one in made.rejects] == [
        ("matching", "not_matching"),
        ("matching", "duplicate"),
        ("other", "matching"),
        ("near", "unfit"),
        ("near", "unfit"),
        ("near", "not_english"),
    ]
    assert set(second.data["counts"]) == {"matching"}, "of the others there were enough"
    assert {axis: len(texts) for axis, texts in made.sentences.items()} == dict.fromkeys(AXES, 10)
    shown = second.data["again"]
    assert shown["kept"] == [rivers(word) for word in ("amber", "brave", "calm", "dusty")]
    assert {"sentence": bread("fresh"), "reason": REASONS["not_matching"]} in shown["refused"]
    assert all(row["sentence"].isprintable() for row in shown["refused"])
    assert sum(made.to_json()["reasons"].values()) == 6


def test_a_model_that_has_no_more_is_not_asked_for_ever() -> None:
    few = {"matching": [rivers("amber"), rivers("brave")], "other": [bread("calm")], "near": []}
    with asked(lambda call: said(few)) as server:
        made = made_by(server)
        assert len(server.calls) == 2, "the second answer brought nothing new"
    assert {axis: len(texts) for axis, texts in made.sentences.items()} == {
        "matching": 2,
        "other": 1,
        "near": 0,
    }

    def one_more(call: Call) -> Reply:
        return said({"matching": [rivers("amber" + "x" * call.number)], "other": [], "near": []})

    with asked(one_more) as server:
        assert len(made_by(server).sentences["matching"]) == 3
        assert len(server.calls) == 1 + QUICK.again


def test_the_same_cache_and_seed_give_the_same_sentences_without_a_call(tmp_path: Path) -> None:
    with asked(GOOD) as server:
        first = made_by(server, cache=tmp_path)
        calls = len(server.calls)
        assert made_by(server, cache=tmp_path) == first and len(server.calls) == calls
        made_by(server, seed=1, cache=tmp_path)
        assert server.calls[-1].payload["seed"] == 1 and len(server.calls) == 2 * calls
        made_by(server, label='the word "river"', cache=tmp_path)
        assert len(server.calls) == 3 * calls


AUDIT: dict[str, tuple[str, str, str, str | None]] = {
    "a word": (RIVERS, "other", "We walked along the LAKE before the rain began.", "matching"),
    "another form of it": (RIVERS, "other", "We saw two rivers before the rain began.", None),
    "an ending": ('words ending in "-ing"', "near", "They were walking to the old market.", "matching"),
    "no ending": ('words ending in "-ing"', "matching", "They walked to the old market.", "not_matching"),
    "a form": ("years", "other", "They met in 1848 and never spoke again.", "matching"),
    "no form": ("years", "matching", "They met in spring and never spoke again.", "not_matching"),
    "a meaning named": (
        "medieval castles",
        "other",
        "Few Medieval  castles have a lift for guests.",
        "names_label",
    ),
    "a meaning not named": ("medieval castles", "other", "Few hotels have a lift for their guests.", None),
    "a meaning matched": ("medieval castles", "matching", "The keep was built by the second earl.", None),
    "numbered": (RIVERS, "matching", "3. We walked along the lake before the rain began.", None),
    "too long": (RIVERS, "matching", "The river and " * 30, "unfit"),
    "two lines": (RIVERS, "matching", "We walked along the lake\nbefore the rain began.", "unfit"),
    "French": (RIVERS, "other", "Nous avons mangé une soupe chaude dans le jardin.", "not_english"),
    "Spanish": (RIVERS, "other", "El perro duerme en la casa desde ayer por la tarde.", "not_english"),
}


@pytest.mark.parametrize("name", AUDIT)
def test_the_audit(name: str) -> None:
    label, axis, text, reason = AUDIT[name]
    sieve = Sieve(read_label(label), embedder())
    sieve.add(axis, [text], 10)
    assert [one.reason for one in sieve.rejects] == ([reason] if reason else [])
    assert sieve.good[axis] == ([] if reason else [tidied(text)])


def test_nearly_all_english_sentences_pass_for_english() -> None:
    texts = [text for document in planted_corpus(20).documents for text in document.split(". ")]
    assert sum(map(english, texts)) / len(texts) > 0.99


@given(
    st.lists(
        st.tuples(st.sampled_from(AXES), st.text(max_size=50) | st.sampled_from([rivers("a"), bread("b")]))
    )
)
def test_whatever_is_written_is_kept_or_counted(items: list[tuple[str, str]]) -> None:
    sieve = Sieve(read_label(RIVERS), embedder())
    for axis, text in items:
        sieve.add(axis, [text], 3)
    good = [text for some in sieve.good.values() for text in some]
    assert len(set(good)) == len(good) and len(good) + len(sieve.rejects) == len(items)
    assert all(SHORTEST <= len(text) <= LONGEST and text.isprintable() for text in good)
    assert all(one.text.isprintable() and one.reason in REASONS for one in sieve.rejects)


FAULTS: dict[str, tuple[Callable[[Call], Reply], str]] = {
    "half an answer": (lambda call: Reply('{"matching": ["The ri'), "does not fit"),
    "another form": (lambda call: said({"sentences": 3}), "does not fit"),
    "too long": (lambda call: Reply(body=b" " * 10_000_000), "of more than 1,000,000 bytes"),
    "busy": (lambda call: Reply(body=b"{}", status=429, headers={"retry-after": "900"}), "status 429"),
    "broken": (lambda call: Reply(body=b"oops", status=500), "status 500"),
    "key refused": (lambda call: Reply(body=f'{{"error": "bad {KEY}"}}'.encode(), status=401), "bad ***"),
    "key repeated": (lambda call: said({"matching": [KEY], "other": [], "near": []}), "repeats the key"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ASSAY_LLM_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    script, came = FAULTS[name]
    quick = LlmSettings(timeout=5, wait=0.01, longest_wait=1, attempts=2, repairs=1)
    with asked(script) as server, pytest.raises(GeneratorError) as caught:
        made_by(server, settings=quick, cache=tmp_path)
    assert came in caught.value.came and type(caught.value) is GeneratorError
    assert KEY not in str(caught.value) and KEY not in caplog.text
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY in file.read_text()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Features of known truth."""
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("written")
    corpus, sae = planted_corpus(), planted_sae()
    model, parts = planted_model(corpus), held_out(corpus)
    index = build_index(model, sae, parts.train, home / "cache", tokens=100_000)
    index.complete(model, sae)
    make_bank(index, model, sae, parts.held_out, embedder())
    return material_of(model, sae, home, home / "cache", settings=FeatureSettings(resamples=200))


def scored(material: Material, script: Callable[[Call], Reply], label: str, **more: Any) -> FeatureScores:
    with asked(script) as server:
        trier = written_by(server.author(asked_for="sentences", **more))
        return score_feature(material, IDEAL, label, trier)


def test_a_true_label_scores_high_on_written_sentences_and_a_false_one_does_not(world: Material) -> None:
    heard = Heard()
    found = scored(replace(world, emit=heard), GOOD, words_label("water"))
    assert found.interp.verdict == "high" and (found.interp.n, found.interp.value) == (20, 1.0)
    assert found.interp.figures["near_auroc"] == found.interp.figures["auroc"] == 1.0
    assert "null_p" not in found.interp.figures and "hard_auroc" not in found.interp.figures
    assert found.purity.n == 10 and found.purity.figures["calibrated"] is not None
    wrong = scored(world, writing(bread, rivers, sea), words_label("food"))
    assert wrong.interp.value == 0.0 and wrong.sentences is not None
    document = found.to_json()
    made = document["sentences"]
    assert (made["generator"], made["model"], made["asked_again"]) == ("llm", "scripted", 0)
    assert made["accepted"] == dict.fromkeys(AXES, 10) and made["on_corpus"]["score"] == 1.0
    assert len(document["interp"]["near"]) == 10
    peaks = {one["tokens"][one["peak"]].strip() for one in document["interp"]["matching"]}
    assert peaks == {"river", "lake"}
    assert document["purity"]["alike"]["of"] == list(range(10))
    first = heard.of("feature_scores")[0]
    assert first["sentences"]["model"] == "scripted"


def test_the_null_of_purity_is_that_of_sentences_as_long(world: Material) -> None:
    """The written sentences are nearly one: far above random ones."""
    found = scored(world, GOOD, words_label("water"))
    assert found.purity.figures["z"] is not None and found.purity.figures["z"] > 5


def test_too_few_are_scored_on_what_is_left_or_not_at_all(world: Material) -> None:
    def few(n: int) -> Callable[[Call], Reply]:
        words = ("amber", "brave", "calm")[:n]
        return lambda call: said(
            {"matching": list(map(rivers, words)), "other": list(map(bread, words)), "near": []}
        )

    found = scored(world, few(3), words_label("water"))
    assert found.interp.n == 6 and found.interp.value is not None
    assert found.interp.figures["near_auroc"] is None
    assert found.sentences is not None and found.sentences["accepted"] == {
        "matching": 3,
        "other": 3,
        "near": 0,
    }
    none = scored(world, few(1), words_label("water"))
    assert none.interp.value is None and none.interp.reason == "1 matching sentences: at least two are needed"
    nothing = scored(world, few(0), words_label("water"))
    assert nothing.interp.reason == "0 matching sentences: at least two are needed"
    assert nothing.purity.value is None


def test_a_feature_without_a_label_asks_nobody(world: Material) -> None:
    with asked(GOOD) as server:
        found = score_feature(world, IDEAL, None, written_by(server.author()))
        assert server.calls == [] and found.sentences is None


def test_the_card_says_who_wrote_them(world: Material) -> None:
    from io import StringIO

    from rich.console import Console

    def script(call: Call) -> Reply:
        answer = json.loads(GOOD(call).content or "")
        return said({**answer, "near": [rivers("amber"), *answer["near"][:10]]})

    out = StringIO()
    document = scored(world, script, words_label("water")).to_json()
    render_scores(document, Console(file=out, width=80))
    text = out.getvalue()
    assert "Who wrote the sentences  llm:scripted, from the label alone" in text
    assert "10 of 10 for the label · 10 of 10 not for it" in text
    assert "1 rejected: the same sentence is there already" in text
    assert "against near misses 1.00" in text and "Sentences close to it" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_scripted_model_renames_the_swapped_feature_and_no_wrong_name_is_kept(
    world: Material, tmp_path: Path
) -> None:
    """What was planted is found only if it is proposed; the label is decided on sentences that were not shown."""
    material = replace(world, place=replace(world.place, own=tmp_path / "place"))
    material.book.add([Labelled(SWAPPED, words_label("food"), "automatic")])
    with asked(proposing(words_label("sport"), "cooking and kitchens", "years")) as server:
        (wrong,) = name_features(material, server.author(), "relabel", [SWAPPED]).features
        assert wrong.kept is None and wrong.reason == NO_BETTER
        (call,) = server.calls
    shown = {example["text"].replace("⟦", "").replace("⟧", "") for example in call.data["examples"]}
    assert shown and not shown & {text.casefold() for text in material.bank.sentences.texts}
    assert len(call.data["silent"]) == 6 and not any(example["claimed"] for example in call.data["examples"])
    with asked(proposing(words_label("sport"), words_label("sky"))) as server:
        (right,) = name_features(material, server.author(), "relabel", [SWAPPED]).features
    assert right.kept is not None and right.kept.label == words_label("sky")
    found = score_feature(material, SWAPPED)
    assert (found.label, found.label_author, found.interp.value) == (words_label("sky"), "llm:scripted", 1.0)
    assert found.to_json()["label_author"] == "llm:scripted"


def test_a_notebook_asks_a_model_too(world: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    import assay

    monkeypatch.setenv("ASSAY_HOME", str(world.place.own.parent.parent))
    with asked(GOOD) as server:
        found = assay.score_feature(
            world.model,
            world.sae,
            IDEAL,
            label=words_label("water"),
            generator="llm:scripted",
            base_url=server.base_url,
        )
    assert found.interp.value == 1.0 and found.sentences is not None
    assert found.sentences["model"] == "scripted"
    with pytest.raises(GeneratorError, match="base URL"):
        assay.score_feature(world.model, world.sae, IDEAL, generator="llm:scripted", base_url="nowhere")
