"""The whole of ingestion, wired on one screen."""

from asyncio import Event
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from contracts.gateway.turns import TurnCompletedV1
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, ObjectsDroppedV1
from contracts.ingestion.queries import GetDocumentV1, ListDocumentsV1
from contracts.retrieval.events import DocumentIndexedV1
from services.ingestion.controllers.delete_document import DeleteDocument
from services.ingestion.controllers.document_indexed import DocumentIndexed
from services.ingestion.controllers.get_document import GetDocument
from services.ingestion.controllers.ingest_document import IngestDocument
from services.ingestion.controllers.list_documents import ListDocuments
from services.ingestion.controllers.objects_dropped import ObjectsDropped
from services.ingestion.controllers.turn_completed import TurnCompleted
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.citations import CountCitations
from services.ingestion.services.deletion import Delete
from services.ingestion.services.entities.reading import Limits, ReadEntities
from services.ingestion.services.indexed import MarkReady
from services.ingestion.services.intake.foreign import foreign
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.intake.permits import EVERYONE, Permits
from services.ingestion.services.lookup import Lookup
from services.ingestion.services.metering import Meter
from services.ingestion.services.reading.parser import Parser
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.worker import Worker
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.cleaning import Cleaning
from services.ingestion.store.database import Database, open_database
from services.ingestion.store.extractions import Extractions
from services.ingestion.store.ledger import Ledger, Times
from services.ingestion.store.registry import Registry
from services.ingestion.store.vectors import Vectors
from shared.bedrock import PriceList, open_model
from shared.blobs import open_blobs
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.outcomes import Handlers
from shared.ports import Blobs, Model, Publisher

# What is handled together is committed together.
AT_ONCE = 64


@asynccontextmanager
async def bootstrap(
    settings: IngestionSettings | None = None,
    *,
    database: Database | None = None,
    blobs: Blobs | None = None,
    model: Model | None = None,
    bus: Bus | None = None,
    publisher: Publisher | None = None,
) -> AsyncIterator[Service]:
    settings = settings or IngestionSettings()
    if settings.entity_model:
        PriceList(settings.prices).check(settings.entity_model)
    async with AsyncExitStack() as stack:
        if database is None:
            database = await stack.enter_async_context(open_database(settings.database_url))
        if blobs is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
        if model is None:
            model = await stack.enter_async_context(open_model(settings))
        if bus is None:
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        parser = Parser(settings.parser_processes, settings.parse_timeout_s)
        stack.push_async_callback(parser.close)
        publisher = publisher or BusPublisher(bus)
        yield Service(wire(settings, database, blobs, model, bus, publisher, parser))


def wire(
    settings: IngestionSettings,
    database: Database,
    blobs: Blobs,
    model: Model,
    bus: Bus,
    publisher: Publisher,
    parser: Parser,
) -> list[Runnable]:
    registry = Registry(database)
    ledger = Ledger(database, Times(settings.lease_s, settings.resend_s))
    vectors = Vectors(database, settings.vector_cache_rows)
    announcer = Announcer(publisher, ledger)
    work, purge = Event(), Event()
    bucket = settings.resource(settings.carrier_bucket)
    take_in = TakeIn(registry, work, bucket, settings.max_document_bytes)
    delete, lookup = Delete(registry, announcer, purge), Lookup(registry)
    permits = Permits(settings.senders)
    meter = Meter(publisher)
    embed = Embed(model, vectors, meter, settings.embedding_model, settings.embedding_dimension)
    extractions = Extractions(database, settings.entity_cache_rows)
    read = entity_reader(settings, model, extractions, meter)
    ingest = Ingest(ledger, blobs, parser, embed, settings.max_document_bytes, read)
    cleaning = Cleaning(database)
    documents: Handlers = {
        IngestDocumentV2: IngestDocument(take_in, permits),
        ObjectsDroppedV1: ObjectsDropped(take_in),
        DeleteDocumentV1: DeleteDocument(delete, permits),
    }
    queries: Handlers = {
        GetDocumentV1: GetDocument(lookup),
        ListDocumentsV1: ListDocuments(lookup),
        DeleteDocumentV1: DeleteDocument(delete, EVERYONE),
    }
    events: Handlers = {
        DocumentIndexedV1: DocumentIndexed(MarkReady(ledger)),
        TurnCompletedV1: TurnCompleted(CountCitations(registry)),
    }
    consume = partial(Consumer, bus, probe=database.ping)
    return [
        consume("ingestion-documents", documents, concurrency=AT_ONCE, foreign=foreign),
        consume("ingestion-queries", queries, concurrency=16),
        consume("ingestion-events", events, concurrency=AT_ONCE, linger_s=LINGER_S),
        Worker(ledger, ingest, announcer, work, settings.documents_in_flight),
        Upkeep(ledger, cleaning, vectors, extractions, announcer, blobs, purge, settings.upkeep_s),
    ]


def entity_reader(
    settings: IngestionSettings, model: Model, extractions: Extractions, meter: Meter
) -> ReadEntities | None:
    if not settings.entity_model:
        return None
    limits = Limits(
        settings.entity_tokens_max, settings.entity_answer_tokens, settings.entity_calls
    )
    return ReadEntities(model, extractions, meter, settings.entity_model, limits)
