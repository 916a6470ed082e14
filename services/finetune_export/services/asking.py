"""Asks the lake by SQL."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from services.finetune_export.models.audit import ALL, Act
from services.finetune_export.services.auditing import Auditing

Part = tuple[str, bytes]
Answer = tuple[list[str], list[tuple[Any, ...]]]


class Parts(Protocol):
    def read(self, tenant: str | None) -> AsyncIterator[Part]:
        """Each part's key and bytes, of one tenant or of all. Raises Unavailable."""


@dataclass(frozen=True)
class Asking:
    """`answer` runs SQL over parts: the columns' names and the rows. Each question is noted."""

    parts: Parts
    audit: Auditing
    answer: Callable[[str, Sequence[Part]], Answer]

    async def ask(self, sql: str, tenant: str | None) -> Answer:
        """Raises Unavailable, and ValueError when the SQL cannot be run."""
        digest = sha256(sql.encode()).hexdigest()
        act = Act(
            tenant=tenant or ALL, who=None, what="lake_asked", event_id=digest, ids={"sql": digest}
        )
        await self.audit.note(act)
        return self.answer(sql, [part async for part in self.parts.read(tenant)])
