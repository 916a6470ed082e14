"""Deliveries and metering: one event for each call, whoever waits for it and however SNS fares."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from contracts.platform.usage import ModelUsedV2
from shared.delivery import Delivery, Event
from shared.errors import Unavailable
from shared.messaging import BusPublisher
from shared.metering import Bill, Call, Metering
from shared.observability.logs import JsonFormatter
from shared.ports import Embedded, ModelReport
from shared.testing.fakes import FakePublisher
from shared.testing.probe import until
from tests.unit.shared.fake_aws import client_error, fake_aws

ANN, BOB = (Context(tenant="acme", principal=user) for user in ("ann", "bob"))
REPORT = ModelReport("m", 10, 3, Decimal("0.1"), calls=2)
CANARY = "a-very-private-sentence"
QUICK = (0.0, 0.01)


def metered(publisher: FakePublisher, **options: Any) -> Metering:
    return Metering("retrieval", publisher, delivery=Delivery(publisher, QUICK), **options)


def answer() -> Embedded:
    return Embedded([[0.0]], REPORT)


async def answered() -> Embedded:
    await asyncio.sleep(0)
    return answer()


# -- delivery


@pytest.mark.parametrize("batched", [False, True])
async def test_an_event_is_sent_with_one_id_until_it_is_confirmed(batched: bool) -> None:
    aws = fake_aws()
    call = "publish_batch" if batched else "publish"
    for error in (client_error("Throttling"), ConnectionResetError()):
        aws.sns.fail(call, error)
    aws.sns.fail(call, ConnectionResetError(), after=True)  # it went through
    if batched:
        aws.sns.answer(call, {}, {"Failed": [{"Id": "0", "SenderFault": False}]})
    event = Event("usage", used(), ANN, "the-one", batched)
    await Delivery(BusPublisher(aws.bus), QUICK).start(event)
    assert aws.sns.fired[call] == (5 if batched else 3)
    bodies = [json.loads(body) for body in aws.sqs.bodies("gateway-events")]
    assert [body["id"] for body in bodies] == ["the-one"] * 2


def used() -> ModelUsedV2:
    return ModelUsedV2(
        service="retrieval",
        purpose="rerank",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
    )


async def test_pauses_grow_and_the_last_one_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        slept.extend([seconds] if seconds else [])
        await sleep(0)

    monkeypatch.setattr("shared.delivery.asyncio.sleep", noted)
    publisher = FakePublisher()
    publisher.faults.left = 5
    await Delivery(publisher, (1, 2, 4)).start(Event("usage", used(), ANN, "e"))
    assert slept == [1, 2, 4, 4, 4]
    assert publisher.faults.fired == 5


async def test_an_event_that_is_refused_is_given_up_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws = fake_aws()
    aws.sns.fail("publish", client_error("AuthorizationError", message=CANARY))
    with pytest.raises(Exception, match="AuthorizationError"):
        await Delivery(BusPublisher(aws.bus)).start(Event("usage", used(), ANN, "the-one"))
    (line,) = (record for record in caplog.records if record.message == "delivery_failed")
    assert line.__dict__["fields"] == {
        "topic": "usage",
        "event_id": "the-one",
        "error": "ClientError (AuthorizationError)",
    }


async def test_a_drain_waits_for_what_starts_meanwhile_and_names_what_is_late() -> None:
    publisher, go = FakePublisher(down={"turns"}), asyncio.Event()
    delivery = Delivery(publisher, QUICK)

    async def later() -> None:
        await go.wait()
        delivery.start(Event("usage", used(), ANN, "second"))

    first = delivery.start(Event("turns", used(), ANN, "first"))
    starting = asyncio.create_task(later())
    draining = asyncio.create_task(delivery.drain(0.3))
    await asyncio.sleep(0)
    go.set()
    assert [event.id for event in await draining] == ["first"]
    await starting
    assert first.cancelled()
    assert [sent.id for sent in publisher.sent] == ["second"]
    assert publisher.faults.fired > 1
    assert await delivery.drain(0) == []


async def test_a_drain_waits_for_what_starts_at_its_end() -> None:
    publisher = FakePublisher()
    delivery = Delivery(publisher, QUICK)

    async def one_after_the_other() -> None:
        for name in ("first", "second", "third"):
            await delivery.start(Event("usage", used(), ANN, name))

    working = asyncio.create_task(one_after_the_other())
    await asyncio.sleep(0)
    assert await delivery.drain(5) == []
    await working
    assert [sent.id for sent in publisher.sent] == ["first", "second", "third"]


# -- metering


async def test_while_sns_is_away_nothing_is_lost_and_afterwards_there_is_one_event() -> None:
    publisher = FakePublisher()
    publisher.faults.left = 4
    metering = metered(publisher)
    await metering.record(Call("rerank", ANN), REPORT)
    await metering.charge(Call("embed_query", ANN, turn_id="t"), answered())
    await metering.drain()
    found = [
        (u.purpose, u.turn_id, u.calls, u.input_tokens, u.output_tokens, u.cost_usd)
        for u in publisher.of(ModelUsedV2)
    ]
    assert sorted(found) == [
        ("embed_query", "t", 2, 10, 3, Decimal("0.1")),
        ("rerank", None, 2, 10, 3, Decimal("0.1")),
    ]
    assert publisher.faults.fired == 4


async def test_each_attempt_has_the_id_of_the_first() -> None:
    aws = fake_aws()
    aws.sns.fail("publish_batch", ConnectionResetError(), 2, after=True)
    delivery = Delivery(BusPublisher(aws.bus), QUICK)
    metering = Metering("retrieval", BusPublisher(aws.bus), delivery=delivery)
    await metering.record(Call("rerank", ANN), REPORT)
    assert aws.sns.fired["publish_batch"] == 2
    ids = [json.loads(body)["id"] for body in aws.sqs.bodies("gateway-events")]
    assert len(ids) == 3
    assert len(set(ids)) == 1


@pytest.mark.parametrize(
    ("calls", "events"),
    [
        ([Call("embed_passages", ANN)] * 3, 1),
        ([Call("embed_passages", ANN), Call("embed_passages", BOB)], 2),
        ([Call("embed_passages", ANN), Call("rerank", ANN)], 2),
        ([Call("rerank", ANN, "t1"), Call("rerank", ANN, "t2")], 2),
        ([Call("rerank", ANN), Call("rerank", ANN, estimated=True)], 2),
    ],
)
async def test_which_calls_share_an_event(calls: Sequence[Call], events: int) -> None:
    publisher = FakePublisher()
    metering = metered(publisher, gather_s=0.05)
    await asyncio.gather(*(metering.record(call, REPORT) for call in calls))
    found = publisher.of(ModelUsedV2)
    assert len(found) == events
    assert sum(one.input_tokens for one in found) == 10 * len(calls)
    assert sum(one.calls for one in found) == 2 * len(calls)
    assert sum(one.cost_usd for one in found) == Decimal("0.1") * len(calls)


@pytest.mark.parametrize(
    ("documents", "named"), [(["d1", "d1"], "d1"), (["d1", "d2"], None), ([None], None)]
)
async def test_an_event_names_a_document_when_it_is_the_only_one(
    documents: Sequence[str | None], named: str | None
) -> None:
    publisher = FakePublisher()
    metering = metered(publisher, gather_s=0.01)
    waiting = [
        metering.record(Call("embed_passages", ANN, document_id=one), REPORT) for one in documents
    ]
    await asyncio.gather(*waiting)
    (event,) = publisher.of(ModelUsedV2)
    assert event.document_id == named


async def test_who_waits_and_is_cancelled_takes_no_event_along() -> None:
    publisher = FakePublisher()
    metering = metered(publisher, gather_s=0.05)

    async def waiting() -> None:
        await metering.record(Call("embed_passages", ANN), REPORT)

    leaving = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await metering.record(Call("embed_passages", ANN), REPORT)
    (event,) = publisher.of(ModelUsedV2)
    assert event.input_tokens == 20


async def test_a_call_whose_caller_is_cancelled_is_metered_but_not_on_the_bill() -> None:
    publisher, go = FakePublisher(), asyncio.Event()
    bill = Bill(metered(publisher), ANN, "t")

    async def slow() -> Embedded:
        await go.wait()
        return answer()

    asking = asyncio.create_task(bill.charge("embed_query", slow()))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go.set()
    await bill.metering.drain()
    (event,) = publisher.of(ModelUsedV2)
    assert (event.input_tokens, event.turn_id) == (10, "t")
    assert bill.input_tokens == 0


async def test_a_bill_sums_its_calls_and_what_others_metered() -> None:
    publisher = FakePublisher()
    bill = Bill(metered(publisher), ANN, "t")
    await bill.charge("embed_query", answered())
    bill.add("answer", REPORT, estimated=True)
    bill.include(100, Decimal(1))
    assert (bill.input_tokens, bill.output_tokens, bill.cost_usd) == (120, 6, Decimal("1.2"))
    await bill.metering.drain()
    assert sorted((u.purpose, u.estimated) for u in publisher.of(ModelUsedV2)) == [
        ("answer", True),
        ("embed_query", False),
    ]


async def test_a_call_that_fails_is_its_callers_error_and_no_event() -> None:
    async def failing() -> Embedded:
        raise Unavailable("bedrock")

    publisher = FakePublisher()
    metering = metered(publisher)
    with pytest.raises(Unavailable):
        await metering.charge(Call("embed_query", ANN), failing())
    await metering.drain()
    assert publisher.sent == []


async def test_a_drain_ends_a_long_gathering_at_once() -> None:
    publisher = FakePublisher()
    metering = metered(publisher, gather_s=600)
    metering.record(Call("embed_passages", ANN), REPORT)
    await metering.drain(5)
    assert len(publisher.of(ModelUsedV2)) == 1


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.message == event]


async def test_what_is_not_confirmed_in_time_is_logged_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    publisher = FakePublisher(down={"usage"})
    metering = metered(publisher, gather_s=0.01)
    metering.record(Call("rerank", ANN, "t"), REPORT)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await metering.drain(0.2)
    assert loop.time() - started < 3
    (fields,) = logged(caplog, "usage_not_confirmed")
    assert (fields["tenant"], fields["principal"]) == ("acme", "ann")
    usage = ModelUsedV2.model_validate(fields["usage"])
    assert (usage.input_tokens, usage.output_tokens, usage.turn_id) == (10, 3, "t")
    assert publisher.faults.fired > 1


async def test_what_sns_refuses_is_logged_whole_at_once(caplog: pytest.LogCaptureFixture) -> None:
    aws = fake_aws()
    aws.sns.fail("publish_batch", client_error("AuthorizationError"))
    metering = Metering("retrieval", BusPublisher(aws.bus))
    with pytest.raises(Exception, match="AuthorizationError"):
        await metering.record(Call("rerank", ANN), REPORT)
    (fields,) = logged(caplog, "usage_not_confirmed")
    assert fields["usage"]["input_tokens"] == 10


async def test_a_call_that_outlives_the_drain_is_told(caplog: pytest.LogCaptureFixture) -> None:
    never = asyncio.Event()

    async def slow() -> Embedded:
        await never.wait()
        return answer()

    metering = metered(FakePublisher())
    task = metering.charging(Call("rerank", ANN), slow())
    await metering.drain(0.05)
    assert logged(caplog, "model_calls_not_metered") == [{"calls": 1}]
    never.set()
    await task
    await metering.drain()


async def test_other_events_of_the_same_delivery_are_told_by_their_id_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    publisher = FakePublisher(down={"documents"})
    delivery = Delivery(publisher, QUICK)
    message = IngestDocumentV2(name="a", source=InlineText(text=CANARY))
    delivery.start(Event("documents", message, ANN, "the-one"))
    await Metering("gateway", publisher, delivery=delivery).drain(0.1)
    assert logged(caplog, "usage_not_confirmed") == [
        {"event_id": "the-one", "type": "IngestDocument"}
    ]
    lines = [JsonFormatter("gateway").format(record) for record in caplog.records]
    assert CANARY not in "".join(lines)


async def test_calls_at_once_are_all_metered() -> None:
    publisher = FakePublisher()
    publisher.faults.left = 50
    metering = metered(publisher)
    calls = [Call("answer", ANN, turn_id=f"t{n}") for n in range(100)]
    await asyncio.gather(*(metering.charge(call, answered()) for call in calls))
    await until(lambda: len(publisher.sent) == 100)
    assert len(set(publisher.ids(ModelUsedV2))) == 100
    assert {u.turn_id for u in publisher.of(ModelUsedV2)} == {call.turn_id for call in calls}
