"""What suites on the same weights can share: readings, values of made-up edits, generated texts.

Nothing is asked twice of the same weights. Within one suite several benchmarks take the same probes; across
suites (regenerated probes, other edits of the same model) most of the unedited model's readings recur.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from assay.edits.key_value import KeyValue
from assay.edits.optimise import keys_and_values
from assay.events import Emit
from assay.generators.plan import Request
from assay.models.generate import continue_rows
from assay.models.model import Model
from assay.probes.measure import Question, Reading
from assay.settings import EditSettings

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")

Opening = tuple[tuple[int, ...], int | None]
"""Token ids to continue, and the seed of a sampled continuation (None: greedy)."""


@dataclass(frozen=True)
class Seen:
    """What was read of the unedited weights and of those with one edit; grows as suites run."""

    before: dict[Question, Reading] = field(default_factory=dict)
    """Readings of the unedited model."""
    texts_before: dict[Opening, list[int]] = field(default_factory=dict)
    """Continuations by the unedited model."""
    likely: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = field(default_factory=dict)
    """Mean log-probability per token of texts after their openings, nats, under the unedited model."""
    values: dict[tuple[int, Request, tuple[str, ...], EditSettings], KeyValue] = field(default_factory=dict)
    """Values of made-up edits, optimised on the unedited model."""
    after: dict[Question, Reading] = field(default_factory=dict)
    """Readings of the edited model."""
    texts_after: dict[Opening, list[int]] = field(default_factory=dict)
    """Continuations by the edited model."""

    def of_another_edit(self) -> "Seen":
        """The same knowledge of the unedited model, nothing yet of the edited one."""
        return Seen(self.before, self.texts_before, self.likely, self.values)

    def values_of(
        self,
        model: Model,
        layer: int,
        requests: Sequence[Request],
        contexts: tuple[str, ...],
        settings: EditSettings,
        emit: Emit,
    ) -> list[KeyValue]:
        """Values on the unedited model, the missing ones optimised together."""

        def make(missing: list[tuple[int, Request, tuple[str, ...], EditSettings]]) -> list[KeyValue]:
            return keys_and_values(model, layer, [key[1] for key in missing], contexts, settings, emit)

        return fill(self.values, [(layer, request, contexts, settings) for request in requests], make)


def fill(
    found: dict[Key, Found], keys: Sequence[Key], make: Callable[[list[Key]], list[Found]]
) -> list[Found]:
    """``found`` at ``keys``, what is missing made in one call."""
    missing = [k for k in dict.fromkeys(keys) if k not in found]
    if missing:
        found.update(zip(missing, make(missing), strict=True))
    return [found[k] for k in keys]


def write(
    model: Model, texts: dict[Opening, list[int]], openings: Sequence[Opening], length: int, top_k: int
) -> list[list[int]]:
    """Continuations of ``length`` tokens by the model as it is now, those not in ``texts`` in one batch."""

    def make(missing: list[Opening]) -> list[list[int]]:
        rows = [ids for ids, _ in missing]
        return continue_rows(model, rows, length, [seed for _, seed in missing], top_k)

    return fill(texts, openings, make)
