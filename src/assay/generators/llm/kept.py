"""Answers on disk: the same question to the same model with the same seed is asked once.

A file's name is a hash of everything that could change the answer; a key is none of it. A run that failed half way
goes on with what it has. That a model found no answer of the right form can be kept as well.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.runs.trouble import explained_files
from assay.runs.whole import written_whole

FORMAT = 1
"""Of the files; raised when older ones must not be read."""


@dataclass(frozen=True)
class Answer:
    """One answer of the right form, and what it cost."""

    value: Mapping[str, Any]
    tokens_in: int
    tokens_out: int
    dropped: int = 0
    """Items of another form, left out."""
    unfit: str | None = None
    """Why there is no answer of the right form; None where there is one."""


@dataclass(frozen=True)
class Kept:
    """The folder of answers; None keeps nothing."""

    folder: Path | None

    def read(self, question: Mapping[str, Any]) -> Answer | None:
        """The kept answer, or None; a file that cannot be read is as good as none."""
        if self.folder is None:
            return None
        try:
            found = json.loads(self._file(question).read_text(encoding="utf-8"))
            tokens_in, tokens_out = found["tokens"]
            dropped, unfit = int(found.get("dropped", 0)), found.get("unfit")
            if unfit is not None and not isinstance(unfit, str):
                return None
            return Answer(dict(found["answer"]), int(tokens_in), int(tokens_out), dropped, unfit)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, question: Mapping[str, Any], answer: Answer) -> None:
        """Keep an answer; it is there whole or not at all, also when two processes write it."""
        if self.folder is None:
            return
        file = self._file(question)
        tokens = [answer.tokens_in, answer.tokens_out]
        kept: dict[str, Any] = {"question": question, "answer": answer.value, "tokens": tokens}
        if answer.dropped:
            kept["dropped"] = answer.dropped
        if answer.unfit is not None:
            kept["unfit"] = answer.unfit
        text = json.dumps(kept, indent=1)
        with explained_files(file):
            self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as draft:
            draft.write_text(text + "\n", encoding="utf-8")

    def _file(self, question: Mapping[str, Any]) -> Path:
        assert self.folder is not None
        text = json.dumps({"format": FORMAT, **question}, sort_keys=True)
        return self.folder / f"{sha256(text.encode()).hexdigest()[:40]}.json"
