"""Removes what a document's head has outdated, from the search store and the graph beside."""

from services.retrieval.services.graph_store import GraphStore
from services.retrieval.services.search_store import SearchStore


async def purge(
    store: SearchStore, graph: GraphStore | None, tenant: str, document_id: str
) -> None:
    """Without a graph beside it the search store keeps names itself, if any."""
    await store.purge(tenant, document_id)
    if graph is None:
        return
    head = (await store.heads(tenant, [document_id])).get(document_id)
    if head is not None:
        await graph.purge(tenant, document_id, head)
