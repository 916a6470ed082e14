"""A document's versions: listed, described anew, restored, and shown as file and as text."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from contracts.envelope import Context
from contracts.ingestion.queries import DocumentStateV1, DocumentSummary
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextAnsweredV1,
    TextRequestedV1,
    VersionsListedV1,
)
from contracts.message import Message
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest, NotFound, NotPossible
from services.gateway.services.documents.documents import QUEUE, Documents
from shared.errors import NoSuchObject, RequestRefused, Unavailable
from shared.observability import span
from shared.ports import Blobs, Download

M = TypeVar("M", bound=Message)
_ON_ITS_WAY = "An upload of this document is on its way. Try again in a moment."


@dataclass(frozen=True)
class Versions:
    """All raise NotFound, NotPossible, DeadlineMissed, Unavailable or RequestRefused.

    Who manages a document sees its history. Its file and text are for those who may see it: as
    for searches, being an admin is not enough.
    """

    documents: Documents
    blobs: Blobs
    # Milliseconds that ingestion has to read a document's text.
    text_budget_ms: int

    async def listed(self, who: Principal, document_id: str) -> VersionsListedV1:
        request = ListVersionsV1(document_id=document_id, visible_to=who.managed_as)
        with span("list_versions"):
            return await self._asked(who, request, VersionsListedV1)

    async def describe(
        self, who: Principal, document_id: str, wanted: DescribeDocumentV1
    ) -> DocumentSummary:
        """Only the fields that `wanted` names. Raises InvalidRequest."""
        names, readers = who.managed_as, wanted.visibility
        if names is not None and readers is not None and set(names).isdisjoint(readers):
            raise InvalidRequest(
                "visibility",
                f"You would not see the document any more. Add user:{who.user}, or ask an admin.",
            )
        with span("describe_document"):
            return await self._changed(who, document_id, wanted)

    async def restore(self, who: Principal, document_id: str, version: int) -> DocumentSummary:
        wanted = RestoreVersionV1(document_id=document_id, ordinal=version)
        with span("restore_version"):
            return await self._changed(who, document_id, wanted)

    async def text(self, who: Principal, document_id: str, version: int | None) -> TextAnsweredV1:
        request = TextRequestedV1(
            document_id=document_id, ordinal=version, visible_to=who.visible_to
        )
        with span("show_text"):
            return await self._asked(who, request, TextAnsweredV1, self.text_budget_ms)

    async def content(
        self, who: Principal, document_id: str, version: int | None, byte_range: str | None
    ) -> tuple[ContentAnsweredV1, Download]:
        """What the file is, and its bytes, which the caller closes."""
        request = ContentRequestedV1(
            document_id=document_id, ordinal=version, visible_to=who.visible_to
        )
        with span("show_content"):
            found = await self._asked(who, request, ContentAnsweredV1)
            if found.key is None:
                return found, _inline(found.text or "")
            try:
                got = await self.blobs.get_stream(found.key, etag=found.etag, byte_range=byte_range)
            except NoSuchObject:
                words = f"The file of version {found.ordinal} is no longer there."
                raise NotPossible(f"{words} Perhaps a newer file took its place.") from None
            except Unavailable as error:
                raise Unavailable("files", str(error)) from error
        return found, got

    async def _changed(
        self, who: Principal, document_id: str, wanted: DescribeDocumentV1 | RestoreVersionV1
    ) -> DocumentSummary:
        """An upload that is not taken in yet would undo the change: it is waited for."""
        note = await self.documents.noted(who, document_id)
        accepted_id = note.message_id if note else None
        request = wanted.model_copy(
            update={"accepted_id": accepted_id, "visible_to": who.managed_as}
        )
        try:
            state = await self._asked(who, request, DocumentStateV1)
        except NotFound:
            if note is None or isinstance(wanted, RestoreVersionV1):
                raise
            raise NotPossible(_ON_ITS_WAY) from None
        return state.document

    async def _asked(
        self, who: Principal, request: Message, reply: type[M], budget_ms: int | None = None
    ) -> M:
        context = Context(tenant=who.tenant, principal=who.user)
        requester, budget = self.documents.requester, budget_ms or self.documents.budget_ms
        try:
            return await requester.ask(QUEUE, request, reply, context, budget)
        except RequestRefused as error:
            if error.code == "not_found":
                raise NotFound("There is no such document or version.") from None
            if error.code == "not_possible":
                raise NotPossible(str(error)) from None
            raise


def _inline(text: str) -> Download:
    body = text.encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return Download(len(body), chunks(), lambda: None)
