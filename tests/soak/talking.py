"""Users talk over HTTP; what they were told is noted, as they would note it."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.client.pool import each
from shared.client.progress import Advance
from shared.testing.probe import until
from tests.e2e.person import Person, Turn
from tests.soak.script import Talk

# Who is asked to wait does so, and asks again.
_TRIES = 60
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_OPINIONS_AT_ONCE = 8
# Memory keeps a turn a moment after the answer has ended.
_KNOWN_S = 300.0
# One in so many turns.
_LIKED, _DISLIKED, _CORRECTED = 6, 11, 17
CORRECTION = "This answer was corrected by hand: see document {}."


@dataclass(frozen=True)
class Told:
    """A turn whose stream ended with `done`, and the documents that were shown with it.

    Those that its answer cites are `cited`.
    """

    tenant: str
    user: str
    conversation_id: str
    turn_id: str
    question: str
    cached: bool
    degraded: bool
    consent: bool
    documents: frozenset[str]
    cited: frozenset[str]


@dataclass(frozen=True)
class Opinion:
    rating: str
    corrected_answer: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        reasons = ["wrong"] if self.rating == "down" else []
        corrected = {"corrected_answer": self.corrected_answer} if self.corrected_answer else {}
        return {"rating": self.rating, "reasons": reasons, **corrected}


def _unseen(_count: int) -> None:
    """Nobody looks at the progress."""


@dataclass
class Talking:
    """`consents`: by tenant, whether it agrees to training now.

    `untold` are the ids of turns that did not end with `done`, `ends` how these ended.
    """

    people: Mapping[tuple[str, str], Person]
    at_once: int
    consents: dict[str, bool]
    advance: Advance = _unseen
    told: list[Told] = field(default_factory=list)
    untold: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)
    waits: int = 0
    # By the monotonic clock: no question is asked after it. `skipped` are those that were not.
    ends_at: float = math.inf
    skipped: int = 0
    opinions: dict[str, Opinion] = field(default_factory=dict)

    async def hold(self, talks: Sequence[tuple[str, Talk]]) -> list[Told]:
        """Conversations with their tenants, `at_once` side by side; what was told in them."""
        before = len(self.told)
        await each(talks, self._hold, self.at_once)
        return self.told[before:]

    async def _hold(self, place: tuple[str, Talk]) -> None:
        tenant, talk = place
        conversation_id: str | None = None
        for asked, question in enumerate(talk.questions):
            if time.monotonic() > self.ends_at:
                self.skipped += len(talk.questions) - asked
                return
            told = await self._ask(tenant, talk.user, question, conversation_id)
            self.advance(1)
            if told is not None:
                self.told.append(told)
                conversation_id = told.conversation_id

    async def _ask(
        self, tenant: str, user: str, question: str, conversation_id: str | None
    ) -> Told | None:
        try:
            answer, turn = await self._chat(tenant, user, question, conversation_id)
        except httpx.HTTPError as error:
            self.ends[type(error).__name__] += 1
            return None
        if answer.status_code != httpx.codes.OK:
            self.ends[f"status {answer.status_code}"] += 1
            return None
        if turn.names()[-1:] != ["done"]:
            self._note_end(turn)
            return None
        meta = turn.one("meta")
        return Told(
            tenant=tenant,
            user=user,
            conversation_id=meta["conversation_id"],
            turn_id=turn.one("done")["turn_id"],
            question=question,
            cached=meta["cached"],
            degraded=bool(meta["degraded"]),
            consent=self.consents[tenant],
            documents=frozenset(one["document_id"] for one in turn.one("sources")),
            cited=frozenset(one["document_id"] for one in turn.one("citations")),
        )

    async def _chat(
        self, tenant: str, user: str, question: str, conversation_id: str | None
    ) -> tuple[httpx.Response, Turn]:
        for _ in range(_TRIES):
            person = self.people[tenant, user]
            answer, turn = await person.chat(question, conversation_id)
            if answer.status_code not in _BUSY:
                break
            self.waits += 1
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
        return answer, turn

    def _note_end(self, turn: Turn) -> None:
        events = dict(turn.events)
        self.ends[str(events.get("error", {}).get("code", "broke off"))] += 1
        if "meta" in events:
            self.untold.add(events["meta"]["turn_id"])

    async def opine(self, told: Sequence[Told]) -> None:
        """Thumbs on some of the turns, up and down, and answers as they should have been."""
        given = _opinions(told)
        self.opinions |= {one.turn_id: opinion for one, opinion in given}

        async def give(one: tuple[Told, Opinion]) -> None:
            turn, opinion = one
            url, person = f"/v1/turns/{turn.turn_id}/feedback", self.people[turn.tenant, turn.user]

            async def taken() -> bool:
                answer = await person.http.post(url, json=opinion.body)
                return answer.status_code == httpx.codes.ACCEPTED

            await until(taken, _KNOWN_S, 0.5)

        await each(given, give, _OPINIONS_AT_ONCE)


def _opinions(told: Sequence[Told]) -> list[tuple[Told, Opinion]]:
    """The first answer of each tenant that was made for its asker is corrected in any case."""
    given, seen, corrected = list[tuple[Told, Opinion]](), Counter[str](), set[str]()
    for one in told:
        seen[one.tenant] += 1
        count = seen[one.tenant]
        first = one.tenant not in corrected and not one.cached
        if first or count % _CORRECTED == 0:
            corrected.add(one.tenant)
            given.append((one, Opinion("down", CORRECTION.format(one.turn_id))))
        elif count % _DISLIKED == 0:
            given.append((one, Opinion("down")))
        elif count % _LIKED == 0:
            given.append((one, Opinion("up")))
    return given
