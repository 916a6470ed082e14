"""Hits compared word for word: required phrases, identifiers, equal texts as one hit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.typed_query import TypedQuery, holds, stands_in
from services.retrieval.services.searching.ranking import DEPTH, Ranked

# An identifier in more hits than this tells them apart no better than a word does.
LIFTED_MAX = 5
# What a hit gains that holds an identifier, as a share of the span of the first DEPTH scores.
LIFT = 0.2
_FIRST_WORDS = 8


def only_exact(
    query: TypedQuery, ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> list[Ranked]:
    """The hits in `texts`; where phrases are required, only hits that hold all of them."""
    known = [hit for hit in ranked if hit.passage_id in texts]
    if not query.strict:
        return known
    return [hit for hit in known if _holds_all(texts[hit.passage_id], query.phrases)]


def exact_lifted(
    query: TypedQuery, ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> list[Ranked]:
    """Lifts hits that hold an identifier of the query, where few of the first DEPTH do."""
    first = ranked[:DEPTH]
    exact = {
        hit.passage_id
        for hit in first
        if any(holds(one, texts[hit.passage_id].passage.matched_text) for one in query.identifiers)
    }
    if not 0 < len(exact) <= LIFTED_MAX:
        return list(ranked)
    gain = LIFT * (first[0].score - first[-1].score)
    lifted = [
        replace(hit, score=hit.score + gain) if hit.passage_id in exact else hit for hit in ranked
    ]
    return sorted(lifted, key=lambda hit: (-hit.score, hit.passage_id))


def collapse(
    ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> tuple[list[Ranked], dict[str, list[FoundPassage]]]:
    """The first hit of each title and text, letter case and blanks aside; {its id: the others}."""
    read = [texts[hit.passage_id].passage.matched_text for hit in ranked]
    # Few passages begin alike, so few have to be read to their end.
    begun = [" ".join(text.split(None, _FIRST_WORDS)[:_FIRST_WORDS]).lower() for text in read]
    alike = Counter(begun)
    kept: dict[str, Ranked] = {}
    others: dict[str, list[FoundPassage]] = {}
    for hit, text, beginning in zip(ranked, read, begun, strict=True):
        whole = beginning if alike[beginning] == 1 else " ".join(text.lower().split())
        first = kept.setdefault(whole, hit)
        if first is not hit:
            others.setdefault(first.passage_id, []).append(texts[hit.passage_id])
    return list(kept.values()), others


def exact_parts(query: TypedQuery, found: FoundPassage) -> tuple[str, ...]:
    """The query's phrases and identifiers that stand in the passage."""
    text = found.passage.matched_text
    phrases = [phrase for phrase in query.phrases if stands_in(phrase, text)]
    return (*phrases, *(one for one in query.identifiers if holds(one, text)))


def _holds_all(found: FoundPassage, phrases: Sequence[str]) -> bool:
    return all(stands_in(phrase, found.passage.matched_text) for phrase in phrases)
