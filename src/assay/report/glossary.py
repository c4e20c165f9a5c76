"""What each number means and what it cannot see: one row per benchmark and per check."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.benchmarks.names import NAMES


@dataclass(frozen=True)
class Entry:
    """One line of the glossary."""

    title: str
    group: str
    """A key of GROUPS; empty for the three checks."""
    measures: str
    blind: str
    """What a good value here does not show."""


GROUPS: Mapping[str, str] = {
    "retention": "Does the edit hold?",
    "generalisation": "Does it reach other wordings and inferences?",
    "locality": "Is everything else left alone?",
    "stability": "Does it live with further edits?",
    "generation": "Does it show in free writing?",
}
"""Benchmark groups in reading order, each with the question it asks."""


def _entry(id: str, measures: str, blind: str) -> Entry:
    return Entry(NAMES[id].title, NAMES[id].group, measures, blind)


BENCHMARKS: Mapping[str, Entry] = {
    "edit_bench": _entry(
        "edit_bench",
        "Mean probability of the new target on direct and paraphrased probes of the edited fact.",
        "Inference, free writing, and what the edit did to anything else.",
    ),
    "edit_generalization": _entry(
        "edit_generalization",
        "Mean probability of the new target where the fact is implied, set in context or named indirectly.",
        "Whether a low score is the edit's fault: the model may not have answered this form before either. "
        "See the ceiling.",
    ),
    "ripple_bench": _entry(
        "ripple_bench",
        "How much of the next-token distribution stayed in place on other facts of the same subject: "
        "1 minus total variation, averaged.",
        "Other subjects, and whether what stayed in place was true to begin with.",
    ),
    "fine_tune_diff": _entry(
        "fine_tune_diff",
        "How far the edited fact moved, minus how far the known answers of unrelated facts moved.",
        "Shifts that leave the known answer's own probability as it was.",
    ),
    "sequential_collapse_threshold": _entry(
        "sequential_collapse_threshold",
        "Share of further edits made before the mean KL on neutral prompts passes the collapse line.",
        "Damage outside those prompts, and what happens after more edits than were tried.",
    ),
    "batch_edit_consistency": _entry(
        "batch_edit_consistency",
        "Mean probability of every target when this edit and several others are solved for together.",
        "Much larger batches, and edits on closely related subjects.",
    ),
    "sequential_edit_retention": _entry(
        "sequential_edit_retention",
        "How much of the target's probability is left after each further edit on another subject.",
        "How strong the edit was at the start: a weak edit can be retained perfectly.",
    ),
    "locality_sensitivity_score": _entry(
        "locality_sensitivity_score",
        "exp(-mean KL) on facts from other domains, before against after.",
        "Facts of the same subject (RippleBench), and rare large shifts hidden in a mean.",
    ),
    "leme": _entry(
        "leme",
        "Paragraphs about the subject: mean of agreement with the edit, fluency, and no contradiction.",
        "Errors that no judge rule names; a paragraph that never mentions the fact.",
    ),
    "indirect_fact_recovery": _entry(
        "indirect_fact_recovery",
        "Mean probability of the right answer on multi-hop, inverse and alternate-angle probes.",
        "Whether the model could chain such facts before the edit. See the ceiling.",
    ),
    "portability_sub_metrics": _entry(
        "portability_sub_metrics",
        "Transfer to other sentence templates, names of the subject and longer sentences: mean of the axes.",
        "Which axis is weak, unless the axes are read apart; names of the subject the model never knew.",
    ),
    "preservation_vs_memorization": _entry(
        "preservation_vs_memorization",
        "Score on strong paraphrases divided by score on near copies of the prompt, at most 1.",
        "Strength: a weak edit that is equally weak everywhere gets a high ratio.",
    ),
    "zsre": _entry(
        "zsre",
        "Share of question-and-answer probes on which every token of the target is the most probable one.",
        "Near misses; a model that cannot answer in this form at all. See the ceiling.",
    ),
}
"""The thirteen, in the order in which they run."""

CHECKS: Mapping[str, Entry] = {
    "paraphrases": Entry(
        "Paraphrases",
        "",
        "The target is probable, and more so than the old object, on other wordings of the prompt.",
        "Anything but close paraphrases.",
    ),
    "behaviour": Entry(
        "Behaviour",
        "",
        "Mean KL(before to after) of the next-token distribution on neutral prompts, in nats.",
        "Prompts near the subject, where an edit does most of its damage.",
    ),
    "representation": Entry(
        "Representation",
        "",
        "Linear CKA of the residual stream before and after on neutral prompts; the worst layer counts.",
        "Small rotations that matter, and positions that were not sampled.",
    ),
}
"""The validation loop's checks: all must hold, or the edit is rolled back."""

FEATURES: Mapping[str, Entry] = {
    "interp": Entry(
        "InterpScore",
        "",
        "Does the label predict where the feature fires? Cohen's d of its largest activation in sentences for the "
        "label against sentences not for it, clipped to 0 to 1.",
        "A label that is right but too narrow, and any difference above d = 1, which is an AUROC of 0.76.",
    ),
    "purity": Entry(
        "FeaturePurityScore",
        "",
        "Is the feature about one thing? Mean cosine of all pairs of sentences it fires on, shifted so that sentences "
        "with nothing in common are near 50%.",
        "What a sentence embedder does not embed: position, punctuation, form. Token purity is there for these.",
    ),
    "mui": Entry(
        "MUI",
        "",
        "Does the model use it? KL from the clean to the ablated next-token distribution where it fires, over the "
        "entropy there, times 10.",
        "What the feature does to later tokens, and on text where it was not measured.",
    ),
}
"""The three scores of a feature."""
