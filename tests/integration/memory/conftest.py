"""A real table for memory, and memory on it with a model of words and a clock that is set."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest
import pytest_asyncio

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV2, TurnSource
from contracts.message import Message
from services.memory.bootstrap import bootstrap
from services.memory.settings import MemorySettings
from services.memory.store.turn_table import TurnTable, bound_to
from shared.errors import Unavailable
from shared.lifecycle import Service
from shared.outcomes import Done
from shared.ports import Embedded, EmbedRole, ModelReport, Tool, ToolCall
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.fakes import FakePublisher, no_bus

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
ANN = Context(tenant="acme", principal="ann")
BOB = Context(tenant="acme", principal="bob")
DIMENSION = 512


@dataclass
class WordModel:
    """Embeds a text as the set of its words; calls the tool with `facts`, or is `away`."""

    facts: Any = None
    away: bool = False
    embedded: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        self._check()
        self.embedded += texts
        report = ModelReport(model, len(texts) * 5, 0, Decimal("0.001"))
        return Embedded([_of_words(text) for text in texts], report)

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        self._check()
        self.read.append(text)
        return ToolCall(self.facts, ModelReport(model, 50, 9, Decimal("0.002")))

    def converse(self, *_: Any) -> Any:
        raise NotImplementedError

    async def rerank(self, *_: Any) -> Any:
        raise NotImplementedError

    def _check(self) -> None:
        if self.away:
            raise Unavailable("bedrock")


def _of_words(text: str) -> list[float]:
    vector = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.casefold()):
        vector[crc32(word.encode()) % DIMENSION] = 1.0
    return vector


@dataclass
class SetClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def go(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Memory:
    """The whole service on a real table."""

    table: TurnTable
    model: WordModel
    publisher: FakePublisher
    clock: SetClock
    service: Service
    count: int = 0

    async def hears(self, message: Message, context: Context = ANN) -> None:
        """An event, which must be handled."""
        handler = self.service.handlers["memory-events"][type(message)]
        assert await handler(message, context) == Done()

    async def asked(self, message: Message, context: Context = ANN) -> Any:
        """The reply to a request."""
        outcome = await self.service.handlers["memory-queries"][type(message)](message, context)
        assert isinstance(outcome, Done)
        return outcome.reply

    async def turn(
        self, question: str, conversation: str = "c1", context: Context = ANN, **fields: Any
    ) -> TurnCompletedV2:
        """A turn that is completed now, a second after the one before."""
        self.clock.go(seconds=1)
        self.count += 1
        turn = a_turn(self.count, question, self.clock.now(), conversation, **fields)
        await self.hears(turn, context)
        return turn

    def items(self) -> list[Any]:
        """All that lies in the table."""
        return list(self.table._item.scan())


def a_turn(
    n: int, question: str, at: datetime, conversation: str = "c1", **fields: Any
) -> TurnCompletedV2:
    known: dict[str, Any] = {
        "turn_id": f"t{n}",
        "conversation_id": conversation,
        "question": question,
        "query": question,
        "answer": f"answer {n}",
        "model": "m",
        "prompt_version": "1",
        "sources": (),
        "input_tokens": 1,
        "output_tokens": 1,
        "cost_usd": Decimal(0),
        "started_at": at - timedelta(milliseconds=500),
        "completed_at": at,
    }
    return TurnCompletedV2(**known | fields)


def a_source(n: int = 1, document: str = "d1", **fields: Any) -> TurnSource:
    known: dict[str, Any] = {
        "n": n,
        "document_id": document,
        "ordinal": 1,
        "passage_id": f"{document}:1:0",
        "name": f"{document}.md",
        "text": "A secret sentence.",
        "start": 0,
        "end": 18,
        "cited": True,
    }
    return TurnSource(**known | fields)


@pytest.fixture(scope="session")
def shared_table(moto_url: str) -> Iterator[TurnTable]:
    """One table for all tests of memory: to make everything anew for each takes too long."""
    settings = MemorySettings(
        aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=own_prefix()
    )
    asyncio.run(provision(settings))
    name = settings.resource(settings.turns_table)
    table = TurnTable(bound_to(name, "us-east-1", moto_url, 5), threads=2)
    yield table
    table.close()


@pytest.fixture
def table(shared_table: TurnTable) -> TurnTable:
    """Empty."""
    with shared_table._item.batch_write() as batch:
        for item in list(shared_table._item.scan()):
            batch.delete(item)
    return shared_table


@asynccontextmanager
async def remembering(table: TurnTable, **settings: Any) -> AsyncIterator[Memory]:
    model, publisher, clock = WordModel(), FakePublisher(), SetClock()
    async with bootstrap(
        MemorySettings(embedding_model="local.test", **settings),
        bus=no_bus(),
        publisher=publisher,
        model=model,
        store=table,
        clock=clock,
    ) as service:
        yield Memory(table, model, publisher, clock, service)


@pytest_asyncio.fixture
async def memory(table: TurnTable) -> AsyncIterator[Memory]:
    async with remembering(table) as opened:
        yield opened
