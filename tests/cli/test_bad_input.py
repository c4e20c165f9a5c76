"""Every bad input ends with status 2, three lines on stderr, no traceback; --json repeats them on stdout."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from assay.runs.home import Home
from assay.runs.store import Store
from run_events import END, SUITE

Assay = Callable[..., Result]
Stored = Callable[..., str]

EDIT = ("edit", "--prompt", "The Eiffel Tower is in", "--subject", "The Eiffel Tower", "--target", "Berlin")


def edit(**changes: str) -> tuple[str, ...]:
    words = dict(zip(EDIT[1::2], EDIT[2::2], strict=True)) | {
        f"--{name}": value for name, value in changes.items()
    }
    return ("edit", *(word for pair in words.items() for word in pair))


CASES = {
    "empty prompt": (edit(prompt=" "), "an empty --prompt", 'give one: --prompt "..."'),
    "empty subject": (edit(subject=""), "an empty --subject", 'give one: --subject "..."'),
    "empty target": (edit(target="  "), "an empty --target", 'give one: --target "..."'),
    "subject not in prompt": (
        edit(subject="the eiffel tower"),
        "subject 'the eiffel tower', which is 0 times in the prompt 'The Eiffel Tower is in'",
        "correct --prompt or --subject (capital letters count)",
    ),
    "subject twice": (
        edit(prompt="The Eiffel Tower, The Eiffel Tower is in"),
        "subject 'The Eiffel Tower', which is 2 times in the prompt "
        "'The Eiffel Tower, The Eiffel Tower is in'",
        "correct --prompt or --subject (capital letters count)",
    ),
    "nothing new": (
        edit(old="Berlin "),
        "target 'Berlin', which is the old answer too",
        "correct --target or --old",
    ),
    "relation": (edit(relation="capital"), "relation 'capital'", "did you mean "),
    "layer": (edit(layer="five"), "layer 'five'", "for example --layer 5"),
    "negative layer": (edit(layer="-1"), "layer '-1'", "for example --layer 5"),
    "method": (edit(method="rom"), "method 'rom'", "did you mean rome?"),
    "variant": (edit(variant="xx"), "variant 'xx'", "choose one of these"),
    "generator": (edit(generator="catalog"), "generator 'catalog'", "did you mean catalogue?"),
    "benchmark": (edit(only="edit_bench,zre"), "benchmark 'zre'", "did you mean zsre?"),
    "no benchmark": (edit(only=","), "an empty --only", "one of edit_bench, "),
    "trace": (
        ("trace", "--prompt", "Paris is in", "--subject", "Rome"),
        "subject 'Rome', which is 0 times in the prompt 'Paris is in'",
        "correct --prompt or --subject",
    ),
    "no runs yet": (("runs", "show", "last"), "run 'last', but no run is stored yet", "make one: assay edit"),
    "no such probes": (("bench", "last", "--probes", "old"), "probes 'old'", "choose one of these"),
    "resume and more": (
        ("bench", "last", "--resume", "--only", "zsre"),
        "--resume together with --probes fresh, --only or --seed",
        "leave those out",
    ),
    "no such folder": (
        ("edits", "apply", "last", "/no/such/folder"),
        "model folder /no/such/folder, which is not a folder",
        "check the path",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_explained(name: str, assay: Assay, home: Home) -> None:
    words, came, todo = CASES[name]
    result = assay(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    first, second, third = result.stderr.splitlines()
    assert first == f"came:   {came}"
    assert second.startswith("wanted: ")
    assert third.startswith(f"to do:  {todo}")
    error = json.loads(assay(*words, "--json").stdout)["error"]
    assert error["came"] == came
    assert error["todo"].startswith(todo)
    if home.store.exists():
        with Store(home) as store:
            assert store.runs() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("edit", "--prompt", "x"),
        ("edit", "--colour", "red"),
        (*EDIT, "--seed", "-1"),
        (*EDIT, "--seed", "one"),
        ("runs", "compare", "a"),
        ("rnus", "list"),
        ("edits", "aply", "a", "b"),
    ],
)
def test_the_command_lines_own_errors_have_the_same_status(assay: Assay, words: tuple[str, ...]) -> None:
    result = assay(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stdout == ""
    as_json = assay(*words, "--json")
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["error"]["came"]


@pytest.mark.parametrize("verb", ["show", "export", "report", "compare", "edit", "bench"])
def test_a_run_that_is_not_there_is_answered_with_the_nearest(
    verb: str, assay: Assay, stored: Stored
) -> None:
    run_id = stored()
    words = {
        "show": ("runs", "show", "oslo"),
        "export": ("runs", "export", "oslo"),
        "report": ("report", "oslo"),
        "compare": ("runs", "compare", run_id, "oslo"),
        "edit": ("edits", "show", "oslo"),
        "bench": ("bench", "oslo"),
    }[verb]
    result = assay(*words)
    assert result.exit_code == 2
    assert "came:   run 'oslo', which is not stored" in result.stderr
    assert f"nearest: {run_id}" in result.stderr


def test_a_run_without_a_committed_edit_cannot_be_benchmarked(assay: Assay, stored: Stored) -> None:
    run_id = stored(("run_finished", {"status": "rolled_back", "seconds": 1.0}), commit=False)
    for words in (("bench", "last"), ("edits", "show", "last"), ("edits", "export", "last", "--out", "x")):
        result = assay(*words)
        assert result.exit_code == 2
        assert f"came:   run {run_id}, which has no committed edit" in result.stderr


def test_a_finished_suite_is_not_resumed(assay: Assay, stored: Stored) -> None:
    run_id = stored(*SUITE, END)
    result = assay("bench", "last", "--resume")
    assert result.exit_code == 2
    assert f"came:   run {run_id}, which is committed: nothing is left to finish" in result.stderr
    assert f"to do:  to run them again: assay bench {run_id}" in result.stderr


def test_troubles_of_the_store_are_explained_too(assay: Assay, home: Home) -> None:
    home.root.parent.mkdir(exist_ok=True)
    home.root.write_text("")
    result = assay("runs", "list", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["kind"] == "StoreError"
    assert f"came:   {home.root}, where a file is in the way" in result.stderr
