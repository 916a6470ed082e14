"""The whole of the gateway, wired on one screen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from socket import socket
from typing import Protocol

from fastapi import APIRouter, FastAPI
from redis.asyncio import Redis

from contracts.gateway.erasures import ErasureDoneV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.events import DocumentIndexedV1
from services.gateway.controllers.chat import chat_routes
from services.gateway.controllers.conversations import conversation_routes
from services.gateway.controllers.documents import DocumentsController, document_routes
from services.gateway.controllers.erasures import ErasuresController, erasure_routes
from services.gateway.controllers.exports import export_routes
from services.gateway.controllers.feedback import feedback_routes
from services.gateway.controllers.health import health_routes
from services.gateway.controllers.judgements import judgement_routes
from services.gateway.controllers.page import page_routes
from services.gateway.controllers.prompts import prompt_routes
from services.gateway.controllers.reviews import review_routes
from services.gateway.controllers.search import search_routes
from services.gateway.controllers.tenants import tenant_routes
from services.gateway.controllers.trainings import training_routes
from services.gateway.controllers.usage import UsageController, usage_routes
from services.gateway.controllers.versions import version_routes
from services.gateway.http.app import build_app
from services.gateway.http.auth import Needs, authentication
from services.gateway.http.connections import ConnectionLimits
from services.gateway.http.server import HttpServer, listening
from services.gateway.http.uploads import UploadSlots
from services.gateway.services.access import Access
from services.gateway.services.arms import Arms, CanaryLimits
from services.gateway.services.background import Background
from services.gateway.services.cache.alike import Alike
from services.gateway.services.cache.answer_cache import AnswerCache, Audiences
from services.gateway.services.cache.flight import Following, Times
from services.gateway.services.conversations.conversations import Conversations
from services.gateway.services.conversations.erasing import Erasures
from services.gateway.services.conversations.feedback import Feedback
from services.gateway.services.conversations.summarising import Summarising
from services.gateway.services.documents.accepting import Accepting, Grants
from services.gateway.services.documents.auditing import Auditing, Watch
from services.gateway.services.documents.documents import Documents
from services.gateway.services.documents.forgetting import Forgetting
from services.gateway.services.documents.reconciliation import Reconciliation
from services.gateway.services.documents.versions import Versions
from services.gateway.services.exports import Exports
from services.gateway.services.judging import Judging
from services.gateway.services.passages import Passages
from services.gateway.services.ports import (
    ErasureReceipts,
    Ledger,
    Notes,
    PromptRegistry,
    Rates,
    Sessions,
    SharedAnswers,
    UploadStore,
)
from services.gateway.services.prompts import Prompts
from services.gateway.services.readiness import Readiness
from services.gateway.services.reviews import Reviews
from services.gateway.services.spending.admission import Admission, Ceiling
from services.gateway.services.spending.alerting import Alerting
from services.gateway.services.spending.rebuilding import Rebuilding
from services.gateway.services.spending.spending import Spending
from services.gateway.services.spending.sweeping import RENEWALS, Sweeping
from services.gateway.services.spending.tenants import Tenants
from services.gateway.services.spending.usage import Usage
from services.gateway.services.trainings import Trainings
from services.gateway.services.turn.answering import Answering
from services.gateway.services.turn.by_rule import EXTRACTIVE, ByRule
from services.gateway.services.turn.finding import Finding
from services.gateway.services.turn.metered_model import MeteredModel, Price
from services.gateway.services.turn.recording import Recording
from services.gateway.services.turn.shadowing import Shadowing
from services.gateway.services.turn.turn import Turns
from services.gateway.services.turn.understanding import Understanding
from services.gateway.settings import GatewaySettings
from services.gateway.store.answer_store import AnswerStore
from services.gateway.store.connection import CONNECTIONS, Login, connected
from services.gateway.store.erasure_store import ErasureStore
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.note_store import NoteStore
from services.gateway.store.prompt_store import PromptStore
from services.gateway.store.rate_store import RateStore
from services.gateway.store.session_store import SessionStore
from shared.bedrock import Guardrail, PriceList, open_model
from shared.bedrock.abilities import calls_tools
from shared.bedrock.prices import foundation_model
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.delivery import Delivery
from shared.late import without_late
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, BusRequester, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.periodic import Periodic
from shared.ports import Clock, Model, Publisher, Requester

# Seconds to confirm what is on its way when the streams have used up the drain: with it 118 s, and
# the platform waits 120 s.
_CONFIRM_S = 8.0
# That the archive has for a page of usage.
_REBUILD_PAGE_MS = 30_000


class RunningRequester(Requester, Runnable, Protocol):
    """Its loop hands the replies to those who asked."""


@dataclass(frozen=True, kw_only=True)
class GatewayService(Service):
    """`app` answers without a socket too; `server` is one of the runnables."""

    app: FastAPI
    server: HttpServer


@asynccontextmanager
async def bootstrap(
    settings: GatewaySettings | None = None,
    *,
    bus: Bus | None = None,
    requester: RunningRequester | None = None,
    publisher: Publisher | None = None,
    model: Model | None = None,
    price: Price | None = None,
    blobs: UploadStore | None = None,
    sessions: Sessions | None = None,
    notes: Notes | None = None,
    ledger: Ledger | None = None,
    rates: Rates | None = None,
    receipts: ErasureReceipts | None = None,
    answers: SharedAnswers | None = None,
    registry: PromptRegistry | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[GatewayService]:
    s = settings or GatewaySettings()
    price, clock = price or PriceList.of_today(s).checked(*s.priced).cost, clock or SystemClock()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening(s.host, s.port))
        blobs, bus, model = await _opened(stack, s, blobs, bus, model)
        cache, waiting, counts = await _connected(stack, s)
        requester, publisher = requester or BusRequester(bus), publisher or BusPublisher(bus)
        sessions, notes = sessions or SessionStore(cache), notes or NoteStore(cache)
        answers = answers or AnswerStore(cache, waiting, s.cache_lease_s)
        metering, delivery = Metering("gateway", publisher), Delivery(publisher)
        spending = _spending(s, ledger or LedgerStore(counts, s.hold_s), publisher, delivery, clock)
        admission = _admission(s, spending, rates or RateStore(counts), price)
        recording = Recording(delivery, sessions, Background(), s.record_s)
        documents = Documents(requester, notes, s.documents_budget_ms, answers)
        arms = _arms(s, registry or PromptStore(counts), spending, publisher)
        turns = _turns(s, model, price, documents, recording, metering, admission, arms)
        erasures = _erasures(s, receipts or ErasureStore(counts), sessions, documents, spending)
        needs = authentication(Access(s.token_secret.get_secret_value()), admission)
        routers = [
            chat_routes(needs, turns, recording.background, admission),
            judgement_routes(needs, Judging(model, metering, admission)),
            *_document_routes(s, needs, blobs, publisher, documents, admission),
            *_spending_routes(needs, spending, erasures, documents, arms),
            *_memory_routes(s, needs, requester, erasures),
            health_routes(Readiness(requester, sessions.ping, s.ready_budget_ms)),
            page_routes(blobs),
        ]
        app, server = _server(s, routers, listener, requester)
        stack.push_async_callback(turns.drain, server.left_s, _CONFIRM_S)
        events = _events(spending, erasures, turns.cache)
        runnables = [server, *_loops(s, bus, events, documents, erasures, spending, arms)]
        yield GatewayService(runnables, {"gateway-events": events}, app=app, server=server)


def _erasures(
    s: GatewaySettings,
    receipts: ErasureReceipts,
    sessions: Sessions,
    documents: Documents,
    spending: Spending,
) -> Erasures:
    notes, answers, ledger = documents.notes, documents.answers, spending.ledger
    tenants, clock, check_s = spending.tenants, spending.clock, s.erasure_check_s
    return Erasures(receipts, sessions, notes, answers, ledger, tenants, clock, check_s)


def _loops(
    s: GatewaySettings,
    bus: Bus,
    events: Handlers,
    documents: Documents,
    erasures: Erasures,
    spending: Spending,
    arms: Arms,
) -> list[Runnable]:
    trainings = Trainings(documents.requester, spending.tenants, documents.budget_ms)
    sweeping = Sweeping(spending, spending.alerting.delivery, trainings)
    reconciliation = Reconciliation(documents, erasures.publisher, erasures.clock)
    return [
        Periodic(sweeping.round, s.hold_s / RENEWALS, stuck_s=2 * s.hold_s),
        Consumer(bus, "gateway-events", events, probe=erasures.ledger.ping, linger_s=LINGER_S),
        Periodic(erasures.check, s.erasure_check_s / 4),
        Periodic(reconciliation.round, s.reconcile_s, breaks_off=True),
        Periodic(arms.round, s.canary_check_s),
    ]


def _events(spending: Spending, erasures: Erasures, cache: AnswerCache) -> Handlers:
    tenants, to, clock = spending.tenants, erasures.publisher, spending.clock
    documents = DocumentsController(Forgetting(cache, erasures.sessions, tenants, to, clock))
    return {
        **without_late({ModelUsedV2: UsageController(spending).model_used}, tenants.since),
        ErasureDoneV1: ErasuresController(erasures).erasure_done,
        DocumentIndexedV1: documents.indexed,
        DocumentDeletedV1: documents.deleted,
    }


@asynccontextmanager
async def auditing(
    s: GatewaySettings, watch: Watch, unused_s: float | None = None
) -> AsyncIterator[Auditing]:
    """For the operator's command: a gateway's own reply queue, and nothing else of a gateway."""
    async with _asking(s) as requester:
        yield Auditing(requester, watch, unused_s=unused_s)


@asynccontextmanager
async def rebuilding(s: GatewaySettings) -> AsyncIterator[Rebuilding]:
    """For the operator's command."""
    async with connected(s.redis_ledger_url, login=_login(s)) as counts, _asking(s) as requester:
        ledger, prompts = LedgerStore(counts, s.hold_s), PromptStore(counts)
        yield Rebuilding(ledger, prompts, requester, SystemClock(), _REBUILD_PAGE_MS)


