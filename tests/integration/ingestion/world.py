"""Ingestion on a real PostgreSQL, with everything else in memory."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from contracts.envelope import Context
from contracts.ingestion.document import Counts, document_id
from contracts.ingestion.documents import (
    DeleteDocumentV1,
    IngestDocumentV2,
    InlineText,
    ObjectsDroppedV1,
    StoredObject,
)
from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.manifest import ChunkLine, read
from contracts.ingestion.proof import (
    CONFIRMING,
    CertificateV1,
    DocumentPurgedV1,
    GetCertificateV1,
    Purged,
)
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    DocumentSummary,
    GetDocumentV1,
    ListDocumentsV1,
)
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.ingestion.bootstrap import DOCUMENTS, EVENTS, QUERIES, bootstrap, times_of
from services.ingestion.models.times import Times
from services.ingestion.services.intake.foreign import foreign
from services.ingestion.services.reading.child import parse
from services.ingestion.services.reading.parser import Parse, open_parser
from services.ingestion.services.reconciling import Reconciliation
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.worker import Worker
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.database import Database, Transaction
from services.ingestion.store.worklist import Worklist
from shared.clock import SystemClock
from shared.lifecycle import Service
from shared.messaging.wire import decode, message_of
from shared.outcomes import Done, Outcome
from shared.ports import Clock
from shared.testing.fakes import FakeBlobs, FakePublisher, Faults, no_bus
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.ingestion.fakes import DIMENSION, HashModel

BUCKET = "ragops-carrier"
MAX_BYTES = 100_000
CONTEXT = Context(tenant="acme", causation_id="event-1")


# Of each service that confirms a deletion, one of its places.
PLACES = {"retrieval": "passages", "memory": "turns", "gateway": "sessions"}


class Outages(Database):
    """The same database, which is away on demand."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.faults = Faults()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self.faults.strike("postgresql")
        async with self._database.transaction() as transaction:
            yield transaction


