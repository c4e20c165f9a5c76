"""All figures of speed: those of the README's section "Speed" in its order, and ratios that are told elsewhere."""

from figure import Figure

SELFCHECK = "`assay selfcheck`"
TRAIN = "`assay sae train`"
BOTH = "`assay sae index smollm2 --corpus wiki --corpus gensim`"
PACKED = "packed ablation against one forward pass each"
ALL = "ablations of all 16,384 features"
SCORE = "`assay features score 123`"
RUN = "of the run"

FIGURES: tuple[Figure, ...] = (
    Figure("edit.nothing", "the demo's edit from nothing", "", "edits.from_nothing"),
    Figure("edit.cached", "the same with both cached", "", "edits.cached_reckoned", "edits.cached"),
    Figure("edit.unpack", RUN, "unpack the model once", "edits.unpack"),
    Figure("edit.trace", RUN, "causal trace", "edits.trace"),
    Figure("edit.moments", RUN, "second moments once", "edits.moments"),
    Figure("selfcheck.whole", SELFCHECK, "whole", "checks.selfcheck_part", "checks.selfcheck"),
    Figure("selfcheck.quick", SELFCHECK, "--quick", "checks.quick_part", "checks.quick"),
    Figure(
        "eval.counterfact",
        "`assay eval counterfact` on 100 cases",
        "",
        "checks.counterfact_part",
        "checks.counterfact",
    ),
    Figure("train.activations", TRAIN, "activations", "training.activations_part", "training.activations"),
    Figure("train.training", TRAIN, "training", "training.training_part", "training.training"),
    Figure(
        "index.wiki", "`assay sae index smollm2`", "the default text", "indexing.wiki_part", "indexing.wiki"
    ),
    Figure("index.million", BOTH, "a million tokens", "indexing.million_part", "indexing.million"),
    Figure("index.bank", BOTH, "a bank of 8,000 sentences", "indexing.bank_part", "indexing.bank"),
    Figure("packed.one", PACKED, "512 in one text", "ablation.one_part", "ablation.one"),
    Figure("packed.four", PACKED, "512 in four", "ablation.four_part", "ablation.four"),
    Figure("packed.all", PACKED, "all 1,640 in four", "ablation.all_part", "ablation.all_positions"),
    Figure("features.ablations", ALL, "", "features.ablations_part", "features.ablations"),
    Figure("features.rest", ALL, "the rest of their scores", "features.rest_part", "features.rest"),
    Figure("score.beside", SCORE, "beside an idle assay ui", "scoring.beside"),
    Figure("score.alone", SCORE, "alone", "scoring.alone_part", "scoring.alone"),
    Figure("label.all", "`assay features label --all`", "", "features.label_part", "features.label"),
    Figure(
        "score.all",
        "`assay features score --all`",
        "",
        "features.score_all_part",
        "features.score_everything",
    ),
    Figure("start.import", "`import assay`", "", "startup.importing"),
    Figure("start.help", "`import assay`", "`assay --help`", "startup.helping"),
    Figure("edit.suite", None, "the thirteen benchmarks of the demo's edit", "edits.suite"),
    Figure("ratio.value", None, "value optimisation against whole passes", "ratios.value_optimisation"),
    Figure("ratio.facts", None, "facts optimised together against one by one", "ratios.facts_together"),
    Figure("ratio.probes", None, "probe reading against a pass an answer", "ratios.probe_reading"),
    Figure(
        "ratio.waiting",
        None,
        "an edit by a server that waits 200 ms against one that does not",
        "probes.part",
        "probes.whole",
    ),
)


def chosen(ids: str | None) -> tuple[Figure, ...]:
    """Those of these ids, with commas, in the table's order; all where none are named. Raises ValueError."""
    if ids is None:
        return FIGURES
    wanted = {id.strip() for id in ids.split(",") if id.strip()}
    unknown = wanted - {figure.id for figure in FIGURES}
    if unknown or not wanted:
        raise ValueError(f"no figure {', '.join(sorted(unknown)) or 'named'}; --list names them")
    return tuple(figure for figure in FIGURES if figure.id in wanted)
