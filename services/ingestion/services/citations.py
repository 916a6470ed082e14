"""How often each document was cited, so that owners see which ones are used."""

from collections.abc import Collection
from dataclasses import dataclass

from services.ingestion.store.registry import Registry


@dataclass(frozen=True)
class CountCitations:
    registry: Registry

    async def __call__(self, tenant: str, turn_id: str, documents: Collection[str]) -> None:
        if documents:
            await self.registry.count_citations(tenant, turn_id, documents)
