"""What retrieval asks of a graph; every adapter passes the same scenario suite."""

from collections.abc import Sequence
from typing import Protocol

from services.retrieval.models.document import Head, Version
from services.retrieval.models.link import Link
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.models.scope import Scope


class Links(Protocol):
    """What a search needs of a graph; the embedded search store is one itself."""

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        """One step from these passages, to others in scope; never over a name of more owners.

        A graph of its own knows no heads: versions that are not shown may be among them. Raises
        shared.errors.Unavailable when the graph cannot be reached.
        """


class GraphStore(Links, Protocol):
    """A graph beside the search store. Raises shared.errors.Unavailable like `links`."""

    async def ping(self) -> None: ...

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Adds a version's names, once however often; returns how many different ones it has."""

    async def purge(self, tenant: str, document_id: str, head: Head) -> None:
        """Removes exactly what the outdated versions added; a name lives while one leads to it."""
