"""/v1/conversations: list, open, rename, export and delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from contracts.gateway.http_conversations import (
    CONVERSATION_ID,
    ConversationLine,
    ConversationList,
    ConversationRemoved,
    ConversationView,
    TitleBody,
    TurnSourceView,
    TurnView,
)
from contracts.memory.queries import ConversationAnsweredV1, KeptTurn
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.conversations.conversations import Conversations
from services.gateway.services.conversations.exporting import as_markdown, file_name

# As in ChatBody: whatever else a key is made of cannot stand in it.
Id = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="the conversation's id",
        examples=[CONVERSATION_ID],
    ),
]
Limit = Annotated[int, Query(ge=1, le=100, description="conversations on a page")]
Words = Annotated[
    str | None,
    Query(max_length=200, description="words that all stand in the title or in a question"),
]
After = Annotated[
    str | None,
    Query(max_length=200, description="`next` of the page before; left out: the first page"),
]
Format = Annotated[Literal["markdown", "json"], Query(description="the kind of file")]
_MARKDOWN = """# Hotels in Denmark

## What may a hotel in Denmark cost?

*2026-11-02 08:30 UTC*

A hotel in Denmark may cost 180 euros [1].

- [1] handbook.pdf, page 3
"""
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "text/markdown": {"schema": {"type": "string"}, "example": _MARKDOWN},
            "application/json": {"schema": {"$ref": "#/components/schemas/ConversationView"}},
        },
    }
}


def conversation_routes(needs: Needs, conversations: Conversations) -> APIRouter:
    router = APIRouter(tags=["conversations"])
    reader = Annotated[Principal, Depends(needs("chat"))]

    @router.get(
        "/v1/conversations",
        operation_id="list_conversations",
        summary="List your conversations of the last seven days, newest first",
        response_model=ConversationList,
        responses=documented(422, 503),
    )
    async def list_conversations(
        who: reader, limit: Limit = 50, query: Words = None, after: After = None
    ) -> Response:
        listed = await conversations.list(who, limit, query, after)
        lines = [
            ConversationLine(**one.model_dump(mode="json", include=_LINE))
            for one in listed.conversations
        ]
        return json_response(ConversationList(conversations=lines, next=listed.next))

    @router.get(
        "/v1/conversations/{conversation_id}",
        operation_id="get_conversation",
        summary="Show a conversation with its turns and their sources",
        response_model=ConversationView,
        responses=documented(404, 422, 503),
    )
    async def get_conversation(conversation_id: Id, who: reader) -> Response:
        return json_response(_view(await conversations.open(who, conversation_id)))

    _route_changes(router, needs, conversations)
    return router


def _route_changes(router: APIRouter, needs: Needs, conversations: Conversations) -> None:
    user = Annotated[Principal, Depends(needs("chat"))]

    @router.patch(
        "/v1/conversations/{conversation_id}",
        operation_id="rename_conversation",
        summary="Give a conversation a title",
        response_model=ConversationView,
        responses=documented(404, 413, 422, 503),
    )
    async def rename_conversation(conversation_id: Id, body: TitleBody, who: user) -> Response:
        await conversations.rename(who, conversation_id, body.title)
        return json_response(_view(await conversations.open(who, conversation_id)))

    @router.delete(
        "/v1/conversations/{conversation_id}",
        operation_id="delete_conversation",
        summary="Delete a conversation from the session and from memory",
        response_model=ConversationRemoved,
        responses=documented(404, 422, 503),
    )
    async def delete_conversation(conversation_id: Id, who: user) -> Response:
        removed = await conversations.delete(who, conversation_id)
        receipt = {"removed": removed}
        return json_response(ConversationRemoved(conversation_id=conversation_id, receipt=receipt))

    @router.get(
        "/v1/conversations/{conversation_id}/export",
        operation_id="export_conversation",
        summary="Save a conversation as a file",
        response_class=Response,
        responses=_FILE | documented(404, 422, 503),
    )
    async def export_conversation(
        conversation_id: Id, who: user, format: Format = "markdown"
    ) -> Response:
        found = await conversations.open(who, conversation_id)
        markdown = format == "markdown"
        body = as_markdown(found) if markdown else _view(found).model_dump_json(indent=2)
        kind = "text/markdown; charset=utf-8" if markdown else "application/json"
        name = file_name(found, "md" if markdown else "json")
        saved = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=kind, headers=saved)


_LINE = set(ConversationLine.model_fields)


def _view(found: ConversationAnsweredV1) -> ConversationView:
    return ConversationView(
        conversation_id=found.conversation_id,
        title=found.title,
        turns=[_turn(turn) for turn in found.turns],
    )


def _turn(turn: KeptTurn) -> TurnView:
    shown = turn.model_dump(mode="json", include=set(TurnView.model_fields) - {"sources"})
    fields = set(TurnSourceView.model_fields)
    sources = [TurnSourceView(**one.model_dump(include=fields)) for one in turn.sources]
    return TurnView(**shown, sources=sources)