@dataclass
class World:
    """`options` go over the settings below; times are short, so that they can be waited for."""

    database: Database
    options: dict[str, Any] = field(default_factory=dict)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    model: HashModel = field(default_factory=HashModel)
    clock: Clock = field(default_factory=SystemClock)
    # Over the times that no setting holds.
    timing: dict[str, float] = field(default_factory=dict)
    parse_timeout_s: float = 2.0

    _services: list[Service] = field(default_factory=list)

    @property
    def worklist(self) -> Worklist:
        """Another process's: what it claims, this one does not get."""
        return Worklist(self.database, self.times(self.settings()))

    def times(self, settings: IngestionSettings) -> Times:
        return replace(
            times_of(settings),
            probe_s=0.1,
            backoff_s=0.01,
            reconcile_again_s=0.1,
            watch_s=0.1,
            purge_again_s=0.2,
            **self.timing,
        )

    def settings(self, **options: Any) -> IngestionSettings:
        given: dict[str, Any] = {
            "senders": {"*": ["*"]},
            "s3_senders": ("*",),
            "max_document_bytes": MAX_BYTES,
            "embedding_model": "test.embed",
            "embedding_dimension": DIMENSION,
            "prices": {"test.llm": (Decimal(1), Decimal(1))},
            "resend_s": 0.3,
            "upkeep_s": 0.1,
            "documents_in_flight": 8,
        }
        return IngestionSettings(**given | self.options | options)

    @asynccontextmanager
    async def serving(
        self, parse: Parse = parse, on: Database | None = None, **options: Any
    ) -> AsyncIterator[Service]:
        """The service takes messages; nobody works on documents."""
        settings = self.settings(**options)
        async with (
            open_parser(processes=1, timeout_s=self.parse_timeout_s, parse=parse) as parser,
            bootstrap(
                settings,
                bus=no_bus(),
                publisher=self.publisher,
                database=on or self.database,
                blobs=self.blobs,
                model=self.model,
                parser=parser,
                clock=self.clock,
                times=self.times(settings),
            ) as service,
        ):
            self._services.append(service)
            try:
                yield service
            finally:
                self._services.remove(service)

    @asynccontextmanager
    async def working(
        self, parse: Parse = parse, on: Database | None = None, **options: Any
    ) -> AsyncIterator[None]:
        async with self.serving(parse, on, **options) as service:
            kinds = (Worker, Upkeep, Reconciliation)
            work = [one for one in service.runnables if isinstance(one, kinds)]
            async with running(*work):
                yield

    async def outcome(self, queue: str, message: Message, context: Context) -> Outcome:
        """The newest service takes the message, as it comes from the queue."""
        return await self._services[-1].handlers[queue][type(message)](message, context)

    async def handle(
        self,
        queue: str,
        message: Message,
        tenant: str = "acme",
        message_id: str | None = None,
        sent_at: datetime | None = None,
        sender: str | None = None,
        principal: str | None = None,
    ) -> Message | None:
        """The reply."""
        context = Context(
            tenant=tenant,
            causation_id=message_id or str(uuid4()),
            sent_at=sent_at,
            sender=sender,
            principal=principal,
        )
        outcome = await self.outcome(queue, message, context)
        assert isinstance(outcome, Done), outcome
        return outcome.reply

    async def offer(
        self,
        name: str,
        text: str | None = None,
        *,
        key: str | None = None,
        tenant: str = "acme",
        message_id: str | None = None,
        sent_at: datetime | None = None,
        principal: str | None = None,
        **fields: object,
    ) -> str:
        source = InlineText(text=text) if text is not None else StoredObject(key=key or "")
        message = IngestDocumentV2.model_validate({"name": name, "source": source, **fields})
        await self.handle(DOCUMENTS, message, tenant, message_id, sent_at, principal=principal)
        return document_id(tenant, name)

    async def by_hand(self, body: dict[str, Any], sent_at: datetime | None = None) -> Outcome:
        """What a person sends with the AWS CLI."""
        envelope = decode(json.dumps(body), foreign)
        context = envelope.context().model_copy(update={"sent_at": sent_at})
        return await self.outcome(DOCUMENTS, message_of(envelope), context)

    async def drop(self, dropped: ObjectsDroppedV1) -> None:
        await self.handle(DOCUMENTS, dropped, tenant="s3")

    async def delete(
        self,
        document: str,
        tenant: str = "acme",
        visible_to: Sequence[str] | None = None,
        accepted_id: str | None = None,
        sent_at: datetime | None = None,
        principal: str | None = None,
    ) -> DocumentSummary | None:
        names = None if visible_to is None else tuple(visible_to)
        message = DeleteDocumentV1(document_id=document, accepted_id=accepted_id, visible_to=names)
        reply = await self.handle(QUERIES, message, tenant, sent_at=sent_at, principal=principal)
        return reply.document if isinstance(reply, DocumentStateV1) else None

    async def state(
        self, document: str, tenant: str = "acme", **fields: Any
    ) -> DocumentStateV1 | None:
        reply = await self.handle(QUERIES, GetDocumentV1(document_id=document, **fields), tenant)
        return reply if isinstance(reply, DocumentStateV1) else None

    async def page(self, **fields: Any) -> DocumentsListedV1:
        reply = await self.handle(QUERIES, ListDocumentsV1(**fields))
        assert isinstance(reply, DocumentsListedV1)
        return reply

    async def refuses_page(self, place: str) -> bool:
        """`place` is what a cursor says when it is decoded."""
        after = urlsafe_b64encode(place.encode()).decode()
        reply = await self.handle(QUERIES, ListDocumentsV1(after=after))
        return isinstance(reply, RequestFailedV1) and reply.code == "invalid_request"

    async def see(self, document: str, tenant: str = "acme") -> DocumentSummary:
        state = await self.state(document, tenant)
        assert state is not None, f"{document} is unknown"
        return state.document

    async def ends(
        self, document: str, status: str, ordinal: int = 1, tenant: str = "acme"
    ) -> DocumentSummary:
        async def reached() -> DocumentSummary | None:
            seen = await self.see(document, tenant)
            return seen if seen.status == status and seen.ordinal >= ordinal else None

        found: DocumentSummary = await until(reached, within_s=15)
        if status == "indexing":
            # The state is kept before it is told.
            await until(lambda: self._is_told(document, ordinal))
        return found

    def _is_told(self, document: str, ordinal: int) -> bool:
        told = self.publisher.of(DocumentChunkedV1)
        return any(one.document_id == document and one.ordinal >= ordinal for one in told)

    async def answer(self, chunked: DocumentChunkedV1, chunks: int | None = None) -> None:
        """What retrieval does with a DocumentChunked."""
        count = chunked.counts.chunks if chunks is None else chunks
        message = DocumentIndexedV1(
            document_id=chunked.document_id, ordinal=chunked.ordinal, counts=Counts(chunks=count)
        )
        await self.handle(EVENTS, message)

    async def refuse(self, chunked: DocumentChunkedV1, tenant: str = "acme") -> None:
        """What retrieval does with a DocumentChunked that it can never index."""
        message = IndexingRefusedV1(
            document_id=chunked.document_id,
            ordinal=chunked.ordinal,
            code="wrong_dimension",
            message="The index has other vectors. Make it again.",
        )
        await self.handle(EVENTS, message, tenant)

    async def confirm(
        self, document: str, ordinal: int = 1, removed: int = 1, tenant: str = "acme"
    ) -> None:
        """What the others do when they have purged a document; retrieval had `removed` of it."""
        for service in CONFIRMING[1:]:
            count = removed if service == "retrieval" else 0
            place = Purged(place=PLACES[service], removed=count, at=datetime.now(UTC))
            message = DocumentPurgedV1(
                document_id=document, ordinal=ordinal, service=service, places=(place,)
            )
            await self.handle(EVENTS, message, tenant)

    async def certificate(
        self,
        document: str,
        tenant: str = "acme",
        principal: str | None = None,
        visible_to: Sequence[str] | None = None,
    ) -> CertificateV1 | None:
        names = None if visible_to is None else tuple(visible_to)
        message = GetCertificateV1(document_id=document, visible_to=names)
        reply = await self.handle(QUERIES, message, tenant, principal=principal)
        return reply if isinstance(reply, CertificateV1) else None

    async def answer_all(self) -> None:
        for chunked in self.publisher.of(DocumentChunkedV1):
            await self.answer(chunked)

    def lines(self, chunked: DocumentChunkedV1) -> list[ChunkLine]:
        return list(read(self.blobs.objects[chunked.manifest_key]))
