"""Passages that read the same are one hit: the best of them, which names the others."""

from collections.abc import Mapping, Sequence

from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.ranking import Ranked


def collapse(
    ranked: Sequence[Ranked], texts: Mapping[str, FoundPassage]
) -> tuple[list[Ranked], dict[str, list[FoundPassage]]]:
    """The first of each title and text, letter case and blanks aside; {its id: the others}."""
    kept: dict[str, Ranked] = {}
    others: dict[str, list[FoundPassage]] = {}
    for hit in ranked:
        found = texts[hit.passage_id]
        first = kept.setdefault(" ".join(found.passage.matched_text.lower().split()), hit)
        if first is not hit:
            others.setdefault(first.passage_id, []).append(found)
    return list(kept.values()), others
