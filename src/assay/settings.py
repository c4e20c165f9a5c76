"""Every default number, with its unit and where it comes from. Pass a changed copy to change one."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class MomentSettings:
    """Second moments of keys, C = E[k k^T] (uncentred), over corpus text."""

    tokens: int = 16_384
    """Tokens of text; raised to ``tokens_per_dimension`` times the width of a key where that is more."""
    tokens_per_dimension: int = 10
    """About 10 x d_mlp vectors suffice (FastMEMIT, ACL 2025)."""
    row: int = 128
    """Tokens per row of text, the start token included."""
    ridge: float = 1e-3
    """Added to the diagonal before solving, relative to the diagonal's mean."""


@dataclass(frozen=True)
class EditSettings:
    """ROME's value optimisation (Meng et al. 2022, section 3.1 and appendix E.5)."""

    steps: int = 20
    """Forward passes; there is one update fewer."""
    lr: float = 0.5
    """Adam's learning rate."""
    weight_decay: float = 0.5
    """Factor of ||delta|| / ||v0||^2 in the loss."""
    clamp: float = 4.0
    """||delta|| is kept at or below this times ||v0||."""
    kl: float = 0.0625
    """Factor of the KL between the subject's essence before and during the optimisation."""
    early_stop: float = 0.05
    """Stop when the total loss, nats, falls below this. On the default model the KL and decay terms often
    exceed it, and all steps are spent; stopping at 0.15 gave weaker paraphrases (docs/defaults.md)."""
    contexts: tuple[tuple[int, int], ...] = ((2, 5), (3, 10))
    """Sampled prefixes as (how many, tokens each); the bare prompt is always added. ROME takes 10 of each:
    on the default model's sweep (docs/defaults.md) five did as well at a third of the cost."""
    bare_weight: float | None = 1.0
    """Weight of the bare prompt in the mean key, the sampled prefixes sharing the rest. 1: the bare key alone
    (p-ROME, Gupta et al. 2024), which did best in the sweep; 0.5: MEMIT's two-level mean; None: every
    context counts alike, as in ROME."""
    top_k: int = 5
    """The prefixes are sampled from this many most probable tokens."""
    memit_lambda: float = 0.0
    """MEMIT's weight of C against the new keys; 0 makes every new key hold exactly (EMMET)."""


@dataclass(frozen=True)
class TraceSettings:
    """Causal tracing (Meng et al. 2022, section 2.1)."""

    noise: float = 3.0
    """Standard deviations of the token embeddings."""
    runs: int = 10
    """Corrupted runs, averaged."""


@dataclass(frozen=True)
class ValidateSettings:
    """The three checks; an edit that fails one is rolled back."""

    candidates: int = 3
    """Layers to try at most."""
    p_target: float = 0.3
    """Mean P(target) over the paraphrases, at least."""
    beats_old: float = 0.6
    """Share of paraphrases on which the target is likelier than the old object, at least."""
    kl: float = 0.1
    """Mean KL(before || after) on the neutral prompts, nats, at most."""
    cka: float = 0.98
    """Linear CKA of the residual stream on the neutral prompts, lowest layer, at least."""


@dataclass(frozen=True)
class BenchSettings:
    """The thirteen benchmarks."""

    n_probes: int = 8
    """Probes per benchmark at most."""
    n_synthetic: int = 5
    """Synthetic edits of the sequential and batch benchmarks."""
    synthetic_contexts: int = 2
    """Sampled contexts of a synthetic edit: it has to hold, not to be tuned, and they are most of the
    suite's cost."""
    synthetic_early_stop: float = 0.15
    """Total loss, nats, at which a synthetic edit's optimisation stops."""
    collapse_prompts: int = 12
    """Neutral prompts read after every further edit."""
    collapse_kl: float = 0.3
    """Mean KL on the behavioural baselines, nats, above which the model counts as collapsed."""
    surface_floor: float = 0.05
    """Below this mean P on the surface probes the edit was not held, and memorisation is unscored."""
    known_p: float = 0.1
    """The unedited model knows an answer when it is its argmax or has at least this probability."""
    long_tokens: int = 48
    """Tokens of each generated paragraph."""
    long_samples: int = 1
    """Seeded samples per opening beside the greedy paragraph."""
    resamples: int = 2000
    """Bootstrap resamples of an interval."""


@dataclass(frozen=True)
class Settings:
    """All settings of one run, recorded with it."""

    moments: MomentSettings = field(default_factory=MomentSettings)
    edit: EditSettings = field(default_factory=EditSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)
    bench: BenchSettings = field(default_factory=BenchSettings)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


METHODS = ("rome", "memit")
"""A rank-one update of one fact, and the joint solve of one or several facts at one layer."""

VARIANTS = ("r-rome", "rome")
"""The corrected form (mean key everywhere, Gupta et al. 2024) and the original (Meng et al. 2022)."""

DEFAULT_LAYERS: dict[str, int] = {"smollm2": 5}
"""Where a sweep over known facts found editing to work best, by alias; it goes before the trace's ranking."""
