"""The forms of the answers about features: only the form is demanded here, each item is looked at later."""

from assay.generators.llm.schemas import Form


class Proposals(Form):
    """Labels, the best one first."""

    labels: list[str]


class Written(Form):
    """Sentences for a label, against it, and close to it."""

    matching: list[str]
    other: list[str]
    near: list[str]
