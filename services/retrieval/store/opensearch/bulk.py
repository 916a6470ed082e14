"""Writes a version's passages; sends again those that OpenSearch refuses for want of room."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from opensearchpy import AsyncOpenSearch
from opensearchpy.helpers import async_streaming_bulk

from services.retrieval.models.document import Version
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.models.unindexable import RefusedPassage
from services.retrieval.store.opensearch.outages import DEPENDENCY
from services.retrieval.store.opensearch.passage_source import bulk_lines
from shared.errors import Unavailable

_BATCH = 200
# Small instances of the managed service take 10 MB a request.
_MAX_BYTES = 8 * 1024 * 1024
_CONFLICT, _BAD_REQUEST = 409, 400
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits first_s, then twice as long each time, up to max_s."""

    retries: int = 5
    first_s: float = 0.2
    max_s: float = 5.0


async def create_all(
    client: AsyncOpenSearch,
    index: str,
    version: Version,
    passages: Sequence[IndexedPassage],
    backoff: Backoff,
) -> int:
    """How many the index then holds, those from before included."""
    held = 0
    async for ok, result in async_streaming_bulk(
        client,
        _lines(version, passages),
        chunk_size=_BATCH,
        max_chunk_bytes=_MAX_BYTES,
        expand_action_callback=lambda line: line,
        raise_on_error=False,
        max_retries=backoff.retries,
        initial_backoff=backoff.first_s,
        max_backoff=backoff.max_s,
        index=index,
        routing=version.tenant,
        request_timeout=_TIMEOUT_S,
    ):
        if not ok:
            _require_held(result["create"])
        held += 1
    return held


async def _lines(
    version: Version, passages: Sequence[IndexedPassage]
) -> AsyncIterator[tuple[str, str]]:
    """Vectors are thousands of numbers to print: not in the event loop, and not all at once."""
    for start in range(0, len(passages), _BATCH):
        batch = passages[start : start + _BATCH]
        for line in await asyncio.to_thread(bulk_lines, version, batch):
            yield line


def _require_held(item: dict[str, Any]) -> None:
    """A conflict says that the passage is there already; the error's text may quote passages."""
    status, kind = item["status"], (item.get("error") or {}).get("type", "")
    if status not in (_CONFLICT, _BAD_REQUEST):
        # 403 and 404 too: a disk that is full blocks writes, and an index comes back.
        raise Unavailable(DEPENDENCY, f"{status} {kind}")
    if status == _BAD_REQUEST:
        raise RefusedPassage(
            f"OpenSearch does not take the passage {item['_id']}: {status} {kind}. Look for this "
            "error in its log, mend the cause, and upload the document again"
        )
