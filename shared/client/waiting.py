"""Waits until documents have ended their way: ready, rejected, failed or deleted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Set

from contracts.gateway.http import DocumentView
from shared.client.client import Client
from shared.client.errors import Stalled

_ENDED = frozenset(("ready", "rejected", "failed", "deleted"))
_ONE_EVERY_S = 0.2
_LIST_EVERY_S = 1.0


def ended(document: DocumentView) -> bool:
    return document.status in _ENDED


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
    found: dict[str, DocumentView] = {}
    changed = time.monotonic()
    while True:
        async for document in _newly_ended(client, document_ids - found.keys()):
            found[document.document_id] = document
            changed = time.monotonic()
            on_ended(1)
        pending = len(document_ids - found.keys())
        if not pending:
            return found
        if time.monotonic() - changed > stall_s:
            raise Stalled(pending, stall_s)
        await asyncio.sleep(_LIST_EVERY_S)


async def _newly_ended(client: Client, pending: Set[str]) -> AsyncIterator[DocumentView]:
    if not pending:
        return
    async for document in client.documents():
        if document.document_id in pending and ended(document):
            yield document
