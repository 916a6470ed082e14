"""What retrieval asks of a graph; every adapter passes the same scenario suite."""

from collections.abc import Sequence
from typing import Protocol

from services.retrieval.models.document import Head, Version
from services.retrieval.models.link import Link
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.models.place import Place, Support, Topic
from services.retrieval.models.scope import Scope


class Links(Protocol):
    """What a search needs of a graph; the embedded search store is one itself."""

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        """One step from these passages, to others in scope; never over a name of more owners.

        A graph of its own knows no heads: versions that are not shown may be among them. Raises
        shared.errors.Unavailable when the graph cannot be reached.
        """


class Names(Links, Protocol):
    """What the view of a name's neighbourhood needs beside links. Raises Unavailable like `links`.

    A graph of its own may answer with versions that are not shown here too.
    """

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        """Up to `most` passages in scope that are about the name, and as many that mention it."""

    async def topics(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Topic]:
        """What these passages are about, but for names that more than `max_owners` are about."""

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        """Versions in scope that lead to names: up to `most` names for each way to begin one."""


class GraphStore(Names, Protocol):
    """A graph beside the search store. Raises shared.errors.Unavailable like `links`."""

    async def ping(self) -> None: ...

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Adds a version's names, once however often; returns how many different ones it has."""

    async def purge(self, tenant: str, document_id: str, head: Head) -> None:
        """Removes exactly what the outdated versions added; a name lives while one leads to it."""
