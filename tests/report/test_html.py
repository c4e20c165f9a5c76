import re
import resource
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import example_run
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import StoreError
from assay.report.glossary import BENCHMARKS
from assay.report.html import anchor, render, write_report

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: every element that opens closes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.stack, self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9:-]*", name) for name, _ in attrs), attrs
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.stack[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture(scope="module")
def committed() -> Page:
    return Page(render(example_run.committed()))


def card(page: str, id: str) -> str:
    """The text of one benchmark's card."""
    found = re.search(rf'<details class="card" id="{anchor(id)}".*?</div>\s*</details>', page, re.S)
    assert found, id
    return Page(found.group()).text


@pytest.mark.parametrize("kind", example_run.ALL)
def test_the_page_is_well_formed_and_so_is_every_picture(kind: str) -> None:
    text = render(example_run.ALL[kind]())
    page = Page(text)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    for picture in re.findall(r"<svg .*?</svg>(?!</svg>)(?=\s*[<\n])", text, re.S):
        if picture.count("<svg") == picture.count("</svg>"):
            ElementTree.fromstring(picture)


def test_every_benchmark_has_a_card_and_a_link_to_it(committed: Page) -> None:
    ids = [attrs["id"] for attrs in committed.all("details") if attrs.get("class") == "card"]
    assert sorted(map(str, ids)) == sorted(anchor(id) for id in BENCHMARKS)
    links = {attrs["href"] for attrs in committed.all("a")}
    assert {f"#{id}" for id in ids} <= links


def test_failures_come_first(committed: Page) -> None:
    states = [attrs["data-state"] for attrs in committed.all("details") if attrs.get("class") == "card"]
    assert states == ["low"] * 3 + ["uncertain"] * 2 + ["unscored"] + ["high"] * 7


def test_ids_are_unique_and_links_lead_somewhere(committed: Page) -> None:
    ids = [attrs["id"] for _, attrs in committed.seen if attrs.get("id")]
    assert len(ids) == len(set(ids))
    for attrs in committed.all("a"):
        assert str(attrs["href"])[1:] in ids


def test_tables_have_captions_and_scopes(committed: Page) -> None:
    names = [name for name, _ in committed.seen]
    assert names.count("caption") == names.count("table")
    assert all(attrs.get("scope") for attrs in committed.all("th"))


def test_the_page_asks_nothing_of_anyone() -> None:
    text = render(example_run.committed())
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    page = Page(text)
    for tag, attrs in page.seen:
        assert tag not in {"link", "img", "iframe", "object", "embed", "form", "base"}
        assert not {"src", "action", "style", "background"} & set(attrs)
        assert not any(key.startswith("on") for key in attrs)
    assert "url(" not in text and "@import" not in text


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    text = render(example_run.committed())
    policy = str(Page(text).all("meta")[1]["content"])
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for tag in ("style", "script"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert len(inside) == 1
        assert f"{tag}-src 'sha256-{b64encode(sha256(inside[0].encode()).digest()).decode()}'" in policy


def test_the_summary_comes_before_the_evidence(committed: Page) -> None:
    text = committed.text
    places = [
        text.index(words) for words in ("7 pass", "surface memorisation", "Thirteen scores", "Causal trace")
    ]
    assert places == sorted(places)


def test_evidence_is_beside_every_number() -> None:
    text = render(example_run.committed())
    edit_bench = card(text, "edit_bench")
    for words in (
        "You can visit The Eiffel Tower",
        "0.88",
        "412 → 1",
        "␣Berlin",
        "1.250 · 0.61",
        "0.82 of a possible 0.91",
    ):
        assert words in edit_bench
    portability = card(text, "portability_sub_metrics")
    assert portability.index("template score 0.66") < portability.index("alias score 0.02")
    leme = card(text, "leme")
    assert "Seine in Paris" in leme and "which is in Berlin" in leme and "no contradiction 1.00" in leme
    assert "did not hold" in card(text, "sequential_collapse_threshold")


def test_unscored_shows_its_reason_and_never_a_zero() -> None:
    text = card(render(example_run.committed()), "indirect_fact_recovery")
    assert "Not scored: the unedited model answers none of the bridging facts" in text
    assert "IndirectFactRecovery – ∅ not scored" in text
    assert "score –" in text and "score 0" not in text
    assert "∅ not used the unedited model does not know the bridge fact" in text


def test_provenance_and_glossary_are_there(committed: Page) -> None:
    for words in (
        "sha256:4b1d0c5e9a77",
        "<|endoftext|>",
        "2.13.0",
        "catalogue 1",
        "3 min 41 s",
        "bench.collapse_kl",
    ):
        assert words in committed.text
    for entry in BENCHMARKS.values():
        assert entry.blind in committed.text
    assert "assay edit --prompt 'The Eiffel Tower is located in the city of'" in committed.text


def test_missing_parts_are_named() -> None:
    rolled_back = Page(render(example_run.rolled_back())).text
    assert "the edit was rolled back, so there was nothing to characterise" in rolled_back
    assert rolled_back.count("↩ rolled back , paraphrases: 0.12 is below 0.30") == 3
    interrupted = Page(render(example_run.interrupted())).text
    assert "No causal trace" in interrupted and "Not run: the run ended before it." in interrupted
    bare = Page(render(example_run.bare())).text
    for words in (
        "the model file is damaged",
        "No layer was tried",
        "The model was not recorded",
        "No versions",
    ):
        assert words in bare


@pytest.mark.parametrize("part", sorted(example_run.committed()))
@pytest.mark.parametrize("how", ["null", "gone"])
def test_any_one_part_may_be_missing(part: str, how: str) -> None:
    run = example_run.committed()
    run[part] = None
    if how == "gone":
        del run[part]
    Page(render(run))


def everywhere(value: Any, text: str) -> Any:
    """``value`` with every piece of free text replaced; what code branches on is left."""
    if isinstance(value, dict):
        return {
            key: item if key in ("id", "status", "verdict") else everywhere(item, text)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [everywhere(item, text) for item in value]
    return text if isinstance(value, str) else value


HOSTILE = [
    "</script><script>alert(1)</script>",
    "\u202eabc\u2066",
    "a\x00b\x1b[2J",
    '" onload="x',
    "{{ 7*7 }}",
    "\ud800",
]


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.text(st.characters(codec=None), max_size=40) | st.sampled_from(HOSTILE))
def test_strange_text_is_inert(text: str) -> None:
    harmless = everywhere(example_run.committed(), "x" * len(text))
    page = render(everywhere(example_run.committed(), text))
    page.encode()
    tags = [name for name, _ in Page(page).seen]
    assert tags.count("script") == 1
    assert set(tags) <= {name for name, _ in Page(render(harmless)).seen}
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_known_attacks_stay_text(text: str) -> None:
    run = example_run.committed()
    run["request"]["prompt"] = run["benchmarks"][8]["texts"][0]["after"] = run["run_id"] = text
    page = Page(render(run))
    assert [name for name, _ in page.seen].count("script") == 1
    assert not any(key.startswith("on") for _, attrs in page.seen for key in attrs)
    assert "49" not in page.text.split("Eiffel")[0]


def test_a_megabyte_of_text_does_not_make_a_megabyte_of_page() -> None:
    run = example_run.committed()
    for probe in run["benchmarks"][0]["probes"]:
        probe["prompt"] = "<b>" * 350_000
    run["benchmarks"][8]["texts"][0]["after"] = "word " * 200_000
    page = render(run)
    assert len(page) < 300_000
    assert "of 1,000,000 characters" in page


def test_the_same_run_gives_the_same_page() -> None:
    assert render(example_run.committed()) == render(example_run.committed())


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    assert write_report(example_run.committed(), path) == path
    assert path.read_text(encoding="utf-8") == render(example_run.committed())
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_full_disk_leaves_the_old_report_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("the old one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StoreError, match=r"could not write the report .*report\.html: File too large"):
            write_report(example_run.committed(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "the old one"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_place_that_is_no_place_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as error:
        write_report(example_run.bare(), tmp_path / "file" / "report.html")
    assert "could not write the report" in error.value.came
    assert "a place that can take a file of" in error.value.wanted
    assert "choose another folder" in error.value.todo
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        write_report(example_run.bare(), tmp_path / "folder")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_a_suite_that_was_limited_lists_what_was_asked_for() -> None:
    run = example_run.committed()
    some = [result for result in run["benchmarks"] if result["id"] == "zsre"]
    page = Page(render(run | {"options": {"only": ["zsre"]}, "benchmarks": some}))
    assert [a["id"] for a in page.all("details") if a.get("class") == "card"] == [anchor("zsre")]
    assert [a["href"] for a in page.all("a") if str(a["href"]).startswith("#b-")] == [f"#{anchor('zsre')}"]
    assert "Of 1 benchmark that was asked for" in page.text and "hirteen" not in page.text
    whole = Page(render(run | {"options": {"only": list(BENCHMARKS)}}))
    assert "Of the thirteen benchmarks" in whole.text
