"""What came of a language model's labels, in a terminal of 80 columns."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from assay.generators.llm.price import priced
from assay.report.lines import heading, joined, paragraph
from assay.report.text import one_line
from assay.report.words import number

Json = Mapping[str, Any]
SHOWN = 20
"""Features that are told one by one; of more there is a summary."""
_LABEL = 60
_WIDTH = 74


def render_naming(document: Json, console: Console) -> None:
    """Print what ``assay features label --generator llm:MODEL --json`` gives."""
    features = document["features"]
    if len(features) <= SHOWN:
        for one in features:
            for line in _feature(one):
                console.print(line)
    for line in _summary(document):
        console.print(line)


def cost_words(by: Json) -> str:
    """How much was asked of a language model."""
    answers = "1 answer" if by["answers"] == 1 else f"{by['answers']:,} answers"
    tokens = f"{by['tokens_in']:,} tokens in, {by['tokens_out']:,} out"
    return f"{answers}, {tokens}{priced(by.get('dollars'))}"


def written_lines(made: Json | None) -> Iterator[Text | Padding]:
    """Who wrote a feature's sentences and what became of them; nothing for those of the corpus."""
    if not made:
        return
    yield heading("Who wrote the sentences", f"{model_name(made, 60)}, from the label alone")
    for line in joined(written_words(made), _WIDTH):
        yield paragraph(line)


def model_name(by: Json, limit: int = 80) -> str:
    """``llm:MODEL`` of who was asked."""
    return one_line(f"{by['generator']}:{by['model']}", limit)


def written_words(made: Json) -> list[str]:
    """What became of the sentences that a language model wrote for a label, in a few words each."""
    names = {"matching": "for the label", "other": "not for it", "near": "close to it"}
    kept = [f"{made['accepted'][key]} of {made['wanted']} {name}" for key, name in names.items()]
    turns = made["asked_again"]
    often = {0: "not asked again", 1: "asked again once"}.get(turns, f"asked again {turns} times")
    words = [*kept, f"{len(made['rejected'])} rejected", often]
    words += [f"{n} rejected: {reason}" for reason, n in made["reasons"].items()]
    words.append(cost_words(made))
    corpus = made.get("on_corpus") or {}
    if corpus.get("score") is not None:
        words.append(f"InterpScore on corpus sentences {corpus['score']:.0%}, n {corpus['n']}")
    return words


def _feature(one: Json) -> Iterator[Text | Padding]:
    kept, present = one["kept"], one["present"]
    line = Text(str(one["feature"]), style="bold")
    line.append(f"  {one_line((kept or {}).get('label') or present or '-', 300)}", style="not bold")
    yield line
    if kept is not None:
        old = number(one["present_interp"]) if one["present_interp"] is not None else "not to be judged"
        was = f"; before: {one_line(present, _LABEL)}, {old}" if present else ""
        yield paragraph(f"new: InterpScore {number(kept['figures']['interp'])} on held-out sentences{was}")
    else:
        yield paragraph(f"stays: {one['reason']}" if present else f"no label: {one['reason']}")
    label = (kept or {}).get("label")
    tried = [
        f"{one_line(c['label'], _LABEL)} {number(c['interp'])}"
        for c in one["candidates"]
        if c["label"] != label
    ]
    tried += [f"{one_line(r['text'], _LABEL)}: {r['reason']}" for r in one["refused"]]
    for words in joined(tried, _WIDTH):
        yield Padding(Text(words, style="dim"), (0, 2, 0, 4))


def _summary(document: Json) -> Iterator[Text | Padding]:
    features, by = document["features"], document["generator"]
    kept = sum(one["kept"] is not None for one in features)
    yield Text(f"{kept:,} of {len(features):,} features have a new label")
    words = f"{by['generator']}:{by['model']} · {cost_words(by)}"
    yield Padding(Text(one_line(words, 300), style="dim"), (0, 2, 0, 2))
    if len(features) <= SHOWN:
        return
    reasons: dict[str, int] = {}
    for one in features:
        if one["reason"]:
            reasons[one["reason"]] = reasons.get(one["reason"], 0) + 1
    for reason, n in sorted(reasons.items(), key=lambda pair: -pair[1])[:8]:
        yield paragraph(f"{n:,}: {reason}")
