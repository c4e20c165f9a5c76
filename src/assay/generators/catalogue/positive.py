"""Probes of the edited fact itself, one maker per axis."""

from collections.abc import Sequence

from assay.generators.catalogue.draft import Draft
from assay.generators.catalogue.other_names import aliases
from assay.generators.catalogue.phrasing import Name, upper_first
from assay.generators.catalogue.relations import Relation
from assay.generators.catalogue.shots import FRAME, with_examples
from assay.probes.probe import Probe

QUESTION_FRAMES = (FRAME, "Question: {q} Answer:")
"""How zsRE asks; the second form is used when the first has run out of questions."""

VALIDATION_SHARE = 6
"""Paraphrases set aside for the validation loop."""


def piles(draft: Draft, relation: Relation) -> dict[str, list[Probe]]:
    """Axis to its probes, shuffled by the seed; sentences of a relation's own tables."""
    fill = draft.name.fill
    apart = _worded_apart(draft, relation.direct)
    clauses = [draft.name.clause(t) for t in draft.shuffled(apart)]
    statements = [fill(t) for t in draft.shuffled(apart)]
    questions = [fill(t) for t in draft.shuffled(relation.question)]
    texts = {
        "direct": [fill(t) for t in draft.shuffled(apart)],
        "paraphrase": [fill(t) for t in draft.shuffled(relation.paraphrase)],
        "surface": draft.shuffled([*map(fill, relation.surface), *_echoes(draft)]),
        "question": _asked(questions),
        "question_shots": with_examples(draft, questions),
        "implied": [fill(t) for t in draft.shuffled(relation.implied)],
        "indirect": [fill(t) for t in draft.shuffled(relation.indirect)],
        "context": _framed(draft.shuffled(draft.kind.contexts), "{C}", statements),
        "compositional": _framed(draft.shuffled(draft.kind.frames), "{c}", clauses),
        "template": _structures(draft, relation, apart),
        "alternate": [fill(t) for t in draft.shuffled(relation.alternate)],
        "alias": aliases(draft, relation),
    }
    return {
        axis: [draft.positive(text, axis, f"{relation.id}:{axis}") for text in found]
        for axis, found in texts.items()
    }


def _framed(frames: list[str], slot: str, clauses: list[str]) -> list[str]:
    return [frame.replace(slot, clauses[i % len(clauses)]) for i, frame in enumerate(frames)]


def _asked(questions: list[str]) -> list[str]:
    return [frame.replace("{q}", q) for frame in QUESTION_FRAMES for q in questions]


def _worded_apart(draft: Draft, templates: Sequence[str]) -> list[str]:
    """The statements that do not end in the training prompt's last two words, or all where fewer than two do not.

    Inside a frame such an ending would be the prompt once more, and an edit that learnt only the prompt's
    surface would seem to carry over.
    """
    ending = draft.request.prompt.split()[-2:]
    apart = [t for t in templates if draft.name.fill(t).split()[-2:] != ending]
    return apart if len(apart) >= 2 else list(templates)


def _structures(draft: Draft, relation: Relation, statements: Sequence[str]) -> list[str]:
    """Active, passive and question-like sentences, a fill-in and a form."""
    statement = draft.name.fill(draft.rng.choice(statements))
    own = [draft.name.fill(t) for t in draft.shuffled(relation.template)]
    extra = [f"Fill in the blank: {statement} ____. Answer:", f"{draft.name.start}. {relation.label}:"]
    return own[:2] + extra[:1] + own[2:] + extra[1:]


def _echoes(draft: Draft) -> list[str]:
    """The training prompt itself with a word in front: as near to identical as it gets."""
    return [echo.replace("{p}", draft.echo) for echo in draft.material.generic["surface"]]


def generic_piles(draft: Draft) -> dict[str, list[Probe]]:
    """For an unknown relation: the user's own prompt inside frames, axis by axis."""
    prompt = upper_first(draft.request.prompt)
    found: dict[str, list[Probe]] = {"alias": []}
    for axis, frames in draft.material.generic.items():
        if axis in ("long_form", "ripple"):
            continue
        texts = [
            _subject(f, draft.name).replace("{P}", prompt).replace("{p}", draft.echo)
            for f in draft.shuffled(frames)
        ]
        by_axis = {axis: texts}
        if axis == "question":
            by_axis = {"question": _asked(texts), "question_shots": with_examples(draft, texts)}
        for name, said in by_axis.items():
            found[name] = [draft.positive(text, name, f"generic:{name}") for text in said]
    return found


def _subject(frame: str, name: Name) -> str:
    return name.fill(frame.replace("{p}", "\0")).replace("\0", "{p}")
