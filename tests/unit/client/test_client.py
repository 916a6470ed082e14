"""The client against a gateway in memory."""

import socket

import pytest

from contracts.gateway.http_chat import ChatBody, DoneEvent, TokenEvent
from contracts.gateway.http_search import SearchBody
from shared.client import (
    BrokenOff,
    Citations,
    Event,
    Refused,
    Sources,
    Stalled,
    Unreachable,
    open_client,
    wait_for,
    wait_for_all,
)
from tests.unit.client.fake_gateway import FakeGateway, problem

META = b'event: meta\ndata: {"turn_id":"t","conversation_id":"c","cached":false,"query":"q"}\n\n'
SOURCE = b'{"n":1,"document_id":"d","name":"a.md","passage_id":"p","start":0,"end":4,"text":"Fern"}'
CITATION = b'{"n":1,"document_id":"d","name":"a.md","start":0,"end":4}'


async def events(gateway: FakeGateway) -> list[Event]:
    async with gateway.client() as client:
        return [event async for event in client.chat(ChatBody(question="Why?"))]


async def test_a_document_goes_in_is_listed_and_goes_out() -> None:
    gateway = FakeGateway()
    async with gateway.client() as client:
        names = [f"{n}.md" for n in range(5)]
        ids = [
            (await client.upload(name, b"# A\n", metadata={"n": 1})).document_id for name in names
        ]
        assert [document.name async for document in client.documents()] == names
        assert (await client.delete(ids[0])).status == "deleted"
        with pytest.raises(Refused) as refused:
            await client.document(ids[0])
        assert (refused.value.status, refused.value.code) == (404, "not_found")
        assert (await client.document(ids[1])).metadata == {"n": 1}


async def test_documents_are_waited_for() -> None:
    gateway = FakeGateway(rejects={"bad.md": "Binary data."})
    async with gateway.client() as client:
        good, bad = [await client.upload(name, b"x") for name in ("good.md", "bad.md")]
        assert (await wait_for(client, good.document_id)).status == "ready"
        found = await wait_for_all(client, {good.document_id, bad.document_id})
        assert found[good.document_id].status == "ready"
        assert found[bad.document_id].status == "rejected"


async def test_a_document_that_stands_still_is_not_waited_for_without_end() -> None:
    gateway = FakeGateway(stuck={"slow.md"})
    async with gateway.client() as client:
        slow = await client.upload("slow.md", b"x")
        with pytest.raises(Stalled):
            await wait_for(client, slow.document_id, within_s=0.01)
        with pytest.raises(Stalled, match="1 documents"):
            await wait_for_all(client, {slow.document_id}, stall_s=0.01)


async def test_a_wait_reads_few_pages_and_one_that_stands_still_hides_no_other() -> None:
    gateway = FakeGateway(stuck={"0.md"})
    async with gateway.client() as client:
        ids = {(await client.upload(f"{n}.md", b"x")).document_id for n in range(30)}
        ended: list[int] = []
        with pytest.raises(Stalled, match="1 documents"):
            await wait_for_all(client, ids, stall_s=0.1, on_ended=ended.append)
        assert sum(ended) == 29
        gateway.stuck.clear()
        gateway.lists = 0
        assert len(await wait_for_all(client, ids)) == 30
    # All pages once, and then what was not over only.
    assert gateway.lists <= 15 + 3


async def test_the_graph_around_a_name_is_asked_for() -> None:
    async with FakeGateway().client() as client:
        for name in ("a.md", "b.md"):
            await client.upload(name, b"fern moss")
        around = await client.graph("fern", limit=1)
        with pytest.raises(Refused, match="No document") as refused:
            await client.graph("oak")
    assert (around.entity.named_by, [one.name for one in around.entities]) == (2, ["a.md"])
    assert refused.value.status == 404


async def test_a_503_with_retry_after_is_tried_again() -> None:
    busy = [problem(503, "unavailable", "Later.", "0") for _ in range(3)]
    gateway = FakeGateway(outages=[*busy])
    async with gateway.client() as client:
        await client.upload("a.md", b"fern")
        assert (await client.search(SearchBody(query="fern"))).hits[0].name == "a.md"
    assert gateway.outages == []


@pytest.mark.parametrize("retry_after", ["60", None])
async def test_a_503_is_not_tried_beyond_the_deadline_or_unasked(retry_after: str | None) -> None:
    gateway = FakeGateway(outages=[problem(503, "unavailable", "Later.", retry_after)])
    async with gateway.client(patience_s=1.0) as client:
        with pytest.raises(Refused, match="Later") as refused:
            await client.search(SearchBody(query="fern"))
    assert refused.value.code == "unavailable"
    assert gateway.searches == []


async def test_readiness_names_the_silent_service() -> None:
    async with FakeGateway(silent=("retrieval",)).client() as client:
        readiness = await client.ready()
    assert not readiness.ready
    assert readiness.services["retrieval"] == "no answer"


async def test_an_answer_comes_as_events() -> None:
    stream = (
        b": keep-alive\n\n" + META + b"event: sources\ndata: [" + SOURCE + b"]\n\n"
        b'event: token\ndata: {"text":"Ferns [1]\\n"}\n\n'
        b"event: later\ndata: {}\n\n"
        b"event: citations\ndata: [" + CITATION + b"]\n\n"
        b'event: usage\ndata: {"input_tokens":3,"output_tokens":2,"cost_usd":0.1}\n\n'
        b'event: done\ndata: {"turn_id":"t"}\n\n'
    )
    found = await events(FakeGateway(stream=stream))
    kinds = [type(event).__name__ for event in found]
    assert kinds == ["MetaEvent", "Sources", "TokenEvent", "Citations", "UsageEvent", "DoneEvent"]
    _, sources, token, citations, _, done = found
    assert isinstance(sources, Sources)
    assert sources.root[0].text == "Fern"
    assert token == TokenEvent(text="Ferns [1]\n")
    assert isinstance(citations, Citations)
    assert citations.root[0].n == 1
    assert done == DoneEvent(turn_id="t")


async def test_an_error_in_the_stream_is_raised() -> None:
    stream = META + b'event: error\ndata: {"code":"model_failed","message":"No model."}\n\n'
    with pytest.raises(Refused, match="No model") as refused:
        await events(FakeGateway(stream=stream))
    assert refused.value.code == "model_failed"


async def test_a_stream_without_done_is_an_error() -> None:
    with pytest.raises(BrokenOff):
        await events(FakeGateway(stream=META))


async def test_a_gateway_that_does_not_run_is_named_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    async with open_client(url, "token") as client:
        with pytest.raises(Unreachable, match="make run"):
            await client.ready()
