"""Hides a deleted document at once, then removes what it left in the store."""

from dataclasses import dataclass

from services.retrieval.services.search_store import SearchStore


@dataclass(frozen=True)
class Forgetting:
    """A tombstone of the id and the ordinal stays, so that late messages bring nothing back."""

    store: SearchStore

    async def __call__(self, tenant: str, document_id: str, ordinal: int) -> None:
        await self.store.bury(tenant, document_id, ordinal)
        await self.store.purge(tenant, document_id)
