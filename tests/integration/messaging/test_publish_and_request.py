"""Topics, filters, batches and request with reply, against an emulator."""

import asyncio
import json
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.envelope import Context, wrap
from contracts.ingestion.document import Counts
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.queries import GetDocumentV1
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1
from contracts.platform.replies import PingV1, PongV1, RequestFailedV1
from contracts.platform.usage import ModelUsedV2
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.messaging import Bus, BusPublisher, BusRequester, Consumer
from shared.observability import configure_traces, current_trace_id, span
from shared.outcomes import Done, Outcome
from shared.settings import Settings
from shared.testing.probe import until
from shared.testing.running import Recorder, running

CONTEXT = Context(tenant="acme", principal="ann")
DELETED = DocumentDeletedV1(document_id="d1", ordinal=3)
CHUNKED = DocumentChunkedV1(
    document_id="d1",
    name="a.txt",
    ordinal=1,
    content_hash="h",
    manifest_key="manifests/acme/d1/1.jsonl",
    model="m",
    dimension=384,
    counts=Counts(chunks=1),
    media_type="text/plain",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


async def test_a_topic_reaches_just_the_queues_that_want_the_type(bus: Bus) -> None:
    index, control = Recorder(), Recorder()
    publisher = BusPublisher(bus)
    await asyncio.gather(
        publisher.publish("documents", CHUNKED, CONTEXT, id="c"),
        publisher.publish_now("documents", DELETED, CONTEXT, id="d"),
    )
    async with running(
        Consumer(bus, "retrieval-index", {DocumentChunkedV1: index}),
        Consumer(bus, "retrieval-control", {DocumentDeletedV1: control}),
    ):
        await until(lambda: index.calls and control.calls)
    assert [context.causation_id for _, context in index.calls] == ["c"]
    assert control.calls[0][0] == DELETED
    assert await bus.depth("retrieval-index-dead") == 0


async def test_one_trace_and_one_correlation_id_from_hop_to_hop(bus: Bus) -> None:
    configure_traces("test", None)
    traces: list[str | None] = []

    async def note(_: int) -> Outcome:
        traces.append(current_trace_id())
        return Done()

    seen = Recorder(note)
    with span("request"):
        expected = current_trace_id()
        await BusPublisher(bus).publish_now("documents", DELETED, CONTEXT)
    async with running(Consumer(bus, "retrieval-control", {DocumentDeletedV1: seen})):
        await until(lambda: seen.calls)
    assert traces == [expected]
    assert seen.calls[0][1].correlation_id == CONTEXT.correlation_id


async def test_cost_travels_exactly(bus: Bus) -> None:
    seen = Recorder()
    used = ModelUsedV2(
        service="gateway",
        purpose="answer",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal("0.000000175"),
    )
    await BusPublisher(bus).publish("usage", used, CONTEXT)
    async with running(Consumer(bus, "gateway-events", {ModelUsedV2: seen})):
        await until(lambda: seen.calls)
    assert seen.calls[0][0].cost_usd == Decimal("0.000000175")


async def test_a_request_is_answered_through_the_askers_own_queue(bus: Bus) -> None:
    async def answer(_: int) -> Outcome:
        return Done(ContextAnsweredV1(conversation_id="c1", turns=()))

    asked = Recorder(answer)
    requester = BusRequester(bus)
    async with running(requester, Consumer(bus, "memory-queries", {ContextRequestedV1: asked})):
        reply = await requester.ask(
            "memory-queries",
            ContextRequestedV1(conversation_id="c1"),
            ContextAnsweredV1,
            CONTEXT,
            5000,
        )
        pong = await requester.ask("memory-queries", PingV1(), PongV1, CONTEXT, 5000)
    assert reply.conversation_id == "c1"
    assert pong.service == "memory"
    queues = await bus._send.list_queues(QueueNamePrefix=bus.settings.resource("gateway-replies-"))
    assert queues.get("QueueUrls", []) == []  # removed by its owner


async def test_a_refusal_and_a_failure_reach_the_asker_at_once(bus: Bus) -> None:
    async def behave(call: int) -> Outcome:
        if call == 1:
            return Done(RequestFailedV1(code="not_found", message="no such document"))
        if call == 2:
            raise ZeroDivisionError
        raise Unavailable("postgres")

    asked, requester = Recorder(behave), BusRequester(bus)
    codes = []
    async with running(requester, Consumer(bus, "ingestion-queries", {GetDocumentV1: asked})):
        for _ in range(3):
            with pytest.raises(RequestRefused) as caught:
                await requester.ask(
                    "ingestion-queries", GetDocumentV1(document_id="x"), PongV1, CONTEXT, 5000
                )
            codes.append(caught.value.code)
    assert codes == ["not_found", "internal", "unavailable"]


async def test_a_missed_deadline_is_said_and_the_late_request_is_not_worked(bus: Bus) -> None:
    asked, requester = Recorder(), BusRequester(bus)
    async with running(requester):
        started = time.monotonic()
        with pytest.raises(DeadlineMissed, match="memory-queries within 300 ms"):
            await requester.ask(
                "memory-queries",
                ContextRequestedV1(conversation_id="c1"),
                ContextAnsweredV1,
                CONTEXT,
                300,
            )
        assert time.monotonic() - started < 5
    # The broker counts from when it got the message, which may be after the asker gave up.
    await until(lambda: bus.depth("memory-queries"))
    await asyncio.sleep(0.3)
    async with running(Consumer(bus, "memory-queries", {ContextRequestedV1: asked})):
        await until(lambda: _gone(bus, "memory-queries"))
    assert asked.calls == []


async def _gone(bus: Bus, queue: str) -> bool:
    return await bus.depth(queue) == 0


async def test_a_reply_queue_is_encrypted_and_refuses_plain_http(
    bus: Bus, settings: Settings
) -> None:
    async with running(BusRequester(bus)):
        prefix = settings.resource("gateway-replies-")

        async def urls() -> list[str]:
            found = await bus._send.list_queues(QueueNamePrefix=prefix)
            return list(found.get("QueueUrls", []))

        (url,) = await until(urls)
        answer = await bus._send.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    told = answer["Attributes"]
    assert (told["SqsManagedSseEnabled"], told["MessageRetentionPeriod"]) == ("true", "60")
    (only,) = json.loads(told["Policy"])["Statement"]
    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "sqs:*")
    assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert only["Resource"] == told["QueueArn"]


