"""The ledger in Redis: what tenants spent, what is held, their settings. See ledger_scripts.py."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha1, sha256
from typing import Any

from redis.asyncio import Redis

from services.gateway.models.refusals import LedgerMissing, TenantDeleted
from services.gateway.models.tenant import (
    NO_LIMITS,
    Deletion,
    Limits,
    TenantSettings,
    UserLimits,
)
from services.gateway.models.usage import (
    DAY_LIFETIME_S,
    NANO,
    NOBODY,
    SEEN_LIFETIME_S,
    Amount,
    Budget,
    Counted,
    Hold,
    Line,
    Spent,
    Totals,
    end_of,
    month_of,
    nano_of,
)
from services.gateway.store import ledger_scripts as scripts
from services.gateway.store.connection import outages, ping, remove_keys
from services.gateway.store.prompt_store import WATCHED

# `epoch`: when the ledger was begun. `t:<tenant>`: the tenant has sums. `d:<hash>`: it was deleted.
LEDGER = "ledger"
_SEPARATOR = "\x1f"
# A charged hold can be set off against late reports for as long as messages may come.
_CHARGED_MS = SEEN_LIFETIME_S * 1000
_ALERT_MS = 60_000
_FIGURES = ("calls", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class LedgerStore:
    """Implements services.ports.Ledger. `lease_s` is how long a hold lives without renewal."""

    def __init__(self, redis: Redis, lease_s: float) -> None:
        self._redis, self._lease_ms = redis, str(round(lease_s * 1000))
        self._reserve = redis.register_script(scripts.RESERVE)
        self._count = redis.register_script(scripts.COUNT)
        self._renew = redis.register_script(scripts.RENEW)
        self._expired = redis.register_script(scripts.EXPIRED)
        self._sweep = redis.register_script(scripts.SWEEP)
        self._anonymise = redis.register_script(scripts.ANONYMISE)
        self._claim_alert = redis.register_script(scripts.CLAIM_ALERT)
        self._put_settings = redis.register_script(scripts.PUT_SETTINGS)

    async def ping(self) -> None:
        await ping(self._redis)

    # -- the epoch

    async def begin(self, epoch: str) -> None:
        with outages():
            await self._redis.hsetnx(LEDGER, "epoch", epoch)

    async def rebuilding(self, tenant: str) -> None:
        with outages():
            await self._redis.hset(_sums(tenant), "rebuilt", "1")
            await self._redis.hset(LEDGER, f"t:{tenant}", "known")

    async def rebuilt(self, tenant: str) -> None:
        with outages():
            await self._redis.hset(_sums(tenant), "ready", "1")

    async def is_ready(self, tenant: str) -> bool:
        with outages():
            return await self._redis.hget(_sums(tenant), "ready") == b"1"

    async def tenants(self) -> list[str]:
        with outages():
            fields = await self._redis.hkeys(LEDGER)
        return sorted(_text(one)[2:] for one in fields if _text(one).startswith("t:"))

    async def _adopt(self, tenant: str) -> None:
        """Opens the books of a new tenant.

        Raises LedgerMissing when there should be some, and TenantDeleted.
        """
        with outages():
            fields = ["epoch", f"t:{tenant}", _deleted(tenant)]
            epoch, known, deleted = await self._redis.hmget(LEDGER, fields)
            if deleted is not None:
                raise TenantDeleted
            if epoch is None or (known is not None and _text(known) != "new"):
                raise LedgerMissing
            # Told first, so that no tenant has sums of which nobody knows.
            await self._redis.hset(LEDGER, f"t:{tenant}", "new")
            await self._redis.hset(_sums(tenant), "ready", "1")
            await self._redis.hset(LEDGER, f"t:{tenant}", "known")

    # -- deleted tenants

    async def deletion(self, tenant: str) -> Deletion | None:
        with outages():
            raw = await self._redis.hget(LEDGER, _deleted(tenant))
        return None if raw is None else Deletion.model_validate_json(raw)

    async def delete(self, tenant: str, deletion: Deletion) -> int:
        with outages():
            await self._redis.hset(LEDGER, _deleted(tenant), deletion.model_dump_json())
            await self._redis.hdel(LEDGER, f"t:{tenant}")
            await self._redis.hdel(WATCHED, tenant)
        kinds = ("usage", "used", "users", "rate")
        prompts = f"prompts:{{{tenant}}}"
        beginnings = (_sums(tenant), prompts, *(f"{kind}:{{{tenant}}}:" for kind in kinds))
        return await remove_keys(self._redis, *beginnings)

    async def reopen(self, tenant: str) -> None:
        with outages():
            await self._redis.hdel(LEDGER, _deleted(tenant))

    # -- holds

    async def reserve(
        self, hold: Hold, limits: Limits, user_limits: UserLimits = NO_LIMITS
    ) -> Budget | None:
        arguments: list[Any] = [
            *(hold.id, hold.own.nano_usd, hold.own.tokens, hold.rest.nano_usd, hold.rest.tokens),
            *(hold.day.isoformat(), hold.model, hold.user, month_of(hold.day), self._lease_ms),
            *_limits(limits),
            *_limits(user_limits),
        ]
        periods = (month_of(hold.day), hold.day.isoformat())
        keys = [_holds(hold.tenant), *(_users(hold.tenant, period) for period in periods)]
        answer = await self._run(self._reserve, hold.tenant, keys, arguments)
        if answer[0] != "reached":
            return None
        return _reached(answer, user_limits if answer[4] == "user" else limits)

    async def renew(self, tenant: str, holds: Sequence[str]) -> None:
        with outages():
            await self._renew(keys=[_holds(tenant)], args=[self._lease_ms, *holds])

    async def expired(self, tenant: str) -> list[Hold]:
        with outages():
            raw = await self._expired(keys=[_holds(tenant)], args=[_CHARGED_MS])
        texts = [_text(one) for one in raw]
        return [_hold(tenant, texts[n], texts[n + 1]) for n in range(0, len(texts), 2)]

    async def sweep(self, hold: Hold, event_id: str) -> Amount:
        keys = [_sums(hold.tenant), _holds(hold.tenant), _rows(hold.tenant, hold.day)]
        arguments: list[Any] = [hold.id, SEEN_LIFETIME_S, DAY_LIFETIME_S]
        with outages():
            keys += [_used(hold.tenant, event_id), _users(hold.tenant, hold.day.isoformat())]
            raw = await self._sweep(keys=keys, args=arguments)
        return Amount(*(int(one) for one in raw))

    # -- counting

    async def settle(self, hold: Hold, calls: Sequence[Counted], pending: Amount) -> Totals:
        how = [hold.id, "own", "settle", pending.nano_usd, pending.tokens]
        return await self._counted(hold.tenant, hold.day, calls, how)

    async def count(
        self, tenant: str, day: date, calls: Sequence[Counted], turn_id: str | None, *, own: bool
    ) -> Totals:
        how = [turn_id or "", "own" if own else "rest", "arrive", 0, 0]
        return await self._counted(tenant, day, calls, how)

    async def _counted(
        self, tenant: str, day: date, calls: Sequence[Counted], how: list[Any]
    ) -> Totals:
        keys = [_holds(tenant), _rows(tenant, day), _users(tenant, day.isoformat())]
        keys += [_used(tenant, call.event_id) for call in calls]
        arguments = [
            *(*how, day.isoformat(), month_of(day), SEEN_LIFETIME_S, DAY_LIFETIME_S),
            *(part for call in calls for part in _call(call)),
        ]
        answer = await self._run(self._count, tenant, keys, arguments)
        figures = [int(one) for one in answer[1:5]]
        return Totals(day, Amount(*figures[:2]), Amount(*figures[2:]))

    async def _run(
        self, script: Any, tenant: str, keys: list[str], arguments: list[Any]
    ) -> list[str]:
        """A script whose first key is the tenant's sums; raises LedgerMissing."""
        while True:
            with outages():
                raw = await script(keys=[_sums(tenant), *keys], args=arguments)
            answer = [_text(one) for one in raw]
            if answer[0] != "missing":
                return answer
            await self._adopt(tenant)

    # -- what is shown

    async def totals(self, tenant: str, day: date) -> Totals:
        fields = [
            f"{what}:{period}"
            for period in (day.isoformat(), month_of(day))
            for what in ("nano", "tokens")
        ]
        with outages():
            raw = await self._redis.hmget(_sums(tenant), fields)
        figures = [int(one or 0) for one in raw]
        return Totals(day, Amount(*figures[:2]), Amount(*figures[2:]))

    async def user_totals(self, tenant: str, user: str, day: date) -> Totals:
        name = sha1(user.encode(), usedforsecurity=False).hexdigest()
        fields = [f"{what}{_SEPARATOR}{name}" for what in ("nano", "tokens")]
        with outages():
            async with self._redis.pipeline(transaction=False) as pipe:
                for period in (day.isoformat(), month_of(day)):
                    pipe.hmget(_users(tenant, period), fields)
                raw = await pipe.execute()
        of_day, of_month = (Amount(*(int(one or 0) for one in figures)) for figures in raw)
        return Totals(day, of_day, of_month)

    async def lines(self, tenant: str, first: date, last: date) -> dict[tuple[date, Line], Spent]:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        with outages():
            async with self._redis.pipeline(transaction=False) as pipe:
                for day in days:
                    pipe.hgetall(_rows(tenant, day))
                raw = await pipe.execute()
        found: dict[tuple[date, Line], dict[str, Any]] = {}
        for day, figures in zip(days, raw, strict=True):
            for field, value in figures.items():
                name, purpose, model, user = _text(field).split(_SEPARATOR, 3)
                found.setdefault((day, Line(user, model, purpose)), {})[name] = int(value)
        return {key: _spent(figures) for key, figures in found.items()}

    async def anonymise(self, tenant: str, user: str | None) -> int:
        part = f".-{_SEPARATOR}"
        arguments = [NOBODY, f"^({part * 3})(.*)$", user or ""]
        count = 0
        with outages():
            async for key in self._redis.scan_iter(match=f"usage:{{{tenant}}}:*"):
                count += int(await self._anonymise(keys=[key], args=arguments))
        return count

    # -- alerts and settings

    async def claim_alert(self, tenant: str, what: str) -> bool:
        with outages():
            return bool(await self._claim_alert(keys=[_sums(tenant)], args=[what, _ALERT_MS]))

    async def alerted(self, tenant: str, what: str) -> None:
        with outages():
            await self._redis.hset(_sums(tenant), f"alert:{what}", "told")

    async def settings(self, tenant: str) -> tuple[int, TenantSettings]:
        while True:
            with outages():
                fields = ["ready", "revision", "settings"]
                ready, revision, raw = await self._redis.hmget(_sums(tenant), fields)
            if ready is not None:
                break
            await self._adopt(tenant)
        if raw is None:
            return 0, TenantSettings()
        return int(revision or 0), TenantSettings.model_validate_json(raw)

    async def put_settings(self, tenant: str, settings: TenantSettings) -> int:
        await self.settings(tenant)
        return await self._put(tenant, settings)

    async def restore_settings(self, tenant: str, revision: int, settings: TenantSettings) -> None:
        fields: dict[Any, Any] = {"settings": _written(settings), "revision": str(revision)}
        with outages():
            await self._redis.hset(_sums(tenant), mapping=fields)

    async def _put(self, tenant: str, settings: TenantSettings) -> int:
        with outages():
            raw = await self._put_settings(keys=[_sums(tenant)], args=[_written(settings)])
        return int(raw)


