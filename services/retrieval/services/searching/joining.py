"""Joins a hit with its neighbours where its section goes on, within a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contracts.ingestion.manifest import passage_id
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.ports import SearchStore
from services.retrieval.services.searching.ranking import Ranked
from shared.tokens import estimated_tokens

# Characters between two passages of one paragraph; more are a break.
_BLANK = 1


@dataclass(frozen=True, slots=True)
class Joined:
    """A hit; `found` holds its text and span together with those of the passages `others`."""

    hit: Ranked
    found: FoundPassage
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Joining:
    """Neighbours belong to the hit's own version, so whoever may see the hit may see them."""

    store: SearchStore

    async def join(
        self,
        tenant: str,
        ranked: Sequence[Ranked],
        texts: Mapping[str, FoundPassage],
        limit: int,
        budget_tokens: int,
    ) -> list[Joined]:
        """The first `limit`; a hit that reads on from a better one becomes part of it, for free.

        Any other neighbour takes its tokens from the budget, the best hits first. Raises
        Unavailable.
        """
        if not budget_tokens:
            return [Joined(hit, texts[hit.passage_id]) for hit in ranked[:limit]]
        # A hit that becomes part of another makes room for one from further down.
        known = await self._known(tenant, ranked[: 2 * limit], texts)
        room, free = budget_tokens, {hit.passage_id for hit in ranked[:limit]}
        joined: list[Joined] = []
        taken: set[str] = set()
        for hit in ranked:
            if len(joined) == limit:
                break
            if hit.passage_id in taken:
                continue
            found, others = texts[hit.passage_id], []
            for other in (known[at] for at in _beside(found) if at in known and at not in taken):
                passage = other.passage
                cost = 0 if passage.passage_id in free else estimated_tokens(passage.text)
                if _reads_on(found, other) and cost <= room:
                    room -= cost
                    others.append(other)
            taken |= {hit.passage_id, *(other.passage.passage_id for other in others)}
            joined.append(_join(hit, found, others))
        return joined

    async def _known(
        self, tenant: str, first: Sequence[Ranked], texts: Mapping[str, FoundPassage]
    ) -> dict[str, FoundPassage]:
        """The passages themselves and their neighbours, in one read."""
        wanted = {at for hit in first for at in _beside(texts[hit.passage_id])} - texts.keys()
        read = await self.store.passages(tenant, sorted(wanted)) if wanted else {}
        return {**texts, **read}


def _beside(found: FoundPassage) -> list[str]:
    """The ids before and after it in its version, whether there are such passages or not."""
    n = found.passage.n
    return [passage_id(found.document_id, found.ordinal, at) for at in (n - 1, n + 1)]


def _reads_on(one: FoundPassage, other: FoundPassage) -> bool:
    """The title holds the headings above: two passages of one section have the same.

    They stand on one page too, so that a citation of the whole names the page of its words.
    """
    return (one.passage.title, one.passage.page) == (other.passage.title, other.passage.page)


def _join(hit: Ranked, found: FoundPassage, others: Sequence[FoundPassage]) -> Joined:
    if not others:
        return Joined(hit, found)
    first, *rest = sorted((found.passage, *(o.passage for o in others)), key=lambda p: p.n)
    text, end = first.text, first.end
    for part in rest:
        both = part.text[: max(0, end - part.start)]
        if both and text.endswith(both):
            # Passages may overlap (docs/chunking.md): what both hold is told once.
            text += part.text[len(both) :]
            end = part.end
            continue
        # A row of a table must begin a line to be one.
        blank = "\n" if part.text.startswith("|") else " "
        text += (blank if part.start - end <= _BLANK else "\n\n") + part.text
        end = part.end
    whole = replace(found.passage, text=text, start=first.start, end=end, page=first.page)
    ids = tuple(o.passage.passage_id for o in others)
    return Joined(hit, replace(found, passage=whole), ids)
