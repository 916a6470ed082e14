"""Hides a deleted document at once, then removes what it left in the store."""

from dataclasses import dataclass

from services.retrieval.services.graph_store import GraphStore
from services.retrieval.services.purging import purge
from services.retrieval.services.search_store import SearchStore


@dataclass(frozen=True)
class Forgetting:
    """A tombstone of the id and the ordinal stays, so that late messages bring nothing back."""

    store: SearchStore
    graph: GraphStore | None = None

    async def __call__(self, tenant: str, document_id: str, ordinal: int) -> None:
        await self.store.bury(tenant, document_id, ordinal)
        await purge(self.store, self.graph, tenant, document_id)
