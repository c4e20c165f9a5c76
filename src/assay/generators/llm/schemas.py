"""The form of every answer: one record per purpose, whose fields are the axes that it fills.

Only the form is demanded here, so that one bad sentence does not cost the others: what a sentence must be like is
looked at one by one, in checks.py.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Form(BaseModel):
    """Base of every answer: fields that nobody asked for are dropped."""

    model_config = ConfigDict(extra="ignore")


class Fact(Form):
    """What the fact is about."""

    relation: str
    old: str
    inside: str
    kind: str
    names: list[str]


class Wording(Form):
    """The fact itself, in other words."""

    direct: list[str]
    paraphrase: list[str]
    surface: list[str]


class Reach(Form):
    """Sentences that imply the fact."""

    implied: list[str]
    context: list[str]
    indirect: list[str]


class Transfer(Form):
    """The fact in other structures, under other names, inside longer sentences."""

    template: list[str]
    alias: list[str]
    compositional: list[str]


class Hop(Form):
    """A second step from the answer, with what follows from the new and from the old one."""

    prompt: str
    answer: str
    old_answer: str


class Premise(Form):
    """What follows from the fact."""

    multi_hop: list[Hop]
    inverse: list[str]
    alternate: list[str]


class Answered(Form):
    """A prompt and its true answer; empty where it is not known."""

    prompt: str
    answer: str


class Question(Form):
    """Questions about the fact, and answered ones about other things."""

    question: list[str]
    examples: list[Answered]


class Subject(Form):
    """Other facts of the same subject."""

    same_subject: list[Answered]


class Elsewhere(Form):
    """Facts of other subjects, near and far."""

    unrelated: list[Answered]
    cross_domain: list[Answered]


class Made(Form):
    """A further edit of another subject."""

    prompt: str
    subject: str
    old: str
    target: str
    direct: list[str]
    paraphrase: list[str]


class Further(Form):
    """Edits of other subjects."""

    edits: list[Made]


class Prose(Form):
    """Beginnings of texts about the subject, and of sentences about nothing in particular."""

    openings: list[str]
    neutral: list[str]


SCHEMAS: Mapping[str, type[Form]] = {
    "fact": Fact,
    "wording": Wording,
    "reach": Reach,
    "transfer": Transfer,
    "premise": Premise,
    "question": Question,
    "subject": Subject,
    "elsewhere": Elsewhere,
    "further": Further,
    "prose": Prose,
}
"""Purpose to the form of its answer."""
