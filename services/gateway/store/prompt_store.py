"""Prompts in Redis: beside the ledger, since a lost one would change what answers."""

import math
from collections.abc import Sequence
from dataclasses import fields
from secrets import token_hex
from typing import Any

from redis.asyncio import Redis

from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import (
    ANSWER,
    CANARY,
    LABELS,
    Arm,
    Elsewhere,
    Labelled,
    Labels,
    Move,
    Moved,
    PromptVersion,
    WentBack,
)
from services.gateway.store.connection import outages

# Tenants whose labels are looked at from time to time, each with a mark of its own.
WATCHED = "prompts"
# Compare-and-set of a label, and in the same step the note that the archive is to hear of it. KEYS:
# labels, moves of which it has not heard. ARGV: label, `1` to compare, the version that is expected
# and the one that is wanted ('': none), weight, the label as JSON, why it goes back by itself as
# JSON, and the move as JSON. Answers whether it moved, and where it stood.
MOVE = """
local function get(what) return redis.call('HGET', KEYS[1], what .. ':' .. ARGV[1]) or '' end
local at, weight = get('at'), get('weight')
local expected = ARGV[2] == '0' or at == ARGV[3]
if (at == ARGV[4] and weight == ARGV[5]) or not expected then
  return {expected and 'there' or 'elsewhere', at}
end
local revision = redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('HSET', KEYS[1], 'at:' .. ARGV[1], ARGV[4], 'weight:' .. ARGV[1], ARGV[5],
  'label:' .. ARGV[1], ARGV[6], 'back:' .. ARGV[1], ARGV[7])
redis.call('HSET', KEYS[2], revision, at .. ' ' .. ARGV[8])
return {'moved', at}
"""
# KEYS: watched tenants. ARGV: tenant, mark. One that was watched anew meanwhile stays.
UNWATCH = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
"""
# One turn of an arm. KEYS: the tenant's sums, which a deleted tenant has not, and a bucket. ARGV:
# the seconds that the bucket lives, then fields with what is added to each.
COUNT_TURN = """
if redis.call('HGET', KEYS[1], 'ready') ~= '1' then return 0 end
for i = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1
"""
_BACK = f"back:{ANSWER}/{CANARY}"
_FIGURES = tuple(one.name for one in fields(ArmFigures))


class PromptStore:
    """Implements services.ports.PromptRegistry.

    `prompts:{t}` is a hash: of each label where it stands (`at:`), its `weight:`, the label with
    its version as JSON (`label:`), and why it went back by itself as JSON (`back:`); `revision`
    counts all moves. `prompts:{t}:untold` is a hash of the moves, by revision, of which the
    archive has not heard. `prompts:{t}:versions` is a hash of all versions.
    `prompts:{t}:arms:<bucket>` is a hash of figures of each arm's turns in a short time, and
    expires. `prompts` is a hash of watched tenants.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis, self._move = redis, redis.register_script(MOVE)
        self._unwatch = redis.register_script(UNWATCH)
        self._count_turn = redis.register_script(COUNT_TURN)

    async def labels(self, tenant: str) -> Labels:
        names = [*(f"label:{ANSWER}/{label}" for label in LABELS), _BACK]
        with outages():
            *raw, back = await self._redis.hmget(_key(tenant), names)
        found = {
            label: Labelled.model_validate_json(one)
            for label, one in zip(LABELS, raw, strict=True)
            if one
        }
        return Labels(**found, back=WentBack.model_validate_json(back) if back else None)

    async def versions(self, tenant: str) -> Sequence[PromptVersion]:
        with outages():
            raw = await self._redis.hvals(_versions(tenant))
        return [PromptVersion.model_validate_json(one) for one in raw]

    async def version(self, tenant: str, name: str, version: str) -> PromptVersion | None:
        with outages():
            raw = await self._redis.hget(_versions(tenant), f"{name}/{version}")
        return None if raw is None else PromptVersion.model_validate_json(raw)

    async def count(self, tenant: str) -> int:
        with outages():
            return int(await self._redis.hlen(_versions(tenant)))

    async def add(self, tenant: str, version: PromptVersion) -> None:
        place, body = f"{version.name}/{version.version}", version.model_dump_json()
        with outages():
            await self._redis.hsetnx(_versions(tenant), place, body)

    async def move(self, tenant: str, move: Move) -> None:
        labelled = move.labelled
        arguments: list[Any] = [
            f"{move.name}/{move.label}",
            *("1" if move.compares else "0", move.expects or ""),
            *(move.version or "", _weight(move.weight)),
            labelled.model_dump_json() if labelled else "",
            move.back.model_dump_json() if move.back else "",
            Moved.of(move).model_dump_json(),
        ]
        # First, so that no move is made at which nobody looks.
        await self.watch([tenant])
        with outages():
            raw = await self._move(keys=[_key(tenant), _untold(tenant)], args=arguments)
        outcome, at = (_text(one) for one in raw)
        if outcome == "elsewhere":
            raise Elsewhere(at or None)

    async def untold(self, tenant: str) -> Sequence[Moved]:
        with outages():
            raw = await self._redis.hgetall(_untold(tenant))
        found = [_moved(_text(revision), _text(one)) for revision, one in raw.items()]
        return sorted(found, key=lambda one: one.revision)

    async def told(self, tenant: str, revision: int) -> None:
        with outages():
            await self._redis.hdel(_untold(tenant), str(revision))

    async def watch(self, tenants: Sequence[str]) -> None:
        marks: dict[Any, Any] = {tenant: token_hex(8) for tenant in tenants}
        if marks:
            with outages():
                await self._redis.hset(WATCHED, mapping=marks)

    async def watched(self) -> dict[str, str]:
        with outages():
            raw = await self._redis.hgetall(WATCHED)
        return {_text(tenant): _text(mark) for tenant, mark in raw.items()}

    async def unwatch(self, tenant: str, mark: str) -> None:
        with outages():
            await self._unwatch(keys=[WATCHED], args=[tenant, mark])

    async def restore(
        self, tenant: str, labels: Sequence[Labelled], revisions: Sequence[int]
    ) -> None:
        restored: dict[Any, Any] = {"revision": max(revisions, default=0)}
        for one in labels:
            await self.add(tenant, one.version)
            place = f"{one.name}/{one.label}"
            restored |= {f"at:{place}": one.version.version, f"weight:{place}": _weight(one.weight)}
            restored |= {f"label:{place}": one.model_dump_json()}
        await self.watch([tenant])
        with outages():
            await self._redis.hset(_key(tenant), mapping=restored)

    async def count_turn(
        self, tenant: str, arm: Arm, turn: ArmFigures, bucket: int, lifetime_s: float
    ) -> None:
        amounts = [(f"{_place(arm)}/{name}", getattr(turn, name)) for name in _FIGURES]
        added = [part for name, amount in amounts if amount for part in (name, repr(amount))]
        keys = [f"ledger:{{{tenant}}}", _bucket(tenant, bucket)]
        with outages():
            await self._count_turn(keys=keys, args=[math.ceil(lifetime_s), *added])

    async def figures(
        self, tenant: str, arms: Sequence[Arm], buckets: Sequence[int]
    ) -> list[ArmFigures]:
        names = [f"{_place(arm)}/{name}" for arm in arms for name in _FIGURES]
        with outages():
            async with self._redis.pipeline(transaction=False) as pipe:
                for bucket in buckets:
                    pipe.hmget(_bucket(tenant, bucket), names)
                raw = await pipe.execute()
        sums = [sum(float(one or 0) for one in column) for column in zip(*raw, strict=True)]
        size = len(_FIGURES)
        return [_figures(sums[n * size : (n + 1) * size]) for n in range(len(arms))]


def _key(tenant: str) -> str:
    return f"prompts:{{{tenant}}}"


def _versions(tenant: str) -> str:
    return f"prompts:{{{tenant}}}:versions"


def _untold(tenant: str) -> str:
    return f"prompts:{{{tenant}}}:untold"


def _bucket(tenant: str, bucket: int) -> str:
    return f"prompts:{{{tenant}}}:arms:{bucket}"


def _place(arm: Arm) -> str:
    """Figures begin anew when a label moves, also to the version where it stood before."""
    since = arm.since.timestamp() if arm.since else 0
    return f"{arm.label}/{arm.version.version}/{since}"


def _figures(sums: Sequence[float]) -> ArmFigures:
    turns, failures, refusals, usd, usd_squared = sums
    return ArmFigures(int(turns), int(failures), int(refusals), usd, usd_squared)


def _moved(revision: str, text: str) -> Moved:
    before, _, move = text.partition(" ")
    added = {"revision": int(revision), "before": before or None}
    return Moved.model_validate_json(move).model_copy(update=added)


def _weight(weight: float | None) -> str:
    return "" if weight is None else f"{weight:g}"


def _text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)
