"""The whole of the gateway, wired on one screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from redis.asyncio import Redis

from contracts.platform.usage import ModelUsedV2
from services.gateway.controllers.chat import chat_routes
from services.gateway.controllers.documents import DocumentCases, document_routes
from services.gateway.controllers.graph import graph_routes
from services.gateway.controllers.health import health_routes
from services.gateway.controllers.model_used import ModelUsed
from services.gateway.controllers.page import page_routes
from services.gateway.controllers.search import search_routes
from services.gateway.controllers.usage import usage_routes
from services.gateway.http.app import build_app
from services.gateway.http.auth import authentication
from services.gateway.http.server import HttpServer
from services.gateway.models.document import Notes
from services.gateway.models.session import Sessions
from services.gateway.models.usage import UsageLedger
from services.gateway.services.access import VerifyToken
from services.gateway.services.answer import OpenAnswer
from services.gateway.services.background import Background
from services.gateway.services.documents.accepting import AcceptDocument
from services.gateway.services.documents.documents import (
    DeleteDocument,
    ListDocuments,
    ShowDocument,
)
from services.gateway.services.gather import Gather
from services.gateway.services.look_around import LookAround
from services.gateway.services.passages import FindPassages
from services.gateway.services.readiness import AskReadiness
from services.gateway.services.turn.answering import GiveReply
from services.gateway.services.turn.finding import Legs
from services.gateway.services.turn.metered_model import ModelCalls, Price
from services.gateway.services.turn.recording import RecordTurn
from services.gateway.services.turn.turn import AnswerQuestion
from services.gateway.services.turn.understanding import Condense
from services.gateway.services.usage import CountUsage, ShowUsage
from services.gateway.settings import GatewaySettings
from services.gateway.store.connection import alive, connected
from services.gateway.store.note_store import NoteStore
from services.gateway.store.session_store import SessionStore
from services.gateway.store.usage_store import UsageStore
from shared.bedrock import PriceList, open_model
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, BusPublisher, BusRequester, Consumer, open_bus
from shared.ports import Blobs, Clock, Model, Publisher, Requester


def http_app(
    settings: GatewaySettings,
    *,
    requester: Requester,
    publisher: Publisher,
    model: Model,
    blobs: Blobs,
    sessions: Sessions,
    notes: Notes,
    usage: UsageLedger,
    clock: Clock,
    own_store: Callable[[], Awaitable[None]],
    background: Background,
    price: Price,
) -> FastAPI:
    s = settings
    calls = ModelCalls(model, price)
    answer = AnswerQuestion(
        Gather(
            sessions,
            Legs(requester, s.retrieval_budget_ms, s.memory_budget_ms),
            Condense(calls, s.condense_model, s.condense_s),
            s.source_count,
            s.join_tokens,
        ),
        GiveReply(OpenAnswer(calls, s.first_token_s), s.answer_tokens),
        RecordTurn(publisher, sessions),
        publisher,
        background,
        s.prompt_tokens,
    )
    cases = DocumentCases(
        AcceptDocument(blobs, publisher, notes),
        ShowDocument(requester, notes, s.documents_budget_ms),
        ListDocuments(requester, s.documents_budget_ms),
        DeleteDocument(requester, notes, s.documents_budget_ms),
    )
    needs = authentication(VerifyToken(s.token_secret.get_secret_value()))
    return build_app(
        [
            chat_routes(needs, answer, background, s.answer_models),
            search_routes(needs, FindPassages(requester, s.retrieval_budget_ms)),
            graph_routes(needs, LookAround(requester, s.retrieval_budget_ms)),
            document_routes(needs, cases, s.upload_limit_bytes),
            usage_routes(needs, ShowUsage(usage, clock)),
            health_routes(AskReadiness(requester, own_store, s.ready_budget_ms)),
            page_routes(),
        ],
        s.upload_limit_bytes,
    )


@asynccontextmanager
async def bootstrap(
    settings: GatewaySettings | None = None,
    *,
    bus: Bus | None = None,
    model: Model | None = None,
    blobs: Blobs | None = None,
) -> AsyncIterator[Service]:
    settings = settings or GatewaySettings()
    prices = PriceList(settings.prices)
    for name in (*settings.answer_models, settings.condense_model or settings.answer_models[0]):
        prices.check(name)
    async with AsyncExitStack() as stack:
        if blobs is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
        if bus is None:
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if model is None:
            model = await stack.enter_async_context(open_model(settings))
        redis = await stack.enter_async_context(connected(settings.redis_cache_url))
        background = Background()
        # Left first: what turns still have to publish needs the bus and Redis open.
        stack.push_async_callback(background.drain)
        ledger = await stack.enter_async_context(connected(settings.redis_ledger_url))
        notes, usage, requester = NoteStore(redis), UsageStore(ledger), BusRequester(bus)
        app = http_app(
            settings,
            requester=requester,
            publisher=BusPublisher(bus),
            model=model,
            blobs=blobs,
            sessions=SessionStore(redis),
            notes=notes,
            usage=usage,
            clock=SystemClock(),
            own_store=partial(alive, redis),
            background=background,
            price=prices.cost,
        )
        server = HttpServer(
            app, settings.host, settings.port, drain_s=settings.drain_s, needed=requester
        )
        yield Service([server, events(bus, ledger, usage)])


def events(bus: Bus, ledger: Redis, usage: UsageLedger) -> Consumer:
    return Consumer(
        bus,
        "gateway-events",
        {ModelUsedV2: ModelUsed(CountUsage(usage, SystemClock()))},
        probe=partial(alive, ledger),
        linger_s=LINGER_S,
    )