@asynccontextmanager
async def _asking(s: GatewaySettings) -> AsyncIterator[Requester]:
    async with open_blobs(s, deadline_s=s.call_s) as blobs, open_bus(s, blobs) as bus:
        requester = BusRequester(bus)
        receiving = asyncio.create_task(requester.run())
        try:
            yield requester
        finally:
            requester.stop()
            await receiving


async def _opened(
    stack: AsyncExitStack,
    s: GatewaySettings,
    blobs: UploadStore | None,
    bus: Bus | None,
    model: Model | None,
) -> tuple[UploadStore, Bus, Model]:
    if blobs is None:
        blobs = await stack.enter_async_context(open_blobs(s, deadline_s=s.call_s))
    if bus is None:
        bus = await stack.enter_async_context(open_bus(s, blobs))
    if model is None:
        guardrail = Guardrail(s.guardrail_id, s.guardrail_version) if s.guardrail_id else None
        model = await stack.enter_async_context(open_model(s, guardrail, streams=s.connections))
    return blobs, bus, model


def _document_routes(
    s: GatewaySettings,
    needs: Needs,
    blobs: UploadStore,
    publisher: Publisher,
    documents: Documents,
    admission: Admission,
) -> list[APIRouter]:
    notes, clock = documents.notes, admission.spending.clock
    grants = Grants(s.direct_upload_limit_bytes, s.direct_upload_s)
    accepting = Accepting(blobs, publisher, notes, clock, s.reconcile_s, s.call_s, grants)
    slots = UploadSlots(s.uploads_at_once, s.upload_wait_s)
    routes = document_routes(needs, accepting, documents, s.upload_limit_bytes, slots, admission)
    search = search_routes(needs, Passages(documents.requester, s.retrieval_budget_ms, admission))
    return [search, routes, version_routes(needs, Versions(documents, blobs, s.text_budget_ms))]


