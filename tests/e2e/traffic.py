"""Light traffic of one person: documents, lists and questions, and how each was answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.e2e.person import Person, Turn

GUIDE = b"# Lamps\n\nThe lamp Aurora has a battery of 40 hours and costs 90 euros."
QUESTION = "How long does the battery of the lamp Aurora last?"
WORD = "40 hours"
# How a stream may end when something is away: each says what to do, or that nothing is to do.
CLEAR = ("unavailable", "not_recorded")
# Of one kind of request, from the end of one to the start of the next.
PAUSE_S = 0.5


@dataclass(frozen=True)
class Answer:
    """`began` is monotonic. `fault` says what is wrong with it; `whole`: nothing was missing."""

    kind: str
    began: float
    seconds: float
    status: int
    fault: str = ""
    whole: bool = True


@dataclass
class Traffic:
    """`accepted` are the ids of the documents answered with 202."""

    person: Person
    name: str
    answers: list[Answer] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def whole_since(self, moment: float) -> bool:
        """Whether each kind of request has been answered in full since then."""
        kinds = {one.kind for one in self.answers if one.whole and one.began >= moment}
        return kinds == {"upload", "list", "question"}

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ends with every request answered."""
        over = asyncio.Event()
        senders = [self._upload, self._list, self._question]
        tasks = [asyncio.create_task(self._repeat(sender, over)) for sender in senders]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*tasks)

    async def _repeat(self, send: Callable[[int], Awaitable[Answer]], over: asyncio.Event) -> None:
        for n in count():
            self.answers.append(await send(n))
            await asyncio.sleep(PAUSE_S)
            if over.is_set():
                return

    async def _upload(self, n: int) -> Answer:
        began = time.monotonic()
        file = (f"{self.name}-{n}.txt", f"Report {n} was written when {self.name} went.".encode())
        answer = await self.person.http.post("/v1/documents", files={"file": file})
        if answer.status_code == httpx.codes.ACCEPTED:
            self.accepted.append(answer.json()["document_id"])
        return _answer("upload", began, answer)

    async def _list(self, n: int) -> Answer:
        began = time.monotonic()
        answer = await self.person.http.get("/v1/documents", params={"limit": 500})
        return _answer("list", began, answer)

    async def _question(self, n: int) -> Answer:
        began = time.monotonic()
        answer, turn = await self.person.chat(f"{QUESTION} I ask for the time number {n}.")
        return _answer("question", began, answer, turn)


def _answer(kind: str, began: float, answer: httpx.Response, turn: Turn | None = None) -> Answer:
    status = answer.status_code
    fault, whole = _problem(answer) if answer.is_error else _told(turn)
    return Answer(kind, began, time.monotonic() - began, status, fault, whole)


def _problem(answer: httpx.Response) -> tuple[str, bool]:
    """Only an outage that says when to try again is no fault; nothing else was asked for."""
    clear = (
        answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        and "retry-after" in answer.headers
        and answer.headers["content-type"] == "application/problem+json"
    )
    return ("" if clear else answer.text), False


def _told(turn: Turn | None) -> tuple[str, bool]:
    if turn is None:
        return "", True
    last = turn.names()[-1] if turn.events else "nothing"
    if last == "error":
        error = turn.one("error")
        return ("" if error["code"] in CLEAR else str(error)), False
    if last != "done":
        return f"the stream ended with {last}", False
    return "", WORD in turn.text and not turn.one("meta")["degraded"]
