"""What the search store and the graph hold of a tenant, for an audit against the registry."""

from dataclasses import dataclass

from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.services.ports import GraphStore, Names, SearchStore

# The stores' own names of a document: those of the search store, and those of the graph beside it.
Pair = tuple[Held | None, Held | None]


@dataclass(frozen=True)
class Auditing:
    """`names` is the graph that searches use: `beside` itself, or the search store's own."""

    store: SearchStore
    names: Names | None = None
    beside: GraphStore | None = None

    async def page(self, tenant: str, page: Page) -> tuple[list[Pair], str | None]:
        """The documents in the order of their ids, and the `after` of the next page.

        A store whose page is full may hold more before the end of the other's: both are cut at the
        first of these ends. Raises Unavailable.
        """
        held = await self.store.holdings(tenant, page)
        graph = await self.beside.holdings(tenant, page) if self.beside is not None else []
        full = [one[-1].document_id for one in (held, graph) if len(one) == page.limit]
        end = min(full) if full and not page.ids else None
        by_id = [
            {one.document_id: one for one in found if end is None or one.document_id <= end}
            for found in (held, graph)
        ]
        ids = sorted(by_id[0].keys() | by_id[1].keys())
        return [(by_id[0].get(of), by_id[1].get(of)) for of in ids], end

    async def strays(self, tenant: str, *, remove: bool) -> int:
        """Links and names that were left behind; 0 without a graph. Raises Unavailable."""
        return 0 if self.names is None else await self.names.strays(tenant, remove=remove)


async def drop_all(
    store: SearchStore, graph: GraphStore | None, tenant: str, document_id: str
) -> None:
    """Every version of the document, shown or not; its head stays. Raises Unavailable."""
    one = Page(ids=(document_id,))
    for held in await store.holdings(tenant, one):
        for version in held.versions:
            await store.drop(tenant, document_id, version.ordinal)
    if graph is None:
        return
    for held in await graph.holdings(tenant, one):
        for version in held.versions:
            await graph.drop(tenant, document_id, version.ordinal)


def versions_of(pair: Pair) -> list[tuple[HeldVersion | None, HeldVersion | None]]:
    """The same version in the search store and in the graph beside it, by ordinal."""
    by_ordinal = [{v.ordinal: v for v in (one.versions if one else ())} for one in pair]
    ordinals = sorted(by_ordinal[0].keys() | by_ordinal[1].keys())
    return [(by_ordinal[0].get(n), by_ordinal[1].get(n)) for n in ordinals]
