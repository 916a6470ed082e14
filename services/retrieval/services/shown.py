"""Leaves out what a graph of its own still holds of versions that are shown no more."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from services.retrieval.services.search_store import SearchStore


class OfVersion(Protocol):
    @property
    def document_id(self) -> str: ...

    @property
    def ordinal(self) -> int: ...


T = TypeVar("T", bound=OfVersion)


async def shown(store: SearchStore, tenant: str, found: Sequence[T]) -> list[T]:
    """A graph may lag behind the heads, which alone say what is shown."""
    documents = sorted({one.document_id for one in found})
    heads = await store.heads(tenant, documents) if documents else {}
    return [
        one
        for one in found
        if one.document_id in heads and heads[one.document_id].shows(one.ordinal)
    ]
