"""Erasures in the ledger: a hash each, and a sorted set of when each one is looked at again."""

import json
from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis

from services.gateway.models.erasure import RECEIPT_LIFETIME_S, Erasure, Removed
from services.gateway.store.connection import outages, remove_keys

DUE_KEY = "erasures-due"
# A field of the hash, beside those of services and rounds.
MODELS = "models"
# The larger of two counts of each place, as one step: a round that took long is answered twice, and
# a gateway hears both answers at once. KEYS: the erasure. ARGV: the field, the counts as JSON.
_NOTE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local most = cjson.decode(ARGV[2])
for place, count in pairs(cjson.decode(redis.call('HGET', KEYS[1], ARGV[1]) or '{}')) do
  most[place] = math.max(count, most[place] or 0)
end
redis.call('HSET', KEYS[1], ARGV[1], next(most) and cjson.encode(most) or '{}')
"""
# Adds names to the list. KEYS: the erasure. ARGV: the field, the names.
_NAME = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local names = cjson.decode(redis.call('HGET', KEYS[1], ARGV[1]) or '[]')
local known = {}
for _, name in ipairs(names) do known[name] = true end
for i = 2, #ARGV do
  if not known[ARGV[i]] then table.insert(names, ARGV[i]) end
  known[ARGV[i]] = true
end
table.sort(names)
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(names))
"""


def erasure_key(tenant: str, erasure_id: str) -> str:
    return f"erasure:{tenant}:{erasure_id}"


class ErasureStore:
    """Implements services.ports.ErasureReceipts."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._note, self._name = redis.register_script(_NOTE), redis.register_script(_NAME)

    async def put(self, erasure: Erasure, due: datetime | None) -> None:
        key = erasure_key(erasure.owner, erasure.erasure_id)
        member = f"{erasure.owner}:{erasure.erasure_id}"
        fields = erasure.model_dump_json(exclude={"removed", "models"})
        with outages():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(key, "erasure", fields)
                pipe.expire(key, RECEIPT_LIFETIME_S)
                if due is None:
                    pipe.zrem(DUE_KEY, member)
                else:
                    pipe.zadd(DUE_KEY, {member: due.timestamp()})
                await pipe.execute()

    async def note(
        self, tenant: str, erasure_id: str, service: str, round: int, removed: Removed
    ) -> None:
        """A round that is answered again removed nothing more: the larger counts stay."""
        with outages():
            await self._note(
                keys=[erasure_key(tenant, erasure_id)],
                args=[f"{service}:{round}", json.dumps(removed)],
            )

    async def name_models(self, tenant: str, erasure_id: str, models: Sequence[str]) -> None:
        """There is at least one."""
        with outages():
            await self._name(keys=[erasure_key(tenant, erasure_id)], args=[MODELS, *models])

    async def get(self, tenant: str, erasure_id: str) -> Erasure | None:
        with outages():
            raw = await self._redis.hgetall(erasure_key(tenant, erasure_id))
        fields = {_text(name): _text(value) for name, value in raw.items()}
        if "erasure" not in fields:
            return None
        erasure = Erasure.model_validate_json(fields.pop("erasure"))
        models = json.loads(fields.pop(MODELS, "[]"))
        removed: dict[str, dict[int, Removed]] = {}
        for name, value in fields.items():
            service, _, number = name.rpartition(":")
            removed.setdefault(service, {})[int(number)] = json.loads(value)
        return erasure.model_copy(update={"removed": removed, "models": tuple(models)})

    async def remove_all(self, tenant: str) -> int:
        with outages():
            async for raw, _ in self._redis.zscan_iter(DUE_KEY, match=f"{tenant}:*"):
                await self._redis.zrem(DUE_KEY, raw)
        return await remove_keys(self._redis, erasure_key(tenant, ""))

    async def due(self, now: datetime, limit: int) -> Sequence[Erasure]:
        with outages():
            members = await self._redis.zrangebyscore(
                DUE_KEY, "-inf", now.timestamp(), start=0, num=limit
            )
        found = []
        for member in members:
            owner, erasure_id = (
                member.decode() if isinstance(member, bytes) else str(member)
            ).split(":")
            erasure = await self.get(owner, erasure_id)
            if erasure is not None:
                found.append(erasure)
        return found


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()
