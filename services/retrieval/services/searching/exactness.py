"""Hits compared word for word: required phrases, identifiers first, equal texts as one hit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.typed_query import TypedQuery, stands_in
from services.retrieval.services.searching.ranking import Ranked

# An identifier in more hits than this tells them apart no better than a word does.
LIFTED_MAX = 5


def only_exact(
    query: TypedQuery, ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> list[Ranked]:
    """The hits in `texts`; where phrases are required, only hits that hold all of them."""
    known = [hit for hit in ranked if hit.passage_id in texts]
    if not query.strict:
        return known
    return [hit for hit in known if _holds_all(texts[hit.passage_id], query.phrases)]


def exact_first(
    query: TypedQuery, ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> list[Ranked]:
    """Puts hits that hold an identifier of the query before all others, where they are few."""
    exact = [hit for hit in ranked if exact_parts(query.identifiers, texts[hit.passage_id])]
    if not 0 < len(exact) <= LIFTED_MAX:
        return list(ranked)
    ids = {hit.passage_id for hit in exact}
    others = [hit for hit in ranked if hit.passage_id not in ids]
    shift = max(0.0, others[0].score - exact[-1].score) if others else 0.0
    return [replace(hit, score=hit.score + shift) for hit in exact] + others


def collapse(
    ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> tuple[list[Ranked], dict[str, list[FoundPassage]]]:
    """The first hit of each title and text, letter case and blanks aside; {its id: the others}."""
    kept: dict[str, Ranked] = {}
    others: dict[str, list[FoundPassage]] = {}
    for hit in ranked:
        found = texts[hit.passage_id]
        first = kept.setdefault(" ".join(found.passage.matched_text.lower().split()), hit)
        if first is not hit:
            others.setdefault(first.passage_id, []).append(found)
    return list(kept.values()), others


def exact_parts(parts: Sequence[str], found: FoundPassage) -> tuple[str, ...]:
    """The phrases or identifiers that stand in the passage."""
    return tuple(part for part in parts if stands_in(part, found.passage.matched_text))


def _holds_all(found: FoundPassage, phrases: Sequence[str]) -> bool:
    return len(exact_parts(phrases, found)) == len(phrases)
