"""The form of a weight edit: its fields, what is wrong with one, and the request that it makes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from assay import asked
from assay.asked import FIELDS
from assay.benchmarks.names import NAMES
from assay.errors import InputError
from assay.generators.plan import Request
from assay.pipeline import Options
from assay.sae.shipped import NONE, sae_folder
from assay.web.text import LARGEST_SEED, Long, Short


class EditForm(BaseModel):
    """A weight edit as it is asked for. Only prompt, subject and target are needed."""

    prompt: Long = ""
    """A sentence that stops where the answer begins."""
    subject: Short = ""
    """Whom or what the fact is about, spelled as in the prompt."""
    target: Short = ""
    """The new answer."""
    old: Short | None = None
    """The answer before the edit, if known."""
    relation: Short | None = None
    """What the fact says of the subject; null: recognised."""
    model: Short = "smollm2"
    layer: Annotated[Short, Field(max_length=9)] = "auto"
    """auto, or the number of a block."""
    method: Short = "rome"
    variant: Short = "r-rome"
    generator: Short = "catalogue"
    bench: bool = True
    """Whether benchmarks follow."""
    only: Annotated[list[Short], Field(max_length=len(NAMES))] | None = None
    """These benchmarks; null: all thirteen."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    trace: bool = True
    """Whether the model is traced for where it keeps the fact."""
    sae: Short | None = None
    """An alias, a folder, or none; null: the one that comes with the model, if any."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    error: InputError

    def to_json(self) -> dict[str, str]:
        """A JSON-able dict."""
        return {"came": self.error.came, "wanted": self.error.wanted, "todo": self.error.todo}


class FieldError(InputError):
    """A field of a form that cannot mean anything."""

    def __init__(self, field: str, error: InputError) -> None:
        self.field = field
        super().__init__(f"{field}: {error.came}", error.wanted, error.todo)


def _blank(text: str | None) -> str | None:
    """An empty field asks for nothing."""
    return text.strip() or None if text is not None else None


def _sae(form: EditForm) -> object:
    name = _blank(form.sae)
    return None if name is None or name == NONE else sae_folder(name)


def _relation(form: EditForm) -> object:
    name = _blank(form.relation)
    return None if name is None else asked.known_relation(name)


def _standing(form: EditForm) -> object:
    if not form.prompt.strip():  # that the subject is not in it is no fault of the subject
        return asked.filled("subject", form.subject, FIELDS)
    return asked.standing(form.subject, form.prompt, FIELDS)


def _only(form: EditForm) -> tuple[str, ...] | None:
    if not form.bench or form.only is None:
        return None
    if not form.only:
        raise InputError("no benchmark", "one or more of the thirteen", "tick some, or choose all or none")
    return asked.some_benchmarks(form.only)


CHECKS: Mapping[str, Callable[[EditForm], object]] = {
    "prompt": lambda form: asked.filled("prompt", form.prompt, FIELDS),
    "subject": _standing,
    "target": lambda form: asked.differing(form.target, _blank(form.old), FIELDS),
    "relation": _relation,
    "model": lambda form: asked.filled("model", form.model, FIELDS),
    "layer": lambda form: asked.layer(form.layer.strip() or "auto", FIELDS),
    "method": lambda form: asked.method(form.method),
    "variant": lambda form: asked.variant(form.variant),
    "generator": lambda form: asked.generator(form.generator),
    "only": _only,
    "sae": _sae,
}
"""Field to what raises InputError if it is wrong."""


def problems(form: EditForm) -> Iterator[Problem]:
    """All that is wrong with a form, as far as can be told without a model."""
    for field, check in CHECKS.items():
        try:
            check(form)
        except InputError as error:
            yield Problem(field, error)


def read(form: EditForm) -> tuple[Request, Options]:
    """What a form asks for. Raises FieldError for the first field that is wrong."""
    for problem in problems(form):
        raise FieldError(problem.field, problem.error)
    request = asked.request(
        form.prompt, form.subject, form.target, _blank(form.old), _blank(form.relation), FIELDS
    )
    options = Options(
        model=form.model.strip(),
        layer=asked.layer(form.layer.strip() or "auto", FIELDS),
        method=form.method,
        variant=form.variant,
        generator=form.generator,
        bench=form.bench,
        only=_only(form),
        seed=form.seed,
        trace=form.trace,
        sae=_blank(form.sae),
    )
    return request, options


def like(run: Mapping[str, Any]) -> dict[str, str]:
    """The form of a run that is stored, as the query of a link to it."""
    request, options = run.get("request") or {}, run.get("options") or {}
    found = {name: request.get(name) for name in ("prompt", "subject", "target", "old", "relation")}
    found |= {
        name: options.get(name)
        for name in ("model", "layer", "method", "variant", "generator", "seed", "sae")
    }
    switches = {name: "0" for name in ("bench", "trace") if options.get(name) is False}
    if options.get("only"):
        switches["only"] = ",".join(options["only"])
    return {**{name: str(value) for name, value in found.items() if value is not None}, **switches}


EXAMPLE = EditForm(
    prompt="The Eiffel Tower is located in the city of",
    subject="The Eiffel Tower",
    target="Berlin",
    old="Paris",
)
"""What the form's example button fills in."""
