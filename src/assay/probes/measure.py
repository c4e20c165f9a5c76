"""The one evaluator: probabilities of answers after prompts, fast, before and after an edit.

Rows are packed so that no token is run twice: prompts share what they have in common at their beginning, all answers
of one prompt share the prompt, the last token of an answer is never fed, and an edit at layer L leaves the
layers below L unchanged, so ``prepare`` runs those once for before, after and every further edit at L or
above. The slow obvious version is ``tests/oracles/probes.py:measure_slowly``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.models.batches import TOKENS_PER_BATCH, cheapest_batches
from assay.models.forward import Tape, forward
from assay.models.model import Model
from assay.models.resume import resume
from assay.probes.probe import Probe
from assay.probes.rows import Asked, Row, batch_of, rows_of


@dataclass(frozen=True)
class Answer:
    """How probable one answer is, teacher-forced."""

    logps: tuple[float, ...]
    """Log-probability of each token of the answer, nats."""
    argmax: tuple[bool, ...]
    """Whether each token was the most probable one."""
    rank: int
    """Rank of the first token among all tokens; 1 is best."""

    @property
    def logp(self) -> float:
        """Joint log-probability of all tokens, nats."""
        return sum(self.logps)

    @property
    def p(self) -> float:
        """Joint probability of all tokens."""
        return float(torch.tensor(self.logp, dtype=torch.float64).exp())

    @property
    def p_mean_token(self) -> float:
        """exp(mean log p): the geometric mean probability per token."""
        return float(torch.tensor(self.logp / len(self.logps), dtype=torch.float64).exp())

    @property
    def argmax_all(self) -> bool:
        """Whether greedy decoding would produce the whole answer."""
        return all(self.argmax)


@dataclass(frozen=True)
class Reading:
    """One prompt read: the next-token distribution at its end and its answers."""

    next_logp: Float[Tensor, " vocab"]
    """Log-probabilities of the next token, nats, float32."""
    answers: tuple[Answer, ...]
    """In the order they were asked."""

    @property
    def top1(self) -> int:
        """Id of the most probable next token."""
        return int(self.next_logp.argmax())


@dataclass(frozen=True)
class Question:
    """A prompt and the answers whose probability is wanted (none: only the distribution)."""

    prompt: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Chunk:
    rows: tuple[Row, ...]
    tape: Tape
    hidden: Float[Tensor, "b t d_model"]


@dataclass(frozen=True)
class Prepared:
    """Questions with the layers below ``layer`` already run."""

    layer: int
    chunks: tuple[_Chunk, ...]
    n: int


def prepare(
    model: Model, questions: Sequence[Question], layer: int = 0, groups: Sequence[int] | None = None
) -> Prepared:
    """Encode and batch the questions and run the layers below ``layer``, which no edit at or above
    ``layer`` changes. ``groups`` has a number for each question; see ``read_each``."""
    asked = [(question.prompt, question.answers) for question in questions]
    rows = sorted(rows_of(model, asked, groups), key=lambda row: len(row.ids))
    chunks: list[_Chunk] = []
    for piece in cheapest_batches([len(row.ids) for row in rows]):
        chunk = tuple(rows[piece])
        with torch.no_grad():
            tape = forward(model, batch_of(model, chunk), block_in=[layer], calls=True, stop=layer)
        chunks.append(_Chunk(chunk, tape, tape.block_in[layer]))
    return Prepared(layer, tuple(chunks), len(questions))


def read(model: Model, prepared: Prepared) -> list[Reading]:
    """Read prepared questions with the weights as they are now; the order is that of the questions."""
    out: dict[int, Reading] = {}
    for chunk in prepared.chunks:
        with torch.no_grad():
            hidden = resume(model, chunk.tape, prepared.layer, chunk.hidden)
            for found in _readings(model, chunk.rows, hidden):
                out.update(found)
    return [out[i] for i in range(prepared.n)]


States = Callable[[Sequence[int]], AbstractContextManager[None]]
"""From the number of a state for each row of a batch to the ``with`` in which every row runs in its state."""


def read_each(
    model: Model, prepared: Prepared, wanted: Sequence[Sequence[int]], states: States
) -> dict[tuple[int, int], Reading]:
    """(question, state) to reading: prepared questions in several states of the weights, side by side.

    ``wanted`` has, for each group of questions, the numbers of the states in which they are read; states differ
    at ``prepared.layer`` and above only. The slow obvious version is ``read`` in one state after another.
    """
    out: dict[tuple[int, int], Reading] = {}
    for chunk in prepared.chunks:
        todo = [(n, state) for n, row in enumerate(chunk.rows) for state in wanted[row.group]]
        size = max(1, TOKENS_PER_BATCH // chunk.hidden.shape[1])
        for first in range(0, len(todo), size):
            rows, in_state = zip(*todo[first : first + size], strict=True)
            at = torch.tensor(rows, device=chunk.hidden.device)
            with torch.no_grad(), states(in_state):
                hidden = resume(model, chunk.tape, prepared.layer, chunk.hidden[at], rows=at)
                found = _readings(model, [chunk.rows[row] for row in rows], hidden)
                for state, some in zip(in_state, found, strict=True):
                    out.update({(index, state): reading for index, reading in some.items()})
    return out


def _readings(
    model: Model, rows: Sequence[Row], hidden: Float[Tensor, "b t d_model"]
) -> Iterator[dict[int, Reading]]:
    """Number of the question to its reading, row by row, from the residual stream after the last block."""
    picks = [
        (i, column)
        for i, row in enumerate(rows)
        for asked in row.asked
        for column in (asked.end, *(c for fed in asked.fed for c in fed))
    ]
    where = torch.tensor(picks, device=hidden.device)
    logp = torch.log_softmax(model.logits(hidden[where[:, 0], where[:, 1]]).float(), -1)
    base = 0
    for row in rows:
        out = {}
        for asked in row.asked:
            count = 1 + sum(map(len, asked.fed))
            out[asked.index] = _reading(asked, logp[base : base + count])
            base += count
        yield out


def _reading(asked: Asked, logp: Float[Tensor, "t vocab"]) -> Reading:
    """``logp[0]`` is at the prompt's end, the others at the fed tokens of the answers, in order."""
    best = logp.argmax(-1)
    answers = []
    base = 1
    for answer in asked.answers:
        at = [0, *range(base, base + len(answer) - 1)]
        base += len(answer) - 1
        logps = tuple(float(logp[a, t]) for a, t in zip(at, answer, strict=True))
        argmax = tuple(int(best[a]) == t for a, t in zip(at, answer, strict=True))
        rank = int((logp[0] > logp[0, answer[0]]).sum()) + 1
        answers.append(Answer(logps, argmax, rank))
    return Reading(logp[0].clone(), tuple(answers))


