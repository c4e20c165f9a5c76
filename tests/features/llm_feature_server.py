"""The scripted server for what is asked about features and texts: labels, sentences, marks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llm_server import QUICK, Call, Reply, Script, Server, said

from assay.generators.llm.author import Author, author
from assay.generators.llm.prompts import alone
from assay.generators.means import Means
from assay.settings import LlmSettings

PURPOSES = ("label", "relabel", "sentences", "judge")


class FeatureServer(Server):
    """Knows the prompts that stand alone."""

    def purpose_of(self, told: str) -> str:
        return next(p for p in PURPOSES if alone(p).text in told)

    def author(self, settings: LlmSettings = QUICK, asked_for: str = "labels", **more: Any) -> Author:
        """The model behind it."""
        return author("llm:scripted", Means(base_url=self.base_url, llm=settings, **more), asked_for)


@contextmanager
def asked(script: Script) -> Iterator[FeatureServer]:
    """A server while the block lasts."""
    with FeatureServer(script) as server:
        assert isinstance(server, FeatureServer)
        yield server


def proposing(*labels: str) -> Script:
    """A model that has the same labels for every feature."""
    return lambda call: said({"labels": list(labels)})


WORDS = (
    "amber",
    "brave",
    "calm",
    "dusty",
    "early",
    "faint",
    "grand",
    "happy",
    "idle",
    "jolly",
    "keen",
    "lofty",
)
MORE = (
    "merry",
    "noble",
    "olive",
    "quiet",
    "rapid",
    "sharp",
    "tidy",
    "upper",
    "vivid",
    "warm",
    "young",
    "plain",
)

Sentence = Callable[[str], str]


def writing(matching: Sentence, other: Sentence, near: Sentence) -> Script:
    """A model that writes as many good sentences as it is asked for, none of those that it wrote before."""
    makers: Mapping[str, Sentence] = {"matching": matching, "other": other, "near": near}

    def script(call: Call) -> Reply:
        kept: Sequence[str] = call.data.get("again", {}).get("kept", ())
        answer: dict[str, list[str]] = {axis: [] for axis in makers}
        for axis, n in call.data["counts"].items():
            found = (makers[axis](word) for word in (*WORDS, *MORE))
            answer[axis] = [text for text in found if text not in kept][:n]
        return said(answer)

    return script
