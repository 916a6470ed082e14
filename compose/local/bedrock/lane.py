"""A lane in front of the encoder: texts that wait together run together, off the event loop."""

import asyncio
import os
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from compose.local.bedrock.encoder import Encoded, batches
from compose.local.bedrock.errors import ThrottlingError

WINDOW = 32
"""Texts sorted by length together: enough to waste little padding."""
KEPT = 256
"""Texts whose vectors `encode` remembers: some 10 MB of questions."""


class Runner(Protocol):
    """What a lane needs of the encoder."""

    batch_tokens: int

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""
        ...

    def run(self, ids: Sequence[list[int]]) -> list[Encoded]:
        """One model run."""
        ...


@dataclass(frozen=True)
class _Waiting:
    text: str
    answer: asyncio.Future[Encoded]


class Lane:
    """Micro-batches concurrent calls. The event loop stays free: the model runs on threads.

    `workers` runs go on at once, each on one core: beside busy neighbours that is faster than one
    run over all cores, whose threads wait for each other at every step.

    Several lanes stand before the one model: a question that comes while thousands of passages wait
    goes through its own and meets only other short texts. The others are `nice`: 0…19, as for
    nice(1); their threads leave the cores to questions (on Linux, where a thread has its own).
    """

    def __init__(
        self, runner: Runner, most_waiting: int, workers: int = 1, *, nice: int = 0
    ) -> None:
        self._runner = runner
        self._most_waiting = most_waiting
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, "lane", _be_nice, (nice,))
        self._kept: OrderedDict[str, asyncio.Future[Encoded]] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self._working = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def encode(self, text: str) -> Encoded:
        """One text's vectors. Raises ThrottlingError when the lane is full.

        For questions: search, memory and reranking ask for the same one, each with a call of its
        own. It is encoded once.
        """
        shared = self._kept.get(text)
        if shared is None or (shared.done() and (shared.cancelled() or shared.exception())):
            shared = self._kept[text] = self._enter(text)
        self._kept.move_to_end(text)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        # Who stops waiting must not take it from the others.
        return await asyncio.shield(shared)

    async def encode_all(self, texts: Sequence[str]) -> list[Encoded]:
        """The vectors of several texts, in their order."""
        return list(await asyncio.gather(*[self._enter(t) for t in texts]))

    def close(self) -> None:
        """Let the running batch end; start no other."""
        self._threads.shutdown(cancel_futures=True)

    def _enter(self, text: str) -> asyncio.Future[Encoded]:
        if len(self._waiting) >= self._most_waiting:
            raise ThrottlingError(f"{len(self._waiting)} texts are waiting: send fewer at a time")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Encoded] = loop.create_future()
        self._waiting.append(_Waiting(text, answer))
        if self._working < self._workers:
            # Counted by the worker itself: a done callback comes later than the next text may.
            self._working += 1
            task = loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer

    async def _work(self) -> None:
        while self._waiting:
            # What waits is shared out, or the first worker would leave nothing to the others.
            count = min(-(-len(self._waiting) // self._workers), WINDOW)
            window = [self._waiting.popleft() for _ in range(count)]
            window = [w for w in window if not w.answer.done()]
            run = asyncio.ensure_future(self._run(window))
            await asyncio.wait([run])
            if error := run.exception():
                _fail(window, error)
        self._working -= 1

    async def _run(self, window: list[_Waiting]) -> None:
        loop, texts = asyncio.get_running_loop(), [w.text for w in window]
        ids = await loop.run_in_executor(self._threads, self._runner.tokenise, texts)
        for batch in batches([len(i) for i in ids], self._runner.batch_tokens):
            chosen = [ids[i] for i in batch]
            encoded = await loop.run_in_executor(self._threads, self._runner.run, chosen)
            for place, result in zip(batch, encoded, strict=True):
                if not window[place].answer.done():
                    window[place].answer.set_result(result)


def _be_nice(nice: int) -> None:
    if nice and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def _fail(window: list[_Waiting], error: BaseException) -> None:
    for waiting in window:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
