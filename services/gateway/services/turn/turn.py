"""One turn, step by step: understand, find, prompt, answer, record."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace

from contracts.envelope import Context
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
from services.gateway.services.turn.answering import NO_MODEL, Answering, Reply
from services.gateway.services.turn.by_rule import ByRule, Intent, intent_of
from services.gateway.services.turn.finding import Finding, Found
from services.gateway.services.turn.prompt import build_prompt
from services.gateway.services.turn.recording import Draft, Recording
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
_NOT_RECORDED = TurnFailed(
    "not_recorded",
    "The answer is complete, but it could not be recorded yet. It is kept and recorded as soon as "
    "possible.",
)


@dataclass(frozen=True)
class Turns:
    understanding: Understanding
    finding: Finding
    answering: Answering
    recording: Recording
    metering: Metering
    clock: Clock
    prompt_tokens: int
    # Only where no language model is configured.
    by_rule: ByRule | None = None

    async def answer(self, asked: Question, emit: Emit) -> None:
        """Raises only when it is cancelled: a failure is the turn's last event.

        Cancelling it stops the model. What was consumed by then is metered, and what was delivered
        is recorded all the same.
        """
        who = asked.principal
        context = Context(tenant=who.tenant, principal=who.user, correlation_id=asked.turn_id)
        bill = Bill(self.metering, context, asked.turn_id)
        draft = Draft(asked, context, bill, self.clock.now())
        with bound(tenant=who.tenant, correlation_id=asked.turn_id), span("turn"):
            try:
                await self._steps(draft, emit)
            except asyncio.CancelledError:
                self._end(draft, "stopped")
                raise
            except Unavailable as error:
                logger.warning("turn_unavailable", extra={"fields": {"on": error.dependency}})
                self._end(draft, "failed")
                emit(_UNAVAILABLE)
            except Exception:
                logger.exception("turn_failed")
                self._end(draft, "failed")
                emit(_FAILED)

    async def _steps(self, draft: Draft, emit: Emit) -> None:
        asked, bill, began = draft.asked, draft.bill, time.perf_counter()
        intent = intent_of(asked.text) if self.by_rule else None
        found = draft.found = await self._found(asked, intent, draft.context, bill)
        prompt = build_prompt(
            asked.text, found.hits, found.earlier, self.prompt_tokens, found.query
        )
        _time("GatherLatency", began)
        emit(_started(asked, found))
        emit(SourcesFound(prompt.sources))
        reply = draft.reply = Reply(prompt.sources, emit)
        if self.by_rule and intent:
            await self.by_rule.answer(intent, asked.principal, found.searched, reply)
        else:
            await self.answering.answer(asked.models, prompt, found, bill, reply)
        emit(CitationsChecked(reply.cited))
        emit(_usage(bill, reply))
        recorded = await self.recording.record(draft, "completed", self.clock.now())
        _time("TurnLatency", began)
        emit(TurnDone(asked.turn_id) if recorded else _NOT_RECORDED)

    def _end(self, draft: Draft, outcome: str) -> None:
        """Records a turn that did not come to its end, without waiting for it."""
        if not draft.recorded:
            self.recording.start(draft, outcome, self.clock.now())

    async def _found(
        self, asked: Question, intent: Intent | None, context: Context, bill: Bill
    ) -> Found:
        if intent is not None and not intent.subject:
            return Found(asked.text, (), (), (), searched=True)
        if intent is not None:
            asked = replace(asked, text=intent.subject)
        async with asyncio.TaskGroup() as group:
            # Memory is asked first: it answers while the question is understood and searched for.
            remembering = group.create_task(
                self.finding.earlier_turns(asked.conversation_id, context)
            )
            understood = await self.understanding.understand(asked, remembering, bill)
            answered = await self.finding.passages(asked, understood.query, context, bill)
        return Found.of(understood, answered, remembering.result())


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


def _usage(bill: Bill, reply: Reply) -> UsageSummed:
    """A turn that cost nothing had no model with a price."""
    model = None if reply.model == NO_MODEL else reply.model
    return UsageSummed(bill.input_tokens, bill.output_tokens, bill.cost_usd or None, model)
