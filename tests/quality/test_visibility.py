"""Random queries of random principals over three tenants, all legs on: nothing forbidden is found.

RAGOPS_VISIBILITY_QUERIES=10000 is the full count.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.envelope import Context
from contracts.retrieval.search_requested import SearchRequestedV1
from services.retrieval.services.reranking import Breaker, Reranker
from services.retrieval.services.search import Search
from services.retrieval.services.spending import Meter
from services.retrieval.store.sqlite.store import SqliteSearchStore, open_sqlite
from tests.unit.retrieval.fakes import FakeModel, FakePublisher
from tests.unit.retrieval.making import MAPPING, passage, version

QUERIES = int(os.environ.get("RAGOPS_VISIBILITY_QUERIES", "300"))
TENANTS = ("acme", "rival", "third")
READERS = ("user:ann", "user:bob", "group:law", "group:tax", "group:it")
WORDS = ("harbour", "orchard", "invoice", "contract", "winter", "apples", "ship", "ledger")
DOCUMENTS, VERSIONS = 60, 3


@dataclass
class Library:
    """Who may see each (tenant, document) at this moment; None: the whole tenant."""

    store: SqliteSearchStore
    chance: random.Random
    readers: dict[tuple[str, str], tuple[str, ...] | None]

    async def fill(self) -> None:
        """Several versions each, of differing visibility: the last one counts."""
        for ordinal in range(1, VERSIONS + 1):
            for tenant in TENANTS:
                for n in range(DOCUMENTS):
                    await self._put(tenant, f"{tenant}-{n}", ordinal)

    async def _put(self, tenant: str, document_id: str, ordinal: int) -> None:
        some = self.chance.sample(READERS, self.chance.randint(0, 3))
        readers = None if self.chance.random() < 0.3 else tuple(some)
        passages = [
            replace(
                passage(document_id, ordinal, n, " ".join(self.chance.choices(WORDS, k=6))),
                mentions=tuple(self.chance.sample(WORDS, 2)),
                about=(self.chance.choice(WORDS) + str(n),) if n else (self.chance.choice(WORDS),),
            )
            for n in range(2)
        ]
        await self.store.index(version(tenant, document_id, ordinal, readers), passages)
        await self.store.promote(tenant, document_id, ordinal)
        await self.store.purge(tenant, document_id)
        self.readers[tenant, document_id] = readers

    def allowed(self, tenant: str, document_id: str, principal: Sequence[str]) -> bool:
        if (tenant, document_id) not in self.readers:
            return False
        readers = self.readers[tenant, document_id]
        return readers is None or not set(readers).isdisjoint(principal)


async def test_no_query_finds_what_its_principal_may_not_see(tmp_path: Path) -> None:
    chance = random.Random(7)
    model = FakeModel()
    reranker = Reranker(model, "test.reranker", 5.0, Breaker())
    async with open_sqlite(tmp_path, MAPPING) as store:
        library = Library(store, chance, {})
        await library.fill()
        meter = Meter(FakePublisher())
        search = Search(store, model, MAPPING, meter, reranker, graph=store)
        seen: set[bool] = set()
        for n in range(QUERIES):
            tenant, principal = chance.choice(TENANTS), chance.sample(READERS, chance.randint(0, 2))
            request = SearchRequestedV1(
                query=" ".join(chance.choices(WORDS, k=chance.randint(1, 3))),
                limit=100,
                legs=("bm25", "dense", "graph", "rerank"),
                visible_to=tuple(principal),
            )
            answer = await search(request, Context(tenant=tenant, causation_id=str(n)))
            assert set(answer.legs.values()) == {"applied"}
            for hit in answer.hits:
                assert library.allowed(tenant, hit.document_id, principal), (n, hit.document_id)
                assert hit.ordinal == VERSIONS
                seen.add(hit.explain.graph is not None)
        assert seen == {True, False}
