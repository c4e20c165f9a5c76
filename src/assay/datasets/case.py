"""One case of a data set: the facts to write and everything its file wants asked afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "rewrite": "the edit's own prompt",
        "paraphrase": "the edited fact in other words, as the papers ask it",
        "pararel": "the edited fact in other words, without a sentence in front of it",
        "loose": "text about the subject that leads to the object only in a roundabout way",
        "neighborhood": "another subject that has the true object",
        "locality": "an unrelated question with an answer of its own",
    }
)
"""What a prompt with teacher-forced answers is for."""

TESTS: Mapping[str, str] = MappingProxyType(
    {
        "multi_hop": "questions that need the new fact as one step; any may be answered",
        "multi_hop_old": "the same questions, answered as before the edit",
        "new_hops": "every single step of the chain, with the new fact in it",
        "old_hops": "every single step of the chain as it was",
        "Relation_Specificity": "other facts of the same subject, which must stay",
        "Logical_Generalization": "what follows from the new fact by the relation's own logic",
        "Subject_Aliasing": "the new fact under the subject's other names",
        "Compositionality_I": "facts reached through the new object",
        "Compositionality_II": "facts that reach the new object through the subject",
        "Forgetfulness": "further objects of a relation that may have several",
    }
)
"""What a test on free text is for."""


class Unusable(Exception):
    """A well-formed record that cannot be edited; its text is the reason under which it is counted."""


@dataclass(frozen=True)
class Rewrite:
    """One fact to write."""

    prompt: str
    """Text that the object completes; holds the subject exactly once."""
    subject: str
    target_new: str
    """The object to write."""
    target_true: str | None
    """The object before the edit; None where the data set has none."""
    relation: str | None = None
    """Wikidata property or the data set's own name of the relation."""

    def __post_init__(self) -> None:
        count = self.prompt.count(self.subject) if self.subject else 0
        if count != 1:
            raise Unusable("subject absent from the prompt" if count == 0 else "subject more than once")
        if not self.target_new.strip():
            raise Unusable("empty new object")
        if self.target_true is not None and not self.target_true.strip():
            raise Unusable("empty true object")
        if self.target_true is not None and _same(self.target_true, self.target_new):
            raise Unusable("new object is the true object")


def _same(a: str, b: str) -> bool:
    return a.strip().casefold() == b.strip().casefold()


@dataclass(frozen=True)
class Prompt:
    """A prompt and the answers whose probability is wanted after it."""

    purpose: str
    """A key of PURPOSES."""
    text: str
    answers: tuple[str, ...]
    """In the order the data set's metrics name them: the new object first, then the true one."""


@dataclass(frozen=True)
class Query:
    """A text to be continued freely, and what its continuation has to say."""

    text: str
    accepted: tuple[tuple[str, ...], ...]
    """Every one of these has to be said, each in any of its spellings."""
    match: str = "contains"
    """How a continuation is compared, a key of ``assay.evals.match.MATCHES``."""


@dataclass(frozen=True)
class Test:
    """Queries that pass or fail together."""

    __test__ = False  # not a test class of pytest

    purpose: str
    """A key of TESTS, or a name that an evaluation gives to a test of its own."""
    queries: tuple[Query, ...]
    needs_all: bool
    """Whether every query must pass (AND), or any (OR)."""
    conditions: tuple[Query, ...] = ()
    """The test counts only where the unedited model passes all of these."""


@dataclass(frozen=True)
class Case:
    """One case: one or several facts to write, and what to ask."""

    id: str
    """The data set's own number, else the place in the file counted from 0."""
    rewrites: tuple[Rewrite, ...]
    """Several only in MQuAKE, where one question may rest on several edits."""
    prompts: tuple[Prompt, ...]
    """Prompts besides the rewrites' own."""
    tests: tuple[Test, ...] = ()
    """Tests on free text."""

    @property
    def first(self) -> Rewrite:
        """The first (nearly always the only) fact."""
        return self.rewrites[0]


@dataclass(frozen=True)
class Dataset:
    """The usable cases of one file."""

    format: str
    """A key of ``assay.datasets.table.FORMATS``."""
    path: Path
    hash: str
    """SHA-256 of the file, hex."""
    cases: tuple[Case, ...]
    """In the order of the file."""
    skipped: Mapping[str, int]
    """Reason to how many records could not be used."""

    @property
    def n(self) -> int:
        """Records in the file."""
        return len(self.cases) + sum(self.skipped.values())
