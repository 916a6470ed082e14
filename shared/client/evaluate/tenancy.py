"""The corpus inside its tenant: put in, waited for, and taken out again."""

import asyncio
from collections.abc import Iterable

import httpx

from contracts.gateway.http import DocumentView
from shared.client.client import Client
from shared.client.errors import Refused
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.files import File
from shared.client.pool import each
from shared.client.progress import Advance, Bar
from shared.client.waiting import wait_for_all

UPLOADS_AT_ONCE = 16
_SHOWN = 20
# Intake takes seconds, not minutes.
_IDLE_ROUNDS = 30
_CLEAN_EVERY_S = 1.0


class Tenancy:
    """Knows which document holds which corpus entry, by the id that the gateway gave for it."""

    def __init__(self, client: Client, bar: Bar) -> None:
        self._client = client
        self._bar = bar
        self._under_way: set[asyncio.Task[None]] = set()
        self.corpus_ids: dict[str, str] = {}

    async def fill(self, files: Iterable[File], stall_s: float) -> None:
        """Returns when every file can be found; what is already there is not sent again.

        Raises EvaluationError when the tenant holds anything else, or a document is rejected.
        """
        missing = {file.name: file for file in files}
        present: dict[str, str] = {}
        for document in [found async for found in self._client.documents()]:
            file = missing.pop(document.name, None)
            if file is None or document.metadata.get("digest") != file.digest:
                raise EvaluationError(
                    f"The tenant already holds other documents, such as '{document.name}': they "
                    "would be found too. Use an empty tenant; without --token-file and --tenant "
                    "a fresh one is made."
                )
            present[document.document_id] = file.corpus_id
        # Not before: what belongs to others must never be deleted.
        self.corpus_ids |= present
        await self._upload_all(list(missing.values()))
        await self._wait(stall_s)

    async def _upload_all(self, files: list[File]) -> None:
        advance = self._bar("documents sent", len(files))

        async def upload(file: File) -> None:
            # What was sent must be known even after Ctrl-C: it has to be deleted.
            task = asyncio.create_task(self._upload(file, advance))
            self._under_way.add(task)
            await asyncio.shield(task)
            self._under_way.discard(task)

        await each(files, upload, UPLOADS_AT_ONCE)

    async def _upload(self, file: File, advance: Advance) -> None:
        metadata = {"corpus_id": file.corpus_id[:200], "digest": file.digest}
        accepted = await self._client.upload(file.name, file.body, metadata=dict(metadata))
        self.corpus_ids[accepted.document_id] = file.corpus_id
        advance(1)

    async def _wait(self, stall_s: float) -> None:
        advance = self._bar("documents ready", len(self.corpus_ids))
        views = await wait_for_all(
            self._client, self.corpus_ids.keys(), stall_s=stall_s, on_ended=advance
        )
        lost = [view for view in views.values() if view.status != "ready"]
        if lost:
            more = f"\n  … and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            raise EvaluationError(
                f"{len(lost)} documents did not become ready:\n  "
                + "\n  ".join(self._why(view) for view in lost[:_SHOWN])
                + more
            )

    def _why(self, view: DocumentView) -> str:
        reason = f"{view.error.code}: {view.error.message}" if view.error else "no reason given"
        return f"{self.corpus_ids[view.document_id]} ({view.name}) {view.status}, {reason}"

    async def clean(self) -> int:
        """Deletes every document that was put in; returns how many could not be deleted.

        A document that ingestion has not taken in yet cannot be deleted yet, so it tries again.
        """
        await asyncio.gather(*self._under_way, return_exceptions=True)
        left = set(self.corpus_ids)
        if not left:
            return 0
        advance = self._bar("documents deleted", len(left))

        async def delete(document_id: str) -> None:
            try:
                await self._client.delete(document_id)
            except Refused as error:
                if error.status == httpx.codes.NOT_FOUND:
                    return
                raise
            left.discard(document_id)
            advance(1)

        idle = 0
        while left and idle < _IDLE_ROUNDS:
            before = len(left)
            await each(list(left), delete, UPLOADS_AT_ONCE)
            idle = idle + 1 if len(left) == before else 0
            await asyncio.sleep(_CLEAN_EVERY_S if left else 0)
        return len(left)
