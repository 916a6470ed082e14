"""The whole of ingestion, wired on one screen."""

from asyncio import Event
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from contracts.gateway.erasures import TenantDeletedV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.audit import (
    AuditObjectsV1,
    AuditRegistryV1,
    RemoveOrphanV1,
    RepairDocumentV1,
)
from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, ObjectsDroppedV1
from contracts.ingestion.proof import DocumentPurgedV1, GetCertificateV1
from contracts.ingestion.queries import GetDocumentV1, ListDocumentsV1, TakenInRequestedV1
from contracts.ingestion.versions import (
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextRequestedV1,
)
from contracts.platform.usage import BudgetReachedV1, TenantChangedV1
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.ingestion.controllers.audits import AuditsController
from services.ingestion.controllers.documents import DocumentsController
from services.ingestion.controllers.steering import SteeringController
from services.ingestion.controllers.tenants import TenantsController
from services.ingestion.controllers.versions import VersionsController
from services.ingestion.models.times import Times
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.auditing import Auditing
from services.ingestion.services.chunking.strategies import Chunkings, InputLimit
from services.ingestion.services.deleted_tenants import DeletedTenants
from services.ingestion.services.documents import Documents
from services.ingestion.services.entities.reading import Limits, ReadEntities
from services.ingestion.services.intake.foreign import foreign
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.intake.permits import Permits
from services.ingestion.services.ports import Carrier, ExtractionCache, VectorCache
from services.ingestion.services.reading.ocr import find_ocr
from services.ingestion.services.reading.parser import Parser, open_parser
from services.ingestion.services.reconciling import Reconciliation
from services.ingestion.services.steering import Steer
from services.ingestion.services.tenants import Tenants
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.versions import VersionHistory
from services.ingestion.services.working.backlog import BacklogWatch
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.parts import TakeInParts
from services.ingestion.services.working.worker import Worker
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.audits import Audits
from services.ingestion.store.backlog import Backlog
from services.ingestion.store.caches import Extractions, Vectors
from services.ingestion.store.database import (
    Address,
    Database,
    connected,
    open_database,
    url_of,
)
from services.ingestion.store.deleted_tenants import DeletedTenants as DeletedStore
from services.ingestion.store.intakes import Intakes
from services.ingestion.store.proofs import Proofs
from services.ingestion.store.purging import Purging
from services.ingestion.store.registry import Registry
from services.ingestion.store.steering import Steering
from services.ingestion.store.tenants import Tenants as TenantStore
from services.ingestion.store.versions import Versions
from services.ingestion.store.worklist import Worklist
from shared.aws import database_tokens
from shared.bedrock import PriceList, open_model
from shared.bedrock.embedding import family_of
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.late import Remembered, without_late
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.periodic import Periodic
from shared.ports import Clock, Model, Probe, Publisher

DOCUMENTS, QUERIES, EVENTS = "ingestion-documents", "ingestion-queries", "ingestion-events"
# Messages that are handled together are committed together.
AT_ONCE = 64
# Their senders have their answers already: seconds in which offers gather. Those that come together
# share a receive, a commit and a claim.
OFFERS_LINGER_S = 0.2
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
    settings = checked(settings or IngestionSettings())
    times, clock = times or times_of(settings), clock or SystemClock()
    async with AsyncExitStack() as stack:
        database = database or await _opened(stack, settings)
        if blobs is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
        if model is None:
            model = await stack.enter_async_context(open_model(settings))
        if bus is None:
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if parser is None:
            parser = await stack.enter_async_context(parser_of(settings))
        publisher = publisher or BusPublisher(bus)
        metering = Metering("ingestion", publisher, gather_s=GATHER_S)
        stack.push_async_callback(metering.drain)
        registry, intakes = Registry(database), Intakes(database, times)
        worklist = Worklist(database, times, settings.kept_versions)
        vectors, extractions = caches_of(settings, database)
        announcer, work, purge = Announcer(publisher, worklist), Event(), Event()
        documents = Documents(registry, intakes, worklist, announcer, Proofs(database), purge)
        take_in = take_in_of(settings, intakes, ended_of(database, blobs, publisher, purge), work)
        purging, tenants = Purging(database, times), Tenants(TenantStore(database), clock)
        steer = Steer(Steering(database, times), documents, announcer, blobs, work)
        history = VersionHistory(documents, Versions(database, times), blobs, work)
        audit = Auditing(Audits(database), registry, blobs, announcer, clock, times)
        handlers = handlers_of(documents, take_in, steer, history, audit, tenants)
        entities = entities_of(settings, model, extractions, metering)
        embed = embed_of(settings, model, vectors, metering)
        parts = TakeInParts(intakes, blobs, work, settings.max_document_bytes)
        ingest = Ingest(worklist, blobs, parser, embed, parts, chunkings_of(settings), entities)
        runnables: list[Runnable] = [
            *_consumers(bus, handlers, database.ping),
            Worker(worklist, ingest, announcer, work, settings.documents_in_flight, times),
            Upkeep(worklist, purging, (vectors, extractions), announcer, blobs, purge, times),
            Reconciliation(blobs, registry, take_in, clock, times),
            Periodic(BacklogWatch(Backlog(database)).publish, times.backlog_s, breaks_off=True),
        ]
        yield Service(runnables, handlers)


