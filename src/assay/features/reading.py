"""What the three scores of a feature say together, in a sentence, with what to do next.

Each score is high, low, uncertain (its interval straddles the threshold) or unscored. The eight firm patterns
have a sentence each; an uncertain or unscored score leaves two of them open or more, and the reading names
those. Side figures then qualify what the three letters alone would get wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from assay.score import LETTERS, Meaning, Score, Verdict
from assay.settings import FeatureSettings

TITLES = ("InterpScore", "FeaturePurityScore", "MUI")
"""In the order of a pattern's letters."""


UNDECIDED = "undecided"
DEAD = "dead"
"""Names of features that no firm pattern names."""


@dataclass(frozen=True)
class Pattern:
    """What one firm pattern means."""

    name: str
    """A few words, to be listed where a reading is open."""
    sentence: str
    step: str
    """What to do next."""


PATTERNS: Mapping[str, Pattern] = {
    "HHH": Pattern(
        "ideal",
        "Ideal feature: the label predicts it, its contexts are about one thing, and the model relies on it.",
        "Use it.",
    ),
    "HHL": Pattern(
        "decorative",
        "Well understood but largely decorative: label and contexts agree, yet the model hardly uses it here.",
        "Use it to detect, not to steer; measure MUI on other text before ruling it out.",
    ),
    "HLH": Pattern(
        "too broad",
        "The label predicts firing but is too broad: the model uses the feature in several kinds of context.",
        "Read its sentences by decile and split the label, or look for narrower features near it.",
    ),
    "HLL": Pattern(
        "broad detector",
        "A broad detector: the label predicts firing, the contexts are mixed, and the model hardly uses it.",
        "Take it as a sign that something is present, not as a concept; rank it behind features with a use.",
    ),
    "LHH": Pattern(
        "mislabelled",
        "Coherent and causally important, but mislabelled: the contexts belong together and the model relies on them.",
        "Relabel it first, from its activating sentences and the logits it promotes.",
    ),
    "LHL": Pattern(
        "mislabelled and unused",
        "Coherent but mislabelled, and the model hardly uses it: there is one concept, and the label misses it.",
        "Relabel it once the features that the model uses are done.",
    ),
    "LLH": Pattern(
        "used but tangled",
        "The model relies on it, but neither label nor contexts say for what: polysemantic, or a feature of what "
        "comes next rather than of what came before.",
        "Label it from the logits it promotes; expect side effects if it is edited or steered.",
    ),
    "LLL": Pattern(
        "dead or noise",
        "Dead or noise: no label predicts it, its contexts have nothing in common, and the model does without it.",
        "Filter it out.",
    ),
}
"""InterpScore, purity, MUI to what it means."""


FROM_CORPUS = (
    "Its purity is that of corpus sentences: those made for the label do not say what the feature fires on."
)


def read_feature(
    interp: Score, purity: Score, mui: Score, settings: FeatureSettings, corpus: Score | None = None
) -> Meaning:
    """The pattern of the three scores, its sentence, what qualifies it, and the next steps.

    ``corpus`` is the purity of corpus sentences beside that of the matching ones. It qualifies; and where the label is
    not shown to predict firing (InterpScore low), or too few matching sentences fired, it is the purity of the
    pattern: what happens to fire among the sentences of a wrong label says nothing about the feature.
    """
    own, purity = purity, purity_read(interp, purity, corpus)
    instead = purity is not own
    pattern = LETTERS[interp.verdict] + LETTERS[purity_verdict(purity, settings)] + LETTERS[mui.verdict]
    sentences, steps = [meaning(pattern)], [next_step(pattern)]
    for score, title in zip((interp, purity, mui), TITLES, strict=True):
        if score.reason:
            sentences.append(f"{title} is unscored: {score.reason}.")
    if instead:
        sentences.append(FROM_CORPUS)
    given = _Given(interp, purity, mui, None if instead else corpus, settings)
    for rule in RULES:
        found = rule(given)
        if found:
            sentences.append(found[0])
            steps.extend(found[1:])
    return Meaning(pattern, tuple(sentences), tuple(dict.fromkeys(steps)))


def purity_read(interp: Score, purity: Score, corpus: Score | None) -> Score:
    """Which of the two purities a reading takes: see ``read_feature``."""
    if corpus is None or corpus.value is None or (interp.verdict != "low" and purity.value is not None):
        return purity
    return corpus


def leaning(interp: Score, purity: Score, mui: Score, corpus: Score | None = None) -> str:
    """The name of the pattern by the values alone, without their intervals: what is likeliest where a reading is
    open; ``undecided`` where one is unscored."""
    scores = (interp, purity_read(interp, purity, corpus), mui)
    return name_of("".join("-" if s.passed is None else "H" if s.passed else "L" for s in scores))


def dead_reading(n_tokens: int) -> Meaning:
    """Of a feature that never fired: no score says anything about it."""
    sentence = f"Dead: it fired on none of {n_tokens:,} tokens, so that there is nothing to score."
    return Meaning("---", (sentence,), ("Filter it out.",))


def name_of(pattern: str) -> str:
    """A pattern's name in few words; ``undecided`` where a score is uncertain or missing."""
    return PATTERNS[pattern].name if pattern in PATTERNS else UNDECIDED


