"""The gateway on a real port before fakes that behave like an office's documents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.document import Counts, Failure, document_id
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    DocumentSummary,
    GetDocumentV1,
    ListDocumentsV1,
)
from contracts.memory.queries import (
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    ConversationSummary,
    DeleteConversationV1,
    ListConversationsV1,
    RenameConversationV1,
)
from shared.errors import RequestRefused
from shared.testing.running import running
from tests.unit.gateway.fakes import Gateway, open_gateway

STEPS = ("parsing", "indexing", "ready")


@dataclass
class Office:
    """Each look at a document brings it one step further; an empty file is rejected."""

    gateway: Gateway
    documents: dict[str, DocumentSummary] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    # What memory knows beside the sessions.
    talks: tuple[ConversationSummary, ...] = ()
    opened: dict[str, ConversationAnsweredV1] = field(default_factory=dict)

    def wire(self) -> None:
        answers: dict[Any, Any] = {
            GetDocumentV1: self.show,
            ListDocumentsV1: self.listed,
            DeleteDocumentV1: self.delete,
            RetryDocumentV1: partial(self.steer, "parsing"),
            CancelDocumentV1: partial(self.steer, "failed"),
            ReindexDocumentV1: partial(self.steer, "parsing"),
            ListConversationsV1: lambda _: ConversationsListedV1(conversations=self.talks),
            ConversationRequestedV1: self.open,
            RenameConversationV1: self.rename,
            DeleteConversationV1: self.forget,
        }
        self.gateway.requester.answers |= answers

    def _take_in(self) -> None:
        for message in self.gateway.publisher.on("ingestion-documents"):
            assert isinstance(message, IngestDocumentV2)
            known = document_id("acme", message.name)
            if known not in self.documents:
                self.put(message.name, "parsing")

    def put(self, name: str, status: str, **fields: Any) -> None:
        now = datetime.now(UTC)
        known = {
            "document_id": document_id("acme", name),
            "name": name,
            "status": status,
            "ordinal": 1,
            "counts": Counts(chunks=12, pages=3),
            "created_at": now,
            "updated_at": now,
        }
        summary = DocumentSummary.model_validate(known | fields)
        self.documents[summary.document_id] = summary

    def _advance(self, summary: DocumentSummary) -> DocumentSummary:
        if summary.status not in STEPS[:-1]:
            return summary
        step = STEPS[STEPS.index(summary.status) + 1]
        changes: dict[str, Any] = {"status": step}
        if self._is_empty(summary.name):
            error = Failure(code="empty", message="The file holds no text. Send one that does.")
            changes = {"status": "rejected", "error": error}
        self.documents[summary.document_id] = summary.model_copy(update=changes)
        return self.documents[summary.document_id]

    def _is_empty(self, name: str) -> bool:
        stored = self.gateway.blobs.objects.items()
        return any(key.endswith(f"/{name}") and not body for key, body in stored)

    def show(self, request: GetDocumentV1) -> DocumentStateV1 | RequestRefused:
        self._take_in()
        summary = self.documents.get(request.document_id)
        if summary is None:
            return RequestRefused("not_found", "no such document")
        return DocumentStateV1(document=self._advance(summary))

    def listed(self, request: ListDocumentsV1) -> DocumentsListedV1:
        self._take_in()
        chosen = [
            one
            for one in self.documents.values()
            if request.state in (None, one.status)
            and (request.query or "").lower() in one.name.lower()
            and (request.tag is None or request.tag in one.tags)
        ]
        begin = int(request.after or 0)
        end = begin + request.limit
        next_ = str(end) if end < len(chosen) else None
        return DocumentsListedV1(documents=tuple(chosen[begin:end]), next=next_)

    def steer(
        self,
        status: str,
        request: RetryDocumentV1 | CancelDocumentV1 | ReindexDocumentV1,
    ) -> DocumentStateV1 | RequestRefused:
        """A document of `refused` stays as it is."""
        summary = self.documents[request.document_id]
        if summary.name in self.refused:
            return RequestRefused("not_possible", "Its original bytes are not kept any more.")
        error = Failure(code="cancelled", message="It was cancelled. Retry it to go on.")
        changes = {"status": status, "error": error if status == "failed" else None}
        self.documents[request.document_id] = summary.model_copy(update=changes)
        return DocumentStateV1(document=self.documents[request.document_id])

    def open(
        self, request: ConversationRequestedV1 | RenameConversationV1
    ) -> ConversationAnsweredV1 | RequestRefused:
        unknown = RequestRefused("not_found", "There is no such conversation.")
        return self.opened.get(request.conversation_id, unknown)

    def rename(self, request: RenameConversationV1) -> ConversationAnsweredV1 | RequestRefused:
        self.talks = tuple(
            talk.model_copy(update={"title": request.title})
            if talk.conversation_id == request.conversation_id
            else talk
            for talk in self.talks
        )
        return self.open(request)

    def forget(self, request: DeleteConversationV1) -> ConversationDeletedV1:
        known = self.opened.pop(request.conversation_id, None)
        self.talks = tuple(
            talk for talk in self.talks if talk.conversation_id != request.conversation_id
        )
        removed = {"turns": len(known.turns) if known else 0}
        return ConversationDeletedV1(conversation_id=request.conversation_id, removed=removed)

    def delete(self, request: DeleteDocumentV1) -> DocumentStateV1:
        summary = self.documents.pop(request.document_id)
        self.gateway.publisher.sent.clear()
        return DocumentStateV1(document=summary.model_copy(update={"status": "deleted"}))


@asynccontextmanager
async def open_office(**settings: Any) -> AsyncIterator[tuple[Office, str]]:
    async with open_gateway(drain_s=1, **settings) as gateway:
        office, server = Office(gateway), gateway.service.server
        office.wire()
        async with running(server):
            yield office, f"http://127.0.0.1:{server.port}"
