"""What retrieval asks of a search store; every adapter passes the same scenario suite."""

from collections.abc import Sequence
from typing import Protocol

from services.retrieval.models.document import Head, Version
from services.retrieval.models.passage import FoundPassage, IndexedPassage
from services.retrieval.models.scope import Scope
from services.retrieval.models.scored import Scored


class SearchStore(Protocol):
    """Every method raises shared.errors.Unavailable when the store cannot be reached."""

    async def ping(self) -> None: ...

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        """Stores a version whole and invisible, once however often; returns how many it holds."""

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        """Shows this version instead of any lower one; false when the head has outdated it."""

    async def bury(self, tenant: str, document_id: str, ordinal: int) -> bool:
        """Hides every version up to `ordinal` at once; false when the head is higher already."""

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        """Realtime: sees every promote and bury that has returned. Unknown ids are left out."""

    async def purge(self, tenant: str, document_id: str) -> None:
        """Removes what the head has outdated; a version above the head stays."""

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        """The first k by the words of `title. text`, best first; any query text has an answer."""

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        """The first k by cosine with a vector of length 1, best first."""

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        """Unknown ids are left out."""


class Successor(SearchStore, Protocol):
    """A store filled beside the one that serves."""

    async def serve(self) -> None:
        """Processes that start from now on find this store."""

    async def retire(self) -> list[str]:
        """Removes the stores of other models, if this one is served; returns their names."""
