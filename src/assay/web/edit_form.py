"""The form of a weight edit: its fields, what is wrong with one, and the request that it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, Field

from assay import asked
from assay.asked import FIELDS
from assay.benchmarks.names import NAMES
from assay.errors import InputError
from assay.generators.plan import Request
from assay.options import Options
from assay.runs.replayed import replayed
from assay.web import maker, within
from assay.web.maker import Maker
from assay.web.state import State
from assay.web.text import LARGEST_SEED, Long, Short
from assay.web.wrong import Problem, blank, raise_first, wrong


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
    base_url: Short | None = None
    """Address of the server that the generator asks; null: the provider's own."""
    timeout: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Seconds to wait for one answer of it; null: as usual."""
    bench: bool = True
    """Whether benchmarks follow."""
    only: Annotated[list[Short], Field(max_length=len(NAMES))] | None = None
    """These benchmarks; null: all thirteen."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    trace: bool = True
    """Whether the model is traced for where it keeps the fact."""
    sae: Short | None = None
    """An alias, a folder, or none; null: the one that comes with the model, if any."""


def _maker(form: EditForm) -> Maker:
    return Maker(form.generator, form.base_url, form.timeout)


def _generator(form: EditForm, server: State) -> str:
    name = maker.generator(_maker(form), server.roots)
    if name.startswith("replay:") and not list(
        _wrong(form, server, ("prompt", "subject", "target", "relation"))
    ):
        return replayed(server.store, name, _request(form))
    return name


def _base_url(form: EditForm, server: State) -> str | None:
    return maker.base_url(_maker(form))


def _model(form: EditForm, server: State) -> str:
    return within.model(asked.filled("model", form.model, FIELDS).strip(), server.roots)


def _sae(form: EditForm, server: State) -> str | None:
    name = blank(form.sae)
    return None if name is None else within.sae(name, server.roots)


def _relation(form: EditForm, server: State) -> object:
    name = blank(form.relation)
    return None if name is None else asked.known_relation(name)


def _standing(form: EditForm, server: State) -> object:
    if not form.prompt.strip():  # that the subject is not in it is no fault of the subject
        return asked.filled("subject", form.subject, FIELDS)
    return asked.standing(form.subject, form.prompt, FIELDS)


def _only(form: EditForm, server: State) -> tuple[str, ...] | None:
    if not form.bench or form.only is None:
        return None
    if not form.only:
        raise InputError("no benchmark", "one or more of the thirteen", "tick some, or choose all or none")
    return asked.some_benchmarks(form.only)


def _request(form: EditForm) -> Request:
    return asked.request(
        form.prompt, form.subject, form.target, blank(form.old), blank(form.relation), FIELDS
    )


CHECKS: Mapping[str, Callable[[EditForm, State], object]] = {
    "prompt": lambda form, server: asked.filled("prompt", form.prompt, FIELDS),
    "subject": _standing,
    "target": lambda form, server: asked.differing(form.target, blank(form.old), FIELDS),
    "relation": _relation,
    "model": _model,
    "layer": lambda form, server: asked.layer(form.layer.strip() or "auto", FIELDS),
    "method": lambda form, server: asked.method(form.method),
    "variant": lambda form, server: asked.variant(form.variant),
    "generator": _generator,
    "base_url": _base_url,
    "timeout": lambda form, server: maker.timeout(_maker(form)),
    "only": _only,
    "sae": _sae,
}
"""Field to what raises InputError if it is wrong."""


def problems(form: EditForm, server: State) -> Iterator[Problem]:
    """All that is wrong with a form, as far as can be told without a model."""
    return _wrong(form, server, tuple(CHECKS))


def _wrong(form: EditForm, server: State, fields: Sequence[str]) -> Iterator[Problem]:
    return wrong({field: partial(CHECKS[field], form, server) for field in fields})


def read(form: EditForm, server: State) -> tuple[Request, Options]:
    """What a form asks for. Raises FieldError for the first field that is wrong."""
    raise_first(problems(form, server))
    options = Options(
        model=_model(form, server),
        layer=asked.layer(form.layer.strip() or "auto", FIELDS),
        method=form.method,
        variant=form.variant,
        generator=_generator(form, server),
        bench=form.bench,
        only=_only(form, server),
        seed=form.seed,
        trace=form.trace,
        sae=blank(form.sae),
        base_url=_base_url(form, server),
        timeout=form.timeout,
    )
    return _request(form), options


def like(run: Mapping[str, Any]) -> dict[str, str]:
    """The form of a run that is stored, as the query of a link to it."""
    request, options = run.get("request") or {}, run.get("options") or {}
    found = {name: request.get(name) for name in ("prompt", "subject", "target", "old", "relation")}
    found |= {
        name: options.get(name)
        for name in ("model", "layer", "method", "variant", "generator", "base_url", "timeout", "seed", "sae")
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
