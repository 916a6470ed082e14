"""What retrieval asks of a graph; the embedded search store is one itself."""

from collections.abc import Sequence
from typing import Protocol

from services.retrieval.models.link import Link
from services.retrieval.models.scope import Scope


class GraphStore(Protocol):
    """Raises shared.errors.Unavailable when the graph cannot be reached."""

    async def links(self, scope: Scope, passage_ids: Sequence[str]) -> list[Link]:
        """The links that lead from these passages to others in scope, which the counts are of too.

        An entity that more than OWNERS_MAX passages in scope are about has none.
        """