async def test_orphaned_reply_queues_are_swept_by_the_next_gateway(
    bus: Bus, settings: Settings
) -> None:
    orphan = settings.resource("gateway-replies-orphan")
    await bus._send.create_queue(QueueName=orphan, tags={"ragops:alive-at": "1"})
    alive = settings.resource("gateway-replies-alive")
    await bus._send.create_queue(QueueName=alive, tags={"ragops:alive-at": str(int(time.time()))})

    async def left() -> set[str]:
        found = await bus._send.list_queues(QueueNamePrefix=settings.resource("gateway-replies-"))
        return {url.rsplit("/", 1)[-1] for url in found["QueueUrls"]}

    for _ in range(2):
        await bus.reply_queues.sweep("gateway-replies-own")
        assert await left() == {alive, orphan}  # its gateway may be about to mark it
    await bus.reply_queues.sweep("gateway-replies-own")
    assert await left() == {alive}


async def test_a_body_over_the_topics_limit_is_a_claim_check_too(bus: Bus) -> None:
    seen = Recorder()
    fat = CHUNKED.model_copy(update={"metadata": {"note": "y" * 300_000}})
    await BusPublisher(bus).publish("documents", fat, CONTEXT)
    async with running(Consumer(bus, "retrieval-index", {DocumentChunkedV1: seen})):
        await until(lambda: seen.calls)
    assert seen.calls[0][0] == fat


async def test_send_confirms_with_the_id_it_gave(bus: Bus) -> None:
    message = IngestDocumentV2(name="a", source=InlineText(text="x"))
    envelope = wrap(message, CONTEXT)
    assert await BusPublisher(bus).send("memory-queries", message, CONTEXT, id=envelope.id) == (
        envelope.id
    )
