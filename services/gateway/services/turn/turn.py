"""One turn, step by step: is the answer there; else understand, find, prompt, answer; record."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from contracts.envelope import Context
from contracts.memory.queries import ContextAnsweredV1
from services.gateway.models.refusals import LedgerMissing
from services.gateway.models.session import Session
from services.gateway.models.turn import Question
from services.gateway.models.turn_events import (
    CitationsChecked,
    Emit,
    SourcesFound,
    TurnDone,
    TurnFailed,
    TurnStarted,
    UsageSummed,
)
from services.gateway.services.arms import Arms
from services.gateway.services.cache.answer_cache import AnswerCache
from services.gateway.services.cache.flight import Flight
from services.gateway.services.cache.replaying import BrokeOff, replay
from services.gateway.services.cache.wording import about_asker
from services.gateway.services.conversations.summarising import Summarising
from services.gateway.services.spending.spending import Spending
from services.gateway.services.turn.answering import NO_MODEL, Answering, Reply
from services.gateway.services.turn.by_rule import ByRule, Intent, intent_of
from services.gateway.services.turn.finding import Finding, Found, knows_more
from services.gateway.services.turn.follow_up import is_follow_up
from services.gateway.services.turn.prompt import build_prompt
from services.gateway.services.turn.recording import Draft, Recording
from services.gateway.services.turn.shadowing import Shadowing
from services.gateway.services.turn.understanding import Understanding
from shared.errors import Unavailable
from shared.metering import Bill, Metering
from shared.observability import bound, current_trace_id, metric, span
from shared.ports import Clock

logger = logging.getLogger(__name__)
_FAILED = TurnFailed("internal", "The answer could not be completed. Ask again.")
_UNAVAILABLE = TurnFailed(
    "unavailable", "The language model does not answer now. Ask again in a moment."
)
_INTERRUPTED = TurnFailed("interrupted", "The answer broke off. Ask again.")
# How many leaders an asker follows that give up, before computing the answer alone.
_FLIGHTS = 2
_NOT_RECORDED = TurnFailed(
    "not_recorded",
    "The answer is complete, but it could not be recorded yet. It is kept and recorded as soon as "
    "possible.",
)


@dataclass(frozen=True)
class Start:
    """What a turn knows before anything costs. `memory` is None while it need not be asked."""

    began: float
    intent: Intent | None
    memory: "asyncio.Task[ContextAnsweredV1 | None] | None" = None


@dataclass(frozen=True)
class Turns:
    understanding: Understanding
    finding: Finding
    answering: Answering
    recording: Recording
    summarising: Summarising
    metering: Metering
    spending: Spending
    cache: AnswerCache
    arms: Arms
    shadowing: Shadowing
    clock: Clock
    prompt_tokens: int
    # Only where no language model is configured.
    by_rule: ByRule | None = None

    async def answer(self, asked: Question, emit: Emit) -> None:
        """Raises only when it is cancelled: a failure is the turn's last event.

        Cancelling it stops the model, unless others wait for the same answer. What was consumed by
        then is metered, and what was delivered is recorded all the same.
        """
        who = asked.principal
        context = Context(tenant=who.tenant, principal=who.user, correlation_id=asked.turn_id)
        bill = Bill(self.metering, context, asked.turn_id)
        draft = Draft(asked, context, bill, self.clock.now())
        with bound(tenant=who.tenant, correlation_id=asked.turn_id), span("turn"):
            await self._guarded(self._steps(draft, emit), draft, emit)

    async def drain(self, left_s: Callable[[], float], confirm_s: float) -> None:
        """Turns end first, then shadows; then what they told is confirmed.

        `left_s` says how many seconds of the drain are left; confirming has `confirm_s` at least.
        Bus and Redis must still be open.
        """
        await self.recording.background.drain()
        await self.shadowing.drain(left_s())
        within_s = max(confirm_s, left_s())
        await asyncio.gather(
            self.recording.drain(within_s),
            self.metering.drain(within_s),
            self.spending.drain(within_s),
        )

    async def _guarded(self, steps: Coroutine[Any, Any, None], draft: Draft, emit: Emit) -> None:
        try:
            await steps
        except asyncio.CancelledError:
            self._end(draft, "stopped")
            raise
        except Unavailable as error:
            logger.warning("turn_unavailable", extra={"fields": {"on": error.dependency}})
            self._end(draft, "failed")
            emit(_UNAVAILABLE)
        except BrokeOff:
            logger.warning("turn_interrupted")
            self._end(draft, "failed")
            emit(_INTERRUPTED)
        except Exception:
            logger.exception("turn_failed")
            self._end(draft, "failed")
            emit(_FAILED)
        finally:
            if not draft.passed_on:
                self.spending.settle_bill(draft.asked.turn_id, draft.bill)

    async def _steps(self, draft: Draft, emit: Emit) -> None:
        """An answer that is there costs nothing, so it is looked for before all that costs."""
        start = await self._start(draft)
        if draft.session is not None and await self._may_share(start, draft.session):
            for _ in range(_FLIGHTS):
                version = draft.arm.version.version
                found = await self.cache.seek(draft.asked, draft.session, draft.context, version)
                if isinstance(found, Flight):
                    if await self._other_wording(found, draft, emit):
                        return await self._finish(start, draft, emit)
                    return await self._lead(found, start, draft, emit)
                if found is None:
                    break
                if await replay(draft, found.pieces, emit):
                    return await self._finish(start, draft, emit)
        return await self._compute(start, draft, emit)

    async def _other_wording(self, flight: Flight, draft: Draft, emit: Emit) -> bool:
        """Whether an answer was there that was asked for in other words."""
        try:
            embedding = draft.embedding = await self.cache.alike.embedded(draft.asked, draft.bill)
            if embedding is None:
                return False
            found = await self.cache.other_wording(flight, draft.asked, embedding)
            return found is not None and await replay(draft, found.pieces, emit)
        except BaseException:
            # Nobody makes the answer now: who follows is told, and does not wait for the lease.
            flight.withdraw()
            self.recording.background.start(flight.run())
            raise

    async def _start(self, draft: Draft) -> Start:
        began, asked = time.perf_counter(), draft.asked
        intent = intent_of(asked.text) if self.by_rule else None
        session = draft.session = await self._session(asked)
        draft.consent = await self._consent(asked.principal.tenant)
        draft.arm = await self.arms.prompts.arm(asked.principal.tenant, asked.conversation_id)
        draft.bill.arm = draft.arm.label
        asked = draft.asked = asked.first_to(draft.arm.version.parameters.model)
        follows = not (session and session.turns) and is_follow_up(asked.text)
        if not (about_asker(asked.text) or follows):
            return Start(began, intent)
        memory = self.finding.remembered(asked, session, draft.context, draft.bill)
        return Start(began, intent, asyncio.create_task(memory))

    async def _session(self, asked: Question) -> Session | None:
        who = asked.principal
        try:
            return await self.recording.sessions.load(who.tenant, who.user, asked.conversation_id)
        except Unavailable:
            logger.warning("session_missed")
            return None

    async def _consent(self, tenant: str) -> bool:
        """Read a moment ago, so nothing is asked; False when nobody can say."""
        try:
            return (await self.spending.tenants.of(tenant)).consent_to_training
        except (Unavailable, LedgerMissing):
            return False

    async def _may_share(self, start: Start, session: Session) -> bool:
        """Not what counts the asker's own documents, nor what their memory may know better."""
        if start.intent is not None:
            return False
        if start.memory is None:
            return True
        remembered = await start.memory
        return remembered is not None and not knows_more(remembered, session)

    async def _lead(self, flight: Flight, start: Start, draft: Draft, emit: Emit) -> None:
        """Computes the answer; when its client goes and others follow, the work goes on for them.

        Then the turn is recorded as completed, as if the client had stayed.
        """
        work_draft = replace(draft)
        # From here on the work has the turn: it records it and settles its bill.
        draft.recorded = draft.passed_on = True
        background = self.recording.background
        background.start(flight.run())
        steps = self._compute(start, work_draft, flight.heard(emit), flight)
        work = background.start(self._guarded(steps, work_draft, emit))
        work.add_done_callback(lambda _: flight.withdraw())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if not await flight.followed():
                work.cancel()
                await asyncio.wait([work])
            raise

    async def _compute(
        self, start: Start, draft: Draft, emit: Emit, flight: Flight | None = None
    ) -> None:
        asked, bill = draft.asked, draft.bill
        visible_to = flight.audience if flight else asked.principal.visible_to
        found = draft.found = await self._found(start, draft, visible_to)
        if flight and found.own:
            # What only the asker's memory knows stands in this prompt.
            flight.withdraw()
        prompt = build_prompt(
            asked.text,
            found.hits,
            found.earlier,
            self.prompt_tokens,
            found.query,
            found.remembered,
            draft.arm.version,
        )
        _time("GatherLatency", start.began)
        emit(_started(asked, found))
        emit(SourcesFound(prompt.sources))
        reply = draft.reply = Reply(prompt.sources, emit)
        if self.by_rule and start.intent:
            await self.by_rule.answer(start.intent, asked.principal, found.searched, reply)
        else:
            version = draft.arm.version
            await self.answering.answer(asked.models, prompt, version, found, bill, reply)
        await self._finish(start, draft, emit)

    async def _finish(self, start: Start, draft: Draft, emit: Emit) -> None:
        reply = draft.reply
        assert reply is not None
        emit(CitationsChecked(reply.cited))
        emit(_usage(draft, reply))
        recorded = await self.recording.record(draft, "completed", self.clock.now())
        if self.summarising.is_long(draft.session):
            work = self.summarising.refresh(draft.context, draft.asked.conversation_id)
            self.recording.background.start(work)
        _time("TurnLatency", start.began)
        emit(TurnDone(draft.asked.turn_id) if recorded else _NOT_RECORDED)
        self._count(draft, "completed")
        if recorded:
            self.shadowing.start(draft)

    def _end(self, draft: Draft, outcome: str) -> None:
        """Records a turn that did not come to its end, without waiting for it."""
        if not draft.recorded:
            self.recording.start(draft, outcome, self.clock.now())
            self._count(draft, outcome)

    def _count(self, draft: Draft, outcome: str) -> None:
        """For its arm, in the background: nobody waits for it."""
        if figures := draft.figures(outcome):
            work = self.arms.count(draft.context.tenant, draft.arm, figures)
            self.recording.background.start(work)

    async def _found(self, start: Start, draft: Draft, visible_to: tuple[str, ...]) -> Found:
        asked, intent, session = draft.asked, start.intent, draft.session
        context, bill = draft.context, draft.bill
        if intent is not None and not intent.subject:
            return Found(asked.text, (), (), (), searched=True)
        if intent is not None:
            asked = replace(asked, text=intent.subject)
        async with asyncio.TaskGroup() as group:
            # Memory is asked first: it answers while the question is understood and searched for.
            remembering = start.memory or group.create_task(
                self.finding.remembered(asked, session, context, bill, draft.embedding)
            )
            understood = await self.understanding.understand(asked, session, remembering, bill)
            embedding = draft.embedding if understood.query == draft.asked.text else None
            answered = await self.finding.passages(
                understood.query, visible_to, context, bill, embedding
            )
        return Found.of(understood, answered, await remembering)


def _time(name: str, began: float) -> None:
    metric(name, (time.perf_counter() - began) * 1000, "Milliseconds")


def _started(asked: Question, found: Found) -> TurnStarted:
    return TurnStarted(
        turn_id=asked.turn_id,
        conversation_id=asked.conversation_id,
        query=found.query,
        degraded=found.degraded,
        trace_id=current_trace_id(),
        # Which of several answers first is not known before the first token.
        model=asked.models[0] if len(asked.models) == 1 else None,
    )


def _usage(draft: Draft, reply: Reply) -> UsageSummed:
    """A turn that cost nothing had no model with a price, or an answer that was there already."""
    bill = draft.bill
    model = None if reply.model == NO_MODEL else reply.model
    cost = bill.cost_usd if draft.cached else bill.cost_usd or None
    return UsageSummed(bill.input_tokens, bill.output_tokens, cost, model, reply.stop_reason)
