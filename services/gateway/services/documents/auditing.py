"""An audit: what registry, objects, index and graph have of a tenant, compared and repaired."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.envelope import Context
from contracts.ingestion.audit import (
    AuditObjectsV1,
    AuditRegistryV1,
    ObjectsAuditedV1,
    RegisteredDocument,
    RegistryAuditedV1,
    RemoveOrphanV1,
    RepairDocumentV1,
    RepairedV1,
)
from contracts.retrieval.audit import (
    AuditIndexV1,
    AuditNamesV1,
    IndexAuditedV1,
    IndexedDocument,
    IndexedVersion,
    NamesAuditedV1,
)
from contracts.topology import MANIFESTS_PREFIX, UPLOADS_PREFIX
from services.gateway.models.difference import Difference
from shared.ports import Requester

INGESTION, RETRIEVAL = "ingestion-queries", "retrieval-queries"
BUDGET_MS = 60_000
# Documents that are looked at a second time, and repaired, together.
TOGETHER = 200
_ABSENT = IndexedVersion(ordinal=0)
Both = tuple[RegisteredDocument | None, IndexedDocument | None]


class Watch(Protocol):
    """Is told how far the audit has come: how many things of a kind it has compared."""

    def looked(self, what: str, count: int) -> None: ...


@dataclass(frozen=True)
class Auditing:
    """Memory stays flat: pages of documents by id, from both sides, and pages of objects.

    A difference counts when a second look finds it still there: documents change meanwhile. Every
    method raises DeadlineMissed, RequestRefused or Unavailable.
    """

    requester: Requester
    watch: Watch
    page: int = 200
    # A repair has so long to take effect, and is looked at so often.
    settle_s: float = 60.0
    look_s: float = 0.5
    # None: as long as a message may come that brings an upload.
    unused_s: float | None = None

    async def differences(self, tenant: str) -> AsyncIterator[list[Difference]]:
        """In groups: documents, then objects, then the graph's strays."""
        context = Context(tenant=tenant)
        suspects: list[str] = []
        async for registered, indexed in self._documents(context):
            self.watch.looked("documents", 1)
            if compared(registered, indexed):
                suspects.append(_id((registered, indexed)))
            if len(suspects) == TOGETHER:
                yield await self._again(context, suspects)
                suspects = []
        if suspects:
            yield await self._again(context, suspects)
        for prefix, kind in (
            (MANIFESTS_PREFIX, "orphan manifest"),
            (UPLOADS_PREFIX, "orphan upload"),
        ):
            async for keys in self._orphans(context, prefix):
                yield [Difference(kind, key=key) for key in keys]
        found = await self._strays(context, remove=False)
        if found:
            yield [Difference("stray names", detail=f"{found} in the graph")]

    async def repair(self, tenant: str, found: Sequence[Difference]) -> list[Difference]:
        """Begins every repair and waits for it; each difference with what became of it."""
        context = Context(tenant=tenant)
        told: dict[str, str] = {}
        repaired = []
        for one in found:
            if one.document_id is None:
                repaired.append(await self._repair_other(context, one))
                continue
            if one.document_id not in told:
                told[one.document_id] = await self._repair_document(context, one.document_id)
            repaired.append(one.repaired_by(told[one.document_id]))
        left = await self._settled(context, [of for of, how in told.items() if how])
        return [one.unrepaired() if one.document_id in left else one for one in repaired]

    async def _repair_document(self, context: Context, document: str) -> str:
        """What was begun. Empty when nothing can be begun."""
        [(_, indexed)] = await self._both(context, [document])
        top = max((v.ordinal for v in indexed.versions), default=0) if indexed else 0
        head = indexed.head if indexed and indexed.head is not None else 0
        request = RepairDocumentV1(
            document_id=document,
            index_ordinal=max(top, head),
            tombstone=indexed is not None and indexed.head is not None and not indexed.live,
        )
        answer = await self.requester.ask(INGESTION, request, RepairedV1, context, BUDGET_MS)
        return answer.repair if answer.begun else ""

    async def _repair_other(self, context: Context, one: Difference) -> Difference:
        if one.key is None:
            await self._strays(context, remove=True)
            return one.repaired_by("removed")
        request = RemoveOrphanV1(key=one.key, unused_s=self.unused_s)
        answer = await self.requester.ask(INGESTION, request, RepairedV1, context, BUDGET_MS)
        return one.repaired_by(answer.repair if answer.begun else "")

    async def _settled(self, context: Context, documents: Sequence[str]) -> set[str]:
        """Those of the documents that still differ when the time is over."""
        left = list(documents)
        loop = asyncio.get_running_loop()
        end = loop.time() + self.settle_s
        while left and loop.time() < end:
            await asyncio.sleep(self.look_s)
            both = await self._both(context, left)
            left = [
                _id(pair)
                for pair in both
                if compared(*pair) or (pair[0] is not None and pair[0].state == "moving")
            ]
        return set(left)

    async def _again(self, context: Context, suspects: list[str]) -> list[Difference]:
        both = await self._both(context, suspects)
        return [difference for pair in both for difference in compared(*pair)]

    async def _both(self, context: Context, ids: Sequence[str]) -> list[Both]:
        """What both sides have of these documents. The registry is read first: see `compared`."""
        registry = AuditRegistryV1(document_ids=tuple(ids))
        registered = await self.requester.ask(
            INGESTION, registry, RegistryAuditedV1, context, BUDGET_MS
        )
        index = AuditIndexV1(document_ids=tuple(ids))
        indexed = await self.requester.ask(RETRIEVAL, index, IndexAuditedV1, context, BUDGET_MS)
        known = {one.document_id: one for one in registered.documents}
        held = {one.document_id: one for one in indexed.documents}
        return [(known.get(of), held.get(of)) for of in ids if of in known or of in held]

    async def _documents(self, context: Context) -> AsyncIterator[Both]:
        """Every document of either side, once, by id."""

        left, right = self._registered(context), self._indexed(context)
        known, held = await anext(left, None), await anext(right, None)
        while known is not None or held is not None:
            first = min(one.document_id for one in (known, held) if one is not None)
            mine = known if known is not None and known.document_id == first else None
            theirs = held if held is not None and held.document_id == first else None
            yield mine, theirs
            if mine is not None:
                known = await anext(left, None)
            if theirs is not None:
                held = await anext(right, None)

    async def _registered(self, context: Context) -> AsyncIterator[RegisteredDocument]:
        after: str | None = ""
        while after is not None:
            request = AuditRegistryV1(after=after, limit=self.page)
            page = await self.requester.ask(
                INGESTION, request, RegistryAuditedV1, context, BUDGET_MS
            )
            for one in page.documents:
                yield one
            after = page.next

    async def _indexed(self, context: Context) -> AsyncIterator[IndexedDocument]:
        after: str | None = ""
        while after is not None:
            request = AuditIndexV1(after=after, limit=self.page)
            page = await self.requester.ask(RETRIEVAL, request, IndexAuditedV1, context, BUDGET_MS)
            for one in page.documents:
                yield one
            after = page.next

    async def _orphans(self, context: Context, prefix: str) -> AsyncIterator[Sequence[str]]:
        after: str | None = ""
        while after is not None:
            request = AuditObjectsV1(prefix=prefix, after=after, unused_s=self.unused_s)
            answer = await self.requester.ask(
                INGESTION, request, ObjectsAuditedV1, context, BUDGET_MS
            )
            self.watch.looked("objects", answer.looked)
            if answer.orphans:
                yield answer.orphans
            after = answer.next

    async def _strays(self, context: Context, *, remove: bool) -> int:
        request = AuditNamesV1(remove=remove)
        answer = await self.requester.ask(RETRIEVAL, request, NamesAuditedV1, context, BUDGET_MS)
        return answer.strays


