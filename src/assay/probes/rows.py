"""Prompts and answers as trees of tokens: what texts have in common at their beginning is run once.

A row holds several prompts. Each token knows the token before it, which need not stand in the column before it,
and sees itself and what came before it in its own text only. Texts that share a start token, a subject or a worked
example share its columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from assay.models.forward import Batch
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode

COLUMNS = 128
"""Tokens of a row, but for a prompt that is longer by itself. Longer rows share more and attend to more; here
attention is a thirtieth of the default model's work."""
ROOT = -1
"""What a row's first tokens have before them."""


@dataclass(frozen=True)
class Asked:
    """Where one question stands in its row."""

    index: int
    """Number of the question."""
    end: int
    """Column of the prompt's last token."""
    answers: tuple[tuple[int, ...], ...]
    """Token ids of each answer, whole."""
    fed: tuple[tuple[int, ...], ...]
    """Columns of each answer's tokens but for its last, which is never fed."""


@dataclass
class Row:
    """Tokens of several questions; grows while questions are added."""

    group: int
    """Questions of two groups never share a row."""
    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """Position of each token in its own text."""
    before: list[int] = field(default_factory=list)
    """Column of the token before, or ROOT."""
    asked: list[Asked] = field(default_factory=list)
    _columns: dict[tuple[int, int], int] = field(default_factory=dict)
    """(column before, token id) to the column."""

    def new(self, paths: Sequence[tuple[int, ...]]) -> int:
        """How many columns these texts would add."""
        known = set()
        for path in paths:
            before = ROOT
            for depth, token in enumerate(path):
                before = self._columns.get((before, token), -2)
                if before == -2:
                    known |= {path[: n + 1] for n in range(depth, len(path))}
                    break
        return len(known)

    def add(self, path: Sequence[int], before: int = ROOT) -> list[int]:
        """The columns of a text's tokens, which follow the token in column ``before``."""
        columns = []
        for token in path:
            here = self._columns.get((before, token))
            if here is None:
                here = self._columns[before, token] = len(self.ids)
                self.positions.append(0 if before == ROOT else self.positions[before] + 1)
                self.ids.append(token)
                self.before.append(before)
            columns.append(here)
            before = here
        return columns


def rows_of(
    model: Model, questions: Sequence[tuple[str, Sequence[str]]], groups: Sequence[int] | None = None
) -> list[Row]:
    """Rows for (prompt, answers), each asked once; alike beginnings come together, groups stay apart."""
    texts = []
    for index, (prompt, answers) in enumerate(questions):
        ids = tuple(encode(model, prompt))
        after = tuple(tuple(answer_ids(model, prompt, answer)) for answer in answers)
        texts.append((groups[index] if groups else 0, ids, index, after))
    rows: list[Row] = []
    for group, ids, index, after in sorted(texts):
        paths = [ids, *(ids + answer[:-1] for answer in after)]
        row = rows[-1] if rows else None
        if row is None or row.group != group or len(row.ids) + row.new(paths) > COLUMNS:
            row = Row(group)
            rows.append(row)
        end = row.add(ids)[-1]
        fed = tuple(tuple(row.add(answer[:-1], end)) for answer in after)
        row.asked.append(Asked(index, end, after, fed))
    return rows


def batch_of(model: Model, rows: Sequence[Row]) -> Batch:
    """Rows padded on the right; each token sees itself and the tokens before it in its own text."""
    width = max(len(r.ids) for r in rows)
    ids = torch.full((len(rows), width), model.start or 0)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    allowed = np.zeros((len(rows), width, width), dtype=bool)
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], positions[i, :n] = torch.tensor(row.ids), torch.tensor(row.positions)
        for column, before in enumerate(row.before):
            if before != ROOT:
                allowed[i, column] = allowed[i, before]
            allowed[i, column, column] = True
    device = model.device
    return Batch(ids.to(device), positions.to(device), torch.from_numpy(allowed).to(device))