async def _connected(stack: AsyncExitStack, s: GatewaySettings) -> tuple[Redis, Redis, Redis]:
    """The cache, the same for calls that wait, and the ledger; all may be one server."""
    cache, ledger, login = s.redis_cache_url, s.redis_ledger_url, _login(s)
    roles = (cache, CONNECTIONS), (cache, s.connections), (ledger, CONNECTIONS)
    opened = [await stack.enter_async_context(connected(*role, login)) for role in roles]
    return opened[0], opened[1], opened[2]


def _login(s: GatewaySettings) -> Login:
    return Login(s.redis_user, s.redis_password.get_secret_value(), s.ca_file)


def _server(
    s: GatewaySettings, routers: Sequence[APIRouter], listener: socket, needed: RunningRequester
) -> tuple[FastAPI, HttpServer]:
    app = build_app(routers, s.upload_limit_bytes)
    limits = ConnectionLimits(s.connections, s.head_s, s.body_idle_s, s.keep_alive_s)
    return app, HttpServer(app, listener, drain_s=s.drain_s, needed=needed, limits=limits)


def _spending(
    s: GatewaySettings, ledger: Ledger, publisher: Publisher, delivery: Delivery, clock: Clock
) -> Spending:
    priced = PriceList.of_today(s).has
    tenants = Tenants(ledger, publisher, priced, calls_tools, clock, s.answer_models)
    return Spending(ledger, tenants, Alerting(ledger, delivery), clock)


