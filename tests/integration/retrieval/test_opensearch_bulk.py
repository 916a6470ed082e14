"""Bulk answers that a healthy node gives rarely: 200 with refused items, and a full 429."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opensearchpy import AsyncOpenSearch

from compose.local.ports import HOST
from services.retrieval.models.unindexable import RefusedPassage
from services.retrieval.store.opensearch.bulk import Backoff, create_all
from services.retrieval.store.opensearch.outages import outages
from shared.errors import Unavailable
from tests.unit.retrieval.making import passages_of, version

PASSAGES = passages_of("d", 1, ["a", "b", "c"])
QUICK = Backoff(retries=3, first_s=0.001, max_s=0.001)
Answer = Callable[[list[str], int], web.Response]


def items(ids: list[str], status: Callable[[str], int]) -> web.Response:
    made = []
    for key in ids:
        item: dict[str, object] = {"_id": key, "status": status(key)}
        if status(key) >= 400:
            item["error"] = {"type": "some_exception", "reason": "secret text of the passage"}
        made.append({"create": item})
    return web.json_response({"errors": True, "items": made})


@asynccontextmanager
async def node(answer: Answer) -> AsyncIterator[tuple[AsyncOpenSearch, list[list[str]]]]:
    """A client of a node that answers each bulk by `answer`(ids, how many came before)."""
    seen: list[list[str]] = []

    async def bulk(request: web.Request) -> web.Response:
        lines = (await request.text()).splitlines()
        ids = [json.loads(line)["create"]["_id"] for line in lines[::2]]
        seen.append(ids)
        return answer(ids, len(seen) - 1)

    app = web.Application()
    app.router.add_post("/passages/_bulk", bulk)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        port = runner.addresses[0][1]
        async with AsyncOpenSearch(f"http://{HOST}:{port}", max_retries=0) as client:
            yield client, seen
    finally:
        await runner.cleanup()


async def test_only_what_was_refused_is_sent_again() -> None:
    def answer(ids: list[str], earlier: int) -> web.Response:
        return items(ids, lambda key: 429 if not earlier and key.endswith(":1") else 201)

    async with node(answer) as (client, seen):
        assert await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK) == 3
    assert seen == [["acme/d:1:0", "acme/d:1:1", "acme/d:1:2"], ["acme/d:1:1"]]


async def test_a_bulk_refused_whole_is_sent_again_whole() -> None:
    def answer(ids: list[str], earlier: int) -> web.Response:
        return items(ids, lambda _: 201) if earlier else web.Response(status=429)

    async with node(answer) as (client, seen):
        assert await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK) == 3
    assert [len(ids) for ids in seen] == [3, 3]


async def test_what_is_there_already_is_held() -> None:
    async with node(lambda ids, _: items(ids, lambda _: 409)) as (client, seen):
        assert await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK) == 3
    assert len(seen) == 1


async def test_a_node_without_room_is_an_outage_in_the_end() -> None:
    async with node(lambda ids, _: items(ids, lambda _: 429)) as (client, seen):
        with pytest.raises(Unavailable, match="opensearch"):
            await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK)
    assert len(seen) == 4


@pytest.mark.parametrize("status", [429, 503])
async def test_a_node_that_answers_no_bulk_is_an_outage(status: int) -> None:
    async with node(lambda _ids, _: web.Response(status=status)) as (client, _seen):
        with pytest.raises(Unavailable, match="opensearch"), outages():
            await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_items_that_a_later_attempt_may_write_are_no_refusal(status: int) -> None:
    """A full disk blocks writes (403); an index that was removed comes back (404)."""
    async with node(lambda ids, _: items(ids, lambda _: status)) as (client, seen):
        with pytest.raises(Unavailable, match=f"opensearch.*{status}"):
            await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK)
    assert seen


async def test_a_passage_that_is_never_taken_is_named_and_not_quoted() -> None:
    async with node(lambda ids, _: items(ids, lambda _: 400)) as (client, seen):
        with pytest.raises(RefusedPassage, match="acme/d:1:0: 400 some_exception") as raised:
            await create_all(client, "passages", version("acme", "d"), PASSAGES, QUICK)
    assert "secret" not in str(raised.value)
    assert len(seen) == 1
