"""The whole of the gateway, wired on one screen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, FastAPI

from contracts.platform.usage import ModelUsedV2
from services.gateway.controllers.chat import chat_routes
from services.gateway.controllers.documents import document_routes
from services.gateway.controllers.health import health_routes
from services.gateway.controllers.page import page_routes
from services.gateway.controllers.search import search_routes
from services.gateway.controllers.usage import UsageController, usage_routes
from services.gateway.http.app import build_app
from services.gateway.http.auth import Needs, authentication
from services.gateway.http.connections import ConnectionLimits
from services.gateway.http.server import HttpServer, listening
from services.gateway.http.uploads import UploadSlots
from services.gateway.services.access import Access
from services.gateway.services.background import Background
from services.gateway.services.documents.accepting import Accepting
from services.gateway.services.documents.documents import Documents
from services.gateway.services.documents.reconciliation import Reconciliation
from services.gateway.services.passages import Passages
from services.gateway.services.ports import Notes, Sessions, UsageLedger
from services.gateway.services.readiness import Readiness
from services.gateway.services.turn.answering import Answering
from services.gateway.services.turn.by_rule import EXTRACTIVE, ByRule
from services.gateway.services.turn.finding import Finding
from services.gateway.services.turn.metered_model import MeteredModel, Price
from services.gateway.services.turn.recording import Recording
from services.gateway.services.turn.turn import Turns
from services.gateway.services.turn.understanding import Understanding
from services.gateway.services.usage import Usage
from services.gateway.settings import GatewaySettings
from services.gateway.store.connection import connected
from services.gateway.store.note_store import NoteStore
from services.gateway.store.session_store import SessionStore
from services.gateway.store.usage_store import UsageStore
from shared.bedrock import PriceList, open_model
from shared.bedrock.prices import foundation_model
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.delivery import Delivery
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, BusRequester, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.ports import Blobs, Clock, Model, Publisher, Requester

# Seconds to confirm what is on its way when the streams have used up the drain: with it 118 s, and
# the platform waits 120 s.
_CONFIRM_S = 8.0


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
    blobs: Blobs | None = None,
    sessions: Sessions | None = None,
    notes: Notes | None = None,
    ledger: UsageLedger | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[GatewayService]:
    s = settings or GatewaySettings()
    price, clock = price or _prices(s).cost, clock or SystemClock()
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening(s.host, s.port))
        blobs, bus, model = await _opened(stack, s, blobs, bus, model)
        cache = await stack.enter_async_context(connected(s.redis_cache_url))
        counts = await stack.enter_async_context(connected(s.redis_ledger_url))
        requester, publisher = requester or BusRequester(bus), publisher or BusPublisher(bus)
        sessions, notes = sessions or SessionStore(cache), notes or NoteStore(cache)
        metering, background = Metering("gateway", publisher), Background()
        recording = Recording(Delivery(publisher), sessions, background, s.record_s)
        documents = Documents(requester, notes, s.documents_budget_ms)
        turns = _turns(s, MeteredModel(model, price), documents, recording, metering, clock)
        usage = Usage(ledger or UsageStore(counts), clock)
        needs = authentication(Access(s.token_secret.get_secret_value()))
        accepting = Accepting(blobs, publisher, notes, clock, s.reconcile_s, s.call_s)
        routers = [
            chat_routes(needs, turns, background, s.answer_models),
            search_routes(needs, Passages(requester, s.retrieval_budget_ms)),
            _document_routes(s, needs, accepting, documents),
            usage_routes(needs, usage),
            health_routes(Readiness(requester, sessions.ping, s.ready_budget_ms)),
            page_routes(),
        ]
        app = build_app(routers, s.upload_limit_bytes)
        limits = ConnectionLimits(s.connections, s.head_s, s.body_idle_s)
        server = HttpServer(app, listener, drain_s=s.drain_s, needed=requester, limits=limits)
        stack.push_async_callback(_drain, server, background, recording, metering)
        events: Handlers = {ModelUsedV2: UsageController(usage).model_used}
        probe = usage.ledger.ping
        consumer = Consumer(bus, "gateway-events", events, probe=probe, linger_s=LINGER_S)
        reconciliation = Reconciliation(documents, publisher, clock, s.reconcile_s)
        runnables: list[Runnable] = [server, consumer, reconciliation]
        yield GatewayService(runnables, {"gateway-events": events}, app=app, server=server)


async def _opened(
    stack: AsyncExitStack,
    s: GatewaySettings,
    blobs: Blobs | None,
    bus: Bus | None,
    model: Model | None,
) -> tuple[Blobs, Bus, Model]:
    if blobs is None:
        blobs = await stack.enter_async_context(open_blobs(s, deadline_s=s.call_s))
    if bus is None:
        bus = await stack.enter_async_context(open_bus(s, blobs))
    if model is None:
        model = await stack.enter_async_context(open_model(s))
    return blobs, bus, model


def _document_routes(
    s: GatewaySettings, needs: Needs, accepting: Accepting, documents: Documents
) -> APIRouter:
    slots = UploadSlots(s.uploads_at_once, s.upload_wait_s)
    return document_routes(needs, accepting, documents, s.upload_limit_bytes, slots)


def _turns(
    s: GatewaySettings,
    model: MeteredModel,
    documents: Documents,
    recording: Recording,
    metering: Metering,
    clock: Clock,
) -> Turns:
    extractive = {foundation_model(name) for name in s.answer_models} == {EXTRACTIVE}
    return Turns(
        Understanding(recording.sessions, model, s.condense_model, s.condense_s),
        Finding(
            documents.requester,
            s.retrieval_budget_ms,
            s.memory_budget_ms,
            s.source_count,
            s.join_tokens,
        ),
        Answering(model, s.first_token_s, s.answer_tokens),
        recording,
        metering,
        clock,
        s.prompt_tokens,
        ByRule(documents) if extractive else None,
    )


async def _drain(
    server: HttpServer, background: Background, recording: Recording, metering: Metering
) -> None:
    """Turns end first, then they and their usage are confirmed, while bus and Redis are open."""
    await background.drain()
    within_s = max(_CONFIRM_S, server.left_s())
    await asyncio.gather(recording.drain(within_s), metering.drain(within_s))


def _prices(settings: GatewaySettings) -> PriceList:
    """Raises ValueError for a model without a price: its answers would be free."""
    prices = PriceList(settings.prices)
    for name in (*settings.answer_models, settings.condense_model or settings.answer_models[0]):
        prices.check(name)
    return prices
