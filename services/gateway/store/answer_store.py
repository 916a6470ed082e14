"""Shared answers in Redis: entries, leases, and the streams that followers replay.

All keys of a tenant share a slot of a Redis cluster, as the scripts need. Redis may evict any of
them: without its generation a tenant gets a new one, under which nothing old is found.
"""

from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from services.gateway.models.shared_answer import (
    PIECES,
    Begun,
    Followed,
    Hit,
    Kept,
    Leading,
    Outdated,
    Piece,
    Pieces,
    Place,
    Sought,
    Worded,
)
from services.gateway.store.connection import outages, remove_keys

_GENERATION_S = 24 * 3600
# Longer than any answer, and than a follower needs to read on after its end.
_STREAM_S, _ENDED_STREAM_S = 3600, 20
# A deleted document's id: longer than a search can still find it.
_DELETED_S = 3600
# A follower says so often that it is there; the leader's client may leave the work to it.
_FOLLOWED_MS = 3000
# Questions of a scope that another wording is compared with, the newest ones.
_WORDINGS = 64
_BLOCK_MS = 1000

# KEYS generation, entry, lease, leader; ARGV generation, turn id, lease in ms.
_SEEK = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'outdated'} end
local entry = redis.call('HMGET', KEYS[2], 'generation', 'pieces')
if entry[1] == ARGV[1] then return {'hit', entry[2]} end
local mark = ARGV[1] .. ' '
local held = redis.call('GET', KEYS[3])
if held and string.sub(held, 1, #mark) == mark then
  return {'follow', string.sub(held, #mark + 1)}
end
redis.call('SET', KEYS[3], mark .. ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[4], '1', 'PX', ARGV[3])
return {'lead'}
"""
# KEYS lease, leader; ARGV the lease's value, lease in ms.
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
"""
# KEYS generation, entry, lease, leader, stream, the tenant's entries, wordings, then a key for each
# document that must not have been deleted; ARGV generation, the lease's value, last pieces, pieces
# to keep ('' for none), for how many ms, seconds that the stream stays, how the question was worded
# ('' for not to be told), its embedding's model and values, how many wordings are kept.
_LAND = """
if ARGV[4] ~= '' and redis.call('GET', KEYS[1]) == ARGV[1] then
  local whole = true
  for i = 8, #KEYS do whole = whole and redis.call('EXISTS', KEYS[i]) == 0 end
  if whole then
    redis.call('HSET', KEYS[2], 'generation', ARGV[1], 'pieces', ARGV[4])
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
    redis.call('SADD', KEYS[6], KEYS[2])
    redis.call('PEXPIRE', KEYS[6], ARGV[5])
    if ARGV[7] ~= '' then
      redis.call('HSET', KEYS[2], 'model', ARGV[8], 'embedding', ARGV[9])
      redis.call('LPUSH', KEYS[7], ARGV[7])
      redis.call('LTRIM', KEYS[7], 0, ARGV[10] - 1)
      redis.call('PEXPIRE', KEYS[7], ARGV[5])
      redis.call('SADD', KEYS[6], KEYS[7])
    end
  end
end
redis.call('XADD', KEYS[5], '*', 'pieces', ARGV[3])
redis.call('EXPIRE', KEYS[5], ARGV[6])
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
redis.call('DEL', KEYS[4])
"""
# KEYS generation, the tenant's entries, and the document if one changed; ARGV a new generation, for
# how many seconds, seconds that a deleted document is remembered ('' for one that changed).
_CHANGE = """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for _, entry in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('UNLINK', entry) end
redis.call('DEL', KEYS[2])
if KEYS[3] and ARGV[3] ~= '' then redis.call('SET', KEYS[3], '1', 'EX', ARGV[3])
elseif KEYS[3] then redis.call('DEL', KEYS[3]) end
"""


def _key(tenant: str, *parts: str) -> str:
    return ":".join((f"answers:{{{tenant}}}", *parts))


class AnswerStore:
    """Implements services.ports.SharedAnswers; a leader is silent for `lease_s` at most.

    `waiting` reads streams: a call holds its connection until something comes.
    """

    def __init__(self, redis: Redis, waiting: Redis, lease_s: float) -> None:
        self._redis, self._waiting = redis, waiting
        self._lease_ms = max(1, int(lease_s * 1000))
        self._seek, self._renew, self._land, self._change = (
            redis.register_script(script) for script in (_SEEK, _RENEW, _LAND, _CHANGE)
        )

    async def generation(self, tenant: str) -> str:
        key, fresh = _key(tenant, "generation"), uuid4().hex
        with outages():
            found = await self._redis.set(key, fresh, nx=True, get=True, ex=_GENERATION_S)
        return _text(found) if isinstance(found, bytes | str) else fresh

    async def seek(self, place: Place, turn_id: str) -> Sought:
        keys = [*_kept(place), _key(place.tenant, "leader", turn_id)]
        with outages():
            raw = await self._seek(keys, [place.generation, turn_id, self._lease_ms])
        match _text(raw[0]):
            case "hit":
                return Hit(PIECES.validate_json(raw[1]))
            case "follow":
                return Followed(_text(raw[1]))
            case "lead":
                return Leading()
            case _:
                return Outdated()

    async def renew(self, place: Place, turn_id: str) -> None:
        keys = [_kept(place)[2], _key(place.tenant, "leader", turn_id)]
        with outages():
            await self._renew(keys, [_lease(place, turn_id), self._lease_ms])

    async def add(self, tenant: str, turn_id: str, pieces: Pieces) -> None:
        stream = _key(tenant, "stream", turn_id)
        with outages():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.xadd(stream, {"pieces": PIECES.dump_json(pieces)})
                pipe.expire(stream, _STREAM_S)
                await pipe.execute()

    async def land(
        self,
        place: Place,
        turn_id: str,
        last: Pieces,
        kept: Pieces,
        max_age_s: float,
        worded: Worded | None = None,
    ) -> None:
        tenant = place.tenant
        documents = {
            source.document_id
            for piece in kept
            if isinstance(piece, Begun)
            for source in piece.sources
        }
        keys = [
            *_kept(place),
            _key(tenant, "leader", turn_id),
            _key(tenant, "stream", turn_id),
            _key(tenant, "entries"),
            _wordings(place),
            *(_key(tenant, "deleted", document) for document in sorted(documents)),
        ]
        values: list[str | bytes | int] = [
            place.generation,
            _lease(place, turn_id),
            PIECES.dump_json(last),
            PIECES.dump_json(kept) if kept else "",
            max(1, int(max_age_s * 1000)),
            _ENDED_STREAM_S,
            f"{place.key} {worded.question}" if worded else "",
            worded.model if worded else "",
            worded.values if worded else "",
            _WORDINGS,
        ]
        with outages():
            await self._land(keys, values)

    async def alike(self, place: Place) -> list[tuple[str, str]]:
        with outages():
            raw = await self._redis.lrange(_wordings(place), 0, _WORDINGS - 1)
        parted = (_text(one).partition(" ") for one in raw)
        return [(key, question) for key, _, question in parted]

    async def entry(self, place: Place, key: str) -> Kept | None:
        fields = ["generation", "pieces", "model", "embedding"]
        with outages():
            found = await self._redis.hmget(_key(place.tenant, "entry", key), fields)
        generation, pieces, model, values = (_text(one or "") for one in found)
        if generation != place.generation or not model:
            return None
        return Kept(PIECES.validate_json(pieces), model, values)

    async def read(self, tenant: str, leader: str, after: str) -> tuple[str, Pieces]:
        stream = _key(tenant, "stream", leader)
        with outages():
            answer: Any = await self._waiting.xread({stream: after}, block=_BLOCK_MS)
        pieces: list[Piece] = []
        for _, records in answer or ():
            for at, fields in records:
                after = _text(at)
                pieces += PIECES.validate_json(fields[b"pieces"])
        return after, tuple(pieces)

    async def leads(self, tenant: str, leader: str) -> bool:
        with outages():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(_key(tenant, "followed", leader), "1", px=_FOLLOWED_MS)
                pipe.exists(_key(tenant, "leader", leader))
                _, there = await pipe.execute()
        return bool(there)

    async def followed(self, tenant: str, leader: str) -> bool:
        with outages():
            return bool(await self._redis.exists(_key(tenant, "followed", leader)))

    async def document_changed(self, tenant: str, document_id: str, *, deleted: bool) -> None:
        await self._end(tenant, [_key(tenant, "deleted", document_id)], deleted=deleted)

    async def forget(self, tenant: str) -> None:
        await self._end(tenant, [], deleted=False)

    async def remove_all(self, tenant: str) -> int:
        return await remove_keys(self._redis, _key(tenant, ""))

    async def _end(self, tenant: str, document: list[str], *, deleted: bool) -> None:
        keys = [_key(tenant, "generation"), _key(tenant, "entries"), *document]
        values: list[str | int] = [uuid4().hex, _GENERATION_S, _DELETED_S if deleted else ""]
        with outages():
            await self._change(keys, values)


def _kept(place: Place) -> list[str]:
    """The keys of the generation, the entry and the lease."""
    tenant = place.tenant
    return [
        _key(tenant, "generation"),
        _key(tenant, "entry", place.key),
        _key(tenant, "lease", place.key),
    ]


def _wordings(place: Place) -> str:
    return _key(place.tenant, "wordings", place.generation, place.scope)


def _lease(place: Place, turn_id: str) -> str:
    return f"{place.generation} {turn_id}"


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode()
