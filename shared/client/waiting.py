"""Waits until documents have ended their way: ready, rejected, failed or deleted."""

import asyncio
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from contracts.gateway.http import DocumentView
from contracts.ingestion.life_cycle import FINAL
from shared.client.client import Client
from shared.client.errors import Stalled

_ONE_EVERY_S = 0.2
_LIST_EVERY_S = 1.0
# Documents that a look at the list reads at once: some 10 ms of the system's time.
_PAGE = 100


def ended(document: DocumentView) -> bool:
    return document.status in FINAL


async def wait_for(client: Client, document_id: str, within_s: float = 60.0) -> DocumentView:
    """The document as it ended, also when that is a new version of it. Raises Stalled."""
    deadline = time.monotonic() + within_s
    while True:
        document = await client.document(document_id)
        if ended(document):
            return document
        if time.monotonic() > deadline:
            raise Stalled(1, within_s)
        await asyncio.sleep(_ONE_EVERY_S)


async def wait_for_all(
    client: Client,
    document_ids: Set[str],
    *,
    stall_s: float = 300.0,
    on_ended: Callable[[int], None] = lambda _: None,
) -> dict[str, DocumentView]:
    """Many *new* documents as they ended, by id; raises Stalled when none ends for `stall_s`.

    It reads the list, which shows a document's old version until ingestion knows the new one.
    `on_ended` is told how many more have ended.
    """
    waiting = _Waiting(client, document_ids, on_ended)
    changed = time.monotonic()
    while True:
        before = len(waiting.found)
        await waiting.look()
        if len(waiting.found) == len(document_ids):
            return waiting.found
        if len(waiting.found) > before:
            changed = time.monotonic()
        if time.monotonic() - changed > stall_s:
            raise Stalled(len(document_ids) - len(waiting.found), stall_s)
        await asyncio.sleep(_LIST_EVERY_S)


@dataclass
class _Place:
    """A page of the list: it stays behind `after`, since new documents come before all others."""

    after: str | None
    pending: Set[str]


@dataclass
class _Waiting:
    """Looks at few pages at a time: reading the whole list again and again slows what it waits for.

    Documents end about in the order in which they came, so the oldest page that still has some
    pending is looked at each time, and the others in turn.
    """

    client: Client
    document_ids: Set[str]
    on_ended: Callable[[int], None]
    found: dict[str, DocumentView] = field(default_factory=dict)
    # The oldest first; None until the list holds every document.
    _places: list[_Place] | None = None
    _turn: int = 0
    _read_again_at: float = 0.0

    async def look(self) -> None:
        if self._places is None:
            await self._look_at_all()
            return
        while self._places:
            await self._look_at(self._places[0])
            if self._places[0].pending:
                break
            del self._places[0]
        if len(self._places) > 1:
            self._turn = self._turn % (len(self._places) - 1) + 1
            await self._look_at(self._places[self._turn])

    async def _look_at_all(self) -> None:
        """Not all the time either: one that never comes must not cost as much as the work."""
        began = time.monotonic()
        if began < self._read_again_at:
            return
        places: list[_Place] = []
        missing = set(self.document_ids)
        after: str | None = None
        while True:
            place = _Place(after, frozenset())
            after = await self._look_at(place, missing)
            if place.pending:
                places.append(place)
            if after is None:
                break
        if not missing:
            self._places = places[::-1]
        now = time.monotonic()
        self._read_again_at = now + 10 * (now - began)

    async def _look_at(self, place: _Place, missing: set[str] | None = None) -> str | None:
        """Where the next page begins; takes from `missing` what stands on this one."""
        page = await self.client.page(place.after, _PAGE)
        mine = [one for one in page.documents if one.document_id in self.document_ids]
        if missing is not None:
            missing -= {one.document_id for one in mine}
        over = {one.document_id: one for one in mine if ended(one)}
        new = over.keys() - self.found.keys()
        self.found |= {document_id: over[document_id] for document_id in new}
        place.pending = {one.document_id for one in mine} - over.keys()
        if new:
            self.on_ended(len(new))
        return page.next