def _written(settings: TenantSettings) -> str:
    """Without what is not set: an older gateway may refuse a field that it does not know."""
    return settings.model_dump_json(exclude_none=True)


def _sums(tenant: str) -> str:
    return f"ledger:{{{tenant}}}"


def _deleted(tenant: str) -> str:
    """The field outlives the tenant, so it does not hold the name."""
    return f"d:{sha256(tenant.encode()).hexdigest()}"


def _holds(tenant: str) -> str:
    return f"ledger:{{{tenant}}}:holds"


def _rows(tenant: str, day: date) -> str:
    return f"usage:{{{tenant}}}:{day.isoformat()}"


def _users(tenant: str, period: str) -> str:
    return f"users:{{{tenant}}}:{period}"


def _used(tenant: str, event_id: str) -> str:
    return f"used:{{{tenant}}}:{event_id}"


def _text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)


def _limits(limits: UserLimits) -> list[str]:
    """In the order of the script's checks."""
    return [
        *(_nano(limits.usd_month), _number(limits.tokens_month)),
        *(_nano(limits.usd_day), _number(limits.tokens_day)),
    ]


def _nano(usd: Decimal | None) -> str:
    return "" if usd is None else str(nano_of(usd))


def _number(tokens: int | None) -> str:
    return "" if tokens is None else str(tokens)


