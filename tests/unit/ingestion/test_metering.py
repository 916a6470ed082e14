"""Reports are summed by tenant, user and model, and nobody goes on before they are confirmed."""

import asyncio
from decimal import Decimal

import pytest

from contracts.envelope import Context
from contracts.message import Message
from contracts.platform.usage import ModelUsedV2
from services.ingestion.services import metering
from services.ingestion.services.metering import Meter
from shared.errors import Unavailable
from shared.ports import ModelReport

ANN, BOB = (Context(tenant="acme", principal=user) for user in ("ann", "bob"))
REPORT = ModelReport("m", 10, 0, Decimal("0.1"), calls=2)


class Topic:
    """Keeps what was published; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.used: list[tuple[ModelUsedV2, Context]] = []
        self.failures = failures

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("sns")
        assert isinstance(message, ModelUsedV2)
        self.used.append((message, context))

    publish_now = publish

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        raise NotImplementedError


async def test_documents_of_a_moment_share_an_event_for_each_user() -> None:
    topic = Topic()
    meter = Meter(topic)
    await asyncio.gather(
        meter(ANN, "d1", REPORT), meter(ANN, "d2", REPORT), meter(BOB, "d3", REPORT)
    )
    found = {c.principal: (u.calls, u.input_tokens, u.cost_usd) for u, c in topic.used}
    assert found == {"ann": (4, 20, Decimal("0.2")), "bob": (2, 10, Decimal("0.1"))}
    assert {u.document_id for u, _ in topic.used} == {None, "d3"}
    await meter(ANN, "d4", REPORT)
    assert len(topic.used) == 3


async def test_it_tries_for_a_while_and_then_says_that_it_could_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metering, "_PAUSES_S", (0.0, 0.0))
    topic = Topic(failures=2)
    await Meter(topic)(ANN, "d1", REPORT)
    assert len(topic.used) == 1
    with pytest.raises(Unavailable):
        await Meter(Topic(failures=3))(ANN, "d1", REPORT)


async def test_who_is_cancelled_does_not_take_the_event_along() -> None:
    topic = Topic()
    meter = Meter(topic)
    cancelled = asyncio.create_task(meter(ANN, "d1", REPORT))
    other = asyncio.create_task(meter(ANN, "d2", REPORT))
    await asyncio.sleep(0)
    cancelled.cancel()
    await other
    assert topic.used[0][0].calls == 4