def purity_verdict(purity: Score, settings: FeatureSettings) -> Verdict:
    """The verdict on purity; within ``near`` of its threshold the calibrated purity decides instead.

    The displayed score starts at about 0.5 for any sentences at all, so that 0.61, the reference text's own
    example of a low purity, passes 0.6. Without a calibration such a score is uncertain.
    """
    if not _near(purity, settings):
        return purity.verdict
    value = purity.figures.get("calibrated")
    if value is None:
        return "uncertain"
    low, high = purity.figures.get("calibrated_low"), purity.figures.get("calibrated_high")
    if low is not None and high is not None and low < settings.calibrated_threshold <= high:
        return "uncertain"
    return "high" if value >= settings.calibrated_threshold else "low"


def meaning(pattern: str) -> str:
    """The sentence of any pattern of H, L, U and -."""
    if pattern in PATTERNS:
        return PATTERNS[pattern].sentence
    unsure, missing = (_titles(pattern, letter) for letter in "U-")
    causes = []
    if unsure:
        causes.append(f"{' and '.join(unsure)} {_be(unsure)} uncertain")
    if missing:
        causes.append(f"{' and '.join(missing)} could not be scored")
    because = ", and ".join(causes)
    open_ = [PATTERNS[p].name for p in _possible(pattern)]
    if len(open_) == len(PATTERNS):
        return f"No reading: {because}."
    return f"Undecided between {', '.join(open_[:-1])} and {open_[-1]}: {because}."


def next_step(pattern: str) -> str:
    """What to do next about any pattern of H, L, U and -."""
    if pattern in PATTERNS:
        return PATTERNS[pattern].step
    if "-" in pattern:
        return "Score it on text where it fires before relying on any of these readings."
    return "Score it on more sentences: the intervals narrow with their number."


def _possible(pattern: str) -> list[str]:
    """The firm patterns that a pattern leaves open."""
    return ["".join(p) for p in product(*("HL" if letter in "U-" else letter for letter in pattern))]


def _titles(pattern: str, letter: str) -> list[str]:
    return [title for title, found in zip(TITLES, pattern, strict=True) if found == letter]


def _be(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _near(purity: Score, settings: FeatureSettings) -> bool:
    return purity.value is not None and (
        purity.verdict == "uncertain" or abs(purity.value - purity.threshold) <= settings.near
    )


@dataclass(frozen=True)
class _Given:
    interp: Score
    purity: Score
    mui: Score
    corpus: Score | None
    settings: FeatureSettings


Found = tuple[str, ...] | None


def _lexical(given: _Given) -> Found:
    tokens = given.purity.figures.get("token_purity")
    if (
        purity_verdict(given.purity, given.settings) == "low"
        and tokens is not None
        and tokens >= given.settings.lexical
    ):
        return (
            "It is a feature of a token rather than a mixed one: it peaks on the same token in most pairs of "
            f"sentences ({tokens:.0%}), however little these have in common.",
            "Label it by that token.",
        )
    return None


def _calibration(given: _Given) -> Found:
    calibrated = given.purity.figures.get("calibrated")
    if not _near(given.purity, given.settings) or given.purity.value is None:
        return None
    if calibrated is None:
        return (
            f"FeaturePurityScore is near its line ({given.purity.value:.0%}), and there is no null to calibrate it by.",
        )
    return (
        f"FeaturePurityScore is near its line ({given.purity.value:.0%}): the calibrated purity, {calibrated:.2f} on a "
        f"scale where random sentences are at 0, decides ({purity_verdict(given.purity, given.settings)}).",
    )


def _sources(given: _Given) -> Found:
    if given.corpus is None:
        return None
    made, found = purity_verdict(given.purity, given.settings), purity_verdict(given.corpus, given.settings)
    if (made, found) == ("high", "low"):
        return (
            "In the corpus it fires on mixed sentences, though those made for the label are alike: the label "
            "covers a part of what it does.",
            "Read the corpus sentences before trusting the label.",
        )
    if (made, found) == ("low", "high"):
        return (
            "In the corpus it fires on sentences that belong together, unlike those made for the label.",
            "Relabel it from the corpus sentences.",
        )
    return None


def _random(given: _Given) -> Found:
    times = given.mui.figures.get("over_random")
    if given.mui.verdict == "high" and times is not None and times <= 1:
        return (
            f"Random directions of the same length do as much ({times:.1f} times): MUI shows the size of its "
            "activation here, not its direction.",
            "Compare KL per squared norm with other features before calling it important.",
        )
    return None


def _any_label(given: _Given) -> Found:
    share = given.interp.figures.get("null_share")
    if given.interp.verdict == "high" and share is not None and share > given.settings.null_share:
        return (
            f"Other features' labels predict it as well ({share:.0%} of them): the label is not what does it.",
        )
    return None


def _neighbours(given: _Given) -> Found:
    low = given.interp.figures.get("hard_auroc_low")
    if given.interp.verdict == "high" and low is not None and low <= 0.5:
        return (
            "It is not shown to tell its label from those of its nearest features (the interval of that AUROC "
            "holds 0.5).",
        )
    return None


RULES = (_lexical, _calibration, _sources, _random, _any_label, _neighbours)
