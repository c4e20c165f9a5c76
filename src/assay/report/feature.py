"""One feature in a terminal of 80 columns: how often it fires, on what, and what it writes."""

from collections.abc import Iterator, Mapping, Sequence
from math import log1p
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from assay.report.lines import NAME, fitting, heading, named, sentence_line, small_share
from assay.report.strip import block
from assay.report.text import one_line, token
from assay.report.words import number, signed


def render_feature(document: Mapping[str, Any], console: Console) -> None:
    """Print what ``assay features show`` shows of ``feature_document``'s dict."""
    for line in (*_header(document), *_writes(document), *_sentences(document)):
        console.print(line)


def _header(document: Mapping[str, Any]) -> Iterator[Rule | Text]:
    sae, n = document["sae"], document["corpus"]["tokens"]
    title = Text(f"feature {document['feature']}")
    about = f"  of {sae['features']:,} at layer {sae['layer']}, {sae['id']}"
    title.append(one_line(about, 60), style="dim")
    yield Rule(title, align="left", style="dim")
    labels = document.get("labels") or ()
    for at, label in enumerate(reversed(labels)):
        words = f"{one_line(label['label'], 40)} ({label['source']}, {label['at'][:10]})"
        yield named("" if at else "label", words)
    if document["dead"]:
        yield Text(f"  It fires on none of {n:,} tokens of {one_line(document['corpus']['name'], 30)}.")
        return
    often = f"{document['n_tokens']:,} of {n:,} tokens, {small_share(document['density'])}"
    yield named("fires on", often + (": dense" if document["dense"] else ""))
    yield named("strength", f"mean {number(document['mean'])}, largest {number(document['max'])}")
    quantiles = [f"{row['share']:.0%} {number(row['value'])}" for row in document["quantiles"]]
    yield named("quantiles", fitting(quantiles))
    counts = document["histogram"]["counts"]
    bars = _bars(counts)
    yield named("histogram", f"0 {bars} {number(document['max'])}")
    told = f"tokens in {len(counts)} equal bins; heights are logarithms, full = {max(counts):,}"
    yield Text(f"  {'':{NAME}} {told}", style="dim")


def _writes(document: Mapping[str, Any]) -> Iterator[Text]:
    for name, key in (("promotes", "promoted"), ("suppresses", "suppressed")):
        if document[key] is not None:
            words = [f"{token(row['token'])} {signed(row['logit'])}" for row in document[key]]
            yield named(name, fitting(words))
    if document["nearest"] is not None:
        nearest = [f"{row['feature']} ({number(row['cosine'])})" for row in document["nearest"]]
        yield named("nearest", fitting(nearest))


def _sentences(document: Mapping[str, Any]) -> Iterator[Text]:
    if document["dead"]:
        return
    yield heading("Top sentences", "largest activation, ⟦its token⟧")
    for sentence in document["top"]:
        yield sentence_line(sentence)
    yield heading("Over its whole range", "drawn from each tenth, the weakest first")
    for tenth in document["deciles"]:
        for sentence in tenth:
            yield sentence_line(sentence)


def _bars(counts: Sequence[int]) -> str:
    """A height for each bin; what is not empty shows."""
    full = log1p(max(counts))
    return "".join(block(max(log1p(count), full / 8) if count else 0.0, full) for count in counts)
