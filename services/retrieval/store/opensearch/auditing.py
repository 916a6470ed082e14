"""What OpenSearch holds of each document: heads and passages, a page at a time."""

from collections import defaultdict
from typing import Any

from opensearchpy import AsyncOpenSearch

from services.retrieval.models.document import Head
from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.store.opensearch.indices import Indices

# More versions of one document are never held: all but the newest are purged.
_VERSIONS_MAX = 1000
Body = dict[str, Any]


async def holdings(
    client: AsyncOpenSearch, indices: Indices, tenant: str, page: Page
) -> list[Held]:
    """Refreshes first, so that the searches see every write that has returned."""
    await client.indices.refresh(index=f"{indices.heads},{indices.passages}")
    size = len(page.ids) or page.limit
    answer = await client.search(
        index=indices.heads, body=_heads(tenant, page, size), routing=tenant
    )
    heads = {
        one["document_id"]: Head(one["ordinal"], one["live"])
        for one in (hit["_source"] for hit in answer["hits"]["hits"])
    }
    answer = await client.search(
        index=indices.passages, body=_passages(tenant, page, size), routing=tenant
    )
    versions: dict[str, list[HeldVersion]] = defaultdict(list)
    for bucket in answer["aggregations"]["documents"]["buckets"]:
        of = versions[bucket["key"]["document_id"]]
        of += [HeldVersion(one["key"], one["doc_count"]) for one in bucket["ordinals"]["buckets"]]
    found = sorted(heads.keys() | versions.keys())[:size]
    return [Held(of, heads.get(of), tuple(versions.get(of, ()))) for of in found]


def _within(tenant: str, page: Page) -> Body:
    which: Body = {"range": {"document_id": {"gt": page.after}}}
    if page.ids:
        which = {"terms": {"document_id": list(page.ids)}}
    return {"bool": {"filter": [{"term": {"tenant": tenant}}, which]}}


def _heads(tenant: str, page: Page, size: int) -> Body:
    return {"size": size, "query": _within(tenant, page), "sort": [{"document_id": "asc"}]}


def _passages(tenant: str, page: Page, size: int) -> Body:
    """Passages by document and version: a bucket a document, in the order of their ids."""
    by_id = {"document_id": {"terms": {"field": "document_id"}}}
    ordinals = {"field": "ordinal", "size": _VERSIONS_MAX, "order": {"_key": "asc"}}
    documents: Body = {
        "composite": {"size": size, "sources": [by_id]},
        "aggs": {"ordinals": {"terms": ordinals}},
    }
    return {"size": 0, "query": _within(tenant, page), "aggs": {"documents": documents}}


def version(tenant: str, document_id: str, ordinal: int) -> Body:
    """The passages of one version."""
    terms = ({"tenant": tenant}, {"document_id": document_id}, {"ordinal": ordinal})
    return {"query": {"bool": {"filter": [{"term": term} for term in terms]}}}
