"""The page of one feature: what is known of it, its labels, and what cannot be asked."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from banked import DEAD, DENSE
from feature_home import LABELS, SAE, Pages, built, copied, served

pytestmark = pytest.mark.slow

PAGE = "/features/{}?sae=saes%2Ftiny"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with served(built(tmp_path_factory)) as opened:
        yield opened


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Pages]:
    with served(copied(tmp_path_factory, tmp_path / "home")) as opened:
        yield opened


def test_a_page_has_all_that_is_known(pages: Pages) -> None:
    text = pages.html(PAGE.format(2))
    known = pages.client.get("/api/features/2", params={"sae": SAE}).json()
    index = known["index"]
    assert "the word &#34;river&#34;" in text and "automatic" in text
    assert f"{index['n_tokens']:,}" in text and "Activations where it fires" in text
    assert 'href="/features/1?sae=saes%2Ftiny"' in text and 'href="/features/3?sae=saes%2Ftiny"' in text
    for near in index["nearest"]:
        assert f'href="/features/{near["feature"]}?sae=saes%2Ftiny"' in text
    assert "Promotes" in text and "Suppresses" in text and "As scored with all features" in text
    assert text.count('class="heat"') >= len(index["top"])
    assert 'id="score"' in text and 'maxlength="2000"' in text


def test_every_sentence_has_one_tab_stop_at_most(pages: Pages) -> None:
    text = pages.html(PAGE.format(DENSE))
    sentences = re.findall(r'<p class="heat".*?</p>', text, re.DOTALL)
    assert sentences and all(one.count('tabindex="0"') == 1 for one in sentences if "<button" in one)


def test_the_json_has_row_labels_and_index(pages: Pages) -> None:
    known = pages.client.get("/api/features/3", params={"sae": SAE}).json()
    assert known["scores"]["feature"] == known["index"]["feature"] == known["feature"] == 3
    assert [one["label"] for one in known["labels"]] == [LABELS[3]]


def test_a_dead_feature_and_one_without_a_label(pages: Pages) -> None:
    assert "it fires on none of" in pages.html(PAGE.format(DEAD))
    assert "It has no label." in pages.html(PAGE.format(20))


def test_the_first_and_the_last_have_one_neighbour(pages: Pages) -> None:
    first, last = pages.html(PAGE.format(0)), pages.html(PAGE.format(23))
    assert 'rel="prev"' not in first and 'rel="next"' in first
    assert 'rel="prev"' in last and 'rel="next"' not in last


def test_hostile_labels_are_text(own: Pages) -> None:
    for label in ("<script>alert(1)</script>", "\u202egnp.exe", "'\"><img src=x onerror=y>"):
        assert own.post("/api/features/4/label", {"sae": SAE, "label": label})[0] == 201
    text = own.html(PAGE.format(4))
    assert "<script>alert" not in text and "<img src=x" not in text and "\u202e" not in text
    assert "2 earlier labels" in text


def test_without_an_index_the_page_says_how_to_make_one(own: Pages) -> None:
    shutil.rmtree(own.home.cache / "indexes")
    text = own.html(PAGE.format(2))
    assert f"assay sae index {own.home.root / SAE}" in text and 'id="score"' not in text
    assert "As scored with all features" in text
    assert own.client.get("/api/features/2", params={"sae": SAE}).json()["index"] is None


def test_without_a_table_the_page_is_there_too(own: Pages) -> None:
    shutil.rmtree(own.home.root / "features")
    text = own.html(PAGE.format(2))
    assert "As scored with all features" not in text and "It has no label." in text


def test_a_label_by_hand_is_kept_on_top(own: Pages) -> None:
    status, new = own.post("/api/features/3/label", {"sae": SAE, "label": "  capital   cities "})
    assert (status, new["label"], new["source"]) == (201, "capital cities", "user")
    part = own.html("/features/3/labels?sae=saes%2Ftiny")
    assert part.index("capital cities") < part.index("paris") and "1 earlier label<" in part
    known = own.client.get("/api/features/3", params={"sae": SAE}).json()["labels"]
    assert [one["label"] for one in known] == ["capital cities", LABELS[3]]


@pytest.mark.parametrize("label", ["", "   ", "a\0b", "\ud800", "x" * 301, None, 3, ["a"]])
def test_labels_that_cannot_be(own: Pages, label: object) -> None:
    import json

    raw = json.dumps({"sae": SAE, "label": label})
    headers = {"x-csrf": own.csrf(), "content-type": "application/json"}
    answer = own.client.post("/api/features/3/label", content=raw, headers=headers)
    assert answer.status_code == 422 and "error" in answer.json()
    assert len(own.client.get("/api/features/3", params={"sae": SAE}).json()["labels"]) == 1


@pytest.mark.parametrize("path", ["/features/{}", "/api/features/{}", "/api/features/{}/score"])
@pytest.mark.parametrize("feature", ["24", "-1", "1.5", "x", "9" * 30, "9" * 5000, "\u0663", "0x1"])
def test_features_that_cannot_be(pages: Pages, path: str, feature: str) -> None:
    if path.endswith("score"):
        status = pages.client.post(
            path.format(feature), json={"sae": SAE}, headers={"x-csrf": pages.csrf()}
        ).status_code
    else:
        status = pages.client.get(path.format(feature), params={"sae": SAE}).status_code
    assert status in (404, 422)


@pytest.mark.parametrize("what", ["label", "score", "text"])
def test_writes_need_the_mark_of_a_page(pages: Pages, what: str) -> None:
    pages.html("/features")  # a session
    body = {"sae": SAE, "label": "a", "text": "a"}
    assert pages.client.post(f"/api/features/3/{what}", json=body).status_code == 403


def test_what_is_no_body(pages: Pages) -> None:
    for body in ([], "x", {"sae": SAE, "label": "a", "more": 1}, {"sae": 3, "label": "a"}, {"label": {}}):
        assert pages.post("/api/features/3/label", body)[0] == 422
    for body in ({"sae": SAE, "seed": -1}, {"sae": SAE, "seed": 2**80}, {"sae": SAE, "seed": "x"}):
        assert pages.post("/api/features/3/score", body)[0] == 422
    for text in ("", " \n", "x" * 2001, "a\0"):
        assert pages.post("/api/features/3/text", {"sae": SAE, "text": text})[0] == 422


def test_pages_have_no_style_and_no_script_of_their_own(pages: Pages) -> None:
    for path in (PAGE.format(2), "/features?sae=saes%2Ftiny"):
        text = pages.html(path)
        assert "style=" not in text and "<style" not in text and not re.search(r"\son\w+=", text)
        assert all("src=" in one for one in re.findall(r"<script[^>]*>", text))
        for name in re.findall(r"/static/[\w.-]+", text):
            assert pages.client.get(name).status_code == 200
