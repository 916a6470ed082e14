"""The neighbours of a hit joined to it where its section goes on, within a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contracts.ingestion.manifest import passage_id
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.ranking import Ranked
from services.retrieval.services.search_store import SearchStore

# Characters of a token, as the prompt's budget counts them too.
TOKEN_CHARACTERS = 4
# What lies between two passages is a blank, or a break that the text had.
_BLANK = 1


@dataclass(frozen=True, slots=True)
class Joined:
    """A hit with the text it is read with: the spans of `found` and `others` together."""

    hit: Ranked
    found: FoundPassage
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Joining:
    """Neighbours are of the hit's own version, so whoever may see the hit may see them."""

    store: SearchStore

    async def __call__(
        self,
        tenant: str,
        ranked: Sequence[Ranked],
        texts: Mapping[str, FoundPassage],
        limit: int,
        budget_tokens: int,
    ) -> list[Joined]:
        """The first `limit`; a hit that reads on from a better one becomes part of it, for free.

        Any other neighbour costs its characters of the budget, the best hits first.
        """
        if not budget_tokens:
            return [Joined(hit, texts[hit.passage_id]) for hit in ranked[:limit]]
        # Those that are joined to others make room for as many from further down.
        known = await self._known(tenant, ranked[: 2 * limit], texts)
        room, free = budget_tokens * TOKEN_CHARACTERS, {r.passage_id for r in ranked[:limit]}
        joined: list[Joined] = []
        taken: set[str] = set()
        for hit in ranked:
            if len(joined) == limit:
                break
            if hit.passage_id in taken:
                continue
            found, others = texts[hit.passage_id], []
            for other in (known[at] for at in _beside(found) if at in known and at not in taken):
                cost = 0 if other.passage.passage_id in free else len(other.passage.text)
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
    """The title holds the headings above: two passages of one section have the same."""
    return one.passage.title == other.passage.title


def _join(hit: Ranked, found: FoundPassage, others: Sequence[FoundPassage]) -> Joined:
    if not others:
        return Joined(hit, found)
    first, *rest = sorted((found.passage, *(o.passage for o in others)), key=lambda p: p.n)
    text, end = first.text, first.end
    for part in rest:
        text += (" " if part.start - end <= _BLANK else "\n\n") + part.text
        end = part.end
    whole = replace(found.passage, text=text, start=first.start, end=end, page=first.page)
    ids = tuple(o.passage.passage_id for o in others)
    return Joined(hit, replace(found, passage=whole), ids)