def _id(pair: Both) -> str:
    return next(one.document_id for one in pair if one is not None)


def compared(
    registered: RegisteredDocument | None, indexed: IndexedDocument | None
) -> list[Difference]:
    """What differs. A document that moves is compared when it stands still."""
    if registered is not None and registered.state == "moving":
        return []
    if registered is not None and registered.state == "ready":
        return _ready(registered, indexed)
    return _gone(registered, indexed)


def _gone(
    registered: RegisteredDocument | None, indexed: IndexedDocument | None
) -> list[Difference]:
    if indexed is None or not (indexed.live or indexed.versions):
        return []
    kind = "unknown in the registry" if registered is None else "indexed, but not ready"
    ordinals = ", ".join(str(version.ordinal) for version in indexed.versions) or "none"
    return [Difference(kind, indexed.document_id, detail=f"versions held: {ordinals}")]


def _ready(registered: RegisteredDocument, indexed: IndexedDocument | None) -> list[Difference]:
    def differs(kind: str, detail: str = "") -> None:
        found.append(Difference(kind, registered.document_id, detail=detail))

    found: list[Difference] = []
    for what in registered.missing:
        differs(f"missing {what}")
    if indexed is None or not indexed.versions:
        differs("not indexed", f"version {registered.ordinal}")
        return found
    if not indexed.live or indexed.head != registered.ordinal:
        shown = indexed.head if indexed.live else None
        differs("other version shown", f"{shown}, not {registered.ordinal}")
    held = {version.ordinal: version for version in indexed.versions}
    if others := sorted(held.keys() - {registered.ordinal}):
        differs("versions left behind", ", ".join(map(str, others)))
    own = held.get(registered.ordinal, _ABSENT)
    if own.passages != registered.chunks:
        differs("other passages", f"{own.passages}, not {registered.chunks}")
    if own.in_graph is not None and own.in_graph != registered.chunks:
        differs("other passages in the graph", f"{own.in_graph}, not {registered.chunks}")
    if own.names is not None and own.names != registered.names:
        differs("other names in the graph", f"{own.names}, not {registered.names}")
    return found
