"""A turn's record, however it ended: to the topic for good, to the session for a follow-up."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from contracts.embedding import Embedding
from contracts.envelope import Context, derived_id
from contracts.gateway.turns import TurnCompletedV2, TurnSource
from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import BUILT_IN_ARM, Arm
from services.gateway.models.session import Session, SessionSource, SessionTurn
from services.gateway.models.turn import Question
from services.gateway.services.background import Background
from services.gateway.services.ports import Sessions
from services.gateway.services.turn.answering import NO_MODEL, Reply
from services.gateway.services.turn.finding import Found
from shared.delivery import Delivery, Event
from shared.errors import Unavailable
from shared.metering import Bill
from shared.observability import metric

logger = logging.getLogger(__name__)
_SESSION_SOURCES = TypeAdapter(tuple[SessionSource, ...])


@dataclass
class Draft:
    """A turn as far as it has come. `found` and `reply` are None until their step begins.

    `session` is how the conversation stood before it, `cached` the turn whose answer is given
    again. `consent`: the tenant's turns may be trained on. `arm` says which version of the prompt
    answers.
    """

    asked: Question
    context: Context
    bill: Bill
    started: datetime
    session: Session | None = None
    found: Found | None = None
    reply: Reply | None = None
    cached: str | None = None
    consent: bool = False
    arm: Arm = BUILT_IN_ARM
    # Of the question, where the tenant's cache has made it.
    embedding: Embedding | None = None
    recorded: bool = False
    # Another draft has the turn from now on.
    passed_on: bool = False

    def ended(self, outcome: str, now: datetime) -> TurnCompletedV2:
        """The record; its answer is what was delivered by now."""
        asked, found, reply, bill = self.asked, self.found, self.reply, self.bill
        return TurnCompletedV2(
            turn_id=asked.turn_id,
            conversation_id=asked.conversation_id,
            question=asked.text,
            query=found.query if found else asked.text,
            answer=reply.text if reply else "",
            model=reply.model if reply else NO_MODEL,
            prompt_version=self.arm.version.version,
            sources=_sources(reply) if reply else (),
            degraded=found.degraded if found else (),
            outcome=outcome,
            input_tokens=bill.input_tokens,
            output_tokens=bill.output_tokens,
            cost_usd=bill.cost_usd,
            started_at=self.started,
            completed_at=now,
            cached=self.cached,
            stop_reason=reply.stop_reason if reply else None,
            prompt=reply.prompt if reply else None,
            consent_to_training=self.consent,
            arm=self.arm.label,
        )

    def figures(self, outcome: str) -> ArmFigures | None:
        """What the turn adds to its arm's figures.

        None: it says nothing of the arm. No model was asked, or the person left before the end.
        """
        reply, usd = self.reply, float(self.bill.cost_usd)
        if reply is None or reply.prompt is None or outcome == "stopped":
            return None
        failed = outcome == "failed"
        refused = not failed and bool(reply.sources) and not reply.cited
        return ArmFigures(1, int(failed), int(refused), usd, usd * usd)


@dataclass(frozen=True)
class Recording:
    """One a process. A turn that the topic does not take at once is sent until it does."""

    delivery: Delivery
    sessions: Sessions
    background: Background
    wait_s: float

    async def record(self, draft: Draft, outcome: str, now: datetime) -> bool:
        """Whether the topic has confirmed the turn within `wait_s` seconds.

        When it has not, or when whoever waits is cancelled, the turn is still sent until it is
        confirmed. A session that cannot be saved only costs the next follow-up its subject.
        Raises what makes it impossible to send the turn at all.
        """
        delivered, saved = self.start(draft, outcome, now)
        await asyncio.wait((delivered, saved), timeout=self.wait_s)
        if delivered.done():
            delivered.result()
        return delivered.done()

    def start(
        self, draft: Draft, outcome: str, now: datetime
    ) -> tuple["asyncio.Task[None]", "asyncio.Task[None]"]:
        """The same without waiting. A turn is recorded once: mark `draft` before all else."""
        draft.recorded = True
        turn = draft.ended(outcome, now)
        metric("Turns", 1, outcome=outcome)
        metric("ArmTurns", 1, arm=draft.arm.label, outcome=outcome)
        event_id = derived_id(turn.turn_id, "TurnCompleted")
        delivered = self.delivery.start(Event("turns", turn, draft.context, event_id))
        user = draft.asked.principal.user
        saved = self.background.start(self._save(turn, draft.context.tenant, user))
        return delivered, saved

    async def drain(self, within_s: float) -> None:
        """Waits for the turns on their way; names those that were not confirmed in time."""
        for event in await self.delivery.drain(within_s):
            fields = {"event_id": event.id, "tenant": event.context.tenant}
            logger.error("turn_not_recorded", extra={"fields": fields})

    async def _save(self, turn: TurnCompletedV2, tenant: str, user: str) -> None:
        kept = SessionTurn(
            turn_id=turn.turn_id,
            question=turn.question,
            query=turn.query,
            answer=turn.answer,
            outcome=turn.outcome,
            model=turn.model,
            sources=_SESSION_SOURCES.validate_python(turn.sources, from_attributes=True),
            started_at=turn.started_at,
            completed_at=turn.completed_at,
        )
        try:
            await self.sessions.append(tenant, user, turn.conversation_id, kept)
        except Unavailable:
            logger.warning("session_not_saved")


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
