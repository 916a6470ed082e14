"""The ledger's scripts in a real Redis: holds, sums and alerts."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.crc import key_slot

from services.gateway.models.refusals import LedgerMissing
from services.gateway.models.tenant import Limits, TenantSettings, UserLimits
from services.gateway.models.usage import (
    NANO,
    NOBODY,
    UNREPORTED,
    Amount,
    Counted,
    Hold,
    Line,
    Spent,
    Totals,
)
from services.gateway.store.ledger_store import LEDGER, LedgerStore
from shared.errors import Unavailable
from shared.testing.probe import until

DAY = date(2026, 11, 26)
LINE = Line("ann", "m", "answer")
NOTHING = Amount()


def a_hold(hold_id: str = "turn-1", own: int = 10, rest: int = 2, **fields: Any) -> Hold:
    """Amounts in dollars, each with as many tokens."""
    known: dict[str, Any] = {"tenant": "acme", "user": "ann", "day": DAY, "model": "m"}
    amounts = {"own": dollars(own), "rest": dollars(rest)}
    return Hold(id=hold_id, **known | amounts | fields)


def dollars(count: int) -> Amount:
    return Amount(int(count * NANO), count)


def a_call(event_id: str, usd: int = 3, purpose: str = "answer") -> Counted:
    spent = Spent(calls=1, input_tokens=usd - 1, output_tokens=1, cost_usd=Decimal(usd))
    return Counted(event_id, Line("ann", "m", purpose), spent)


def limits(usd: int) -> Limits:
    return Limits(usd_day=Decimal(usd))


@pytest_asyncio.fixture
async def ledger(redis: Redis) -> AsyncIterator[LedgerStore]:
    opened = LedgerStore(redis, lease_s=60)
    await opened.begin("now")
    yield opened


async def spent_on(ledger: LedgerStore, day: date = DAY) -> int:
    totals = await ledger.totals("acme", day)
    assert totals.of_day == totals.of_month or day != DAY
    return int(totals.of_day.nano_usd / NANO)


async def held(redis: Redis) -> int:
    return int(await redis.hget("ledger:{acme}:holds", "nano") or 0) // int(NANO)


async def test_a_hold_counts_against_the_limit_until_it_is_settled(
    ledger: LedgerStore, redis: Redis
) -> None:
    assert await ledger.reserve(a_hold("a"), limits(24)) is None
    assert await ledger.reserve(a_hold("b"), limits(24)) is None
    reached = await ledger.reserve(a_hold("c"), limits(24))
    assert reached is not None
    assert (reached.measure, reached.period, reached.limit) == ("usd", "2026-11-26", Decimal(24))
    assert reached.resets_at == datetime(2026, 11, 27, tzinfo=UTC)
    await ledger.settle(a_hold("a"), [a_call("e1")], NOTHING)
    assert (await held(redis), await spent_on(ledger)) == (12, 3)
    # 3 are spent and 12 held: 9 are left.
    assert await ledger.reserve(a_hold("c"), limits(24)) is not None
    assert await ledger.reserve(a_hold("c", own=7), limits(24)) is None


@pytest.mark.parametrize(
    ("one", "measure", "period"),
    [
        (Limits(usd_day=Decimal(11)), "usd", "2026-11-26"),
        (Limits(usd_month=Decimal(11)), "usd", "2026-11"),
        (Limits(tokens_day=11), "tokens", "2026-11-26"),
        (Limits(tokens_month=11), "tokens", "2026-11"),
        (Limits(usd_day=Decimal(0)), "usd", "2026-11-26"),
        # The longest period is named when several limits are reached.
        (Limits(usd_day=Decimal(0), tokens_month=0), "tokens", "2026-11"),
    ],
)
async def test_each_limit_holds(
    ledger: LedgerStore, redis: Redis, one: Limits, measure: str, period: str
) -> None:
    reached = await ledger.reserve(a_hold(), one)
    assert reached is not None
    assert (reached.measure, reached.period) == (measure, period)
    assert await held(redis) == 0


async def test_a_call_counts_once_however_often_and_in_whatever_order_it_is_told(
    ledger: LedgerStore, redis: Redis
) -> None:
    await ledger.reserve(a_hold(), Limits())
    # SNS was faster than the gateway's own settling.
    await ledger.count("acme", DAY, [a_call("e1")], "turn-1", own=True)
    assert await held(redis) == 9
    await ledger.settle(a_hold(), [a_call("e1"), a_call("e2", 4, "condense")], dollars(2))
    for _ in range(2):
        await ledger.count("acme", DAY, [a_call("e1")], "turn-1", own=True)
    assert (await held(redis), await spent_on(ledger)) == (2, 7)
    lines = await ledger.lines("acme", DAY, DAY)
    assert {line.purpose: one.cost_usd for (_, line), one in lines.items()} == {
        "answer": Decimal(3),
        "condense": Decimal(4),
    }


async def test_the_rest_is_held_until_its_event_comes(ledger: LedgerStore, redis: Redis) -> None:
    await ledger.reserve(a_hold(rest=5), Limits())
    await ledger.settle(a_hold(rest=5), [], dollars(2))
    assert await held(redis) == 2
    await ledger.count("acme", DAY, [a_call("r1", 2, "rerank")], "turn-1", own=False)
    assert (await held(redis), await spent_on(ledger)) == (0, 2)
    assert await redis.hkeys("ledger:{acme}:holds") in ([b"nano", b"tokens"], [b"tokens", b"nano"])


async def test_a_dead_gateways_hold_is_charged_once_and_set_off_against_late_reports(
    redis: Redis,
) -> None:
    dying, sweeper = LedgerStore(redis, lease_s=0.01), LedgerStore(redis, lease_s=60)
    await dying.begin("now")
    hold = a_hold()
    await dying.reserve(hold, Limits())
    expired = await until(lambda: sweeper.expired("acme"))
    assert expired == [hold]
    assert await sweeper.sweep(hold, "swept-1") == dollars(10)
    assert await sweeper.sweep(hold, "swept-1") == NOTHING
    assert (await held(redis), await spent_on(sweeper)) == (0, 10)
    # Its own event comes back on the topic.
    unreported = Counted("swept-1", Line("ann", "m", UNREPORTED), Spent(cost_usd=Decimal(10)))
    await sweeper.count("acme", DAY, [unreported], "turn-1", own=True)
    assert await spent_on(sweeper) == 10
    # What the dead one had told before it died.
    await sweeper.count("acme", DAY, [a_call("e1", 4)], "turn-1", own=True)
    assert await spent_on(sweeper) == 10
    # It was not dead after all: its own report is the last word.
    await dying.settle(hold, [a_call("e1", 4), a_call("e2", 3)], NOTHING)
    assert await spent_on(sweeper) == 7


async def test_a_renewed_hold_does_not_expire_and_a_rest_is_never_charged(redis: Redis) -> None:
    short, living = LedgerStore(redis, lease_s=0.01), LedgerStore(redis, lease_s=60)
    await short.begin("now")
    await short.reserve(a_hold("a"), Limits())
    await short.reserve(a_hold("b", own=0), Limits())
    await living.renew("acme", ["a"])
    await until(lambda: living.expired("acme"))
    assert [hold.id for hold in await living.expired("acme")] == ["b"]
    assert await living.sweep(a_hold("a"), "swept-a") == NOTHING
    assert await living.sweep(a_hold("b", own=0), "swept-b") == NOTHING
    assert (await held(redis), await spent_on(living)) == (12, 0)


async def test_days_months_and_tenants_are_apart(ledger: LedgerStore) -> None:
    await ledger.count("acme", DAY, [a_call("1")], None, own=False)
    await ledger.count("acme", date(2026, 11, 27), [a_call("2")], None, own=False)
    await ledger.count("acme", date(2026, 12, 1), [a_call("3")], None, own=False)
    await ledger.count("other", DAY, [a_call("1")], None, own=False)
    totals = await ledger.totals("acme", date(2026, 11, 27))
    assert (totals.of_day, totals.of_month) == (dollars(3), dollars(6))
    assert len(await ledger.lines("acme", DAY, date(2026, 12, 31))) == 3
    assert (await ledger.totals("other", DAY)).of_month == dollars(3)
    # A new day has its whole limit again; the month goes on.
    assert await ledger.reserve(a_hold(day=date(2026, 11, 28)), limits(12)) is None
    assert await ledger.reserve(a_hold("b", day=date(2026, 11, 30)), Limits(usd_month=Decimal(29)))


async def test_a_tenants_keys_share_a_slot_of_a_cluster(ledger: LedgerStore, redis: Redis) -> None:
    await ledger.reserve(a_hold(), Limits())
    await ledger.count("acme", DAY, [a_call("1")], "turn-1", own=True)
    keys = [key for key in await redis.keys("*") if key != LEDGER.encode()]
    assert len(keys) == 6
    assert len({key_slot(bytes(key)) for key in keys if isinstance(key, bytes)}) == 1


# -- the ledger is gone


@pytest.mark.parametrize("lost", ["all", "the tenant", "the epoch"])
async def test_nothing_is_spent_when_sums_are_missing(
    ledger: LedgerStore, redis: Redis, lost: str
) -> None:
    await ledger.count("acme", DAY, [a_call("1")], None, own=False)
    if lost == "all":
        await redis.flushall()
    elif lost == "the tenant":  # evicted
        await redis.delete("ledger:{acme}")
    else:
        await redis.delete(LEDGER)
    tenant = "new" if lost == "the epoch" else "acme"
    with pytest.raises(LedgerMissing):
        await ledger.reserve(a_hold(tenant=tenant), Limits())
    with pytest.raises(LedgerMissing):
        await ledger.count(tenant, DAY, [a_call("2")], None, own=False)
    with pytest.raises(LedgerMissing):
        await ledger.settings(tenant)


async def test_it_is_rebuilt_while_events_come_and_opens_when_all_is_there(
    ledger: LedgerStore, redis: Redis
) -> None:
    await ledger.count("acme", DAY, [a_call("1"), a_call("2")], None, own=False)
    await redis.flushall()
    await ledger.rebuilding("acme")
    await ledger.count("acme", DAY, [a_call("2")], None, own=False)  # from the topic
    await ledger.count("acme", DAY, [a_call("1")], None, own=False)  # from the archive
    await ledger.count("acme", DAY, [a_call("2")], None, own=False)
    with pytest.raises(LedgerMissing):
        await ledger.reserve(a_hold(), Limits())
    await ledger.restore_settings("acme", 7, TenantSettings(suspended=True))
    await ledger.rebuilt("acme")
    assert await ledger.reserve(a_hold(), Limits()) is None
    assert await spent_on(ledger) == 6
    assert await ledger.settings("acme") == (7, TenantSettings(suspended=True))
    assert await ledger.put_settings("acme", TenantSettings()) == 8


async def test_gateways_of_two_releases_read_each_others_settings(
    ledger: LedgerStore, redis: Redis
) -> None:
    await ledger.put_settings("acme", TenantSettings(limits=Limits(usd_month=Decimal(5))))
    raw = await redis.hget("ledger:{acme}", "settings")
    assert raw is not None
    written = json.loads(raw)
    assert written["limits"] == {"usd_month": "5"}
    assert "judge_model" not in written
    newer = written | {"newer": "x", "limits": {"usd_month": "4", "newer": 1}}
    await redis.hset("ledger:{acme}", "settings", json.dumps(newer))
    assert await ledger.settings("acme") == (1, TenantSettings(limits=Limits(usd_month=Decimal(4))))


@pytest.mark.parametrize(
    ("setting", "value", "back"),
    [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")],
    ids=["OOM", "NOREPLICAS"],
)
async def test_a_redis_that_cannot_write_is_an_outage(
    ledger: LedgerStore, redis: Redis, setting: str, value: str, back: str
) -> None:
    await redis.config_set(setting, value)
    try:
        with pytest.raises(Unavailable):
            await ledger.reserve(a_hold(), Limits())
        with pytest.raises(Unavailable):
            await ledger.count("acme", DAY, [a_call("1")], None, own=False)
    finally:
        await redis.config_set(setting, back)
    assert await spent_on(ledger) == 0
    assert await ledger.reserve(a_hold(), Limits()) is None


async def test_a_replica_that_was_a_primary_is_an_outage(ledger: LedgerStore, redis: Redis) -> None:
    await redis.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(Unavailable):
            await ledger.reserve(a_hold(), Limits())
    finally:
        await redis.replicaof("NO", "ONE")
    assert await ledger.reserve(a_hold(), Limits()) is None


# -- alerts


async def test_an_alert_is_one_processs_to_tell_until_it_is_told(ledger: LedgerStore) -> None:
    claims = await asyncio.gather(*(ledger.claim_alert("acme", "x:50") for _ in range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    await ledger.alerted("acme", "x:50")
    assert not await ledger.claim_alert("acme", "x:50")
    assert await ledger.claim_alert("acme", "x:80")


async def test_an_erased_user_leaves_the_sums_without_a_name(ledger: LedgerStore) -> None:
    for user in ("ann", "b.b"):
        call = Counted(f"e-{user}", Line(user, "m", "answer"), Spent(calls=1, input_tokens=5))
        await ledger.count("acme", DAY, [call], None, own=False)
    assert await ledger.anonymise("acme", "ann") == 1
    assert await ledger.anonymise("acme", "ann") == 0
    lines = await ledger.lines("acme", DAY, DAY)
    assert {key[1].user: spent.input_tokens for key, spent in lines.items()} == {
        NOBODY: 5,
        "b.b": 5,
    }
    assert await ledger.anonymise("acme", None) == 1
    (key,) = await ledger.lines("acme", DAY, DAY)
    assert key[1].user == NOBODY


# -- limits of each user


async def test_a_users_limit_counts_what_is_spent_and_held_by_that_user(
    ledger: LedgerStore, redis: Redis
) -> None:
    each = UserLimits(usd_day=Decimal(24))
    assert await ledger.reserve(a_hold("a"), Limits(), each) is None
    assert await ledger.reserve(a_hold("b", user="bob"), Limits(), each) is None
    assert await ledger.reserve(a_hold("c"), Limits(), each) is None
    reached = await ledger.reserve(a_hold("d", own=1, rest=0), Limits(), each)
    assert reached is not None
    assert (reached.whose, reached.measure, reached.limit) == ("user", "usd", Decimal(24))
    assert await ledger.reserve(a_hold("e", user="bob"), Limits(), each) is None
    # What a turn did not use is there again, and what it used stays counted.
    await ledger.settle(a_hold("a"), [a_call("1", 3)], NOTHING)
    await ledger.settle(a_hold("c"), [a_call("2", 3)], NOTHING)
    assert await ledger.reserve(a_hold("f", own=16), Limits(), each) is None
    reached = await ledger.reserve(a_hold("g", own=1, rest=0), Limits(), each)
    assert reached is not None
    assert (reached.used, reached.period) == (Decimal(6), DAY.isoformat())
    spent = dollars(6)
    assert await ledger.user_totals("acme", "ann", DAY) == Totals(DAY, spent, spent)
    assert await ledger.user_totals("acme", "bob", DAY) == Totals(DAY, NOTHING, NOTHING)
    # The next day begins anew, the month does not.
    tomorrow = date(2026, 11, 27)
    monthly = UserLimits(tokens_month=17)
    assert await ledger.reserve(a_hold("h", own=5, rest=0, day=tomorrow), Limits(), each) is None
    await ledger.settle(a_hold("f", own=16), [], NOTHING)
    await ledger.settle(a_hold("h", own=5, rest=0, day=tomorrow), [], NOTHING)
    reached = await ledger.reserve(a_hold("i", day=tomorrow), Limits(), monthly)
    assert reached is not None
    assert (reached.whose, reached.period, reached.used) == ("user", "2026-11", Decimal(6))
    names = [key.decode() async for key in redis.scan_iter("users:*")]
    assert len(names) == 2
    for name in names:
        assert "ann" not in str(await redis.hkeys(name))
        assert await redis.ttl(name) > 0


async def test_the_tenants_limit_is_told_before_a_users(ledger: LedgerStore) -> None:
    reached = await ledger.reserve(a_hold(), limits(5), UserLimits(usd_day=Decimal(5)))
    assert reached is not None
    assert reached.whose == "tenant"


async def test_what_a_dead_gateway_held_is_the_users_until_its_report_comes(
    redis: Redis,
) -> None:
    dying = LedgerStore(redis, lease_s=0.01)
    await dying.begin("now")
    each = UserLimits(usd_day=Decimal(12))
    hold = a_hold()
    assert await dying.reserve(hold, Limits(), each) is None
    await until(lambda: dying.expired("acme"))
    assert await dying.sweep(hold, "swept") == hold.own
    assert await dying.reserve(a_hold("b", own=3, rest=0), Limits(), each) is not None
    await dying.count("acme", DAY, [a_call("late", 4)], hold.id, own=True)
    await dying.settle(hold, [], NOTHING)
    assert await dying.reserve(a_hold("c", own=8, rest=0), Limits(), each) is None
    assert await dying.reserve(a_hold("d", own=1, rest=0), Limits(), each) is not None
    # Holds leave nothing behind.
    await dying.settle(a_hold("c", own=8, rest=0), [], NOTHING)
    assert set(await redis.hkeys("ledger:{acme}:holds")) <= {b"nano", b"tokens"}
