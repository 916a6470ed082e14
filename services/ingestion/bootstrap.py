"""The whole of ingestion, wired on one screen."""

from asyncio import Event
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from contracts.gateway.turns import TurnCompletedV1
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, ObjectsDroppedV1
from contracts.ingestion.queries import GetDocumentV1, ListDocumentsV1, TakenInRequestedV1
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.ingestion.controllers.documents import DocumentsController
from services.ingestion.models.times import Times
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.documents import Documents
from services.ingestion.services.entities.reading import Limits, ReadEntities
from services.ingestion.services.intake.foreign import foreign
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.intake.permits import Permits
from services.ingestion.services.ports import Carrier, ExtractionCache, VectorCache
from services.ingestion.services.reading.parser import Parser, open_parser
from services.ingestion.services.reconciling import Reconciliation
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.worker import Worker
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.caches import Extractions, Vectors
from services.ingestion.store.database import Database, open_database
from services.ingestion.store.intakes import Intakes
from services.ingestion.store.purging import Purging
from services.ingestion.store.registry import Registry
from services.ingestion.store.worklist import Worklist
from shared.bedrock import PriceList, open_model
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.ports import Clock, Model, Publisher

DOCUMENTS, QUERIES, EVENTS = "ingestion-documents", "ingestion-queries", "ingestion-events"
# Messages that are handled together are committed together.
AT_ONCE = 64
# Documents in work within this time share an event of usage.
GATHER_S = 0.5


@asynccontextmanager
async def bootstrap(
    settings: IngestionSettings | None = None,
    *,
    bus: Bus | None = None,
    publisher: Publisher | None = None,
    database: Database | None = None,
    blobs: Carrier | None = None,
    model: Model | None = None,
    parser: Parser | None = None,
    clock: Clock | None = None,
    times: Times | None = None,
) -> AsyncIterator[Service]:
    settings = settings or IngestionSettings()
    check_prices(settings)
    times = times or times_of(settings)
    async with AsyncExitStack() as stack:
        opened = stack.enter_async_context
        if database is None:
            database = await opened(open_database(settings.database_url))
        if blobs is None:
            blobs = await opened(open_blobs(settings))
        if model is None:
            model = await opened(open_model(settings))
        if bus is None:
            bus = await opened(open_bus(settings, blobs))
        if parser is None:
            parser = await opened(open_parser(settings.parser_processes, settings.parse_timeout_s))
        publisher = publisher or BusPublisher(bus)
        metering = Metering("ingestion", publisher, gather_s=GATHER_S)
        stack.push_async_callback(metering.drain)
        registry, intakes = Registry(database), Intakes(database, times)
        worklist, purging = Worklist(database, times), Purging(database, times)
        vectors, extractions = caches_of(settings, database)
        announcer, work, purge = Announcer(publisher, worklist), Event(), Event()
        documents = Documents(registry, intakes, worklist, announcer, purge)
        take_in = take_in_of(settings, intakes, blobs, work)
        handlers = handlers_of(documents, take_in)
        entities = entities_of(settings, model, extractions, metering)
        embed = embed_of(settings, model, vectors, metering)
        ingest = Ingest(worklist, blobs, parser, embed, settings.max_document_bytes, entities)
        consume = partial(Consumer, bus, probe=database.ping)
        runnables: list[Runnable] = [
            consume(DOCUMENTS, handlers[DOCUMENTS], concurrency=AT_ONCE, foreign=foreign),
            consume(QUERIES, handlers[QUERIES], concurrency=16),
            consume(EVENTS, handlers[EVENTS], concurrency=AT_ONCE, linger_s=LINGER_S),
            Worker(worklist, ingest, announcer, work, settings.documents_in_flight, times),
            Upkeep(worklist, purging, (vectors, extractions), announcer, blobs, purge, times),
            Reconciliation(blobs, registry, take_in, clock or SystemClock(), times),
        ]
        yield Service(runnables, handlers)


def check_prices(settings: IngestionSettings) -> None:
    """Raises for a model whose calls could not be billed, before anything is opened."""
    if settings.entity_model:
        PriceList(settings.prices).check(settings.entity_model)


def times_of(settings: IngestionSettings) -> Times:
    return Times(
        lease_s=settings.lease_s,
        resend_s=settings.resend_s,
        answer_s=settings.answer_s,
        upkeep_s=settings.upkeep_s,
        reconcile_s=settings.reconcile_s,
        unused_upload_s=settings.unused_upload_s,
    )


def caches_of(settings: IngestionSettings, database: Database) -> tuple[Vectors, Extractions]:
    vectors = Vectors(database, settings.vector_cache_rows)
    return vectors, Extractions(database, settings.entity_cache_rows)


def take_in_of(
    settings: IngestionSettings, intakes: Intakes, blobs: Carrier, work: Event
) -> TakeIn:
    permits = Permits(settings.senders, settings.s3_senders)
    bucket = settings.resource(settings.carrier_bucket)
    return TakeIn(intakes, blobs, permits, work, bucket, settings.max_document_bytes)


def handlers_of(documents: Documents, take_in: TakeIn) -> Mapping[str, Handlers]:
    """By queue. Only ingestion-documents takes messages from others than the services."""
    controller = DocumentsController(documents, take_in, take_in.permits)
    return {
        DOCUMENTS: {
            IngestDocumentV2: controller.offered,
            ObjectsDroppedV1: controller.dropped,
            DeleteDocumentV1: controller.delete_if_permitted,
        },
        QUERIES: {
            GetDocumentV1: controller.get,
            ListDocumentsV1: controller.list,
            DeleteDocumentV1: controller.delete,
            TakenInRequestedV1: controller.taken_in,
        },
        EVENTS: {
            DocumentIndexedV1: controller.indexed,
            IndexingRefusedV1: controller.refused,
            TurnCompletedV1: controller.cited,
        },
    }


def embed_of(
    settings: IngestionSettings, model: Model, cache: VectorCache, metering: Metering
) -> Embed:
    return Embed(model, cache, metering, settings.embedding_model, settings.embedding_dimension)


def entities_of(
    settings: IngestionSettings, model: Model, cache: ExtractionCache, metering: Metering
) -> ReadEntities | None:
    """None without a model: rules find the entities then."""
    if not settings.entity_model:
        return None
    limits = Limits(
        settings.entity_tokens_max, settings.entity_answer_tokens, settings.entity_calls
    )
    return ReadEntities(model, cache, metering, settings.entity_model, limits)
