"""Concurrent calls share runs; a full lane and a failed run are told to the callers."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from compose.local.bedrock.encoder import batches
from compose.local.bedrock.errors import ThrottlingError
from compose.local.bedrock.lane import Lane
from tests.unit.bedrock_standin.fakes import BrokenRunner, WordRunner


@pytest.fixture
def runner() -> WordRunner:
    return WordRunner()


@pytest.fixture
def lane(runner: WordRunner) -> Iterator[Lane]:
    lane = Lane(runner, most_waiting=20)
    yield lane
    runner.gate.set()
    lane.close()


def test_batches_hold_like_lengths_within_the_limit() -> None:
    lengths = [3, 50, 7, 60, 8, 200]
    assert batches(lengths, 100) == [[5], [3], [1, 4], [2, 0]]


async def test_each_caller_gets_its_own_vector(lane: Lane, runner: WordRunner) -> None:
    texts = [f"word{i} " * (i % 5 + 1) for i in range(20)]
    together = await asyncio.gather(*[lane.encode(t) for t in texts])
    assert len(runner.runs) < len(texts)
    for text, encoded in zip(texts, together, strict=True):
        (alone,) = await lane.encode_all([text])
        assert np.array_equal(alone.vector, encoded.vector)


async def test_a_question_that_several_ask_for_is_encoded_once(
    lane: Lane, runner: WordRunner
) -> None:
    runner.gate.clear()
    gone, *others = (asyncio.ensure_future(lane.encode("which gate")) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    runner.gate.set()
    together = await asyncio.gather(*others)
    assert await lane.encode("which gate") is together[0] is together[1]
    assert sum(map(len, runner.runs)) == 1


async def test_texts_of_one_call_keep_their_order(lane: Lane) -> None:
    long, short = await lane.encode_all(["a b c d e", "a"])
    assert (len(long.ids), len(short.ids)) == (7, 3)


async def test_a_full_lane_throttles(lane: Lane, runner: WordRunner) -> None:
    runner.gate.clear()
    waiting = [asyncio.ensure_future(lane.encode(f"text {i}")) for i in range(20)]
    await asyncio.sleep(0)
    waiting += [asyncio.ensure_future(lane.encode(f"more {i}")) for i in range(21)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert all(isinstance(task.exception(), ThrottlingError) for task in done)
    runner.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    throttled = [r for r in results if isinstance(r, ThrottlingError)]
    assert 0 < len(throttled) < len(waiting)


async def test_a_failed_run_fails_its_callers_and_no_other() -> None:
    lane = Lane(BrokenRunner(), most_waiting=20)
    with pytest.raises(RuntimeError, match="broken"):
        await lane.encode("bad")
    assert len((await lane.encode("good")).ids) == 3
    lane.close()


async def test_a_caller_who_left_does_not_stop_the_rest(lane: Lane, runner: WordRunner) -> None:
    runner.gate.clear()
    first, gone, last = (asyncio.ensure_future(lane.encode(f"t {i}")) for i in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    runner.gate.set()
    assert len((await first).ids) == len((await last).ids) == 4
    assert gone.cancelled()


async def test_two_lanes_do_not_wait_for_each_other(lane: Lane, runner: WordRunner) -> None:
    runner.gate.clear()
    bulk = [asyncio.ensure_future(lane.encode(f"passage {i}")) for i in range(20)]
    interactive = Lane(WordRunner(), most_waiting=20)
    async with asyncio.timeout(5):
        assert len((await interactive.encode("a question")).ids) == 4
    assert not any(task.done() for task in bulk)
    runner.gate.set()
    await asyncio.gather(*bulk)
    interactive.close()


def test_the_thread_pool_of_a_closed_lane_takes_nothing(runner: WordRunner) -> None:
    lane = Lane(runner, most_waiting=1)
    lane.close()
    with ThreadPoolExecutor(1) as other:
        failure = other.submit(lambda: asyncio.run(lane.encode("late"))).exception()
    assert isinstance(failure, RuntimeError)
