"""Conversations and erasures over HTTP."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contracts.envelope import Context
from contracts.gateway.erasures import ErasureDoneV1, UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.memory.queries import (
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    ConversationSummary,
    DeleteConversationV1,
    KeptSource,
    KeptTurn,
    ListConversationsV1,
    RenameConversationV1,
)
from services.gateway.services.conversations.erasing import Erasures
from shared.errors import DeadlineMissed, RequestRefused
from shared.outcomes import Done
from shared.testing.probe import until
from shared.testing.running import worker
from tests.unit.gateway.fakes import Gateway, open_gateway

AT = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)
SOURCE = KeptSource(
    n=1,
    document_id="d1",
    ordinal=1,
    passage_id="d1:1:0",
    name="# odd.md",
    page=3,
    start=0,
    end=9,
    cited=True,
)
TURN = KeptTurn(
    turn_id="t1", question="# How much?", answer="40 [1].", sources=(SOURCE,), completed_at=AT
)
OPENED = ConversationAnsweredV1(conversation_id="c1", title="Hotels: 2026", turns=(TURN,))
UNKNOWN = RequestRefused("not_found", "There is no such conversation.")


@pytest_asyncio.fixture
async def known(gateway: Gateway) -> Gateway:
    """Memory knows the conversation c1 of whoever asks, and no other."""

    def only_c1(answer: Any) -> Any:
        return lambda request: answer if request.conversation_id == "c1" else UNKNOWN

    removed = {"turns": 2, "facts": 1, "titles": 0}
    none = dict.fromkeys(removed, 0)
    gateway.requester.answers |= {
        ListConversationsV1: ConversationsListedV1(
            conversations=(
                ConversationSummary(conversation_id="c1", title="Hotels", turns=1, last_at=AT),
            ),
            next="more",
        ),
        ConversationRequestedV1: only_c1(OPENED),
        RenameConversationV1: only_c1(OPENED),
        DeleteConversationV1: lambda request: ConversationDeletedV1(
            conversation_id=request.conversation_id,
            removed=removed if request.conversation_id == "c1" else none,
        ),
    }
    return gateway


@pytest_asyncio.fixture
async def client(known: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with known.client() as opened:
        yield opened


async def test_conversations_are_listed(known: Gateway, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/conversations", params={"query": "hotel", "after": "x"})
    assert answer.json() == {
        "conversations": [
            {
                "conversation_id": "c1",
                "title": "Hotels",
                "turns": 1,
                "last_at": "2026-01-01T08:30:00Z",
            }
        ],
        "next": "more",
    }
    [asked] = known.requester.of(ListConversationsV1)
    assert (asked.query, asked.after, asked.limit) == ("hotel", "x", 50)


async def test_a_conversation_that_memory_has_not_heard_of_is_shown_all_the_same(
    known: Gateway, client: httpx.AsyncClient
) -> None:
    await known.ask("Trains in Norway?", conversation_id="new")
    listed = (await client.get("/v1/conversations")).json()["conversations"]
    assert [(one["conversation_id"], one["title"]) for one in listed] == [
        ("new", "Trains in Norway?"),
        ("c1", "Hotels"),
    ]
    found = await client.get("/v1/conversations", params={"query": "norway"})
    assert found.json()["conversations"][0]["conversation_id"] == "new"
    found = await client.get("/v1/conversations", params={"query": "hotel"})
    assert found.json()["conversations"][0]["conversation_id"] == "c1"
    shown = (await client.get("/v1/conversations/new")).json()
    assert shown["title"] == "Trains in Norway?"
    assert shown["turns"][0]["sources"][0]["passage_id"] == "doc-1:1:0"
    assert "text" not in shown["turns"][0]["sources"][0]


async def test_a_conversation_is_shown_with_its_sources(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/conversations/c1")).json()
    assert shown["turns"][0]["sources"] == [
        {
            "n": 1,
            "document_id": "d1",
            "name": "# odd.md",
            "passage_id": "d1:1:0",
            "page": 3,
            "start": 0,
            "end": 9,
            "cited": True,
        }
    ]


async def test_it_is_exported_as_markdown_and_json(client: httpx.AsyncClient) -> None:
    markdown = await client.get("/v1/conversations/c1/export")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.headers["content-disposition"] == 'attachment; filename="Hotels-2026.md"'
    assert markdown.text == (
        "# Hotels: 2026\n\n## \\# How much?\n\n*2026-01-01 08:30 UTC*\n\n40 [1].\n\n"
        "- [1] \\# odd.md, page 3\n"
    )
    exported = await client.get("/v1/conversations/c1/export", params={"format": "json"})
    shown = await client.get("/v1/conversations/c1")
    assert json.loads(exported.text) == shown.json()
    wrong = await client.get("/v1/conversations/c1/export", params={"format": "pdf"})
    assert wrong.status_code == 422


async def test_it_is_renamed(known: Gateway, client: httpx.AsyncClient) -> None:
    answer = await client.patch("/v1/conversations/c1", json={"title": " New "})
    assert answer.status_code == 200
    assert known.requester.of(RenameConversationV1)[0].title == "New"
    for title in ("", "x" * 121, None):
        bad = await client.patch("/v1/conversations/c1", json={"title": title})
        assert bad.status_code == 422


async def test_deleting_answers_what_was_removed(known: Gateway, client: httpx.AsyncClient) -> None:
    await known.ask("Trains?", conversation_id="c1")
    answer = await client.delete("/v1/conversations/c1")
    assert answer.json() == {
        "conversation_id": "c1",
        "receipt": {"removed": {"session": 1, "memory": 3}},
    }
    assert ("acme", "ann", "c1") not in known.sessions.turns


async def test_unknown_is_the_same_404_in_every_call(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get("/v1/conversations/c9"),
        await client.get("/v1/conversations/c9/export"),
        await client.patch("/v1/conversations/c9", json={"title": "x"}),
        await client.delete("/v1/conversations/c9"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("odd", ["a%23b", "a:b", "x" * 65, "%C3%BC"])
async def test_an_id_that_could_reach_into_another_key_is_refused(
    known: Gateway, client: httpx.AsyncClient, odd: str
) -> None:
    for call in (client.get, client.delete):
        assert (await call(f"/v1/conversations/{odd}")).status_code == 422
    assert known.requester.asked == []


async def test_memory_away_is_a_503_that_names_it(
    known: Gateway, client: httpx.AsyncClient
) -> None:
    known.requester.answers[ListConversationsV1] = DeadlineMissed("memory-queries", 1)
    answer = await client.get("/v1/conversations")
    assert answer.status_code == 503
    assert "memory of conversations" in answer.json()["detail"]


class Steered:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at


def erasures_of(gateway: Gateway) -> Erasures:
    return worker(gateway.service, Erasures)


async def done(gateway: Gateway, erasure_id: str, service: str, round: int, turns: int) -> None:
    message = ErasureDoneV1(
        erasure_id=erasure_id, service=service, round=round, removed={"turns": turns}
    )
    handler = gateway.service.handlers["gateway-events"][ErasureDoneV1]
    assert await handler(message, Context(tenant="acme")) == Done()


async def test_an_erasure_ends_when_all_have_looked_twice() -> None:
    clock = Steered()
    async with open_gateway(clock=clock, erasure_check_s=60) as gateway:
        await gateway.ask("Trains?", conversation_id="c1")
        await until(lambda: gateway.sessions.turns)
        async with gateway.client(scopes=frozenset({"chat"})) as client:
            begun = await client.delete("/v1/users/me")
            assert begun.status_code == 202
            erasure_id = begun.json()["erasure_id"]
            assert gateway.sessions.turns == {}
            [first] = gateway.publisher.of(UserErasedV1)
            assert (first.user, first.round, first.asked_until) == ("ann", 1, AT)
            for service, turns in (("memory", 4), ("finetune_export", 9)):
                await done(gateway, erasure_id, service, 1, turns)
            shown = (await client.get(f"/v1/erasures/{erasure_id}")).json()
            assert shown["complete"] is False
            assert shown["waiting_for"] == ["finetune_export", "gateway", "memory"]
            clock.at += timedelta(seconds=61)
            await erasures_of(gateway).check()
            assert [one.round for one in gateway.publisher.of(UserErasedV1)] == [1, 2]
            for service in ("memory", "finetune_export", "finetune_export"):
                await done(gateway, erasure_id, service, 2, 1)
            shown = (await client.get(f"/v1/erasures/{erasure_id}")).json()
            assert (shown["complete"], shown["waiting_for"]) == (True, [])
            assert shown["removed"]["memory"] == {"turns": 5}
            assert shown["removed"]["finetune_export"] == {"turns": 10}
            assert shown["removed"]["gateway"]["sessions"] == 1
        clock.at += timedelta(seconds=61)
        await erasures_of(gateway).check()
        assert gateway.receipts.dues == {}
        assert "ann" not in str(gateway.receipts.erasures)


async def test_an_erasure_that_nobody_heard_of_is_told_again() -> None:
    clock = Steered()
    async with open_gateway(clock=clock, erasure_check_s=60) as gateway:
        gateway.publisher.down = {"turns"}
        async with gateway.client() as client:
            assert (await client.delete("/v1/users/me")).status_code == 503
        assert gateway.publisher.faults.fired == 1
        gateway.publisher.down = set()
        clock.at += timedelta(seconds=61)
        await erasures_of(gateway).check()
        assert [one.user for one in gateway.publisher.of(UserErasedV1)] == ["ann"]


async def test_another_user_is_erased_by_an_admin_only(gateway: Gateway) -> None:
    async with gateway.client(scopes=frozenset({"chat"})) as client:
        assert (await client.delete("/v1/users/bob")).status_code == 403
    async with gateway.client() as admin:
        erasure_id = (await admin.delete("/v1/users/bob")).json()["erasure_id"]
        assert (await admin.get(f"/v1/erasures/{erasure_id}")).status_code == 200
    [sent] = gateway.publisher.of(UserErasedV1)
    assert sent.user == "bob"
    for who, status in (({"user": "eve"}, 404), ({"user": "bob"}, 200), ({"tenant": "o"}, 404)):
        fields: dict[str, Any] = {"scopes": frozenset({"chat"})} | who
        async with gateway.client(**fields) as client:
            answer = await client.get(f"/v1/erasures/{erasure_id}")
            assert answer.status_code == status


async def test_a_deleted_documents_words_are_cut_from_sessions(gateway: Gateway) -> None:
    handler = gateway.service.handlers["gateway-events"][DocumentDeletedV1]
    message = DocumentDeletedV1(document_id="d1", ordinal=2)
    assert await handler(message, Context(tenant="acme")) == Done()
    assert gateway.sessions.cuts == [("acme", "d1", 2)]
