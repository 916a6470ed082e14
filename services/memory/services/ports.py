"""What memory needs of its store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.memory.models.turn import ConversationKey, Fact, Marks, Outline, Turn

Removed = dict[str, int]


class TurnStore(Protocol):
    """Every method raises Unavailable when the store cannot be reached.

    What has expired by `now` is never read.
    """

    async def ping(self) -> None: ...

    async def put(self, turn: Turn, facts: Sequence[Fact]) -> Marks:
        """Idempotent on the turn's id. What was marked before or during it is returned."""

    async def replace(self, before: Turn, after: Turn) -> None:
        """Writes a turn over the one that is there; one that is gone does not come back.

        Quotations that `after` no longer has are removed.
        """

    async def remove(self, turns: Sequence[Turn]) -> Removed:
        """Turns with what hangs on them: their quotations and the facts said in them."""

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        """Newest first."""

    async def title(self, key: ConversationKey) -> str | None:
        """The one that the user gave."""

    async def rename(self, key: ConversationKey, title: str, now: datetime) -> None: ...

    async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        """Newest first, over all of a user's conversations."""

    async def titles(self, tenant: str, user: str, now: datetime) -> dict[str, str]:
        """Given titles by conversation."""

    async def outlines(self, tenant: str, user: str, count: int, now: datetime) -> list[Outline]:
        """The same as `of_user` without texts."""

    async def turns(self, outlines: Sequence[Outline]) -> list[Turn]:
        """Those that are still there, in no order."""

    async def turn(self, tenant: str, user: str, turn_id: str, now: datetime) -> Turn | None:
        """None when the user has no such turn."""

    async def facts(self, tenant: str, user: str, count: int, now: datetime) -> list[Fact]:
        """Newest first."""

    async def bury(self, key: ConversationKey, until: datetime, now: datetime) -> Removed:
        """Removes a conversation; turns asked up to `until` that come late are marked erased."""

    async def erase(self, tenant: str, user: str | None, until: datetime, now: datetime) -> Removed:
        """The same for all of a user, or of a tenant, of which nothing else stays either."""

    async def erased_until(self, key: ConversationKey) -> datetime | None:
        """What was asked up to then in this conversation was erased."""

    async def tenant_erased_until(self, tenant: str) -> datetime | None: ...

    async def quoting(
        self, tenant: str, document_id: str, ordinal: int, now: datetime
    ) -> list[Turn]:
        """Turns with sources of the document; later ones are marked with `ordinal`."""