def _spending_routes(
    needs: Needs, spending: Spending, erasures: Erasures, documents: Documents, arms: Arms
) -> list[APIRouter]:
    usage, tenants = Usage(spending.ledger, spending.tenants, spending.clock), spending.tenants
    trainings = Trainings(documents.requester, tenants, documents.budget_ms)
    return [
        usage_routes(needs, usage),
        tenant_routes(needs, tenants, erasures, trainings),
        training_routes(needs, trainings),
        prompt_routes(needs, arms),
        review_routes(needs, Reviews(documents)),
    ]


def _arms(
    s: GatewaySettings, registry: PromptRegistry, spending: Spending, publisher: Publisher
) -> Arms:
    tenants, clock = spending.tenants, spending.clock
    sizes = s.answer_tokens, s.prompt_tokens
    prompts = Prompts(registry, publisher, tenants, clock, s.answer_models, *sizes)
    worst = s.canary_failures, s.canary_refusals, s.canary_cost
    return Arms(prompts, CanaryLimits(s.canary_turns, *worst), s.canary_window_s)


def _admission(s: GatewaySettings, spending: Spending, rates: Rates, price: Price) -> Admission:
    rerank_usd = PriceList.of_today(s).query_cost(s.rerank_model) if s.rerank_model else Decimal(0)
    sizes = (s.prompt_tokens, s.answer_tokens)
    ceiling = Ceiling(s.answer_models, *sizes, s.condense_model, s.embedding_model, rerank_usd)
    return Admission(spending, rates, ceiling, price, s.token_requests_minute)


def _memory_routes(
    s: GatewaySettings, needs: Needs, requester: Requester, erasures: Erasures
) -> list[APIRouter]:
    conversations = Conversations(requester, erasures.sessions, erasures.clock, s.memory_budget_ms)
    said = feedback_routes(needs, Feedback(conversations, erasures.publisher))
    sets = export_routes(needs, Exports(requester, erasures.clock, s.documents_budget_ms))
    return [conversation_routes(needs, conversations), erasure_routes(needs, erasures), said, sets]


def _turns(
    s: GatewaySettings,
    model: Model,
    price: Price,
    documents: Documents,
    recording: Recording,
    metering: Metering,
    admission: Admission,
    arms: Arms,
) -> Turns:
    extractive = {foundation_model(name) for name in s.answer_models} == {EXTRACTIVE}
    budgets, metered = (s.retrieval_budget_ms, s.memory_budget_ms), MeteredModel(model, price)
    spending, answering = admission.spending, Answering(metered, s.first_token_s, s.answer_tokens)
    sizes = s.prompt_tokens, s.shadows_at_once
    return Turns(
        Understanding(metered, s.condense_model, s.condense_s),
        Finding(documents.requester, *budgets, s.source_count, s.join_tokens),
        answering,
        recording,
        Summarising(recording.sessions, metered, metering, s.summarise_model, s.summarise_s),
        metering,
        spending,
        _answer_cache(s, documents, spending.tenants, model),
        arms,
        Shadowing(answering, admission, metering, arms, *sizes),
        spending.clock,
        s.prompt_tokens,
        ByRule(documents) if extractive else None,
    )


def _answer_cache(
    s: GatewaySettings, documents: Documents, tenants: Tenants, model: Model
) -> AnswerCache:
    answers = documents.answers
    audiences = Audiences(documents.requester, answers, s.audience_budget_ms)
    times = Times(s.cache_max_age_s, s.cache_lease_s, s.cache_gather_s)
    sizes = (s.source_count, s.join_tokens, s.prompt_tokens, s.answer_tokens)
    version = f"{s.condense_model} {sizes} {s.guardrail_id, s.guardrail_version}"
    alike = Alike(answers, tenants, model, s.embedding_model, s.cache_alike, s.cache_embed_s)
    return AnswerCache(answers, tenants, audiences, Following(answers), times, version, alike)
