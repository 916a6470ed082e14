"""Periodic: again and again, over failures; a stop waits for the round or breaks it off."""

import asyncio

import pytest

from shared.errors import Unavailable
from shared.periodic import Periodic
from shared.testing.probe import until
from shared.testing.running import running


async def test_what_fails_is_logged_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[Exception] = [Unavailable("s3", "away"), ValueError("odd")]
    rounds = 0

    async def job() -> None:
        nonlocal rounds
        rounds += 1
        if failures:
            raise failures.pop(0)

    periodic = Periodic(job, 0.0)
    async with running(periodic):
        await until(lambda: rounds > 3)
        assert periodic.alive()
    assert [one for one in caplog.messages if one.startswith("round_")] == [
        "round_put_off",
        "round_failed",
    ]


@pytest.mark.parametrize(("breaks_off", "ended"), [(False, True), (True, False)])
async def test_a_stop_waits_for_the_round_or_breaks_it_off(breaks_off: bool, ended: bool) -> None:
    begun, go_on, whole = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def job() -> None:
        begun.set()
        await go_on.wait()
        whole.set()

    periodic = Periodic(job, 60.0, breaks_off=breaks_off)
    working = asyncio.create_task(periodic.run())
    await begun.wait()
    periodic.stop()
    if not breaks_off:
        go_on.set()
    await asyncio.wait_for(working, 5)
    assert whole.is_set() == ended


async def test_a_round_that_hangs_is_not_alive() -> None:
    periodic = Periodic(asyncio.Event().wait, 0.0, breaks_off=True, stuck_s=0.01)
    async with running(periodic):
        await until(lambda: not periodic.alive())


async def test_a_process_that_ends_ends_the_round() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def job() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    working = asyncio.create_task(Periodic(job, 60.0).run())
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert cancelled.is_set()
