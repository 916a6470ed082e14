"""The gateway as a whole: its bootstrap on an emulator and a real Redis, over a real port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.documents import IngestDocumentV2
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1
from contracts.message import Message
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.bootstrap import bootstrap
from services.gateway.http.server import HttpServer
from services.gateway.settings import GatewaySettings
from services.gateway.store.connection import connected
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.note_store import NoteStore
from services.gateway.store.session_store import SessionStore
from shared.blobs import open_blobs
from shared.messaging import Bus, Consumer, open_bus
from shared.outcomes import Done, Outcome
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import Recorder, running
from tests.unit.gateway.fakes import (
    SECRET,
    FakeModel,
    a_hit,
    a_token,
    an_answered_search,
    events_in,
    text_of,
)


@dataclass
class World:
    """The gateway on `url`, and the services behind it played by recorders."""

    url: str
    bus: Bus
    turns: Recorder
    documents: Recorder
    model: FakeModel
    server: HttpServer

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {a_token()}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=20)


async def found(_message: Message, _context: Context) -> Outcome:
    return Done(an_answered_search(a_hit(1)))


async def remembered(_message: Message, _context: Context) -> Outcome:
    return Done(ContextAnsweredV1(conversation_id="c1", turns=()))


@asynccontextmanager
async def open_world(moto_url: str, redis_url: str) -> AsyncIterator[World]:
    settings = GatewaySettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
        drain_s=5,
        port=0,
        token_secret=SecretStr(SECRET),
        redis_cache_url=redis_url,
        redis_ledger_url=redis_url,
        answer_models=("local.extractive-v1",),
        embedding_model="local.minilm-l6-v2",
        retrieval_budget_ms=8000,
        memory_budget_ms=8000,
    )
    await provision(settings)
    async with connected(redis_url) as redis:
        await LedgerStore(redis, settings.hold_s).begin("now")
    turns, documents, model = Recorder(), Recorder(), FakeModel()
    async with (
        open_blobs(settings) as blobs,
        open_bus(settings, blobs) as bus,
        bootstrap(settings, bus=bus, blobs=blobs, model=model) as service,
        running(
            *service.runnables,
            Consumer(bus, "retrieval-queries", {SearchRequestedV1: found}),
            Consumer(bus, "memory-queries", {ContextRequestedV1: remembered}),
            Consumer(bus, "memory-events", {TurnCompletedV2: turns}),
            Consumer(bus, "ingestion-documents", {IngestDocumentV2: documents}),
        ),
    ):
        url = f"http://127.0.0.1:{service.server.port}"
        yield World(url, bus, turns, documents, model, service.server)


async def test_a_turn_goes_over_the_queues(moto_url: str, redis_url: str, redis: Redis) -> None:
    async with open_world(moto_url, redis_url) as world, world.client() as client:
        body = {"question": "How much?", "conversation_id": "c1"}
        events = events_in((await client.post("/v1/chat", json=body)).text)
        assert [name for name, _ in events][-1] == "done"
        assert text_of(events) == "The allowance is 40 euros [1]."
        await until(lambda: world.turns.calls)
    [(turn, context)] = world.turns.calls
    assert isinstance(turn, TurnCompletedV2)
    assert (context.tenant, context.principal) == ("acme", "ann")
    assert context.correlation_id == turn.turn_id
    [kept] = (await SessionStore(redis).load("acme", "ann", "c1")).turns
    assert kept.turn_id == turn.turn_id


async def test_an_upload_is_noted_at_once(moto_url: str, redis_url: str, redis: Redis) -> None:
    async with open_world(moto_url, redis_url) as world, world.client() as client:
        sent = await client.post("/v1/documents", files={"file": ("a.md", b"# Title")})
        assert sent.status_code == 202
        document_id = sent.json()["document_id"]
        shown = await client.get(f"/v1/documents/{document_id}")
        assert shown.json()["status"] == "accepted"
        await until(lambda: world.documents.calls)
        note = await NoteStore(redis).get("acme", document_id)
    assert note is not None
    assert note.name == "a.md"


async def test_what_models_consumed_is_counted_for_its_user(moto_url: str, redis_url: str) -> None:
    async with open_world(moto_url, redis_url) as world, world.client() as client:
        await client.post("/v1/chat", json={"question": "How much?"})

        async def counted() -> bool:
            return bool((await client.get("/v1/usage")).json()["total"]["calls"])

        await until(counted)


async def test_a_stream_that_runs_at_the_stop_is_finished(moto_url: str, redis_url: str) -> None:
    speaking = asyncio.Event()
    go_on = asyncio.Event()

    async def pause() -> None:
        speaking.set()
        await go_on.wait()

    async with open_world(moto_url, redis_url) as world, world.client() as client:
        world.model.hang = pause
        asking = asyncio.create_task(client.post("/v1/chat", json={"question": "How much?"}))
        await speaking.wait()
        world.server.stop()

        async def refuses() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
            except OSError:
                return True
            writer.close()
            return False

        await until(refuses)
        go_on.set()
        events = events_in((await asking).text)
    assert events[-1][0] == "done"


async def test_a_port_in_use_says_so(moto_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = GatewaySettings(
            aws_endpoint_url=moto_url,
            port=taken.getsockname()[1],
            token_secret=SecretStr(SECRET),
            answer_models=("local.extractive-v1",),
            embedding_model="local.minilm-l6-v2",
        )
        with pytest.raises(OSError, match="set RAGOPS_PORT"):
            async with bootstrap(settings, model=FakeModel()):
                raise AssertionError("it started")


async def test_a_model_without_a_price_is_refused_at_start() -> None:
    settings = GatewaySettings(token_secret=SecretStr(SECRET), answer_models=("unheard-of",))
    with pytest.raises(ValueError, match="unheard-of"):
        async with bootstrap(settings):
            raise AssertionError("it started")
