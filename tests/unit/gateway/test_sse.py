"""When a stream's events are written: at once, but for text that follows text."""

import asyncio

import pytest
from starlette.types import Message

from services.gateway.http.sse import EventStream, Produce, encoded
from services.gateway.models.turn_events import Emit, TextAdded, TurnDone
from services.gateway.services.background import Background
from shared.testing.probe import until


class Client:
    """Stays to the end."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.bodies.append(message["body"])

    async def reads(self, produce: Produce) -> list[bytes]:
        async with asyncio.timeout(5):
            stream = EventStream(encoded, produce, Background().start)
            await stream({}, self.receive, self.send)
        return self.bodies


async def test_text_after_a_write_of_text_gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.http.sse.GATHER_S", 1e9)
    client, before_done = Client(), 0

    async def produce(emit: Emit) -> None:
        nonlocal before_done
        emit(TextAdded("one "))
        await until(lambda: client.bodies)
        for text in ("two ", "three"):
            emit(TextAdded(text))
            await asyncio.sleep(0)
        before_done = len(client.bodies)
        emit(TurnDone("t"))

    written = await client.reads(produce)
    assert before_done == 1
    assert written == [
        b'event: token\ndata: {"text":"one "}\n\n',
        b'event: token\ndata: {"text":"two three"}\n\nevent: done\ndata: {"turn_id":"t"}\n\n',
    ]


async def test_gathered_text_goes_out_by_itself() -> None:
    client = Client()

    async def produce(emit: Emit) -> None:
        for n, text in enumerate(("one ", "two ", "three"), start=1):
            emit(TextAdded(text))
            await until(lambda n=n: len(client.bodies) == n)  # type: ignore[misc]

    written = await client.reads(produce)
    assert written == [*(encoded(TextAdded(text)) for text in ("one ", "two ", "three")), b""]
