"""The whole of finetune_export, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from secrets import token_bytes
from typing import Any

from contracts.envelope import new_id
from contracts.finetune_export.exports import (
    ExportRequestedV1,
    GetExportV1,
    ListExportsV1,
    RunExportV1,
)
from contracts.finetune_export.reviews import CorrectAnswerV1, GetReviewV1, ListReviewsV1
from contracts.finetune_export.trainings import (
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    RunTrainingV1,
    StopTrainingV1,
    TrainingMovedV1,
    TrainingRequestedV1,
)
from contracts.finetune_export.usage import ArchivedTenantsRequestedV1, ArchivedUsageRequestedV1
from contracts.gateway.erasures import TenantDeletedV1, UserErasedV1
from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from contracts.gateway.turns import FeedbackGivenV1, TurnCompletedV2
from contracts.ingestion.events import DocumentDeletedV1
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from contracts.retrieval.events import DocumentIndexedV1
from contracts.topology import ARCHIVE_BUCKET, BUCKETS, TRAINING_EVENTS
from services.finetune_export.controllers.documents import DocumentsController
from services.finetune_export.controllers.exports import ExportsController
from services.finetune_export.controllers.prompts import PromptsController
from services.finetune_export.controllers.reviews import ReviewsController
from services.finetune_export.controllers.trainings import TrainingsController
from services.finetune_export.controllers.turns import TurnsController
from services.finetune_export.controllers.usage import UsageController
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.services.archiving import Archiving, Erasing, Replay
from services.finetune_export.services.asking import Asking
from services.finetune_export.services.auditing import Auditing, Sealing, Verifying
from services.finetune_export.services.compacting import Compacting
from services.finetune_export.services.exporting.exporting import Exporting
from services.finetune_export.services.exporting.jobs import ExportJobs
from services.finetune_export.services.ports import Trainer
from services.finetune_export.services.prompts import PromptArchiving
from services.finetune_export.services.reviewing import Reviewing
from services.finetune_export.services.screening.people import load_names
from services.finetune_export.services.screening.screening import Screening
from services.finetune_export.services.tenants import DeletedTenants
from services.finetune_export.services.training.advancing import Advancing
from services.finetune_export.services.training.checking import Checking
from services.finetune_export.services.training.foreign import foreign
from services.finetune_export.services.training.jobs import TrainingJobs
from services.finetune_export.services.training.table import Catalogue
from services.finetune_export.services.usage import UsageArchiving, UsageReading
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.audit_log import AuditStore
from services.finetune_export.store.bodies import Bodies
from services.finetune_export.store.exports import Exports
from services.finetune_export.store.lake import Lake
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.prompts import PromptStore
from services.finetune_export.store.sagemaker_trainer import SageMakerTrainer
from services.finetune_export.store.tenants import Tenants
from services.finetune_export.store.trainer import BedrockTrainer
from services.finetune_export.store.trainings import Trainings
from services.finetune_export.store.usage_archive import UsageStore
from services.finetune_export.store.user_keys import UserKeys
from shared.aws import Clients
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.late import Remembered, without_late
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.outcomes import Handlers
from shared.periodic import Periodic
from shared.ports import Clock, Publisher

# Model calls of this time share an object of the archive.
GATHER_S = 1.0
AT_ONCE = 64
# All closed days of a new installation, at most.
COMPACT_S = 6 * 3600.0
PREFIXES = tuple(prefix.name for prefix in BUCKETS[ARCHIVE_BUCKET].prefixes)


@asynccontextmanager
async def bootstrap(
    settings: FinetuneExportSettings | None = None,
    *,
    bus: Bus | None = None,
    publisher: Publisher | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Service]:
    s, clock = settings or FinetuneExportSettings(), clock or SystemClock()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(s))
            bus = await stack.enter_async_context(open_bus(s, blobs))
        publisher = publisher or BusPublisher(bus)
        archive, objects, audit_store = await _opened(stack, s)
        audit = _auditing(audit_store, s, clock)
        sets = _sets(archive, objects)
        trainings = await _trainings(stack, s, sets, objects, audit, publisher, clock)
        events = _events(archive, objects, trainings, clock)
        export = partial(_exporting, archive, objects, audit)
        reviewing = Reviewing(Archiving(archive, Lake(objects), audit, clock))
        made = _exports(objects, ExportJobs(sets, publisher, clock, export), trainings)
        exports: Handlers = {**made, **_reviews(reviewing)}
        moves: Handlers = {TrainingMovedV1: TrainingsController(trainings).moved}
        loops = [
            Periodic(Sealing(audit_store, clock).seal, s.upkeep_s, breaks_off=True),
            Periodic(trainings.advancing.round, s.training_poll_s, breaks_off=True),
        ]
        if has_training_group():
            compact = _compacting(archive, objects, audit, clock).compact_due
            loops.append(Periodic(compact, s.upkeep_s, breaks_off=True, stuck_s=COMPACT_S))
        consumers = [
            Consumer(
                bus,
                "finetune-events",
                events,
                concurrency=AT_ONCE,
                probe=archive.ping,
                linger_s=LINGER_S,
            ),
            Consumer(bus, "finetune-exports", exports, probe=archive.ping),
            Consumer(bus, TRAINING_EVENTS, moves, probe=archive.ping, foreign=foreign),
        ]
        handlers = {"finetune-events": events, "finetune-exports": exports, TRAINING_EVENTS: moves}
        yield Service([*consumers, *loops], handlers)


async def _trainings(
    stack: AsyncExitStack,
    s: FinetuneExportSettings,
    sets: Exports,
    objects: Objects,
    audit: Auditing,
    publisher: Publisher,
    clock: Clock,
) -> TrainingJobs:
    clients, bucket = Clients(stack, s), s.resource(s.archive_bucket)
    bedrock = await clients.open("bedrock", endpoint_url=s.bedrock_endpoint_url)
    states, longest = Trainings(objects), timedelta(seconds=s.training_deadline_s)
    trainers: dict[str, Trainer] = {
        "bedrock": BedrockTrainer(bedrock, bucket, s.training_role),
        "sagemaker": SageMakerTrainer(
            partial(clients.open, "sagemaker", endpoint_url=s.bedrock_endpoint_url),
            objects,
            bucket,
            s.training_role,
            longest,
            accepts_licences=s.sagemaker_accepts_licences,
        ),
    }
    advancing = Advancing(
        states,
        Checking(sets, sets, states),
        trainers,
        publisher,
        audit,
        clock,
        _catalogue(s),
        s.trainings_at_once,
        longest,
    )
    return TrainingJobs(advancing, enabled=s.training_role is not None)


def _catalogue(s: FinetuneExportSettings) -> Catalogue:
    return Catalogue(
        s.training_prices, s.sagemaker_hub_models, s.sagemaker_images, s.sagemaker_prices
    )


def _events(archive: Archive, objects: Objects, trainings: TrainingJobs, clock: Clock) -> Handlers:
    lake, tenants = Lake(objects), Tenants(objects, PREFIXES)
    audit, publisher = trainings.advancing.audit, trainings.advancing.publisher
    known = Remembered(tenants.deleted_until)
    archiving = Archiving(archive, lake, audit, clock)
    sets = _sets(archive, objects)
    turns = TurnsController(
        archiving,
        Erasing(archive, UsageStore(objects), lake, sets, trainings, audit, publisher),
        DeletedTenants(tenants, trainings, audit, publisher, known),
    )
    documents = DocumentsController(archiving)
    usage, prompts = _usage(objects, audit), _prompts(objects, audit)
    archived: Handlers = {
        TurnCompletedV2: turns.completed,
        FeedbackGivenV1: turns.feedback_given,
        UserErasedV1: turns.user_erased,
        DocumentIndexedV1: documents.indexed,
        DocumentDeletedV1: documents.deleted,
        PromptRegisteredV1: prompts.registered,
        PromptMovedV1: prompts.moved,
        ModelUsedV2: usage.model_used,
        TenantChangedV1: usage.tenant_changed,
    }
    late = without_late(archived, known.of)
    return {**late, TenantDeletedV1: turns.tenant_deleted}


def _exports(objects: Objects, sets: ExportJobs, jobs: TrainingJobs) -> Handlers:
    usage, exports = _usage(objects, jobs.advancing.audit), ExportsController(sets)
    trainings = TrainingsController(jobs)
    return {
        ArchivedTenantsRequestedV1: usage.tenants,
        ArchivedUsageRequestedV1: usage.page,
        ExportRequestedV1: exports.requested,
        RunExportV1: exports.run,
        GetExportV1: exports.get,
        ListExportsV1: exports.list,
        EstimateTrainingV1: trainings.estimated,
        TrainingRequestedV1: trainings.requested,
        RunTrainingV1: trainings.run,
        GetTrainingV1: trainings.get,
        ListTrainingsV1: trainings.list,
        StopTrainingV1: trainings.stop,
        ApproveTrainingV1: trainings.approve,
        RollBackTrainingV1: trainings.roll_back,
        GetTunedModelV1: trainings.tuned_model,
    }


def _reviews(reviewing: Reviewing) -> Handlers:
    reviews = ReviewsController(reviewing)
    return {
        ListReviewsV1: reviews.list,
        GetReviewV1: reviews.get,
        CorrectAnswerV1: reviews.correct,
    }


def _prompts(objects: Objects, audit: Auditing) -> PromptsController:
    return PromptsController(PromptArchiving(PromptStore(objects), audit))


def _usage(objects: Objects, audit: Auditing) -> UsageController:
    store = UsageStore(objects)
    reading = UsageReading(store, PromptStore(objects))
    return UsageController(UsageArchiving(store, audit, GATHER_S), reading)


def _auditing(store: AuditStore, s: FinetuneExportSettings, clock: Clock) -> Auditing:
    key = s.audit_key.get_secret_value().encode() if s.audit_key else token_bytes()
    return Auditing(store, clock, new_id(), key)


@asynccontextmanager
async def replaying(settings: FinetuneExportSettings) -> AsyncIterator[Replay]:
    """For the operator's command."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_blobs(settings))
        bus = await stack.enter_async_context(open_bus(settings, blobs))
        archive, _, store = await _opened(stack, settings)
        audit = _auditing(store, settings, SystemClock())
        yield Replay(archive, audit, BusPublisher(bus))


