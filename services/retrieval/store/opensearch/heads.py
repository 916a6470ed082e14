"""The one head record per document: an OpenSearch document whose version number is the head."""

from collections.abc import Sequence

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConflictError

from services.retrieval.models.document import Head
from services.retrieval.store.opensearch.passage_source import document_key


async def move(
    client: AsyncOpenSearch, index: str, tenant: str, document_id: str, head: Head
) -> bool:
    """Compare-and-set in one request; false when the record says more already.

    OpenSearch compares the numbers given here: a version's tombstone is one above the version, and
    the next version is above both. An equal one is taken again and changes nothing.
    """
    try:
        await client.index(
            index=index,
            id=document_key(tenant, document_id),
            body={
                "tenant": tenant,
                "document_id": document_id,
                "ordinal": head.ordinal,
                "live": head.live,
            },
            routing=tenant,
            version=2 * head.ordinal + (not head.live),
            version_type="external_gte",
        )
    except ConflictError:
        return False
    return True


async def read(
    client: AsyncOpenSearch, index: str, tenant: str, document_ids: Sequence[str]
) -> dict[str, Head]:
    """A multi-get sees every write that has returned, refreshed or not."""
    if not document_ids:
        return {}
    ids = [document_key(tenant, document_id) for document_id in dict.fromkeys(document_ids)]
    answer = await client.mget(index=index, body={"ids": ids}, routing=tenant)
    sources = [record["_source"] for record in answer["docs"] if record.get("found")]
    return {source["document_id"]: Head(source["ordinal"], source["live"]) for source in sources}
