"""What is removed of sessions in a real Redis, also when it comes late; receipts of erasures."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from services.gateway.models.document import AcceptedNote
from services.gateway.models.erasure import Erasure, hidden
from services.gateway.models.refusals import TenantDeleted
from services.gateway.models.session import CUT, Session, SessionSource, SessionTurn, Summary
from services.gateway.models.shared_answer import Place
from services.gateway.models.tenant import Deletion, TenantSettings
from services.gateway.models.usage import Counted, Line, Spent
from services.gateway.store.answer_store import AnswerStore
from services.gateway.store.erasure_store import ErasureStore
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.note_store import NoteStore
from services.gateway.store.rate_store import RateStore
from services.gateway.store.session_store import SessionStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = ("acme", "ann", "c1")


def a_turn(n: int = 0, document: str | None = None, ordinal: int = 1) -> SessionTurn:
    source = SessionSource(
        n=1,
        document_id=document or "",
        ordinal=ordinal,
        passage_id="p",
        name="a.md",
        start=0,
        end=1,
        cited=True,
    )
    return SessionTurn(
        turn_id=f"t{n}",
        question=f"question {n}",
        query="q",
        answer="A secret [1].",
        sources=(source,) if document else (),
        started_at=NOW + timedelta(minutes=n),
        completed_at=NOW + timedelta(minutes=n, seconds=5),
    )


async def everything(redis: Any) -> str:
    """All keys with what they hold."""
    found = []
    async for key in redis.scan_iter():
        read = {
            b"string": redis.get,
            b"list": lambda one: redis.lrange(one, 0, -1),
            b"set": redis.smembers,
            b"hash": redis.hgetall,
            b"zset": lambda one: redis.zrange(one, 0, -1),
            b"stream": lambda one: redis.xrange(one),
            # It expired meanwhile.
            b"none": redis.get,
        }[await redis.type(key)]
        found.append(f"{key!r} {await read(key)!r}")
    return "\n".join(found)


async def test_the_users_last_turns_come_with_any_conversation(redis: Redis) -> None:
    store = SessionStore(redis)
    for n in range(7):
        await store.append("acme", "ann", f"c{n}", a_turn(n))
    recent = (await store.load("acme", "ann", "new")).recent
    assert [(one.turn_id, one.conversation_id) for one in recent] == [
        (f"t{n}", f"c{n}") for n in range(2, 7)
    ]
    assert (await store.load("acme", "bob", "c1")) == Session()


async def test_quotations_of_a_deleted_document_are_cut(redis: Redis) -> None:
    store = SessionStore(redis)
    await store.append(*ANN, a_turn(0, "d1"))
    await store.append(*ANN, a_turn(1, "d2"))
    await store.summarise(*ANN, Summary(text="A secret.", until=NOW, documents=("d1",)))
    await store.append("other", "ann", "c1", a_turn(0, "d1"))
    assert await store.cut("acme", "d1", 1) == 3
    session = await store.load(*ANN)
    assert [turn.answer for turn in session.turns] == [CUT, "A secret [1]."]
    assert [turn.answer for turn in session.recent] == [CUT, "A secret [1]."]
    assert session.summary is None
    assert (await store.load("other", "ann", "c1")).turns[0].answer == "A secret [1]."


async def test_a_quotation_that_is_written_after_the_delete_is_cut(redis: Redis) -> None:
    store = SessionStore(redis)
    await store.cut("acme", "d1", 1)
    await store.append(*ANN, a_turn(0, "d1"))
    await store.append(*ANN, a_turn(1, "d1", ordinal=2))
    await store.summarise(*ANN, Summary(text="A secret.", until=NOW, documents=("d1",)))
    session = await store.load(*ANN)
    assert [turn.answer for turn in session.turns] == [CUT, "A secret [1]."]
    assert session.summary is None


async def test_a_forgotten_conversation_does_not_come_back_late(redis: Redis) -> None:
    store = SessionStore(redis)
    await store.append(*ANN, a_turn(0))
    await store.append("acme", "ann", "c2", a_turn(1))
    await store.summarise(*ANN, Summary(text="question 0", until=NOW))
    assert await store.forget(*ANN, NOW + timedelta(minutes=2)) == 1
    await store.append(*ANN, a_turn(2))
    session = await store.load(*ANN)
    assert (session.turns, session.summary) == ((), None)
    assert [turn.turn_id for turn in session.recent] == ["t1"]
    await store.append(*ANN, a_turn(3))
    assert [turn.turn_id for turn in (await store.load(*ANN)).turns] == ["t3"]


@pytest.mark.parametrize("user", ["ann", "ann:x", "a*n", "[ann]"])
async def test_an_erased_user_leaves_no_key(redis: Redis, user: str) -> None:
    store, until = SessionStore(redis), NOW + timedelta(hours=1)
    others = [("acme", "ann:c1", "c1"), ("acme", "annette", "c1"), ("other", user, "c1")]
    for who in [("acme", user, "c1"), ("acme", user, "c2"), *others]:
        await store.append(*who, a_turn(0, "d1"))
        await store.summarise(*who, Summary(text="A secret.", until=NOW))
    assert await store.erase("acme", user, until) == 2
    await store.append("acme", user, "c1", a_turn(1))
    assert await store.load("acme", user, "c1") == Session()
    mine = {f"{kind}:acme:{user}:{one}" for kind in ("session", "summary") for one in ("c1", "c2")}
    left = await everything(redis)
    assert [one for one in (*mine, f"recent:acme:{user}") if f"b'{one}'" in left] == []
    for who in others:
        assert len((await store.load(*who)).turns) == 1
    await store.append("acme", user, "c1", a_turn(90))
    assert len((await store.load("acme", user, "c1")).turns) == 1


async def test_an_erased_tenant_leaves_no_key(redis: Redis) -> None:
    store = SessionStore(redis)
    for user in ("ann", "bob"):
        await store.append("acme", user, "c1", a_turn(0))
    await store.append("acme2", "ann", "c1", a_turn(0))
    assert await store.erase("acme", None, NOW + timedelta(hours=1)) == 2
    assert await store.load("acme", "bob", "c1") == Session()
    assert len((await store.load("acme2", "ann", "c1")).turns) == 1


async def test_a_deleted_tenant_leaves_no_key_in_any_store(redis: Redis) -> None:
    """Also when a turn is saved late."""
    sessions, notes, answers = SessionStore(redis), NoteStore(redis), AnswerStore(redis, redis, 10)
    ledger, rates, receipts = LedgerStore(redis, 60), RateStore(redis), ErasureStore(redis)
    await ledger.begin("now")
    for tenant in ("acme", "acme2"):
        await sessions.append(tenant, "ann", "c1", a_turn(0, "d1"))
        await sessions.cut(tenant, "d2", 1)
        await sessions.forget(tenant, "ann", "c9", NOW)
        note = AcceptedNote(
            document_id="d1",
            name="a.md",
            message_id="m",
            media_type="text/plain",
            user="ann",
            accepted_at=NOW,
        )
        await notes.put(tenant, note, NOW)
        place = Place(tenant, await answers.generation(tenant), "key")
        await answers.seek(place, "t1")
        await answers.document_changed(tenant, "d2", deleted=True)
        await ledger.put_settings(tenant, TenantSettings())
        call = Counted("e1", Line("ann", "m", "answer"), Spent(calls=1, input_tokens=1))
        await ledger.count(tenant, NOW.date(), [call], None, own=True)
        await rates.wait_s(tenant, {"tenant": 5})
        erasure = Erasure(
            erasure_id="e1", tenant=tenant, user="ann", who=hidden("ann"), asked_until=NOW
        )
        await receipts.put(erasure, NOW)
    others = (await everything(redis)).count("acme2")
    end = NOW + timedelta(hours=1)
    await ledger.delete("acme", Deletion(erasure_id="e2", until=end))
    await sessions.erase("acme", None, end)
    assert await notes.remove_all("acme") == 1
    assert await answers.remove_all("acme") > 0
    assert await receipts.remove_all("acme") == 1
    left = await everything(redis)
    assert left.replace("acme2", "").count("acme") == 0
    assert left.count("acme2") == others
    await sessions.append("acme", "ann", "c1", a_turn(0))
    assert (await everything(redis)).replace("acme2", "").count("acme") == 0
    for work in (ledger.settings("acme"), ledger.count("acme", NOW.date(), [], None, own=True)):
        with pytest.raises(TenantDeleted):
            await work
    assert await ledger.tenants() == ["acme2"]
    assert await ledger.deletion("acme") == Deletion(erasure_id="e2", until=end)
    await ledger.reopen("acme")
    assert await ledger.settings("acme") == (0, TenantSettings())


async def test_notes_lose_the_name_and_keep_the_rest(redis: Redis) -> None:
    notes = NoteStore(redis)
    for user in ("ann", "bob"):
        note = AcceptedNote(
            document_id=user,
            name="a.md",
            message_id="m",
            media_type="text/plain",
            user=user,
            accepted_at=NOW,
        )
        await notes.put("acme", note, NOW)
    assert await notes.anonymise("acme", "ann") == 1
    found = await notes.get("acme", "ann")
    assert found is not None
    assert (found.user, found.message_id) == (None, "m")
    assert await notes.anonymise("acme", "ann") == 0


async def test_a_receipt_keeps_the_larger_counts_and_goes_on_until_it_is_over(redis: Redis) -> None:
    store = ErasureStore(redis)
    erasure = Erasure(
        erasure_id="e1", tenant="acme", user="ann", who=hidden("ann"), asked_until=NOW
    )
    await store.put(erasure, NOW)
    await store.note("acme", "e1", "memory", 1, {"turns": 4, "facts": 0})
    await store.note("acme", "e1", "memory", 1, {"turns": 0, "facts": 0})
    await store.note("acme", "e9", "memory", 1, {"turns": 4})
    assert await store.get("acme", "e9") is None
    assert await store.get("other", "e1") is None
    [due] = await store.due(NOW, 10)
    assert due.removed == {"memory": {1: {"turns": 4, "facts": 0}}}
    assert await store.due(NOW - timedelta(seconds=1), 10) == []
    await store.put(erasure.model_copy(update={"user": None}), None)
    assert await store.due(NOW, 10) == []
    found = await store.get("acme", "e1")
    assert found is not None
    assert found.totals == {"memory": {"turns": 4, "facts": 0}}
    assert "ann" not in await everything(redis)


async def test_two_answers_to_a_round_at_once_leave_the_larger_counts(redis: Redis) -> None:
    store = ErasureStore(redis)
    erasure = Erasure(
        erasure_id="e1", tenant="acme", user="ann", who=hidden("ann"), asked_until=NOW
    )
    await store.put(erasure, NOW)
    # Twice in one call too, and before any other: the first call alone makes the list.
    await store.name_models("acme", "e1", ["model-1", "model-1"])
    rounds = range(1, 21)
    answers = ({"turns": 4, "facts": 0}, {"turns": 0, "facts": 2})
    await asyncio.gather(
        *(store.note("acme", "e1", "memory", n, one) for n in rounds for one in answers),
        *(store.name_models("acme", "e1", [f"model-{n}", "model-1"]) for n in rounds),
    )
    found = await store.get("acme", "e1")
    assert found is not None
    assert found.removed == {"memory": {n: {"turns": 4, "facts": 2} for n in rounds}}
    assert found.models == tuple(sorted(f"model-{n}" for n in rounds))
    await store.note("acme", "e1", "gateway", 1, {})
    found = await store.get("acme", "e1")
    assert found is not None
    assert found.removed["gateway"] == {1: {}}