@asynccontextmanager
async def compacting(
    settings: FinetuneExportSettings, clock: Clock | None = None
) -> AsyncIterator[Compacting]:
    """For the operator's command. Raises MissingGroup."""
    async with AsyncExitStack() as stack:
        clock = clock or SystemClock()
        archive, objects, audit = await _opened(stack, settings)
        yield _compacting(archive, objects, _auditing(audit, settings, clock), clock)


@asynccontextmanager
async def asking(settings: FinetuneExportSettings) -> AsyncIterator[Asking]:
    """For the operator's command. Raises MissingGroup."""
    parquet = _training("services.finetune_export.store.parquet")
    async with AsyncExitStack() as stack:
        _, objects, store = await _opened(stack, settings)
        audit = _auditing(store, settings, SystemClock())
        yield Asking(Lake(objects), audit, parquet.answer)


@asynccontextmanager
async def exporting(
    settings: FinetuneExportSettings, *, names: bool = True
) -> AsyncIterator[Exporting]:
    """For the operator's command. `names` False: screening by rules alone. Raises MissingGroup."""
    async with AsyncExitStack() as stack:
        archive, objects, store = await _opened(stack, settings)
        audit = _auditing(store, settings, SystemClock())
        yield _exporting(archive, objects, audit, names=names)


