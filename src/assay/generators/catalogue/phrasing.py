"""Grammar of slots: a name at the start of a sentence, inside one, and in the possessive."""

import re
from dataclasses import dataclass

SAFE_TO_LOWER = frozenset(
    {"the", "a", "an", "in", "on", "at", "by", "to", "from", "of", "if", "when", "where", "who", "what"}
    | {"which", "it", "this", "that", "people", "one", "most", "every"}
)
"""First words of a user's prompt that may be written small inside a sentence: never a name."""


@dataclass(frozen=True)
class Name:
    """A subject as it is written in sentences."""

    mid: str
    """Inside a sentence ("the Eiffel Tower")."""
    start: str
    """At the start of a sentence ("The Eiffel Tower")."""

    def fill(self, template: str) -> str:
        """``template`` with ``{s}`` and ``{p}`` filled, each in the form its place asks for."""

        def put(found: re.Match[str]) -> str:
            first = found.start() == 0 or re.search(r"[.?!:] $", template[: found.start()]) is not None
            name = self.start if first else self.mid
            return name if found[0] == "{s}" else possessive(name)

        return re.sub(r"\{s\}|\{p\}", put, template)

    def clause(self, template: str) -> str:
        """``template`` as it is written after "that": its first word small, unless that is the name."""
        if template.startswith(("{s}", "{p}")):
            head = self.mid if template.startswith("{s}") else possessive(self.mid)
            return head + self.fill("." + template[3:])[1:]
        return lower_first(self.fill(template))


def possessive(name: str) -> str:
    """ "France's", "the Beatles'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def lower_first(text: str) -> str:
    """``text`` with its first letter small."""
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """``text`` with its first letter large, the rest untouched."""
    return text[:1].upper() + text[1:]


def name_of(subject: str, prompt: str = "", lower_the: bool = False, common: bool = False) -> Name:
    """The forms of ``subject``; an article that stands before it in ``prompt`` is taken along."""
    subject = subject.strip()
    at = prompt.find(subject)
    if at > 0 and re.search(r"\b[Tt]he $", prompt[:at]) and not subject.lower().startswith("the "):
        return Name(mid=f"the {subject}", start=f"The {subject}")
    if subject.startswith("the ") or (subject.startswith("The ") and lower_the):
        return Name(mid=f"the {subject[4:]}", start=f"The {subject[4:]}")
    return Name(mid=subject, start=upper_first(subject) if common else subject)


def inside(prompt: str, name: Name) -> str:
    """A user's prompt as the second half of a sentence: first word small where that is safe."""
    if name.start != name.mid and prompt.startswith(name.start):
        return name.mid + prompt[len(name.start) :]
    first = prompt.split(" ", 1)[0]
    return (
        lower_first(prompt) if first.lower() in SAFE_TO_LOWER and not prompt.startswith(name.mid) else prompt
    )
