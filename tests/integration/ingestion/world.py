"""Ingestion on a real PostgreSQL, with everything else in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from contracts.envelope import Context
from contracts.ingestion.document import Counts, document_id
from contracts.ingestion.documents import IngestDocumentV2, InlineText, StoredObject
from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.manifest import ChunkLine, read
from contracts.ingestion.queries import DocumentSummary
from contracts.retrieval.events import DocumentIndexedV1
from services.ingestion.controllers.document_indexed import DocumentIndexed
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.deletion import Delete
from services.ingestion.services.entities.reading import Limits, ReadEntities
from services.ingestion.services.indexed import MarkReady
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.lookup import Lookup
from services.ingestion.services.metering import Meter
from services.ingestion.services.reading.child import parse
from services.ingestion.services.reading.parser import Parse, Parser
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.worker import Worker
from services.ingestion.store.cleaning import Cleaning
from services.ingestion.store.database import Database
from services.ingestion.store.extractions import Extractions
from services.ingestion.store.ledger import Ledger, Times
from services.ingestion.store.registry import Registry
from services.ingestion.store.vectors import Vectors
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.ingestion.fakes import DIMENSION, HashModel, MemoryBlobs, MemoryPublisher

BUCKET = "ragops-carrier"
MAX_BYTES = 100_000


@dataclass
class World:
    """`times` are short, so that leases and re-sends can be waited for."""

    database: Database
    times: Times = field(default_factory=lambda: Times(lease_s=30.0, resend_s=0.3))
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    model: HashModel = field(default_factory=HashModel)
    # With them, entities are read by the model.
    limits: Limits | None = None

    def __post_init__(self) -> None:
        self.registry = Registry(self.database)
        self.ledger = Ledger(self.database, self.times)
        self.vectors = Vectors(self.database, cap=1000)
        self.extractions = Extractions(self.database, cap=1000)
        self.cleaning = Cleaning(self.database)
        self.announcer = Announcer(self.publisher, self.ledger)
        self.work, self.purge = asyncio.Event(), asyncio.Event()
        self.take_in = TakeIn(self.registry, self.work, BUCKET, MAX_BYTES)
        self.delete = Delete(self.registry, self.announcer, self.purge)
        self.indexed = DocumentIndexed(MarkReady(self.ledger))
        self.lookup = Lookup(self.registry)

    @asynccontextmanager
    async def working(self, in_flight: int = 8, parse: Parse = parse) -> AsyncIterator[Worker]:
        parser = Parser(processes=1, timeout_s=2, parse=parse)
        meter = Meter(self.publisher)
        embed = Embed(self.model, self.vectors, meter, "test.embed", DIMENSION)
        read = None
        if self.limits:
            read = ReadEntities(self.model, self.extractions, meter, "test.llm", self.limits)
        ingest = Ingest(self.ledger, self.blobs, parser, embed, MAX_BYTES, read)
        worker = Worker(self.ledger, ingest, self.announcer, self.work, in_flight)
        upkeep = Upkeep(
            self.ledger,
            self.cleaning,
            self.vectors,
            self.extractions,
            self.announcer,
            self.blobs,
            self.purge,
            every_s=0.1,
        )
        try:
            async with running(worker, upkeep):
                yield worker
        finally:
            await parser.close()

    async def offer(
        self,
        name: str,
        text: str | None = None,
        *,
        key: str | None = None,
        tenant: str = "acme",
        message_id: str | None = None,
        **fields: object,
    ) -> str:
        source = InlineText(text=text) if text is not None else StoredObject(key=key or "")
        message = IngestDocumentV2.model_validate({"name": name, "source": source, **fields})
        context = Context(tenant=tenant, causation_id=message_id or str(uuid4()))
        await self.take_in.message(message, context)
        return document_id(tenant, name)

    async def see(self, document: str, tenant: str = "acme") -> DocumentSummary:
        state = await self.lookup.state(tenant, document, None)
        assert state is not None, f"{document} is unknown"
        return state.document

    async def ends(
        self, document: str, status: str, ordinal: int = 1, tenant: str = "acme"
    ) -> DocumentSummary:
        async def reached() -> DocumentSummary | None:
            seen = await self.see(document, tenant)
            return seen if seen.status == status and seen.ordinal >= ordinal else None

        found: DocumentSummary = await until(reached, within_s=15)
        return found

    async def answer(self, chunked: DocumentChunkedV1, chunks: int | None = None) -> None:
        """What retrieval does with a DocumentChunked."""
        count = chunked.counts.chunks if chunks is None else chunks
        message = DocumentIndexedV1(
            document_id=chunked.document_id, ordinal=chunked.ordinal, counts=Counts(chunks=count)
        )
        await self.indexed(message, Context(tenant="acme", causation_id=str(uuid4())))

    async def answer_all(self) -> None:
        for chunked in self.publisher.of(DocumentChunkedV1):
            await self.answer(chunked)

    def lines(self, chunked: DocumentChunkedV1) -> list[ChunkLine]:
        return list(read(self.blobs.held[chunked.manifest_key]))