@asynccontextmanager
async def verifying(settings: FinetuneExportSettings) -> AsyncIterator[Verifying]:
    """For the operator's command."""
    async with AsyncExitStack() as stack:
        _, _, audit = await _opened(stack, settings)
        yield Verifying(audit)


def _exporting(
    archive: Archive, objects: Objects, audit: Auditing, *, names: bool = True
) -> Exporting:
    if not has_training_group():
        raise MissingGroup
    screening = Screening(load_names() if names else None)
    return Exporting(_sets(archive, objects), screening, audit)


def _sets(archive: Archive, objects: Objects) -> Exports:
    return Exports(objects, archive, Tenants(objects, PREFIXES).deleted_until)


def _compacting(archive: Archive, objects: Objects, audit: Auditing, clock: Clock) -> Compacting:
    parquet = _training("services.finetune_export.store.parquet")
    return Compacting(archive, Lake(objects), parquet.as_parquet, audit, clock)


def has_training_group() -> bool:
    return all(find_spec(name) for name in ("pyarrow", "duckdb", "spacy", "faker", "rensa"))


def _training(module: str) -> Any:
    """A module that needs the dependency group `training`, which the service's image lacks."""
    if not has_training_group():
        raise MissingGroup
    return import_module(module)


async def _opened(
    stack: AsyncExitStack, s: FinetuneExportSettings
) -> tuple[Archive, Objects, AuditStore]:
    """The archive of turns, its bucket's other objects, and the audit log."""
    clients = Clients(stack, s)
    s3 = await clients.open("s3", read_timeout_s=30)
    objects = Objects(s3, s.resource(s.archive_bucket))
    keys = None
    if s.archive_key_id is not None:
        keys = UserKeys(await clients.open("kms"), s.archive_key_id, objects)
    audit = AuditStore(Objects(s3, s.resource(s.audit_bucket)))
    return Archive(objects, Bodies(objects, keys)), objects, audit
