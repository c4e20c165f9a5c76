"""What the README and docs/ say is true of the program: commands, Python, files, numbers, links."""

import ast
import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer.main

import assay
from assay import asked
from assay.benchmarks.names import NAMES
from assay.cli.main import app
from assay.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = tuple(
    p.relative_to(ROOT).as_posix() for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
)
LINKED = (*PAGES, "CHANGELOG.md", "CONTRIBUTING.md")
LANGUAGES = {"sh", "python", "text"}
"""``sh`` holds commands, ``text`` what they print."""

VALUES: Mapping[str, Callable[[str], object]] = {
    "--only": asked.benchmarks,
    "--layer": asked.layer,
    "--method": asked.method,
    "--variant": asked.variant,
    "--generator": asked.generator,
    "--probes": lambda text: asked.chosen("probes", text, asked.PROBES),
}
"""Options whose values a command checks itself, after the parser is done."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fences(page: str) -> list[tuple[str, str]]:
    """(language, body) of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)


def prose(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def shell_lines(page: str) -> list[str]:
    blocks = [body.replace("\\\n", " ") for language, body in fences(page) if language == "sh"]
    return [
        line for body in blocks for line in body.splitlines() if line.strip() and not line.startswith("#")
    ]


def python_blocks() -> list[tuple[str, str]]:
    return [(page, body) for page in PAGES for language, body in fences(page) if language == "python"]


def spans() -> list[tuple[str, str]]:
    """Commands named inside sentences and tables."""
    return [(page, found) for page in LINKED for found in re.findall(r"`(assay [a-z][^`]*)`", prose(page))]


def leaf(words: list[str]) -> tuple[Any, list[str], list[str]]:
    """(command or group, its path, the arguments left) of the words after ``assay``."""
    command: Any = typer.main.get_command(app)
    path: list[str] = []
    while words and words[0] in getattr(command, "commands", {}):
        path.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    return command, path, words


def parse(line: str, whole: bool) -> None:
    """Parse one command as the program would, without running it; ``whole``: nothing may be missing."""
    command, path, rest = leaf(shlex.split(line, comments=True)[1:])
    if hasattr(command, "commands"):
        assert path and not rest and not whole, f"{line!r} names no command"
        return
    try:
        command.make_context(" ".join(path), list(rest))
    except Exception as error:
        if whole or type(error).__name__ != "MissingParameter":
            pytest.fail(f"{line!r}: {error}")
    for option, value in pairwise(rest):
        if option in VALUES:
            VALUES[option](value)


def commands(command: Any, path: tuple[str, ...] = ("assay",)) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path)
    else:
        for name, below in inner.items():
            yield from commands(below, (*path, name))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str) -> None:
    assert {language for language, _ in fences(page)} <= LANGUAGES
    assert text_of(page).count("```") == 2 * len(fences(page))


@pytest.mark.parametrize("page", LINKED)
def test_shell_blocks_hold_commands_that_parse(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        assert words[0] in ("assay", "make"), line
        if words[0] == "make":
            assert set(words[1:]) <= targets, line
        else:
            parse(line, whole=True)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "span"), spans())
def test_commands_in_sentences_exist(page: str, span: str) -> None:
    parse(span, whole=False)


@pytest.mark.parametrize(
    "line", ["assay edit --prompt x", "assay runs nix", "assay runs list --nope", "assay"]
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        parse(line, whole=True)


def test_every_command_is_mentioned() -> None:
    everything = "\n".join(map(text_of, PAGES))
    missing = [
        c for c in commands(typer.main.get_command(app)) if not re.search(rf"\b{re.escape(c)}\b", everything)
    ]
    assert not missing


def test_every_stable_name_is_explained() -> None:
    assert [n for n in assay.__all__ if f"`{n}" not in prose("docs/python.md")] == []


@cache
def returned(name: str) -> Any:
    """What ``assay.name(...)`` gives, as its annotation says."""
    thing = getattr(assay, name)
    return thing if inspect.isclass(thing) else get_type_hints(thing).get("return")


def has(kind: Any, name: str) -> bool:
    return hasattr(kind, name) or name in getattr(kind, "__dataclass_fields__", {})


@pytest.mark.parametrize(("page", "body"), python_blocks())
def test_python_blocks_compile_and_use_only_stable_names(page: str, body: str) -> None:
    tree = ast.parse(body)
    compile(tree, page, "exec")
    kinds: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("assay"), ast.unparse(node)
        if isinstance(node, ast.Import):
            assert {a.name for a in node.names} <= {"assay", "pandas"}, ast.unparse(node)
        name = _stable(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and name:
            keywords = {k.arg: None for k in node.keywords if k.arg}
            inspect.signature(getattr(assay, name)).bind(*node.args, **keywords)
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and (made := _stable(node.value.func))
        ):
            (goal,) = node.targets
            kinds[ast.unparse(goal)] = returned(made)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            assert owner != "assay" or node.attr in assay.__all__, ast.unparse(node)
            assert owner not in kinds or has(kinds[owner], node.attr), ast.unparse(node)


def _stable(node: ast.AST) -> str | None:
    """``name`` of ``assay.name``; an unknown name is an error."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "assay":
        assert node.attr in assay.__all__, ast.unparse(node)
        return node.attr
    return None


def tree_lines() -> Iterator[tuple[str, str]]:
    """(path below src/assay, purpose) of every line of the README's tree; folders end with a slash."""
    (body,) = (
        b for language, b in fences("README.md") if language == "text" and b.startswith("src/assay/\n")
    )
    folders: list[str] = []
    for line in body.splitlines()[1:]:
        name, purpose = line.split(maxsplit=1)
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        folders = folders[:depth]
        yield "".join(folders) + name, purpose
        if name.endswith("/"):
            folders.append(name)


FILLED = {"templates", "static", "prompts"}
"""Folders of many small files of one kind: their own line stands for all that is in them."""


def test_the_tree_lists_exactly_the_files() -> None:
    """A folder's own line stands for its ``__init__.py``."""
    source = ROOT / "src" / "assay"
    files = [p.relative_to(source) for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    there = {"__init__.py"}
    for file in files:
        parts = file.parts
        filled = next((n for n, part in enumerate(parts[:-1]) if part in FILLED), None)
        if file.name != "__init__.py" and filled is None:
            there.add(file.as_posix())
        deep = len(parts) if filled is None else filled + 2
        there |= {"/".join(parts[:n]) + "/" for n in range(1, deep)}
    listed = [path for path, _ in tree_lines()]
    assert len(listed) == len(set(listed))
    assert set(listed) - there == set(), "in the README, not on disk"
    assert there - set(listed) == set(), "on disk, not in the README"


def test_purposes_are_short() -> None:
    assert [path for path, purpose in tree_lines() if not 1 <= len(purpose.split()) <= 10] == []


def test_the_scores_page_has_every_benchmark_with_its_threshold() -> None:
    page = text_of("docs/scores.md")
    for id, row in NAMES.items():
        sign = "=" if row.threshold == 1 else "≥"
        assert re.search(rf"\*\*{row.title}\*\* `{id}`,[a-z ]* {sign} {row.threshold:g}\.", page), id


def test_the_settings_table_is_the_settings() -> None:
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| (.+) \|$", text_of("docs/scores.md"), re.MULTILINE)
    listed = {f"{part}.{name}": ast.literal_eval(value) for part, name, value in rows}
    settings = Settings().to_json()
    assert listed == {f"{p}.{n}": v for p, values in settings.items() for n, v in values.items()}


def anchors(page: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED)
def test_local_links_resolve(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), f"{page} links to {link}"
