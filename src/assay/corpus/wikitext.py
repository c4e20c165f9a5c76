"""Prose out of a MediaWiki dump: enough to read it as text, not a parser of its markup."""

import re
from collections.abc import Iterator
from html import unescape

SHORTEST = 200
"""Characters; shorter paragraphs are list items and captions rather than prose."""

PAGE = re.compile(r"<text[^>]*>(.*?)</text>", re.DOTALL)
INNERMOST = re.compile(r"\{\{[^{}]*\}\}|\{\|.*?\|\}", re.DOTALL)
REMOVED = re.compile(r"<!--.*?-->|<ref[^>]*/>|<(ref|math|gallery|pre|code)\b.*?</\1>|<[^>]+>", re.DOTALL)
MEDIA = re.compile(r"\[\[(?:File|Image|Category):(?:[^\[\]]|\[\[[^\[\]]*\]\])*\]\]", re.IGNORECASE)
LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]")
OUTSIDE = re.compile(r"\[https?://\S+ ?([^\]]*)\]")
LINE_MARKS = ("=", "*", "#", ":", ";", "|", "!", "{", "}")
"""A line that starts so is a heading, a list item or part of a table."""


def articles(xml: str) -> Iterator[str]:
    """The paragraphs of all pages, redirects left out."""
    for page in PAGE.findall(xml):
        if not page.startswith("#"):
            yield from paragraphs(unescape(page))


def paragraphs(wikitext: str) -> Iterator[str]:
    """The paragraphs of one page that are prose."""
    text = REMOVED.sub(" ", wikitext)
    while (thinner := INNERMOST.sub(" ", text)) != text:  # templates stand inside templates
        text = thinner
    text = OUTSIDE.sub(r"\1", LINK.sub(r"\1", MEDIA.sub(" ", text)))
    text = unescape(text.replace("'''", "").replace("''", ""))
    for line in text.splitlines():
        line = re.sub(r"\s+", " ", line).strip()
        line = re.sub(r"\(\s*[,;]?\s*\)\s?", "", line)  # what a removed template leaves behind
        if len(line) >= SHORTEST and not line.startswith(LINE_MARKS):
            yield line
