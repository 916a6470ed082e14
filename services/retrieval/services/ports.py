"""What retrieval needs of its stores; every adapter passes the same scenario suite."""

from collections.abc import Sequence
from typing import Protocol

from services.retrieval.models.document import Head, Removed, Version
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link, Place, Subject, Support
from services.retrieval.models.holding import Held, Page
from services.retrieval.models.passage import FoundPassage, IndexedPassage, Scored


class SearchStore(Protocol):
    """Every method raises Unavailable when the store cannot be reached."""

    async def ping(self) -> None: ...

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Stores a version whole and not yet shown, once however often it is called.

        Returns how many passages the store then holds of it. Raises RefusedPassage for one that it
        can never take.
        """

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        """Shows this version instead of any lower one; False when the head has outdated it."""

    async def hide(self, tenant: str, document_id: str, ordinal: int) -> bool:
        """Makes a tombstone: hides every version up to `ordinal` at once.

        False when the head is higher already.
        """

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        """Realtime: sees every promote and hide that has returned. Unknown ids are left out."""

    async def purge(self, tenant: str, document_id: str) -> Removed:
        """Removes the versions that the head has outdated; a version above the head stays."""

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        """What there is of the page's documents, by id: versions, and heads without versions."""

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        """Removes one version, shown or not; the head stays."""

    async def remove_tenant(self, tenant: str) -> Removed:
        """Removes all that the store has of the tenant, heads included."""

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        """The first k by the words of `title. text`, best first; any query text has an answer."""

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        """The first k by cosine with a vector of length 1, best first."""

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        """Unknown ids are left out."""

    async def passage(self, scope: Scope, passage_id: str) -> FoundPassage | None:
        """None for a passage that is unknown, not shown by its document's head, or out of scope."""

    async def audience(self, scope: Scope) -> set[str]:
        """Those names of the scope's `visible_to` that some document is limited to, or was."""


class Successor(SearchStore, Protocol):
    """A store that is filled beside the one that serves."""

    async def serve(self) -> None:
        """Processes that start from now on find this store."""

    async def remove_others(self) -> list[str]:
        """Removes the stores of other models, if this one is served; returns their names."""


class Links(Protocol):
    """What a search needs of a graph; the embedded search store is one itself."""

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        """Links from these passages to others in scope.

        Leaves out names that more than `max_owners` passages are about. A graph beside the search
        store knows no heads: versions that are not shown may be among the links. Raises Unavailable
        when the graph cannot be reached.
        """

    async def owners(self, scope: Scope, names: Sequence[str], max_owners: int) -> list[Link]:
        """Links from QUESTION, over these names, to the passages in scope that are about them.

        Leaves out, raises and may hold the same as `links`.
        """


class Names(Links, Protocol):
    """What the neighbourhood of an entity needs beside links.

    Like `links`, methods raise Unavailable, and a graph beside the search store may answer with
    versions that are not shown.
    """

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        """Up to `most` passages in scope that are about the name, and as many that mention it."""

    async def subjects(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Subject]:
        """What these passages are about, without names that more than `max_owners` are about."""

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        """Versions in scope with names that begin so: up to `most` names for each beginning."""

    async def strays(self, tenant: str, *, remove: bool) -> int:
        """How many links and names passages that are gone have left; removes them, if asked."""


class GraphStore(Names, Protocol):
    """A graph beside the search store. Every method raises Unavailable."""

    async def ping(self) -> None: ...

    async def prepare(self) -> None:
        """Makes it ready for searches: at the start, and again once it was lost.

        Returns at once when it is ready.
        """

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Adds a version's names, once however often; returns how many different ones it has."""

    async def purge(self, tenant: str, document_id: str, head: Head) -> int:
        """Removes what the outdated versions added; a name stays while a passage leads to it.

        Returns how many names it removed.
        """

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        """What there is of the page's documents, by id; the graph has no heads."""

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        """Removes one version; its names stay until they are swept or lead to others again."""

    async def remove_tenant(self, tenant: str) -> int:
        """Removes all that the graph has of the tenant; how many names that were."""
