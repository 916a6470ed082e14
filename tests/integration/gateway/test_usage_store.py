"""Token counts in a real Redis: exact, once an event, by tenant, month and user."""

from decimal import Decimal

from redis.asyncio import Redis
from redis.crc import key_slot

from services.gateway.models.usage import Spent
from services.gateway.store.usage_store import UsageStore

SPENT = Spent(calls=1, input_tokens=7, output_tokens=2, cost_usd=Decimal("0.00000014"))


async def test_an_event_counts_once_however_often_it_comes(redis: Redis) -> None:
    store = UsageStore(redis)
    for event_id in ("e1", "e1", "e2"):
        await store.add("acme", "ann", "2026-11", event_id, SPENT)
    found = await store.of_month("acme", "2026-11")
    assert found == {
        "ann": Spent(calls=2, input_tokens=14, output_tokens=4, cost_usd=Decimal("0.00000028"))
    }


async def test_tenants_months_and_users_are_apart(redis: Redis) -> None:
    store = UsageStore(redis)
    await store.add("acme", "ann", "2026-11", "1", SPENT)
    await store.add("acme", "bob:b", "2026-11", "2", SPENT)
    await store.add("acme", "ann", "2026-12", "3", SPENT)
    await store.add("other", "ann", "2026-11", "1", SPENT)
    assert set(await store.of_month("acme", "2026-11")) == {"ann", "bob:b"}
    assert set(await store.of_month("other", "2026-11")) == {"ann"}
    assert await store.of_month("acme", "2026-10") == {}


async def test_a_tenants_keys_share_a_slot_of_a_cluster(redis: Redis) -> None:
    await UsageStore(redis).add("acme", "ann", "2026-11", "e1", SPENT)
    keys = [str(key, "ascii") for key in await redis.keys("*") if isinstance(key, bytes)]
    assert sorted(keys) == ["usage:{acme}:2026-11", "used:{acme}:e1"]
    assert len({key_slot(key.encode()) for key in keys}) == 1


async def test_the_sums_of_the_old_keys_are_taken_over(redis: Redis) -> None:
    for figure, value in (("calls", 3), ("input_tokens", 30), ("output_tokens", 6)):
        await redis.hset("usage:acme:2026-11", f"{figure}:ann", str(value))
    store = UsageStore(redis)
    await store.add("acme", "ann", "2026-11", "e1", SPENT)
    found = await store.of_month("acme", "2026-11")
    assert (found["ann"].calls, found["ann"].input_tokens) == (4, 37)
    assert await redis.exists("usage:acme:2026-11") == 0
