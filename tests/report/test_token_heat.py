"""Sentences with shaded tokens: nothing acts, nothing is only a colour."""

import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.report.token_heat import LONGEST, activations, heat, strongest

TEXT = st.text(st.characters(codec=None), max_size=20)
VALUE = st.none() | st.floats(allow_nan=True, allow_infinity=True)


def sentence(tokens: list[str], values: list[float | None]) -> dict[str, Any]:
    return {"text": "".join(tokens).strip(), "tokens": tokens, "activations": values, "value": 1.0, "peak": 0}


class Seen(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_tokens_that_fire_are_buttons_that_say_their_value() -> None:
    made = sentence(["The", " old", " river", "."], [0.0, 1.0, 4.0, 0.0])
    seen = Seen(heat(made, 8.0))
    (p, *buttons) = seen.tags
    assert p[0] == "p" and p[1]["role"] == "group" and "arrow keys" in str(p[1]["aria-label"])
    assert [b["title"] for _, b in buttons] == ["1.00, 12% of 8.00", "4.00, 50% of 8.00"]
    assert [b["class"] for _, b in buttons] == ["tok heat-1", "tok heat-4 peak"]
    assert [b["tabindex"] for _, b in buttons] == ["-1", "0"]
    assert seen.text == "The old river."


def test_without_a_maximum_its_own_is_full() -> None:
    assert "heat-8" in heat(sentence(["a", " b"], [0.5, 0.1]))
    assert "heat-8" in heat(sentence(["a", " b"], [0.5, 0.1]), 0.0)


def test_a_silent_sentence_has_no_button_and_no_tab_stop() -> None:
    made = heat(sentence(["a", " b"], [0.0, None]), 1.0)
    assert "button" not in made and "tabindex" not in made and "role" not in made
    assert "no tokens kept" in heat({"text": "no tokens kept"})


def test_space_can_fire_too_and_is_shown() -> None:
    seen = Seen(heat(sentence(["a", " ", "\n"], [0.0, 1.0, 2.0])))
    assert "␣" in seen.text and "⏎" in seen.text


def test_white_space_stays_outside_of_buttons() -> None:
    made = heat(sentence([" so", "  a ", "b"], [0.0, 1.0, 0.0]))
    assert re.search(r"<p[^>]*>so  <button[^>]*>a</button> b</p>", made)
    assert re.search(r"<p[^>]*><button[^>]*>a</button></p>", heat(sentence([" a"], [1.0])))


@given(st.lists(st.tuples(TEXT, VALUE), max_size=8), st.none() | st.floats(allow_nan=False))
def test_any_tokens_and_values_are_inert(pairs: list[tuple[str, float | None]], most: float | None) -> None:
    made = sentence([text for text, _ in pairs], [value for _, value in pairs])
    markup = heat(made, most)
    seen = Seen(markup)
    assert {name for name, _ in seen.tags} <= {"p", "button"}
    assert sum(b.get("tabindex") == "0" for _, b in seen.tags) <= 1
    assert not re.search("[\x00-\x08\u202a-\u202e\ud800-\udfff]", markup)
    assert strongest([made]) == max(activations(made), default=0.0)


def test_hostile_tokens() -> None:
    made = heat(
        sentence(["<script>alert(1)</script>", "\u202e", "\0", '" onmouseover="x'], [1.0, 2.0, 3.0, 4.0])
    )
    assert (
        "<script" not in made and 'onmouseover="x' not in made and "\u202e" not in made and "\0" not in made
    )


def test_a_sentence_of_a_megabyte_is_cut() -> None:
    tokens = ["x" * 1000] * 1000
    made = heat(sentence(tokens, [1.0] * 1000))
    assert made.count("<button") == LONGEST and len(made) < 200_000
