"""A lane in front of the encoder: texts that wait together run together, on one thread."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from compose.local.bedrock.encoder import Encoded, batches
from compose.local.bedrock.errors import ThrottlingError

WINDOW = 64
"""Texts sorted by length together: enough to waste little padding."""


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
    """Micro-batches concurrent calls. The event loop stays free: the model runs on the thread.

    Two lanes stand before the one model: a question that comes while thousands of passages wait
    goes through its own and meets only other short texts.
    """

    def __init__(self, runner: Runner, most_waiting: int) -> None:
        self._runner = runner
        self._most_waiting = most_waiting
        self._thread = ThreadPoolExecutor(1, "lane")
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def encode(self, text: str) -> Encoded:
        """One text's vectors. Raises ThrottlingError when the lane is full."""
        return await self._enter(text)

    async def encode_all(self, texts: Sequence[str]) -> list[Encoded]:
        """The vectors of several texts, in their order."""
        return list(await asyncio.gather(*[self._enter(t) for t in texts]))

    def close(self) -> None:
        """Let the running batch end; start no other."""
        self._thread.shutdown(cancel_futures=True)

    def _enter(self, text: str) -> asyncio.Future[Encoded]:
        if len(self._waiting) >= self._most_waiting:
            raise ThrottlingError(f"{len(self._waiting)} texts are waiting: send fewer at a time")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Encoded] = loop.create_future()
        self._waiting.append(_Waiting(text, answer))
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return answer

    async def _work(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), WINDOW)
            window = [self._waiting.popleft() for _ in range(count)]
            window = [w for w in window if not w.answer.done()]
            run = asyncio.ensure_future(self._run(window))
            await asyncio.wait([run])
            if error := run.exception():
                _fail(window, error)
        self._worker = None

    async def _run(self, window: list[_Waiting]) -> None:
        loop, texts = asyncio.get_running_loop(), [w.text for w in window]
        ids = await loop.run_in_executor(self._thread, self._runner.tokenise, texts)
        for batch in batches([len(i) for i in ids], self._runner.batch_tokens):
            chosen = [ids[i] for i in batch]
            encoded = await loop.run_in_executor(self._thread, self._runner.run, chosen)
            for place, result in zip(batch, encoded, strict=True):
                if not window[place].answer.done():
                    window[place].answer.set_result(result)


def _fail(window: list[_Waiting], error: BaseException) -> None:
    for waiting in window:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
