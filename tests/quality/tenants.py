"""Three tenants who write the same words and names, and a plain account of who may see what."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from services.retrieval.models.document import Version
from services.retrieval.models.filter import matches
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.services.indexing.indexing import purge
from services.retrieval.services.ports import GraphStore, SearchStore
from tests.unit.retrieval.making import passage, version

TENANTS = ("acme", "rival", "third")
READERS = ("user:ann", "user:bob", "group:law", "group:tax", "group:it")
WORDS = ("harbour", "orchard", "invoice", "contract", "winter", "apples", "ship", "ledger")
NAMES = ("borealis", "kestrel", "juniper", "saffron", "meridian", "obsidian", "larkspur", "tundra")
PLACES = tuple(f"{name} {n}" for name in NAMES for n in range(4))
# Whoever sends one of these sees the others that he may see in `also_in`.
COPIED = tuple(f"{WORDS[n]} {WORDS[-n]} {NAMES[n]} as agreed" for n in range(4))
TAGS, YEARS, TEAMS = ("draft", "final", "old"), range(2019, 2025), ("north", "south")
DOCUMENTS, VERSIONS, PASSAGES = 18, 3, 2
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)

Filter = dict[str, Any]
Put = tuple[Version, list[IndexedPassage]]


@dataclass(frozen=True)
class Asking:
    """A principal of a tenant with a query and perhaps a filter."""

    tenant: str
    principal: tuple[str, ...]
    query: str
    filter: Filter | None


@dataclass
class Library:
    """`shown`: what each document's head shows; `hidden`: outdated or deleted, but still stored.

    There are so many different `filters`, each asked with again and again.
    """

    chance: random.Random
    filters: int
    shown: dict[tuple[str, str], Put] = field(default_factory=dict)
    hidden: list[Put] = field(default_factory=list)
    _filters: list[Filter] = field(default_factory=list)

    async def fill(self, store: SearchStore, graph: GraphStore | None) -> None:
        """Several versions of differing visibility; of each sixth document none is shown."""
        self._filters = [self._filter() for _ in range(self.filters)]
        # All dice are cast before anything waits, so that a seed gives one library.
        plans = [[(p, self.chance.random() < 0.5) for p in self._made(t)] for t in TENANTS]
        await asyncio.gather(*(self._put_all(store, graph, plan) for plan in plans))
        for tenant in TENANTS:
            for n in range(0, DOCUMENTS, 6):
                await store.hide(tenant, f"{tenant}-{n}", VERSIONS)
                self.hidden.append(self.shown.pop((tenant, f"{tenant}-{n}")))

    def seen_by(self, asking: Asking) -> dict[str, IndexedPassage]:
        """By passage id: what the heads show of the tenant, to this principal, in the filter."""
        inside = _inside(asking)
        return {p.passage.passage_id: p for p in _passages(self.shown.values(), inside)}

    def kept_from(self, asking: Asking) -> list[IndexedPassage]:
        """All else that is stored: of others, for other readers, outdated, deleted."""
        inside = _inside(asking)
        kept = _passages(self.shown.values(), lambda of: not inside(of))
        return [*kept, *_passages(self.hidden, lambda _: True)]

    def outdated_for(self, asking: Asking) -> list[IndexedPassage]:
        """What a graph that lags behind the heads may still count."""
        return list(_passages(self.hidden, _inside(asking)))

    def asking(self) -> Asking:
        chance, tenant = self.chance, self.chance.choice(TENANTS)
        words = chance.choices((*WORDS, *NAMES), k=chance.randint(1, 3))
        if chance.random() < 0.3:
            words.append(_mark(chance.choice(TENANTS), chance.randrange(DOCUMENTS)))
        principal = tuple(chance.sample(READERS, chance.randint(0, 2)))
        wanted = chance.choice(self._filters) if chance.random() < 0.3 else None
        return Asking(tenant, principal, " ".join(words), wanted)

    def _made(self, tenant: str) -> list[Put]:
        places = product(range(1, VERSIONS + 1), range(DOCUMENTS))
        return [self._version(tenant, n, ordinal) for ordinal, n in places]

    def _version(self, tenant: str, n: int, ordinal: int) -> Put:
        chance = self.chance
        readers = None if chance.random() < 0.3 else chance.sample(READERS, chance.randint(0, 3))
        one = replace(
            version(tenant, f"{tenant}-{n}", ordinal, None if readers is None else tuple(readers)),
            name=f"{chance.choice(WORDS)}-{n}.md",
            created_at=FIRST_DAY + timedelta(days=chance.randrange(100)),
            tags=tuple(chance.sample(TAGS, chance.randint(0, 2))),
            metadata={"year": chance.choice(YEARS), "team": chance.choice(TEAMS)},
        )
        return one, [self._passage(one, n, at) for at in range(PASSAGES)]

    def _passage(self, of: Version, n: int, at: int) -> IndexedPassage:
        chance = self.chance
        words = " ".join(chance.choices((*WORDS, *NAMES), k=6))
        copied = at > 0 and chance.random() < 0.4
        text = chance.choice(COPIED) if copied else f"{_mark(of.tenant, n)} {words}"
        about = (PLACES[(n + at) % len(PLACES)],)
        return replace(
            passage(of.document_id, of.ordinal, at, text),
            mentions=tuple(chance.sample(PLACES, 3)),
            about=about,
        )

    async def _put_all(
        self, store: SearchStore, graph: GraphStore | None, plan: Sequence[tuple[Put, bool]]
    ) -> None:
        for put, purged in plan:
            await self._put(store, graph, put, purged)

    async def _put(
        self, store: SearchStore, graph: GraphStore | None, put: Put, purged: bool
    ) -> None:
        """As indexing does, except that some leave their outdated versions where they are."""
        of, passages = put
        key = (of.tenant, of.document_id)
        await store.index(of, passages)
        if graph is not None:
            await graph.index(of, passages)
        await store.promote(*key, of.ordinal)
        if key in self.shown:
            self.hidden.append(self.shown[key])
        self.shown[key] = put
        if purged:
            await purge(store, graph, *key)
            self.hidden = [one for one in self.hidden if one[0].document_id != of.document_id]

    def _filter(self) -> Filter:
        """Every kind of condition, alone, turned round, or two together."""
        chance = self.chance
        one, other = self._condition(), self._condition()
        return chance.choice([one, one, {"not": one}, {"or": [one, other]}, {"and": [one, other]}])

    def _condition(self) -> Filter:
        chance = self.chance
        year, day = chance.choice(YEARS), FIRST_DAY + timedelta(days=chance.randrange(100))
        tenant, n = chance.choice(TENANTS), chance.randrange(DOCUMENTS)
        conditions: list[Filter] = [
            {"field": "tags", "eq": chance.choice(TAGS)},
            {"field": "tags", "in": chance.sample(TAGS, 2)},
            {"field": "metadata.year", "range": {"gte": year}},
            {"field": "metadata.team", "eq": chance.choice(TEAMS)},
            {"field": "created_at", "range": {"lt": day.isoformat()}},
            {"field": "name", "prefix": chance.choice(WORDS)},
            {"field": "document_id", "in": [f"{tenant}-{n}", f"{tenant}-{n + 1}"]},
        ]
        return chance.choice(conditions)


def _mark(tenant: str, n: int) -> str:
    """A word that stands in one document only, whose tenant it names."""
    return f"{tenant}{n}"


def _inside(asking: Asking) -> Callable[[Version], bool]:
    wanted = None if asking.filter is None else read_filter(asking.filter)

    def inside(of: Version) -> bool:
        open_to = of.visibility is None or not set(of.visibility).isdisjoint(asking.principal)
        return of.tenant == asking.tenant and open_to and (wanted is None or matches(wanted, of))

    return inside


def _passages(puts: Iterable[Put], wanted: Callable[[Version], bool]) -> Iterator[IndexedPassage]:
    return (p for of, passages in puts if wanted(of) for p in passages)
