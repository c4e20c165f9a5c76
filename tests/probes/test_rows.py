"""Texts share what they have in common at their beginning, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from assay.models.tokens import answer_ids, encode
from assay.probes.rows import COLUMNS, ROOT, Row, batch_of, rows_of
from tiny import tiny_model

WORDS = ("the", "city of", "Paris", "Berlin", "is", "in", "Eiffel Tower", "river", "London")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
asked = st.lists(st.tuples(texts, st.lists(texts, max_size=2)), min_size=1, max_size=25)


def text_of(row: Row, column: int) -> list[int]:
    """The tokens from the row's root to a column."""
    out = []
    while column != ROOT:
        out.append(row.ids[column])
        column = row.before[column]
    return out[::-1]


@given(asked, st.integers(1, 3))
def test_every_text_is_a_path_and_no_path_stands_twice(
    questions: list[tuple[str, list[str]]], kinds: int
) -> None:
    model = tiny_model("llama")
    groups = [n % kinds for n in range(len(questions))]
    rows = rows_of(model, questions, groups)
    found = {}
    for row in rows:
        paths = [tuple(text_of(row, column)) for column in range(len(row.ids))]
        assert len(set(paths)) == len(paths)
        assert [len(path) - 1 for path in paths] == row.positions
        assert len(row.ids) <= COLUMNS or len(row.asked) == 1
        for one in row.asked:
            assert groups[one.index] == row.group
            found[one.index] = [paths[one.end], *([paths[c] for c in fed] for fed in one.fed)]
    assert sorted(found) == list(range(len(questions)))
    for index, (prompt, answers) in enumerate(questions):
        ids, *fed = found[index]
        assert list(ids) == encode(model, prompt)
        for answer, columns in zip(answers, fed, strict=True):
            tokens = answer_ids(model, prompt, answer)
            assert columns == [(*ids, *tokens[: n + 1]) for n in range(len(tokens) - 1)]


def test_a_token_sees_its_own_text_only() -> None:
    model = tiny_model("llama")
    (row,) = rows_of(
        model, [("the city of Paris", ["is in Berlin"]), ("the city of London", []), ("river", [])]
    )
    (allowed,) = batch_of(model, [row]).allowed
    for column in range(len(row.ids)):
        seen = {int(k) for k in allowed[column].nonzero()}
        own, at = set(), column
        while at != ROOT:
            own.add(at)
            at = row.before[at]
        assert seen == own
    assert (
        len(row.ids)
        < sum(len(encode(model, t)) for t in ("the city of Paris", "the city of London", "river")) + 2
    )
