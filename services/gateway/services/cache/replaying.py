"""An answer given again, as a turn of its own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.gateway.models.shared_answer import Begun, Ended, Piece, Said
from services.gateway.models.turn_events import Emit, SourcesFound, TurnStarted
from services.gateway.services.turn.answering import NO_MODEL, Reply
from services.gateway.services.turn.finding import Found
from services.gateway.services.turn.recording import Draft
from shared.observability import current_trace_id


class BrokeOff(Exception):
    """An answer that was shown in part will not come to its end."""


async def replay(draft: Draft, pieces: AsyncGenerator[Piece, None], emit: Emit) -> bool:
    """Emits the answer up to its last text, and fills the draft.

    False when it was lost before its first text: then nothing was emitted. Raises BrokeOff when
    it was lost later: a second answer must not go on where the first one ended.
    """
    if await _replayed(draft, pieces, emit):
        return True
    if draft.reply is not None:
        raise BrokeOff
    return False


async def _replayed(draft: Draft, pieces: AsyncGenerator[Piece, None], emit: Emit) -> bool:
    begun: Begun | None = None
    async with aclosing(pieces):
        async for piece in pieces:
            match piece:
                case Begun():
                    begun = piece
                case Said(text=text) if begun is not None:
                    _shown(draft, begun, emit).say(text)
                case Ended() if begun is not None:
                    reply = _shown(draft, begun, emit)
                    reply.model = piece.model or NO_MODEL
                    reply.stop_reason = piece.stop_reason
                    cited = [s for n in piece.cited for s in reply.sources if s.n == n]
                    reply.cited = tuple(cited)
                    return len(reply.text) == piece.length
                case _:
                    return False
    return False


def _shown(draft: Draft, begun: Begun, emit: Emit) -> Reply:
    """The reply; with its first text the client hears of the turn and its sources."""
    if draft.reply is None:
        asked = draft.asked
        draft.cached = begun.turn_id
        draft.found = Found(begun.query, (), (), begun.degraded, searched=True)
        draft.reply = Reply(begun.sources, emit)
        emit(
            TurnStarted(
                turn_id=asked.turn_id,
                conversation_id=asked.conversation_id,
                query=begun.query,
                degraded=begun.degraded,
                trace_id=current_trace_id(),
                model=begun.model,
                cached=True,
            )
        )
        emit(SourcesFound(draft.reply.sources))
    return draft.reply
