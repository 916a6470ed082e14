"""Issue 12, show 1: gateway and memory together, on a real table, with a clock that is set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from services.memory.store.turn_table import TurnTable
from shared.errors import RequestRefused
from shared.testing.probe import until
from tests.integration.memory.conftest import Memory, remembering
from tests.unit.gateway.fakes import Gateway, events_in, open_gateway


@dataclass
class Both:
    """The gateway asks memory itself; memory hears of a turn when a test lets it."""

    gateway: Gateway
    memory: Memory
    heard: int = 0

    async def ask(self, question: str, conversation: str, user: str = "ann") -> str:
        """The prompt of the question."""
        self.memory.clock.go(seconds=1)
        said = len(self.gateway.publisher.on("turns"))
        async with self.gateway.client(user=user) as client:
            body = {"question": question, "conversation_id": conversation}
            answer = await client.post("/v1/chat", json=body)
        assert events_in(answer.text)[-1][0] == "done"
        await until(lambda: len(self.gateway.publisher.on("turns")) > said)
        _, system, messages = self.gateway.model.calls[-1]
        return "\n".join([system, *(message.text for message in messages)])

    async def deliver(self) -> None:
        """Memory hears of all turns so far."""
        sent = [one for one in self.gateway.publisher.sent if one.channel == "turns"]
        for one in sent[self.heard :]:
            await self.memory.hears(one.message, one.context)
        self.heard = len(sent)


@asynccontextmanager
async def both(table: TurnTable, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with remembering(table) as memory, open_gateway(clock=memory.clock) as gateway:
        played = gateway.requester.ask

        async def ask(queue: str, message: Message, reply: Any, context: Context, ms: int) -> Any:
            if queue == "memory-queries":
                answer = await memory.asked(message, context)
                if isinstance(answer, RequestFailedV1):
                    raise RequestRefused(answer.code, answer.message)
                return answer
            return await played(queue, message, reply, context, ms)

        monkeypatch.setattr(gateway.requester, "ask", ask)
        yield Both(gateway, memory)


async def test_a_fact_of_turn_1_stands_in_turn_40_and_the_next_day(
    table: TurnTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(table, monkeypatch) as system:
        await system.ask("I work in Lyon. What may a hotel cost?", "c1")
        prompt = ""
        for n in range(2, 41):
            if n % 10 == 2:
                await system.deliver()
            prompt = await system.ask(f"What about topic {n}?", "c1")
        assert "- works in: Lyon (said" in prompt
        assert "superseded" not in prompt
        await system.deliver()
        system.memory.clock.go(days=1)
        assert "- works in: Lyon (said" in await system.ask("Trains?", "c2")
        await system.ask("I now work in Paris.", "c2")
        await system.deliver()
        system.memory.clock.go(hours=1)
        prompt = await system.ask("Trains?", "c3")
        facts = [line for line in prompt.splitlines() if line.startswith("- works in")]
        assert [fact.split(" (")[0] for fact in facts] == ["- works in: Paris", "- works in: Lyon"]
        assert facts[1].endswith("superseded)")
        prompt = await system.ask("Trains?", "c1", user="bob")
        assert not {"Lyon", "Paris"} & set(prompt.replace(":", " ").split())


async def test_the_next_turn_knows_what_memory_has_not_heard_of(
    table: TurnTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(table, monkeypatch) as system:
        await system.ask("My cost centre is 4711. What may a hotel in Norway cost?", "c1")
        prompt = await system.ask("And what may a hotel in Norway cost at most?", "c2")
        assert "- cost centre: 4711" in prompt
        assert "asked: My cost centre is 4711. What may a hotel in Norway cost?" in prompt
        assert "4711" not in await system.ask("Hotel?", "c2", user="bob")


async def test_a_deleted_conversation_is_gone_from_list_session_and_prompt(
    table: TurnTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(table, monkeypatch) as system:
        await system.ask("My cost centre is 4711.", "c1")
        async with system.gateway.client() as client:
            removed = await client.delete("/v1/conversations/c1")
            assert removed.json()["receipt"]["removed"]["session"] == 1
            # Its event was still on the way.
            await system.deliver()
            assert (await client.get("/v1/conversations")).json()["conversations"] == []
            assert (await client.get("/v1/conversations/c1")).status_code == 404
        assert "4711" not in await system.ask("Trains?", "c2")