def _call(call: Counted) -> list[Any]:
    line, amount = call.line, call.spent.amount
    place = _SEPARATOR.join((line.purpose, line.model, line.user))
    figures = [getattr(call.spent, name) for name in _FIGURES]
    return [place, amount.nano_usd, amount.tokens, *figures]


def _reached(answer: list[str], limits: UserLimits) -> Budget:
    what, period, spent, whose = answer[1:]
    monthly = len(period) == len("2026-11")
    if what == "nano":
        limit, used = limits.usd_month if monthly else limits.usd_day, Decimal(spent) / NANO
        return Budget("usd", period, Decimal(limit or 0), used, end_of(period), whose)
    tokens = limits.tokens_month if monthly else limits.tokens_day
    return Budget("tokens", period, Decimal(tokens or 0), Decimal(spent), end_of(period), whose)


def _hold(tenant: str, hold_id: str, raw: str) -> Hold:
    _, *figures, day, model, user = raw.split(_SEPARATOR, 7)
    own_usd, own_tokens, rest_usd, rest_tokens = (int(one) for one in figures)
    return Hold(
        id=hold_id,
        tenant=tenant,
        user=user,
        day=date.fromisoformat(day),
        model=model,
        own=Amount(own_usd, own_tokens),
        rest=Amount(rest_usd, rest_tokens),
    )


def _spent(figures: dict[str, Any]) -> Spent:
    cost = Decimal(figures.pop("nano_usd", 0)) / NANO
    return Spent(**figures, cost_usd=cost)
