"""One turn: gather, prompt, stream the checked answer, meter, record, done (design §7)."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.envelope import Context
from contracts.gateway.http import Done, ErrorEvent, Meta, Usage
from contracts.gateway.turns import TurnCompletedV1
from services.gateway.models.turn import Question
from services.gateway.services.background import Background
from services.gateway.services.gather import Gather, Gathered
from services.gateway.services.meter import Meter
from services.gateway.services.sources import citations_of, source_views, turn_sources
from services.gateway.services.turn.answering import Emit, GiveReply, Reply
from services.gateway.services.turn.prompt import PROMPT_VERSION, Prompt, build_prompt
from services.gateway.services.turn.recording import RecordTurn
from shared.errors import Unavailable
from shared.observability import bound, current_trace_id, metric, span
from shared.ports import Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerQuestion:
    """Cancelling it stops the model; what was consumed by then is metered all the same."""

    gather: Gather
    give_reply: GiveReply
    record: RecordTurn
    publisher: Publisher
    background: Background
    prompt_tokens: int

    async def __call__(self, asked: Question, emit: Emit) -> None:
        """Never raises but for cancellation: an error is the stream's last event."""
        who = asked.principal
        context = Context(tenant=who.tenant, principal=who.user, correlation_id=asked.turn_id)
        with bound(tenant=who.tenant, correlation_id=asked.turn_id), span("turn"):
            try:
                await self._run(asked, context, emit)
            except Unavailable as error:
                logger.warning("turn_unavailable", extra={"fields": {"on": error.dependency}})
                message = f"{error.dependency} is not available now. Ask again in a moment."
                emit("error", ErrorEvent(code="unavailable", message=message))
            except Exception:
                logger.exception("turn_failed")
                message = "The answer could not be completed. Ask again."
                emit("error", ErrorEvent(code="internal", message=message))

    async def _run(self, asked: Question, context: Context, emit: Emit) -> None:
        started, began = datetime.now(UTC), time.perf_counter()
        meter = Meter(self.publisher, self.background, context, asked.turn_id)
        found = await self.gather(asked, context, meter)
        prompt = build_prompt(
            asked.text, found.hits, found.earlier, self.prompt_tokens, found.query
        )
        _time("GatherLatency", began)
        emit("meta", _meta(asked, found))
        emit("sources", source_views(prompt.hits))
        reply = await self.give_reply(asked.models, found, prompt, meter, emit)
        emit("citations", citations_of(prompt.hits, reply.citations.cited))
        emit("usage", _usage(meter))
        await meter.settled()
        turn = _completed(asked, found, prompt, reply, meter, started)
        recording = self.record(turn, asked.principal.user, context)
        # A client that goes now must not tear the record in two.
        await asyncio.shield(self.background.start(recording))
        _time("TurnLatency", began)
        emit("done", Done(turn_id=asked.turn_id))


def _time(name: str, began: float) -> None:
    metric(name, (time.perf_counter() - began) * 1000, "Milliseconds")


def _meta(asked: Question, found: Gathered) -> Meta:
    return Meta(
        turn_id=asked.turn_id,
        conversation_id=asked.conversation_id,
        cached=False,
        degraded=list(found.degraded),
        query=found.query,
        trace_id=current_trace_id(),
    )


def _usage(meter: Meter) -> Usage:
    return Usage(
        input_tokens=meter.input_tokens,
        output_tokens=meter.output_tokens,
        cost_usd=float(meter.cost_usd),
    )


def _completed(
    asked: Question,
    found: Gathered,
    prompt: Prompt,
    reply: Reply,
    meter: Meter,
    started: datetime,
) -> TurnCompletedV1:
    return TurnCompletedV1(
        turn_id=asked.turn_id,
        conversation_id=asked.conversation_id,
        question=asked.text,
        query=found.query,
        answer=reply.text,
        model=reply.model,
        prompt_version=PROMPT_VERSION,
        sources=turn_sources(prompt.hits, reply.citations.cited),
        degraded=found.degraded,
        input_tokens=meter.input_tokens,
        output_tokens=meter.output_tokens,
        cost_usd=meter.cost_usd,
        started_at=started,
        completed_at=datetime.now(UTC),
    )
