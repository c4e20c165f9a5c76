"""``assay sae train``, the default recipe's short way: the pass that collects activations, and the training itself.

A shorter training is a smaller copy of a longer one: warm-up, annealing and the window after which a feature counts as
dead are shares of its steps. So the rate of a part is that of the whole.
"""

from dataclasses import dataclass, replace

from assay.corpus.sources import corpora
from assay.corpus.split import split
from assay.sae.activations import collect
from assay.sae.host import open_bulk
from assay.sae.recipe import RECIPES
from assay.sae.study import make
from assay.sae.train import train
from figure import Found
from ground import Ground, Heard, model

PASSES = 2.5
"""As ``--passes 2.5``: 2.5 million token-passes of a million tokens."""
RECIPE = replace(RECIPES["smollm2"], sae=replace(RECIPES["smollm2"].sae, passes=PASSES))
TOKENS = 16_384
"""Of the part."""
STEPS = 40
"""Of the part's training."""


@dataclass(frozen=True)
class Part:
    """A short training."""

    heard: Heard
    tokens: int
    """Collected."""
    share: float
    """Of the characters of all text."""
    steps: int

    @property
    def whole_steps(self) -> int:
        """Of the whole training, outlying tokens counted in."""
        return int(PASSES * self.tokens / self.share) // RECIPE.sae.batch


def part(ground: Ground) -> Part:
    """Some activations, and so many steps on them."""
    ground.once(model)  # unpacked before it counts
    heard, settings = Heard(), RECIPE.activations
    text = split(corpora(RECIPE.corpora), settings.held_out).train
    bulk = open_bulk(RECIPE.model, ground.home.cache, heard)
    found = collect(
        bulk,
        text,
        RECIPE.layer,
        ground.home.cache,
        context=settings.context,
        tokens=TOKENS,
        emit=heard,
    )
    read = len(bulk.tokenizer.decode(found.ids.tolist()))
    del bulk
    short = replace(RECIPE.sae, passes=(STEPS + 0.5) * RECIPE.sae.batch / len(found))
    (made,) = train(found, [short], ground.folder / "training", emit=heard)
    return Part(heard, len(found), read / sum(map(len, text.documents)), made.steps)


def activations_part(ground: Ground) -> Found:
    """The pass over some text."""
    done = ground.once(part)
    seconds = done.heard.seconds("activations")
    raw = {"tokens": done.tokens, "seconds": seconds}
    said = f"{done.tokens:,} tokens; reckoned for all characters of the text, about {done.tokens / done.share:,.0f}"
    return Found(seconds / done.share, raw, share=done.share, part=f"{said} tokens")


def training_part(ground: Ground) -> Found:
    """Some steps, from the first to the last one's end, on all cores."""
    done = ground.once(part)
    rate = done.heard.rate("sae")
    raw = {"steps": done.steps, "steps_per_second": rate, "seconds": done.heard.seconds("sae")}
    said = (
        f"a training of {done.steps} steps of {RECIPE.sae.batch:,} tokens; the whole has {done.whole_steps:,}"
    )
    return Found(done.whole_steps / rate, raw, share=done.steps / done.whole_steps, part=said)


def whole(ground: Ground) -> Heard:
    """All of it, as the command does it."""
    ground.once(model)
    heard = Heard()
    make(RECIPE, [(ground.folder / "sae", RECIPE.sae)], ground.home.cache, heard)
    return heard


def activations(ground: Ground) -> Found:
    """The stage of the whole."""
    heard = ground.once(whole)
    return Found(heard.seconds("activations"), {"stages": heard.stages})


def training(ground: Ground) -> Found:
    """The stage of the whole, checkpoints counted in."""
    return Found(ground.once(whole).seconds("sae"))
