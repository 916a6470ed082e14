"""Sessions and notes in a real Redis."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from compose.local.ports import free_ports
from services.gateway.models.document import NOTE_LIFETIME_S, AcceptedNote
from services.gateway.models.session import SESSION_LIFETIME_S, SESSION_TURNS, Session, SessionTurn
from services.gateway.store.connection import connected
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.note_store import DUE_KEY, NoteStore, note_key
from services.gateway.store.rate_store import RateStore
from services.gateway.store.session_store import SessionStore, session_key
from shared.errors import Unavailable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHO = ("acme", "ann", "c1")


def a_turn(n: int) -> SessionTurn:
    return SessionTurn(
        turn_id=f"t{n}", question=f"Frage {n} ü", query="q", answer="a", completed_at=NOW
    )


def a_note(document_id: str = "d1") -> AcceptedNote:
    return AcceptedNote(
        document_id=document_id,
        name="a.md",
        message_id="m1",
        media_type="text/markdown",
        tags=("x",),
        accepted_at=NOW,
    )


async def test_a_session_comes_back_oldest_first(redis: Redis) -> None:
    store = SessionStore(redis)
    assert await store.load(*WHO) == Session()
    for n in range(2):
        await store.append(*WHO, a_turn(n))
    assert (await store.load(*WHO)).turns == (a_turn(0), a_turn(1))


async def test_a_session_keeps_its_last_turns_only(redis: Redis) -> None:
    store = SessionStore(redis)
    for n in range(SESSION_TURNS + 3):
        await store.append(*WHO, a_turn(n))
    kept = (await store.load(*WHO)).turns
    assert [turn.turn_id for turn in kept] == [f"t{n}" for n in range(3, SESSION_TURNS + 3)]


async def test_each_turn_renews_the_sessions_life(redis: Redis) -> None:
    store, key = SessionStore(redis), session_key(*WHO)
    await store.append(*WHO, a_turn(0))
    assert await redis.ttl(key) > SESSION_LIFETIME_S - 10
    await redis.expire(key, 5)
    await store.append(*WHO, a_turn(1))
    assert await redis.ttl(key) > SESSION_LIFETIME_S - 10


@pytest.mark.parametrize(
    "other", [("other", "ann", "c1"), ("acme", "bob", "c1"), ("acme", "ann", "c2")]
)
async def test_a_session_is_seen_by_nobody_else(redis: Redis, other: tuple[str, str, str]) -> None:
    store = SessionStore(redis)
    await store.append(*WHO, a_turn(0))
    assert (await store.load(*other)).turns == ()


async def test_a_colon_in_a_user_leads_to_no_other_session(redis: Redis) -> None:
    store = SessionStore(redis)
    await store.append("acme", "ann:x", "c1", a_turn(0))
    assert await store.load("acme", "ann", "c1") == Session()
    assert session_key("acme", "ann:x", "c1") != session_key("acme", "ann", "c1")


async def test_a_note_lives_until_it_is_removed_or_old(redis: Redis) -> None:
    store = NoteStore(redis)
    await store.put("acme", a_note(), NOW)
    assert await store.get("acme", "d1") == a_note()
    assert await store.get("other", "d1") is None
    assert await redis.ttl(note_key("acme", "d1")) > NOTE_LIFETIME_S - 10
    await store.remove("acme", a_note())
    assert await store.get("acme", "d1") is None
    assert await store.due(NOW, 10) == []


async def test_notes_are_due_in_their_order_and_can_be_postponed(redis: Redis) -> None:
    store = NoteStore(redis)
    for n in (2, 0, 1):
        await store.put(f"t{n}", a_note(), NOW + timedelta(seconds=n))
    late = NOW + timedelta(seconds=1)
    assert [tenant for tenant, _ in await store.due(late, 10)] == ["t0", "t1"]
    assert [tenant for tenant, _ in await store.due(late, 1)] == ["t0"]
    await store.postpone("t0", a_note(), NOW + timedelta(hours=1))
    assert [tenant for tenant, _ in await store.due(late, 10)] == ["t1"]


async def test_a_newer_note_is_neither_removed_nor_due_for_the_old_one(redis: Redis) -> None:
    store = NoteStore(redis)
    newer = a_note().model_copy(update={"message_id": "m2"})
    await store.put("acme", a_note(), NOW)
    await store.put("acme", newer, NOW + timedelta(hours=1))
    assert await store.due(NOW, 10) == []
    assert await redis.zcard(DUE_KEY) == 1
    await store.remove("acme", a_note())
    assert await store.get("acme", "d1") == newer


async def test_an_expired_note_is_no_longer_due(redis: Redis) -> None:
    store = NoteStore(redis)
    await store.put("acme", a_note(), NOW)
    await redis.delete(note_key("acme", "d1"))
    assert await store.due(NOW, 10) == []
    assert await redis.zcard(DUE_KEY) == 0


async def test_redis_away_is_unavailable() -> None:
    (port,) = free_ports(1)
    url = f"redis://127.0.0.1:{port}/0"
    async with connected(url) as redis:
        for call in (
            SessionStore(redis).ping(),
            LedgerStore(redis, 1).ping(),
            LedgerStore(redis, 1).settings("acme"),
            RateStore(redis).wait_s("acme", {"tenant": 1}),
            SessionStore(redis).load(*WHO),
            SessionStore(redis).append(*WHO, a_turn(0)),
            NoteStore(redis).get("acme", "d1"),
            NoteStore(redis).put("acme", a_note(), NOW),
            NoteStore(redis).remove("acme", a_note()),
            NoteStore(redis).due(NOW, 1),
            NoteStore(redis).postpone("acme", a_note(), NOW),
        ):
            with pytest.raises(Unavailable, match="redis"):
                await call
