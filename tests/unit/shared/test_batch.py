"""Ten calls in one: each item learns its own fate, whatever the provider answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.messaging.batch import Batcher, NotConfirmed
from tests.unit.shared.fake_aws import client_error

OK = {"Successful": [{"Id": "0"}]}
SENDER = {"Failed": [{"Id": "0", "Code": "InvalidParameter", "SenderFault": True}]}
SERVER = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
MUTE = {"Failed": [{"Id": "0", "Code": "InternalError"}]}


@pytest.mark.parametrize(
    ("answer", "fate", "words"),
    [
        (OK, None, ""),
        (SENDER, NotConfirmed, "InvalidParameter"),
        (SERVER, Unavailable, "sns is unavailable: InternalError"),
        (MUTE, Unavailable, "sns is unavailable: InternalError"),
        ({}, Unavailable, "does not mention"),
        ({"Successful": [{"Id": "1"}]}, Unavailable, "does not mention"),
        ({"Successful": [{"Id": "zero"}]}, ValueError, "zero"),
        ({"Successful": [{}]}, KeyError, "Id"),
    ],
)
async def test_an_items_fate(
    answer: dict[str, Any], fate: type[Exception] | None, words: str
) -> None:
    async def call(_: Sequence[str]) -> dict[str, Any]:
        return answer

    batcher: Batcher[str] = Batcher(call, "sns", wait_s=0)
    (found,) = await asyncio.gather(batcher.add("a"), return_exceptions=True)
    assert type(found) is (fate or type(None))
    assert words in str(found)


async def test_one_items_fate_is_no_others() -> None:
    async def call(items: Sequence[str]) -> dict[str, Any]:
        assert list(items) == ["a", "b", "c"]
        return {"Successful": [{"Id": "2"}], "Failed": [{"Id": "1", "SenderFault": True}]}

    batcher: Batcher[str] = Batcher(call, "sqs", wait_s=0)
    fates = await asyncio.gather(*(batcher.add(i) for i in "abc"), return_exceptions=True)
    assert [type(fate) for fate in fates] == [Unavailable, NotConfirmed, type(None)]


async def test_a_failed_call_is_the_fate_of_all_its_items() -> None:
    async def call(_: Sequence[str]) -> dict[str, Any]:
        raise client_error("AccessDenied")

    batcher: Batcher[str] = Batcher(call, "sqs", wait_s=0)
    fates = await asyncio.gather(*(batcher.add(i) for i in "ab"), return_exceptions=True)
    assert [str(fate) for fate in fates] == [str(client_error("AccessDenied"))] * 2


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([1] * 25, [[1] * 10, [1] * 10, [1] * 5]),
        ([60, 60, 40], [[60], [60, 40]]),
        ([101, 1], [[101], [1]]),  # over the limit alone: the provider may say so
        ([50, 50, 1], [[50, 50], [1]]),
    ],
)
async def test_batches_keep_their_order_ten_items_and_the_byte_limit(
    sizes: list[int], batches: list[list[int]]
) -> None:
    seen: list[list[int]] = []

    async def call(items: Sequence[int]) -> dict[str, Any]:
        seen.append(list(items))
        return {"Successful": [{"Id": str(n)} for n in range(len(items))]}

    batcher: Batcher[int] = Batcher(call, "sqs", size=lambda n: n, limit_bytes=100, wait_s=0.01)
    await asyncio.gather(*(batcher.add(n) for n in sizes))
    assert seen == batches


async def test_after_a_pause_the_first_goes_at_once_and_the_next_ones_gather() -> None:
    seen: list[list[str]] = []

    async def call(items: Sequence[str]) -> dict[str, Any]:
        seen.append(list(items))
        return {"Successful": [{"Id": str(n)} for n in range(len(items))]}

    batcher: Batcher[str] = Batcher(call, "sns", wait_s=60, first_s=0)
    await asyncio.wait_for(batcher.add("first"), 5)
    others = [asyncio.create_task(batcher.add(one)) for one in ("second", "third")]
    done, _ = await asyncio.wait(others, timeout=0.05)
    assert (done, seen) == (set(), [["first"]])
    await batcher.drain()
    await asyncio.gather(*others)
    assert seen == [["first"], ["second", "third"]]


async def test_who_leaves_does_not_take_the_others_along() -> None:
    seen: list[str] = []

    async def call(items: Sequence[str]) -> dict[str, Any]:
        seen.extend(items)
        return {"Successful": [{"Id": str(n)} for n in range(len(items))]}

    batcher: Batcher[str] = Batcher(call, "sqs", wait_s=0.01)
    leaving, staying = (asyncio.create_task(batcher.add(i)) for i in "ab")
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert seen == ["a", "b"]


async def test_a_drain_sends_what_waits_and_what_comes_meanwhile() -> None:
    seen: list[str] = []

    async def call(items: Sequence[str]) -> dict[str, Any]:
        if not seen:
            more.append(asyncio.create_task(batcher.add("b")))
        seen.extend(items)
        await asyncio.sleep(0)
        return {"Successful": [{"Id": str(n)} for n in range(len(items))]}

    more: list[asyncio.Task[None]] = []
    batcher: Batcher[str] = Batcher(call, "sqs", wait_s=60)
    more.append(asyncio.create_task(batcher.add("a")))
    await asyncio.sleep(0)
    await asyncio.wait_for(batcher.drain(), 5)
    assert seen == ["a", "b"]
    await asyncio.gather(*more)
