"""A document's versions: listed, described anew, restored, and shown as file and as text."""

from asyncio import Event
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from contracts.envelope import Context
from contracts.ingestion.document import Failure
from contracts.ingestion.manifest import read
from contracts.ingestion.queries import DocumentStateV1
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    TextAnsweredV1,
    TextChunk,
    VersionsListedV1,
    VersionSummary,
)
from services.ingestion.models.errors import NotPossible
from services.ingestion.models.version import Change, Counts, Description, Version
from services.ingestion.services.announcing import counts_of, origin_of
from services.ingestion.services.content import aside
from services.ingestion.services.documents import Documents
from services.ingestion.services.ports import Carrier, Versions
from shared.errors import NoSuchObject

VisibleTo = Sequence[str] | None


@dataclass(frozen=True)
class VersionHistory:
    """All answer None for what is unknown, another tenant's, or not to be seen by the asker.

    `work` wakes this process's worker. Every method raises Unavailable.
    """

    documents: Documents
    versions: Versions
    carrier: Carrier
    work: Event

    async def listed(
        self, tenant: str, document: str, visible_to: VisibleTo
    ) -> VersionsListedV1 | None:
        if not await self._is_seen(tenant, document, visible_to):
            return None
        found = await self.versions.listed(tenant, document, visible_to)
        if not found:
            return None
        summaries = tuple(_summary(version) for version in found)
        return VersionsListedV1(name=found[0].name, versions=summaries)

    async def describe(
        self,
        context: Context,
        document: str,
        change: Change,
        accepted_id: str | None,
        visible_to: VisibleTo,
    ) -> DocumentStateV1 | None:
        """Returns when the change is committed. Raises NotPossible."""
        if not await self._is_seen(context.tenant, document, visible_to):
            return None
        await self._settled(context.tenant, accepted_id)
        origin = origin_of(context)
        if not await self.versions.describe(origin, document, change, visible_to):
            return None
        return await self._changed(context.tenant, document)

    async def restore(
        self,
        context: Context,
        document: str,
        ordinal: int,
        accepted_id: str | None,
        visible_to: VisibleTo,
    ) -> DocumentStateV1 | None:
        """Returns when the new version is committed. Raises NotPossible."""
        if not await self._is_seen(context.tenant, document, visible_to):
            return None
        await self._settled(context.tenant, accepted_id)
        origin = origin_of(context)
        if not await self.versions.restore(origin, document, ordinal, visible_to):
            return None
        return await self._changed(context.tenant, document)

    async def content(
        self, tenant: str, document: str, ordinal: int | None, visible_to: VisibleTo
    ) -> ContentAnsweredV1 | None:
        """Raises NotPossible when the file is not kept any more."""
        version = await self._one(tenant, document, ordinal, visible_to)
        if version is None:
            return None
        if not version.readable:
            raise NotPossible(f"The file of version {version.ordinal} is no longer kept.")
        return ContentAnsweredV1(
            name=version.name,
            ordinal=version.ordinal,
            media_type=version.media_type,
            key=version.key,
            etag=version.etag,
            text=None if version.key else version.text,
        )

    async def text(
        self, tenant: str, document: str, ordinal: int | None, visible_to: VisibleTo
    ) -> TextAnsweredV1 | None:
        """Raises NotPossible when the version was not read, or its passages are not kept."""
        version = await self._one(tenant, document, ordinal, visible_to)
        if version is None:
            return None
        if version.result is None:
            raise NotPossible(f"Version {version.ordinal} has no text: it has not been read.")
        try:
            body = await self.carrier.get(version.result.manifest_key)
        except NoSuchObject:
            words = f"The text of version {version.ordinal} is no longer kept."
            raise NotPossible(words) from None
        return TextAnsweredV1(
            name=version.name,
            ordinal=version.ordinal,
            media_type=version.result.media_type,
            chunks=await aside(len(body), lambda: _chunks(body)),
        )

    async def _one(
        self, tenant: str, document: str, ordinal: int | None, visible_to: VisibleTo
    ) -> Version | None:
        if not await self._is_seen(tenant, document, visible_to):
            return None
        return await self.versions.one(tenant, document, ordinal, visible_to)

    async def _is_seen(self, tenant: str, document: str, visible_to: VisibleTo) -> bool:
        """Who may not see the newest version sees none, though an older one was open to them."""
        return await self.documents.state(tenant, document, None, visible_to) is not None

    async def _settled(self, tenant: str, accepted_id: str | None) -> None:
        """Raises NotPossible while an upload is on its way: it would undo what is done now."""
        if accepted_id and await self.documents.intakes.seen(tenant, accepted_id) is None:
            raise NotPossible("An upload of this document is on its way. Try again in a moment.")

    async def _changed(self, tenant: str, document: str) -> DocumentStateV1 | None:
        self.work.set()
        return await self.documents.state(tenant, document, None)


def _chunks(manifest: bytes) -> tuple[TextChunk, ...]:
    return tuple(
        TextChunk(
            passage_id=line.passage_id,
            title=line.title,
            text=line.text,
            start=line.start,
            end=line.end,
            page=line.page,
            headings=line.headings,
        )
        for line in read(manifest)
    )


def _summary(version: Version) -> VersionSummary:
    """Without tags and metadata when they are none by today's rules."""
    try:
        return _whole_summary(version)
    except ValidationError:
        return _whole_summary(replace(version, description=Description()))


def _whole_summary(version: Version) -> VersionSummary:
    result, fault = version.result, version.fault
    return VersionSummary(
        ordinal=version.ordinal,
        status=version.status,
        current=version.status == "ready",
        kept=version.kept,
        media_type=result.media_type if result else version.media_type,
        content_hash=version.content_hash,
        size_bytes=result.size_bytes if result else None,
        counts=counts_of(result.counts if result else Counts()),
        error=fault and Failure(code=fault.code, message=fault.message),
        tags=version.description.tags,
        metadata=version.description.metadata,
        visibility=version.description.visibility,
        drawn_from=version.drawn_from,
        created_at=version.created_at,
    )
