"""The words of a prompt: its subject masked, its own sentence, cues in it, small and capital letters."""

import re


def masked(prompt: str, subject: str) -> str:
    """The prompt in lower case with the subject as ``@``, articles before it and end marks dropped."""
    found = re.sub(re.escape(subject.strip()), "@", prompt, count=1, flags=re.IGNORECASE)
    text = " ".join(own_sentence(found).lower().split())
    text = re.sub(r"\bthe @", "@", text).replace("@' ", "@'s ")
    return text.rstrip(" .:,") if text.rstrip(" .:,") != "@" else text


def own_sentence(text: str) -> str:
    """``text`` from the sentence with ``@`` on: what stands before it is about something else."""
    at = text.find("@")
    ends = [m.end() for m in re.finditer(r"(?:[a-z0-9)\]\"'”]{2}[.!?]|\n)\s+", text) if m.end() <= at]
    return text[ends[-1] :] if ends else text


def has_cue(text: str, cue: str) -> bool:
    """A cue that starts with the subject must be the whole prompt: "@ is a" says little inside more words."""
    return text == cue if cue[0] == "@" else re.search(rf"(?<!\w){re.escape(cue)}", text) is not None


def is_small(name: str) -> bool:
    """Whether a name is written small, an article before it aside."""
    return name.strip().removeprefix("the ").removeprefix("The ")[:1].islower()
