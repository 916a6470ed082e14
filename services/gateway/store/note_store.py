"""Accepted notes in Redis: one string a document."""

from dataclasses import dataclass

from redis.asyncio import Redis

from services.gateway.models.document import NOTE_LIFETIME_S, AcceptedNote
from services.gateway.store.connection import outages


def note_key(tenant: str, document_id: str) -> str:
    return f"accepted:{tenant}:{document_id}"


@dataclass(frozen=True)
class NoteStore:
    """Implements services.ports.Notes."""

    redis: Redis

    async def put(self, tenant: str, note: AcceptedNote) -> None:
        key = note_key(tenant, note.document_id)
        with outages():
            await self.redis.set(key, note.model_dump_json(), ex=NOTE_LIFETIME_S)

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None:
        with outages():
            raw = await self.redis.get(note_key(tenant, document_id))
        return None if raw is None else AcceptedNote.model_validate_json(raw)

    async def remove(self, tenant: str, document_id: str) -> None:
        with outages():
            await self.redis.delete(note_key(tenant, document_id))
