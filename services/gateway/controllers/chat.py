"""POST /v1/chat: a question, answered as a stream of events."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Response

from contracts.gateway.http_chat import ChatBody
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented
from services.gateway.http.sse import EventStream, encoded
from services.gateway.models.principal import Principal
from services.gateway.models.turn import Question
from services.gateway.services.background import Background
from services.gateway.services.spending.admission import Admission
from services.gateway.services.turn.turn import Turns

_DESCRIPTION = """The answer comes as server-sent events, in this order: `meta` (MetaEvent),
`sources` (a list of SourceView), `token` (TokenEvent, any number), `citations` (a list of
Citation), `usage` (UsageEvent), `done` (DoneEvent). Instead of any of them `error` (ErrorEvent) may
come, and is the last one then; after `usage` it says that the answer is not recorded yet. While
nothing else comes, a comment line comes every 15 seconds. Ignore events that you do not know."""
_EXAMPLE = """event: meta
data: {"turn_id":"0d6a3f52","conversation_id":"holiday-plans","cached":false,"degraded":[],\
"query":"What may a hotel in Denmark cost?","trace_id":null,"model":null}

event: sources
data: [{"n":1,"document_id":"5b0f6c1e","name":"handbook.pdf","passage_id":"5b0f6c1e:1:7",\
"page":3,"start":5120,"end":5166,"text":"A hotel in Denmark may cost 180 euros a night.",\
"explain":null}]

event: token
data: {"text":"A hotel in Denmark may cost 180 euros [1]."}

event: citations
data: [{"n":1,"document_id":"5b0f6c1e","name":"handbook.pdf","page":3,"start":5120,"end":5166}]

event: usage
data: {"input_tokens":1873,"output_tokens":31,"cost_usd":0.00012,\
"model":"amazon.nova-lite-v1:0","stop_reason":null}

event: done
data: {"turn_id":"0d6a3f52"}

"""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


def chat_routes(
    needs: Needs, turns: Turns, background: Background, admission: Admission
) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/chat",
        operation_id="ask_question",
        summary="Ask a question",
        description=_DESCRIPTION,
        status_code=200,
        response_class=EventStream,
        responses=_STREAM | documented(402, 413, 422, 429, 503),
    )
    async def ask_question(
        body: ChatBody, who: Annotated[Principal, Depends(needs("chat"))]
    ) -> Response:
        turn_id = str(uuid4())
        models = await admission.question(who, turn_id, body.question, body.model)
        asked = Question(
            principal=who,
            text=body.question,
            turn_id=turn_id,
            conversation_id=body.conversation_id or str(uuid4()),
            models=models,
            wants_model=body.model is not None,
        )
        return EventStream(encoded, lambda emit: turns.answer(asked, emit), background.start)

    return router
