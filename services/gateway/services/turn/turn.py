"""One turn, step by step: understand, find, prompt, answer, record."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1, TurnSource
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
from services.gateway.services.turn.answering import Answering, Reply
from services.gateway.services.turn.finding import Finding, Found
from services.gateway.services.turn.prompt import PROMPT_VERSION, build_prompt
from services.gateway.services.turn.recording import Recording
from services.gateway.services.turn.understanding import Understanding
from shared.errors import Unavailable
from shared.metering import Bill, Metering
from shared.observability import bound, current_trace_id, metric, span
from shared.ports import Clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turns:
    understanding: Understanding
    finding: Finding
    answering: Answering
    recording: Recording
    metering: Metering
    clock: Clock
    prompt_tokens: int

    async def answer(self, asked: Question, emit: Emit) -> None:
        """Raises only when it is cancelled: a failure is the turn's last event.

        Cancelling it stops the model; what was consumed by then is metered all the same.
        """
        who = asked.principal
        context = Context(tenant=who.tenant, principal=who.user, correlation_id=asked.turn_id)
        with bound(tenant=who.tenant, correlation_id=asked.turn_id), span("turn"):
            try:
                await self._steps(asked, context, emit)
            except Unavailable as error:
                logger.warning("turn_unavailable", extra={"fields": {"on": error.dependency}})
                message = f"{error.dependency} is not available now. Ask again in a moment."
                emit(TurnFailed("unavailable", message))
            except Exception:
                logger.exception("turn_failed")
                emit(TurnFailed("internal", "The answer could not be completed. Ask again."))

    async def _steps(self, asked: Question, context: Context, emit: Emit) -> None:
        started, began = self.clock.now(), time.perf_counter()
        bill = Bill(self.metering, context, asked.turn_id)
        found = await self._found(asked, context, bill)
        prompt = build_prompt(
            asked.text, found.hits, found.earlier, self.prompt_tokens, found.query
        )
        _time("GatherLatency", began)
        emit(_started(asked, found))
        emit(SourcesFound(prompt.sources))
        reply = await self.answering.answer(asked.models, prompt, found, bill, emit)
        emit(CitationsChecked(reply.cited))
        emit(UsageSummed(bill.input_tokens, bill.output_tokens, bill.cost_usd))
        turn = _completed(asked, found, reply, bill, started, self.clock.now())
        await self.recording.record(turn, asked.principal.user, context)
        _time("TurnLatency", began)
        emit(TurnDone(asked.turn_id))

    async def _found(self, asked: Question, context: Context, bill: Bill) -> Found:
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
    )


def _completed(
    asked: Question, found: Found, reply: Reply, bill: Bill, started: datetime, now: datetime
) -> TurnCompletedV1:
    return TurnCompletedV1(
        turn_id=asked.turn_id,
        conversation_id=asked.conversation_id,
        question=asked.text,
        query=found.query,
        answer=reply.text,
        model=reply.model,
        prompt_version=PROMPT_VERSION,
        sources=_sources(reply),
        degraded=found.degraded,
        input_tokens=bill.input_tokens,
        output_tokens=bill.output_tokens,
        cost_usd=bill.cost_usd,
        started_at=started,
        completed_at=now,
    )


def _sources(reply: Reply) -> tuple[TurnSource, ...]:
    cited = {source.n for source in reply.cited}
    return tuple(
        TurnSource(
            n=source.n,
            document_id=source.document_id,
            ordinal=source.ordinal,
            passage_id=source.passage_id,
            name=source.name,
            text=source.text,
            page=source.page,
            start=source.start,
            end=source.end,
            cited=source.n in cited,
        )
        for source in reply.sources
    )
