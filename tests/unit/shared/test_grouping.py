"""Calls that share a flush: what goes together, and what a failure costs whom."""

import asyncio
from collections.abc import Sequence

from shared.errors import Unavailable
from shared.grouping import GROUP_MAX, Grouping
from shared.testing.probe import until


async def test_a_group_gathers_while_another_commits() -> None:
    sizes: list[int] = []
    first = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        await first.wait()
        return [item * 2 for item in items]

    group = Grouping(flush)
    waiting = [asyncio.create_task(group.add(1))]
    await until(lambda: sizes)
    waiting += [asyncio.create_task(group.add(n)) for n in range(GROUP_MAX + 5)]
    await asyncio.sleep(0)
    first.set()
    assert await asyncio.gather(*waiting) == [2, *(n * 2 for n in range(GROUP_MAX + 5))]
    assert sizes == [1, GROUP_MAX, 5]


async def test_a_bad_item_fails_alone_and_an_outage_fails_all() -> None:
    out = False

    async def flush(items: Sequence[int]) -> list[int]:
        if out:
            raise Unavailable("postgresql")
        if 3 in items:
            raise ValueError("three")
        return list(items)

    group = Grouping(flush)
    results = await asyncio.gather(*(group.add(n) for n in range(5)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, Exception)] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)
    out = True
    results = await asyncio.gather(*(group.add(n) for n in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)


async def test_groups_of_a_bounded_size_go_at_the_same_time() -> None:
    groups: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        await gate.wait()
        return list(items)

    group = Grouping(flush, most=10, size=lambda item: item, key=lambda n: n == 3, at_once=2)
    sizes = (4, 5, 6, 30, 2, 3, 1, 7)
    waiting = [asyncio.create_task(group.add(size)) for size in sizes]
    await until(lambda: len(groups) == 2)
    await asyncio.sleep(0)
    assert groups == [[4, 5, 1], [6, 2]]
    waiting[-1].cancel()
    gate.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done[:-1] == list(sizes[:-1])
    assert isinstance(done[-1], asyncio.CancelledError)
    assert groups == [[4, 5, 1], [6, 2], [30], [3]]


async def test_an_answer_that_is_too_short_is_told_and_the_next_item_goes() -> None:
    answers: list[list[int]] = [[], [], [], [3]]

    async def flush(_: Sequence[int]) -> list[int]:
        return answers.pop(0)

    group = Grouping(flush)
    results = await asyncio.gather(group.add(1), group.add(2), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    assert await group.add(3) == 3
