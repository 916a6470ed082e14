"""What the registry has of a tenant against the carrier bucket, and repairs of all that differs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.audit import ObjectsAuditedV1, RegisteredDocument, RepairedV1
from contracts.ingestion.manifest import (
    ChunkLine,
    manifest_key,
    manifests_of,
    passage_id,
    read,
    read_key,
    write,
)
from contracts.topology import MANIFESTS_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.audited import ReadyVersion, Registered
from services.ingestion.models.times import Times
from services.ingestion.models.version import Announcement, Deletion
from services.ingestion.services.announcing import Announcer, origin_of
from services.ingestion.services.ports import Audits, Carrier, Registry
from shared.errors import NoSuchObject
from shared.ports import Clock, Listed

# Originals that are looked for at once.
AT_ONCE = 16
_UPLOAD_AGAIN = "The original is gone, too, so it cannot be read again: upload the document again."


@dataclass(frozen=True)
class Auditing:
    """Every method raises Unavailable."""

    audits: Audits
    registry: Registry
    carrier: Carrier
    announcer: Announcer
    clock: Clock
    times: Times

    async def page(
        self, tenant: str, after: str, limit: int, ids: Sequence[str] = ()
    ) -> list[RegisteredDocument]:
        """Up to `limit` documents after `after`, or those of `ids`, in the order of their ids."""
        found = await self.audits.page(tenant, after, limit, ids)
        if not found:
            return []
        manifests = await self._manifests(tenant, [one.document_id for one in found], bool(ids))
        gate = asyncio.Semaphore(AT_ONCE)

        async def looked(one: Registered) -> RegisteredDocument:
            if one.ready is None or one.standing != "ready":
                return RegisteredDocument(document_id=one.document_id, state=one.standing)
            missing = [] if one.ready.result.manifest_key in manifests else ["manifest"]
            async with gate:
                if one.ready.key is not None and not await self._is_there(one.ready.key):
                    missing.append("original")
            counts = one.ready.result.counts
            return RegisteredDocument(
                document_id=one.document_id,
                state=one.standing,
                ordinal=one.ready.ordinal,
                chunks=counts.chunks,
                names=counts.entities,
                missing=tuple(missing),
            )

        return list(await asyncio.gather(*(looked(one) for one in found)))

    async def objects(
        self, tenant: str, prefix: str, after: str, unused_s: float | None
    ) -> ObjectsAuditedV1:
        """One page of the listing. Raises ValueError for a prefix that audits do not know."""
        async for page in self.carrier.listed(_prefix(tenant, prefix), after):
            orphans = await self._orphans(tenant, page, unused_s)
            more = page[-1].key if page else None
            return ObjectsAuditedV1(orphans=tuple(orphans), looked=len(page), next=more)
        return ObjectsAuditedV1()

    async def remove_orphan(self, tenant: str, key: str, unused_s: float | None) -> RepairedV1:
        prefix = f"{key.partition('/')[0]}/"
        if not key.startswith(_prefix(tenant, prefix)):
            return RepairedV1(begun=False, repair="The object is not this tenant's.")
        async for page in self.carrier.listed(key):
            found = [one for one in page if one.key == key]
            if found and await self._orphans(tenant, found, unused_s):
                await self.carrier.delete(key)
        return RepairedV1(begun=True, repair="removed, unless a version has it by now")

    async def repair(
        self, context: Context, document: str, index_ordinal: int, *, tombstone: bool
    ) -> RepairedV1:
        """Begins what brings registry, objects and index together again."""
        found = await self.audits.page(context.tenant, "", 1, [document])
        if found and found[0].standing == "moving":
            return RepairedV1(begun=True, repair="it is in work: nothing to do")
        if not found or found[0].ready is None:
            return await self._bury(context, document, index_ordinal)
        return await self._restore(context, found[0], found[0].ready, index_ordinal, tombstone)

    async def _restore(
        self,
        context: Context,
        found: Registered,
        ready: ReadyVersion,
        index_ordinal: int,
        tombstone: bool,
    ) -> RepairedV1:
        if ready.key is not None and not await self._is_there(ready.key):
            await self.audits.forget_original(found.document_id, ready.ordinal)
            ready = replace(ready, key=None)
            found = replace(found, ready=ready)
        above = max(found.last_ordinal, index_ordinal) + 1
        lines = await self._lines(ready)
        if lines is None:
            if ready.key is None:
                return RepairedV1(begun=False, repair=_UPLOAD_AGAIN)
            await self.audits.again(found, above)
            return RepairedV1(begun=True, repair="read again from the original as a new version")
        names = {name for line in lines for name in (*line.mentions, *line.about)}
        counts = replace(ready.result.counts, chunks=len(lines), entities=len(names))
        ready = replace(ready, result=replace(ready.result, counts=counts))
        if index_ordinal > ready.ordinal or (tombstone and index_ordinal == ready.ordinal):
            await self._redraw(context.tenant, found, ready, lines, above)
            return RepairedV1(begun=True, repair="indexed as a new version from the manifest")
        await self.audits.recount(found.document_id, ready.ordinal, ready.result)
        await self.announcer.tell_again(_announcement(found, ready), origin_of(context))
        return RepairedV1(begun=True, repair="indexed again from the manifest")

    async def _redraw(
        self,
        tenant: str,
        found: Registered,
        ready: ReadyVersion,
        lines: list[ChunkLine],
        ordinal: int,
    ) -> None:
        """The index takes the ready version for outdated: the same content gets a new ordinal."""
        key = manifest_key(tenant, found.document_id, ordinal)
        own = [
            line.model_copy(update={"passage_id": passage_id(found.document_id, ordinal, line.n)})
            for line in lines
        ]
        await self.carrier.put(key, await asyncio.to_thread(write, own))
        await self.audits.again(found, ordinal, replace(ready.result, manifest_key=key))

    async def _bury(self, context: Context, document: str, index_ordinal: int) -> RepairedV1:
        origin = origin_of(context)
        if not await self.audits.bury(origin, document, index_ordinal):
            return RepairedV1(begun=False, repair="The document is another tenant's.")
        deletion = Deletion(origin, document, document, index_ordinal, self.clock.now())
        await self.announcer.tell_deletion(deletion)
        return RepairedV1(begun=True, repair="deleted from the index")

    async def _lines(self, ready: ReadyVersion) -> list[ChunkLine] | None:
        """None for a manifest that is gone or cannot be read."""
        try:
            body = await self.carrier.get(ready.result.manifest_key)
            return await asyncio.to_thread(lambda: [*read(body)]) or None
        except (NoSuchObject, ValidationError):
            return None

    async def _manifests(self, tenant: str, ids: Sequence[str], each: bool) -> set[str]:
        """The documents' manifests; `ids` are in order, and all in between unless `each`."""
        if each:
            found = [self._keys(manifests_of(tenant, one)) for one in ids]
            return {key for keys in await asyncio.gather(*found) for key in keys}
        keys = set[str]()
        first, last = manifests_of(tenant, ids[0]), manifests_of(tenant, ids[-1])
        async for page in self.carrier.listed(_prefix(tenant, MANIFESTS_PREFIX), first):
            keys.update(one.key for one in page)
            if page and page[-1].key > last and not page[-1].key.startswith(last):
                break
        return keys

    async def _keys(self, prefix: str) -> list[str]:
        return [key async for key in self.carrier.keys(prefix)]

    async def _is_there(self, key: str) -> bool:
        return key in await self._keys(key)

    async def _orphans(
        self, tenant: str, page: Sequence[Listed], unused_s: float | None
    ) -> list[str]:
        manifests = [(one.key, *known[1:]) for one in page if (known := read_key(one.key))]
        expected = await self.audits.expected_manifests(tenant, manifests) if manifests else set()
        age_s = self.times.unused_upload_s if unused_s is None else unused_s
        before = self.clock.now() - timedelta(seconds=age_s)
        old = [
            one.key for one in page if one.key.startswith(UPLOADS_PREFIX) and one.modified <= before
        ]
        unused = await self.registry.unused(old) if old else set()
        return [
            one.key
            for one in page
            if one.key in unused
            or (one.key.startswith(MANIFESTS_PREFIX) and one.key not in expected)
        ]


def _prefix(tenant: str, prefix: str) -> str:
    if prefix not in (MANIFESTS_PREFIX, UPLOADS_PREFIX):
        raise ValueError(f"audits look at {MANIFESTS_PREFIX} and {UPLOADS_PREFIX}, not at {prefix}")
    return f"{prefix}{tenant}/"


def _announcement(found: Registered, ready: ReadyVersion) -> Announcement:
    return Announcement(
        found.document_id,
        ready.ordinal,
        found.name,
        "indexing",
        ready.origin,
        ready.description,
        found.created_at,
        ready.result,
    )
