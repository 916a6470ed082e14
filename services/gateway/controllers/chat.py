"""POST /v1/chat: a question, answered as a stream of events."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Response

from contracts.gateway.http import ChatBody
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented
from services.gateway.http.sse import EventStream
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest
from services.gateway.models.turn import Question
from services.gateway.services.background import Background
from services.gateway.services.turn.turn import AnswerQuestion

_DESCRIPTION = """Server-sent events, in this order: `meta` (Meta), `sources` (a list of
SourceView), `token` (TokenEvent, any number), `citations` (a list of Citation), `usage` (Usage),
`done` (Done); or, at any place, `error` (ErrorEvent), which is the last one then. A comment line
comes every 15 s while nothing else does."""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def chat_routes(
    needs: Needs, answer: AnswerQuestion, background: Background, models: Sequence[str]
) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/chat",
        summary="Ask a question",
        description=_DESCRIPTION,
        status_code=200,
        response_class=EventStream,
        responses=_STREAM | documented(413, 422),
    )
    async def chat(body: ChatBody, who: Annotated[Principal, Depends(needs("chat"))]) -> Response:
        asked = Question(
            principal=who,
            text=body.question,
            turn_id=str(uuid4()),
            conversation_id=body.conversation_id or str(uuid4()),
            models=_in_order(models, body.model),
        )
        return EventStream(lambda emit: answer(asked, emit), background.start)

    return router


def _in_order(models: Sequence[str], wanted: str | None) -> tuple[str, ...]:
    """The wanted model first, then the others as its fallback."""
    if wanted is not None and wanted not in models:
        raise InvalidRequest("model", f"'{wanted}' is not offered. Known: {', '.join(models)}.")
    return tuple(sorted(models, key=lambda model: model != wanted))
