"""Sessions in Redis: one list a conversation, newest last, its life renewed by each turn."""

from dataclasses import dataclass

from redis.asyncio import Redis

from services.gateway.models.session import SESSION_LIFETIME_S, SESSION_TURNS, SessionTurn
from services.gateway.store.connection import outages, ping


def session_key(tenant: str, user: str, conversation_id: str) -> str:
    """Neither a tenant nor a conversation id can hold a colon, so no two share a key."""
    return f"session:{tenant}:{user}:{conversation_id}"


@dataclass(frozen=True)
class SessionStore:
    """Implements services.ports.Sessions."""

    redis: Redis

    async def ping(self) -> None:
        await ping(self.redis)

    async def load(self, tenant: str, user: str, conversation_id: str) -> list[SessionTurn]:
        with outages():
            rows = await self.redis.lrange(session_key(tenant, user, conversation_id), 0, -1)
        return [SessionTurn.model_validate_json(row) for row in rows]

    async def append(self, tenant: str, user: str, conversation_id: str, turn: SessionTurn) -> None:
        key = session_key(tenant, user, conversation_id)
        with outages():
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.rpush(key, turn.model_dump_json())
                pipe.ltrim(key, -SESSION_TURNS, -1)
                pipe.expire(key, SESSION_LIFETIME_S)
                await pipe.execute()