def ask(model: Model, questions: Sequence[Question]) -> list[Reading]:
    """``prepare`` and ``read`` in one go."""
    return read(model, prepare(model, questions))


@dataclass(frozen=True)
class Measurement:
    """What ``assay.measure`` returns for one probe."""

    prompt: str
    target: str
    p: float
    """Joint probability of the target's tokens."""
    logp: float
    """Its logarithm, nats."""
    p_mean_token: float
    """exp(mean log p per token)."""
    argmax_all: bool
    """Whether every target token is the argmax, teacher-forced."""
    rank: int
    """Rank of the first target token."""


def measure(model: Model, probes: Sequence[Probe]) -> list[Measurement]:
    """Probability of each probe's target under the model as it is now."""
    readings = ask(model, [Question(p.prompt, (p.target,)) for p in probes])
    return [
        Measurement(p.prompt, p.target, a.p, a.logp, a.p_mean_token, a.argmax_all, a.rank)
        for p, r in zip(probes, readings, strict=True)
        for a in r.answers
    ]


def kl(before: Reading, after: Reading) -> float:
    """KL(before || after) of the next-token distributions, nats, from full distributions."""
    return max(0.0, float((before.next_logp.exp() * (before.next_logp - after.next_logp)).sum()))


def total_variation(before: Reading, after: Reading) -> float:
    """Total variation distance of the next-token distributions, in [0, 1]."""
    return float((before.next_logp.exp() - after.next_logp.exp()).abs().sum() / 2)