@asynccontextmanager
async def migrating(settings: IngestionSettings) -> AsyncIterator[Database]:
    """For the operator's command: the database as it is."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(connected(await _address(stack, settings)))


async def _opened(stack: AsyncExitStack, settings: IngestionSettings) -> Database:
    address = await _address(stack, settings)
    return await stack.enter_async_context(open_database(address, migrate=settings.migrate))


async def _address(stack: AsyncExitStack, s: IngestionSettings) -> Address:
    """The URL as it is set, or made of its parts with a password or a token of the task's role."""
    tls = s.ca_file is not None
    if s.database_host is None:
        return Address(s.database_url, tls=tls, ca_file=s.ca_file)
    place = s.database_host, s.database_port, s.database_user
    url = url_of(*place, s.database_name)
    if s.database_auth == "iam":
        return Address(url, await database_tokens(stack, s, *place), tls=True, ca_file=s.ca_file)
    return Address(url, s.database_password.get_secret_value(), tls=tls, ca_file=s.ca_file)


def checked(settings: IngestionSettings) -> IngestionSettings:
    """Raises ValueError for a model without a price."""
    if settings.entity_model:
        PriceList(settings.prices).check(settings.entity_model)
    return settings


def times_of(settings: IngestionSettings) -> Times:
    return Times(
        lease_s=settings.lease_s,
        resend_s=settings.resend_s,
        answer_s=settings.answer_s,
        upkeep_s=settings.upkeep_s,
        backlog_s=settings.backlog_s,
        reconcile_s=settings.reconcile_s,
        unused_upload_s=settings.unused_upload_s,
    )


def take_in_of(
    settings: IngestionSettings, intakes: Intakes, deleted: DeletedTenants, work: Event
) -> TakeIn:
    permits = Permits(settings.senders, settings.s3_senders)
    bucket = settings.resource(settings.carrier_bucket)
    return TakeIn(
        intakes, deleted.carrier, permits, deleted, work, bucket, settings.max_document_bytes
    )


def ended_of(
    database: Database, blobs: Carrier, publisher: Publisher, purge: Event
) -> DeletedTenants:
    store = DeletedStore(database)
    return DeletedTenants(store, blobs, publisher, purge, Remembered(store.deleted))


def caches_of(settings: IngestionSettings, database: Database) -> tuple[Vectors, Extractions]:
    return (
        Vectors(database, settings.vector_cache_rows),
        Extractions(database, settings.entity_cache_rows),
    )


def embed_of(
    settings: IngestionSettings, model: Model, cache: VectorCache, metering: Metering
) -> Embed:
    dimension = settings.embedding_dimension
    return Embed(model, cache, metering, settings.embedding_model, dimension)


def handlers_of(
    documents: Documents,
    take_in: TakeIn,
    steer: Steer,
    history: VersionHistory,
    audit: Auditing,
    tenants: Tenants,
) -> Mapping[str, Handlers]:
    """By queue. Only ingestion-documents takes messages from others than the services."""
    controller = DocumentsController(documents, take_in, take_in.permits)
    steering, versions = SteeringController(steer), VersionsController(history)
    audits, spending = AuditsController(audit), TenantsController(tenants, take_in.deleted)
    told: Handlers = {
        TurnCompletedV2: controller.cited,
        BudgetReachedV1: spending.budget_reached,
        TenantChangedV1: spending.changed,
    }
    return {
        DOCUMENTS: {
            IngestDocumentV2: controller.offered,
            ObjectsDroppedV1: controller.dropped,
            DeleteDocumentV1: controller.delete_if_permitted,
        },
        QUERIES: {
            GetCertificateV1: controller.certificate,
            GetDocumentV1: controller.get,
            ListDocumentsV1: controller.list,
            DeleteDocumentV1: controller.delete,
            TakenInRequestedV1: controller.taken_in,
            RetryDocumentV1: steering.retry,
            CancelDocumentV1: steering.cancel,
            ReindexDocumentV1: steering.reindex,
            ListVersionsV1: versions.list,
            DescribeDocumentV1: versions.describe,
            RestoreVersionV1: versions.restore,
            ContentRequestedV1: versions.content,
            TextRequestedV1: versions.text,
            AuditRegistryV1: audits.registry,
            AuditObjectsV1: audits.objects,
            RepairDocumentV1: audits.repair,
            RemoveOrphanV1: audits.remove_orphan,
        },
        EVENTS: {
            DocumentIndexedV1: controller.indexed,
            IndexingRefusedV1: controller.refused,
            DocumentPurgedV1: controller.purged,
            TenantDeletedV1: spending.deleted,
            **without_late(told, take_in.deleted.until),
        },
    }


def _space(settings: IngestionSettings) -> tuple[str, int]:
    return settings.embedding_model, settings.embedding_dimension


def chunkings_of(settings: IngestionSettings) -> Chunkings:
    family = family_of(*_space(settings))
    return Chunkings(InputLimit(family.tokens_max, family.characters_max), settings.chunking)


def parser_of(settings: IngestionSettings) -> AbstractAsyncContextManager[Parser]:
    processes, timeout_s = settings.parser_processes, settings.parse_timeout_s
    ocr = find_ocr(settings.ocr_languages, settings.ocr_pages_max)
    return open_parser(processes, timeout_s, memory_mb=settings.parser_memory_mb, ocr=ocr)


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


def _consumers(bus: Bus, handlers: Mapping[str, Handlers], probe: Probe) -> list[Consumer]:
    consume = partial(Consumer, bus, probe=probe)
    return [
        consume(
            DOCUMENTS,
            handlers[DOCUMENTS],
            concurrency=AT_ONCE,
            foreign=foreign,
            linger_s=OFFERS_LINGER_S,
        ),
        consume(QUERIES, handlers[QUERIES], concurrency=16),
        consume(EVENTS, handlers[EVENTS], concurrency=AT_ONCE, linger_s=LINGER_S),
    ]
