"""What comes late from a tenant that was deleted: known for a moment, and passed over."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from contracts.envelope import Context
from contracts.message import Message
from shared.outcomes import Done, Handler, Handlers, Outcome

REMEMBERED_S = 2.0
_REMEMBERED_MAX = 10_000
T = TypeVar("T")
# What was made up to the answered time is a deleted tenant's; None: no tenant of this name was.
DeletedUntil = Callable[[str], Awaitable[datetime | None]]


class Remembered(Generic[T]):
    """What `ask` answers by tenant, up to REMEMBERED_S old."""

    def __init__(
        self, ask: Callable[[str], Awaitable[T]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._monotonic = ask, monotonic
        self._known: dict[str, tuple[float, T]] = {}

    async def of(self, tenant: str) -> T:
        """Raises what `ask` raises."""
        known = self._known.get(tenant)
        if known is not None and known[0] > self._monotonic():
            return known[1]
        answer = await self._ask(tenant)
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[tenant] = (self._monotonic() + REMEMBERED_S, answer)
        return answer

    def forget(self, tenant: str) -> None:
        self._known.pop(tenant, None)


def without_late(handlers: Handlers, deleted_until: DeletedUntil) -> Handlers:
    """The same handlers, which pass over what a deleted tenant's time left behind."""
    return {kind: _guarded(handler, deleted_until) for kind, handler in handlers.items()}


def is_late(context: Context, until: datetime | None) -> bool:
    """Whether the message was made before the deletion. One that is sent again keeps its time."""
    made = context.occurred_at or context.sent_at
    return until is not None and made is not None and made <= until


def _guarded(handler: Handler, deleted_until: DeletedUntil) -> Handler:
    async def guarded(message: Message, context: Context) -> Outcome:
        if is_late(context, await deleted_until(context.tenant)):
            return Done()
        return await handler(message, context)

    return guarded
