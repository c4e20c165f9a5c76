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
class FeatureSettings:
    """The three scores of an SAE feature and their reading."""

    sentences: int = 10
    """Matching sentences of a label, and as many non-matching ones."""
    interp_threshold: float = 0.6
    """InterpScore at or above this is high: clipped Cohen's d, pooled standard deviations."""
    purity_threshold: float = 0.6
    """FeaturePurityScore at or above this is high; it is a mean cosine of 0.2."""
    mui_threshold: float = 0.6
    """MUI at or above this is high."""
    gain: float = 10.0
    """MUI shown is this times KL / entropy: the reference text shows 0.0758 as 76%."""
    firing: float = 0.05
    """A feature fires where its activation is above this share of its largest."""
    positions: int = 12
    """Positions that MUI measures a feature at, at most: what all features of a large SAE can be given in minutes."""
    calibrated_threshold: float = 0.12
    """Calibrated purity that counts as high where the displayed one is near its threshold; 0 is what random
    sentences have. With the default embedder, of sets of ten sentences about one relation of the catalogue 90%
    reach 0.126, of sets about two relations 10% reach 0.121."""
    near: float = 0.05
    """Purity this close to its threshold is near it."""
    null_draws: int = 200
    """Sets of random sentences that purity is calibrated by."""
    lexical: float = 0.6
    """Token purity at or above which a feature of low purity counts as one of a token."""
    null_share: float = 0.05
    """Share of other features' labels that may predict a feature as well as its own does."""
    footprint_top: int = 10
    """Features that a footprint lists: so many that moved most on the subject, and so many elsewhere."""
    footprint_moved: float = 0.01
    """A feature has moved when its own change on the subject is longer than this share of the residual stream's
    change there."""
    carried_low: float = 0.5
    """Share of what the SAE reads at the subject's last token that features of low purity may carry without a
    warning before the edit."""
    carried_known: float = 0.5
    """Share that features of known purity have to carry, or the shares of low purity mean nothing."""
    resamples: int = 2000
    """Bootstrap resamples of an interval."""


@dataclass(frozen=True)
class LlmSettings:
    """Asking a language model for probes (docs/generators.md). Recorded with the runs whose probes come from one."""

    concurrency: int = 4
    """Calls at the same time, at most."""
    timeout: float = 60.0
    """Seconds to wait for one answer."""
    attempts: int = 4
    """Tries of one call that a server is too busy for, or fails at, in all."""
    wait: float = 1.0
    """Seconds before the second try where the server names none; doubled before each further one."""
    longest_wait: float = 60.0
    """Seconds that a server may ask to wait; one that asks for more is not waited for."""
    repairs: int = 2
    """How often an answer that does not fit is sent back with what is wrong with it."""
    again: int = 2
    """How often more probes are asked for, per purpose, where the audit left too few."""
    largest: int = 1_000_000
    """Bytes of an answer, at most."""
    max_tokens: int = 8_192
    """Tokens of an answer, at most, where the server minds; thinking counts."""
    temperature: float | None = None
    """None: the server's own, which is the model's recommended one on most."""
    local_temperature: float = 0.7
    """Of a model in this process whose own folder recommends none; 0 always takes the most probable token."""


@dataclass(frozen=True)
class Settings:
    """All settings of one run, recorded with it."""

    moments: MomentSettings = field(default_factory=MomentSettings)
    edit: EditSettings = field(default_factory=EditSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)
    bench: BenchSettings = field(default_factory=BenchSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)
    """Of generators that ask a language model."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``llm`` is recorded by the runs that ask a language model, as it was for them."""
        return {name: row for name, row in asdict(self).items() if name != "llm"}


METHODS = ("rome", "memit")
"""A rank-one update of one fact, and the joint solve of one or several facts at one layer."""

VARIANTS = ("r-rome", "rome")
"""The corrected form (mean key everywhere, Gupta et al. 2024) and the original (Meng et al. 2022)."""

DEFAULT_LAYERS: dict[str, int] = {"smollm2": 5}
"""Where a sweep over known facts found editing to work best, by alias; it goes before the trace's ranking."""


@dataclass(frozen=True)
class SaeSettings:
    """Training a sparse autoencoder on few tokens (docs/sae.md)."""

    architecture: str = "batchtopk"
    """batchtopk, or relu: ReLU with an L1 penalty, the baseline."""
    features: int = 16_384
    """Width of the dictionary."""
    k: int = 48
    """batchtopk: features per token, on average over a batch, once annealed."""
    l1: float = 4.0
    """relu: weight of a token's summed activations against its squared error, both where E|x|^2 is the width."""
    batch: int = 1_024
    """Tokens per step. With about a million tokens the number of steps is what is short: half the batch at twice the
    rate explained 0.78 of the variance where 2,048 tokens at 6e-4 explained 0.61 (8,192 features, 217,000 tokens)."""
    passes: float = 10.0
    """How often each training token is seen."""
    lr: float = 1.2e-3
    """Adam's learning rate at 16,384 features; it goes with 1 / sqrt(features)."""
    warm_up: float = 0.05
    """Share of the steps over which the learning rate rises from 0."""
    decay: float = 0.3
    """Share of the steps at the end over which it falls to 0, linearly."""
    anneal: float = 0.2
    """Share of the steps at the beginning over which k falls to its value (L1: rises), linearly."""
    anneal_from: float = 4.0
    """Times k at the first step."""
    dead_window: int = 150_000
    """A feature that has not fired for so many tokens is dead: libraries wait for millions, which is more than
    there are here."""
    dead_share: float = 0.1
    """No more than this share of all tokens that are learnt from, so that a short training revives features too."""
    aux: float = 1 / 32
    """Weight of the loss by which dead features are revived (Gao et al. 2024)."""
    outlier: float = 10.0
    """Tokens whose norm is above this times the median are not trained on: attention sinks, not text."""
    bf16: bool = True
    """Whether the encoder multiplies in bfloat16, where the machine is quick at that; the weights are float32."""
    seed: int = 0
    """Of the first weights and of the order of tokens."""


@dataclass(frozen=True)
class ActivationSettings:
    """Text through the model, for training and for evaluation."""

    context: int = 128
    """Tokens per row of text, the start token included."""
    tokens: int = 5_000_000
    """Training tokens at most; a corpus may have fewer."""
    held_out: float = 0.05
    """Share of the documents that evaluation reads and training never sees."""
    evaluated: int = 32_768
    """Held-out tokens that codes are measured on, at most."""
    spliced: int = 8_192
    """Of these, about how many the model's own loss is measured on: in float32 and several times over."""
