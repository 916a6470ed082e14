"""Each store away for ten seconds and back, while a person uploads, lists and asks."""

import asyncio
import time

import pytest

from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.conftest import in_own_tenant
from tests.e2e.looking import dead_letters
from tests.e2e.traffic import GUIDE, Traffic

AWAY_S = 10.0
ANSWERED_S = 12.0
BACK_S = 30.0


@pytest.mark.parametrize("store", ["valkey", "postgres", "aws", "bedrock"])
async def test_a_store_goes_and_comes_back_and_nothing_accepted_is_lost(
    keeping_system: System, store: str
) -> None:
    system = keeping_system
    before = await asyncio.to_thread(dead_letters, system)
    pid = system.fleet.pids()[store]
    async with in_own_tenant(system) as person:
        guide = await person.upload("lamps.md", GUIDE)
        assert (await person.until_final(guide))["status"] == "ready"
        traffic = Traffic(person, store)
        async with traffic.flowing():
            await until(lambda: traffic.whole_since(0), 20, 0.1)
            gone = await _take_down(system, store)
            assert store not in system.fleet.pids()
            await asyncio.sleep(AWAY_S)
            await system.restart(store)
            back = time.monotonic()
            await until(lambda: traffic.whole_since(back), BACK_S, 0.1)
        during = [one for one in traffic.answers if gone <= one.began < back]
        print(f"\n{store}: {_figures(traffic, back)}")
        assert system.fleet.pids()[store] != pid
        assert not all(one.whole for one in during)  # the fault was noticed
        assert [one for one in traffic.answers if one.fault] == []
        assert [one for one in traffic.answers if one.seconds > ANSWERED_S] == []
        for document_id in traffic.accepted:
            assert (await person.until_final(document_id, 60))["status"] == "ready"
    after = await asyncio.to_thread(dead_letters, system)
    assert [letter for letter in after if letter not in before] == []
    await system.ready()


async def _take_down(system: System, store: str) -> float:
    """When it was gone. AWS loses nothing that it took, so the emulator saves its state first."""
    if store == "aws":
        await system.fleet.stop([store])
    else:
        await system.kill(store)
    return time.monotonic()


def _figures(traffic: Traffic, back: float) -> str:
    slowest = max(traffic.answers, key=lambda one: one.seconds)
    whole = min(one.began + one.seconds for one in traffic.answers if one.began >= back)
    statuses = sorted({one.status for one in traffic.answers})
    return (
        f"{len(traffic.answers)} answers with {statuses}, slowest {slowest.kind} "
        f"{slowest.seconds:.1f} s, {len(traffic.accepted)} documents accepted, "
        f"answers again {whole - back:.1f} s after the return"
    )
