"""Prompts in a real Redis: compare-and-set, restoring, and a tenant's end."""

import asyncio
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from services.gateway.models.prompt import (
    CANARY,
    PRODUCTION,
    SHADOW,
    Elsewhere,
    Label,
    Labelled,
    Labels,
    Move,
    Moved,
    Parameters,
    PromptVersion,
    WentBack,
)
from services.gateway.models.tenant import Deletion
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.prompt_store import PromptStore

NOW = datetime(2026, 11, 27, tzinfo=UTC)
VERSIONS = [PromptVersion.of("answer", f"Text {n}.", Parameters(), NOW) for n in range(10)]


def labelled(n: int, label: Label = PRODUCTION, weight: float | None = None) -> Labelled:
    return Labelled(name="answer", label=label, version=VERSIONS[n], weight=weight, moved_at=NOW)


def to(
    n: int | None, expects: int | None = None, *, compares: bool = True, weight: float | None = None
) -> Move:
    label = PRODUCTION if weight is None else CANARY
    return Move(
        "answer",
        label,
        None if n is None else VERSIONS[n].version,
        weight,
        None if n is None else labelled(n, label, weight),
        compares,
        None if expects is None else VERSIONS[expects].version,
        who="ann",
        moved_at=NOW,
    )


async def untold(store: PromptStore) -> list[tuple[int, str | None, str | None]]:
    """Revision, where the label stands since, and where it stood, of each move to be told."""
    return [(one.revision, one.version, one.before) for one in await store.untold("acme")]


async def test_of_moves_at_once_one_succeeds(redis: Redis) -> None:
    store = PromptStore(redis)
    moves = [store.move("acme", to(n)) for n in range(10)]
    found = await asyncio.gather(*moves, return_exceptions=True)
    [n] = [n for n, one in enumerate(found) if not isinstance(one, BaseException)]
    lost = [one for one in found if isinstance(one, Elsewhere)]
    assert [one.version for one in lost] == 9 * [VERSIONS[n].version]
    assert await store.labels("acme") == Labels(production=labelled(n))
    assert await untold(store) == [(1, VERSIONS[n].version, None)]
    assert await store.labels("globex") == Labels()
    assert await store.untold("globex") == []


async def test_a_label_is_moved_weighed_and_taken_away(redis: Redis) -> None:
    store, (_, one, two, *_) = PromptStore(redis), [version.version for version in VERSIONS]
    await store.move("acme", to(1, compares=False))
    await store.move("acme", to(2, weight=5.0))
    await store.move("acme", to(2, expects=2, weight=50.0))
    # It stands there already: nothing is moved.
    await store.move("acme", to(1, compares=False))
    canary = labelled(2, CANARY, 50)
    assert await store.labels("acme") == Labels(production=labelled(1), canary=canary)
    await store.move("acme", to(None, expects=1))
    assert await store.labels("acme") == Labels(canary=canary)
    with pytest.raises(Elsewhere) as refused:
        await store.move("acme", to(3, expects=1))
    assert refused.value.version is None
    assert await untold(store) == [(1, one, None), (2, two, None), (3, two, two), (4, None, one)]


async def test_each_move_is_to_be_told_until_it_was(redis: Redis) -> None:
    store, reason = PromptStore(redis), WentBack(version="v", reason="failures", moved_at=NOW)
    for n in range(12):
        await store.move("acme", to(n % 10, compares=False))
    await store.move("acme", to(1, weight=12.5))
    away = Move("answer", CANARY, None, None, None, back=reason, moved_at=NOW)
    await store.move("acme", away)
    found = await store.untold("acme")
    assert [one.revision for one in found] == [*range(1, 15)]
    assert (found[12].label, found[12].weight, found[12].who) == (CANARY, 12.5, "ann")
    back = Moved.of(away).model_copy(update={"revision": 14, "before": VERSIONS[1].version})
    assert (found[13], back.reason, back.who) == (back, "failures", None)
    for n in range(1, 14):
        await store.told("acme", n)
    assert await store.untold("acme") == [back]


async def test_a_tenant_is_watched_until_nobody_has_moved_a_label_since(redis: Redis) -> None:
    store = PromptStore(redis)
    await store.move("acme", to(1))
    await store.restore("globex", [labelled(2, CANARY, 5)], [4])
    first = await store.watched()
    assert first.keys() == {"acme", "globex"}
    await store.move("acme", to(2, expects=1))
    for tenant, mark in first.items():
        await store.unwatch(tenant, mark)
    assert (await store.watched()).keys() == {"acme"}
    await store.watch([])
    await store.unwatch("acme", (await store.watched())["acme"])
    assert await store.watched() == {}


async def test_versions_are_kept_as_they_came_first(redis: Redis) -> None:
    store, first = PromptStore(redis), VERSIONS[0]
    await store.add("acme", first)
    await store.add("acme", first.model_copy(update={"registered_at": None}))
    assert await store.version("acme", "answer", first.version) == first
    assert await store.versions("acme") == [first]
    assert await store.count("acme") == 1
    assert await store.version("globex", "answer", first.version) is None


async def test_restored_labels_stand_and_count_on(redis: Redis) -> None:
    store = PromptStore(redis)
    labels = [labelled(1), labelled(2, CANARY, 5), labelled(2, SHADOW, 10)]
    await store.restore("acme", labels, [7, 4, 6])
    production, canary, shadow = labels
    assert await store.labels("acme") == Labels(production=production, canary=canary, shadow=shadow)
    assert await store.count("acme") == 2
    await store.move("acme", to(3, expects=1))
    assert await untold(store) == [(8, VERSIONS[3].version, VERSIONS[1].version)]


async def test_a_deleted_tenants_prompts_go_and_its_keys_lie_together(redis: Redis) -> None:
    store, ledger = PromptStore(redis), LedgerStore(redis, lease_s=60)
    for tenant in ("acme", "acme2"):
        await store.add(tenant, VERSIONS[0])
        await store.move(tenant, to(0))
    keys = await redis.keys("*acme}*")
    assert len({key_slot(key if isinstance(key, bytes) else key.encode()) for key in keys}) == 1
    await ledger.delete("acme", Deletion(erasure_id="e", until=NOW))
    assert await store.labels("acme") == Labels()
    assert await store.versions("acme") == []
    assert await redis.keys("*acme}*") == []
    assert (await store.watched()).keys() == {"acme2"}
    assert await store.labels("acme2") == Labels(production=labelled(0))
