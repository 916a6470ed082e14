"""Accepted notes in Redis: one string a document, and a sorted set of when each one is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis

from services.gateway.models.document import NOTE_LIFETIME_S, AcceptedNote
from services.gateway.store.connection import outages, remove_keys

# Members are `tenant:document_id:message_id`; none of the three holds a colon.
DUE_KEY = "accepted-due"
# A newer upload of the document may have put its own note meanwhile.
_REMOVE = """
local found = redis.call('GET', KEYS[1])
if found and cjson.decode(found)['message_id'] == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


def note_key(tenant: str, document_id: str) -> str:
    return f"accepted:{tenant}:{document_id}"


def _member(tenant: str, note: AcceptedNote) -> str:
    return f"{tenant}:{note.document_id}:{note.message_id}"


@dataclass(frozen=True)
class NoteStore:
    """Implements services.ports.Notes."""

    redis: Redis

    async def put(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        key = note_key(tenant, note.document_id)
        with outages():
            # In one go: a note without a member would never be due.
            async with self.redis.pipeline() as together:
                together.zadd(DUE_KEY, {_member(tenant, note): due.timestamp()})
                together.set(key, note.model_dump_json(), ex=NOTE_LIFETIME_S)
                await together.execute()

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None:
        with outages():
            raw = await self.redis.get(note_key(tenant, document_id))
        return None if raw is None else AcceptedNote.model_validate_json(raw)

    async def remove(self, tenant: str, note: AcceptedNote) -> None:
        key = note_key(tenant, note.document_id)
        with outages():
            async with self.redis.pipeline(transaction=False) as together:
                together.eval(_REMOVE, 1, key, note.message_id)
                together.zrem(DUE_KEY, _member(tenant, note))
                await together.execute()

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, AcceptedNote]]:
        """Members whose note has expired, was removed or replaced go on the way."""
        with outages():
            raw = await self.redis.zrangebyscore(
                DUE_KEY, "-inf", now.timestamp(), start=0, num=limit
            )
            members = [one.decode() if isinstance(one, bytes) else str(one) for one in raw]
            found: list[tuple[str, AcceptedNote]] = []
            for member in members:
                tenant, document_id, message_id = member.split(":")
                note = await self.get(tenant, document_id)
                if note is None or note.message_id != message_id:
                    await self.redis.zrem(DUE_KEY, member)
                else:
                    found.append((tenant, note))
        return found

    async def postpone(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        with outages():
            await self.redis.zadd(DUE_KEY, {_member(tenant, note): due.timestamp()})

    async def remove_all(self, tenant: str) -> int:
        with outages():
            async for raw, _ in self.redis.zscan_iter(DUE_KEY, match=f"{tenant}:*"):
                await self.redis.zrem(DUE_KEY, raw)
        return await remove_keys(self.redis, note_key(tenant, ""))

    async def anonymise(self, tenant: str, user: str | None) -> int:
        """Goes through the notes of all tenants: there are few, and an erasure is rare."""
        count = 0
        with outages():
            async for raw, _ in self.redis.zscan_iter(DUE_KEY):
                of, document_id, _ = (raw.decode() if isinstance(raw, bytes) else raw).split(":")
                note = await self.get(of, document_id) if of == tenant else None
                if note is None or note.user is None or user not in (None, note.user):
                    continue
                nobodys = note.model_copy(update={"user": None})
                key = note_key(tenant, document_id)
                await self.redis.set(key, nobodys.model_dump_json(), keepttl=True)
                count += 1
        return count
