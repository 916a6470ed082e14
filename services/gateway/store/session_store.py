"""Sessions in Redis: a conversation's turns and summary, and the user's last turns.

Lists hold turns as JSON, newest last; each turn renews their life. What is written is checked
against the tombstones afterwards, and whoever sets a tombstone reads afterwards: one of the two
sees the other.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from redis.asyncio import Redis

from services.gateway.models.session import (
    RECENT_TURNS,
    SESSION_LIFETIME_S,
    SESSION_TURNS,
    Session,
    SessionTurn,
    Summary,
)
from services.gateway.store.connection import outages, ping, remove_keys

# A turn that is under way when its tombstone is set is written long before that.
_TOMBSTONE_S = SESSION_LIFETIME_S
_SCANNED = 1000
_GLOB = re.compile(r"([*?\[\]\\])")
Change = Callable[[SessionTurn], SessionTurn | None]


def session_key(tenant: str, user: str, conversation_id: str) -> str:
    """Neither a tenant nor a conversation id can hold a colon, so no two share a key."""
    return f"session:{tenant}:{user}:{conversation_id}"


def summary_key(tenant: str, user: str, conversation_id: str) -> str:
    return f"summary:{tenant}:{user}:{conversation_id}"


def recent_key(tenant: str, user: str) -> str:
    return f"recent:{tenant}:{user}"


def _quoting_key(tenant: str, document_id: str) -> str:
    """The keys that hold something of a document."""
    return f"quoting:{tenant}:{document_id}"


def _deleted_key(tenant: str, document_id: str) -> str:
    return f"deleted:{tenant}:{document_id}"


def _erased_key(tenant: str, *names: str) -> str:
    """A tombstone of a tenant, a user or a conversation; it does not hold the erased names."""
    if not names:
        return f"erased:-:{sha256(tenant.encode()).hexdigest()}"
    return f"erased:{tenant}:{sha256('#'.join(names).encode()).hexdigest()}"


def _erased_keys(tenant: str, user: str, conversation_id: str) -> list[str]:
    return [
        _erased_key(tenant),
        _erased_key(tenant, user),
        _erased_key(tenant, user, conversation_id),
    ]


@dataclass(frozen=True)
class SessionStore:
    """Implements services.ports.Sessions."""

    redis: Redis

    async def ping(self) -> None:
        await ping(self.redis)

    async def load(self, tenant: str, user: str, conversation_id: str) -> Session:
        with outages():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.lrange(session_key(tenant, user, conversation_id), 0, -1)
                pipe.get(summary_key(tenant, user, conversation_id))
                pipe.lrange(recent_key(tenant, user), 0, -1)
                rows, summary, recent = await pipe.execute()
        return Session(
            turns=tuple(SessionTurn.model_validate_json(row) for row in rows),
            summary=Summary.model_validate_json(summary) if summary else None,
            recent=tuple(SessionTurn.model_validate_json(row) for row in recent),
        )

    async def append(self, tenant: str, user: str, conversation_id: str, turn: SessionTurn) -> None:
        key, recent = session_key(tenant, user, conversation_id), recent_key(tenant, user)
        said = turn.model_copy(update={"conversation_id": conversation_id})
        documents = sorted(turn.documents)
        with outages():
            async with self.redis.pipeline(transaction=True) as pipe:
                for name, row, most in ((key, turn, SESSION_TURNS), (recent, said, RECENT_TURNS)):
                    pipe.rpush(name, row.model_dump_json())
                    pipe.ltrim(name, -most, -1)
                    pipe.expire(name, SESSION_LIFETIME_S)
                pipe.expire(summary_key(tenant, user, conversation_id), SESSION_LIFETIME_S)
                for document_id in documents:
                    pipe.sadd(_quoting_key(tenant, document_id), key, recent)
                    pipe.expire(_quoting_key(tenant, document_id), SESSION_LIFETIME_S)
                pipe.mget(
                    *_erased_keys(tenant, user, conversation_id),
                    *(_deleted_key(tenant, document_id) for document_id in documents),
                )
                *_, marks = await pipe.execute()
            if _covers(marks[:3], turn.asked_at):
                for name in (key, recent):
                    await self._change(name, lambda one: None if _same(one, turn) else one)
                return
            for document_id, ordinal in zip(documents, marks[3:], strict=True):
                if ordinal is not None:
                    await self._cut(tenant, document_id, int(ordinal))

    async def summarise(
        self, tenant: str, user: str, conversation_id: str, summary: Summary
    ) -> None:
        key = summary_key(tenant, user, conversation_id)
        with outages():
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.set(key, summary.model_dump_json(), ex=SESSION_LIFETIME_S)
                for document_id in summary.documents:
                    pipe.sadd(_quoting_key(tenant, document_id), key)
                    pipe.expire(_quoting_key(tenant, document_id), SESSION_LIFETIME_S)
                pipe.mget(
                    *_erased_keys(tenant, user, conversation_id),
                    *(_deleted_key(tenant, document_id) for document_id in summary.documents),
                )
                *_, marks = await pipe.execute()
            if _covers(marks[:3], summary.until) or any(one is not None for one in marks[3:]):
                await self.redis.delete(key)

    async def forget(self, tenant: str, user: str, conversation_id: str, until: datetime) -> int:
        key, tombstone = session_key(tenant, user, conversation_id), until.isoformat()
        with outages():
            mark = _erased_key(tenant, user, conversation_id)
            await self.redis.set(mark, tombstone, ex=_TOMBSTONE_S)
            count = await self.redis.llen(key)
            await self.redis.delete(key, summary_key(tenant, user, conversation_id))
            await self._change(
                recent_key(tenant, user),
                lambda one: None if one.conversation_id == conversation_id else one,
            )
        return count

    async def erase(self, tenant: str, user: str | None, until: datetime) -> int:
        names = () if user is None else (user,)
        count = 0
        with outages():
            await self.redis.set(_erased_key(tenant, *names), until.isoformat(), ex=_TOMBSTONE_S)
            keys = [key async for key in self._keys_of(tenant, user)]
            for key in keys:
                if key.startswith("summary:"):
                    await self.redis.delete(key)
                    continue
                gone = await self._change(key, lambda one: None if one.asked_at <= until else one)
                count += gone if key.startswith("session:") else 0
            # The keys hold the user's name.
            over = [key for key in keys if not await self.redis.exists(key)]
            if user is None:
                await self._forget_marks(tenant)
            async for quoting in self.redis.scan_iter(_quoting_key(tenant, "*"), count=_SCANNED):
                if over:
                    await self.redis.srem(quoting, *over)
        return count

    async def _forget_marks(self, tenant: str) -> None:
        """The tenant's own tombstone covers what these are for."""
        kinds = ("quoting", "deleted", "erased")
        await remove_keys(self.redis, *(f"{kind}:{tenant}:" for kind in kinds))

    async def cut(self, tenant: str, document_id: str, ordinal: int) -> int:
        with outages():
            await self.redis.set(_deleted_key(tenant, document_id), ordinal, ex=_TOMBSTONE_S)
            return await self._cut(tenant, document_id, ordinal)

    async def _cut(self, tenant: str, document_id: str, ordinal: int) -> int:
        count = 0
        for raw in await self.redis.smembers(_quoting_key(tenant, document_id)):
            key = _text(raw)
            if key.startswith("summary:"):
                count += await self.redis.delete(key)
            else:
                count += await self._change(key, lambda one: one.without(document_id, ordinal))
        return count

    async def _change(self, key: str, change: Change) -> int:
        """Applies `change` to each turn of a list; how many it changed or removed (None)."""
        count = 0

        async def rewritten(pipe: "Redis") -> None:
            nonlocal count
            rows = await pipe.lrange(key, 0, -1)
            before = [SessionTurn.model_validate_json(row) for row in rows]
            after = [change(turn) for turn in before]
            count = sum(one != other for one, other in zip(before, after, strict=True))
            pipe.multi()  # type: ignore[attr-defined]
            if count:
                pipe.delete(key)
                kept = [turn.model_dump_json() for turn in after if turn is not None]
                if kept:
                    pipe.rpush(key, *kept)
                    pipe.expire(key, SESSION_LIFETIME_S)

        await self.redis.transaction(rewritten, key)
        return count

    async def _keys_of(self, tenant: str, user: str | None) -> AsyncIterator[str]:
        """All lists and summaries of a user or a tenant. Reads every key: an erasure is rare."""
        for kind, parts in (("session", 1), ("summary", 1), ("recent", 0)):
            start = f"{kind}:{tenant}:" + ("" if user is None else user)
            pattern = _GLOB.sub(r"\\\1", start) + "*"
            async for raw in self.redis.scan_iter(match=pattern, count=_SCANNED):
                key = _text(raw)
                # Another user's name may go on where this one ends.
                if user is None or _user_in(key, parts) == user:
                    yield key


def _user_in(key: str, parts_after: int) -> str:
    rest = key.split(":", 2)[2]
    return rest.rsplit(":", 1)[0] if parts_after else rest


def _covers(tombstones: Iterable[bytes | str | None], asked_at: datetime) -> bool:
    return any(asked_at <= datetime.fromisoformat(_text(one)) for one in tombstones if one)


def _same(one: SessionTurn, other: SessionTurn) -> bool:
    return one.turn_id == other.turn_id


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()
