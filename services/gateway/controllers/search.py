"""Passages: searched for, shown by id, and around a name of the knowledge graph."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import StringConstraints

from contracts.gateway.http import DOCUMENT_ID
from contracts.gateway.http_search import (
    ENTITIES,
    ENTITIES_MAX,
    ENTITY_MAX,
    GraphView,
    PassageView,
    SearchBody,
    SearchView,
)
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.passages import Passages

_HOW = "a name in the documents; case, accents, articles and possessives do not count"
Entity = Annotated[
    str,
    # Before the length, so that a name of blanks only is too short.
    StringConstraints(strip_whitespace=True),
    Query(min_length=1, max_length=ENTITY_MAX, description=_HOW, examples=["harbour"]),
]
Limit = Annotated[
    int, Query(ge=1, le=ENTITIES_MAX, description="names around it, at most", examples=[ENTITIES])
]
PassageId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="the passage's id, as in a source or a hit",
        examples=[f"{DOCUMENT_ID}:1:7"],
    ),
]


def search_routes(needs: Needs, passages: Passages) -> APIRouter:
    router = APIRouter(tags=["search"])
    searcher = Annotated[Principal, Depends(needs("search"))]

    @router.post(
        "/v1/search",
        operation_id="search_passages",
        summary="Search for passages",
        response_model=SearchView,
        responses=documented(402, 413, 422, 429, 503),
    )
    async def search_passages(body: SearchBody, who: searcher) -> Response:
        found = await passages.find(who, SearchRequestedV1(**body.model_dump()))
        return json_response(SearchView.model_validate(found, from_attributes=True))

    @router.get(
        "/v1/passages/{passage_id}",
        operation_id="get_passage",
        summary="Show a passage",
        description="A passage of a deleted or replaced document is not found any more.",
        response_model=PassageView,
        responses=documented(404, 422, 503),
    )
    async def get_passage(passage_id: PassageId, who: searcher) -> Response:
        found = await passages.show(who, passage_id)
        shown = found.model_dump() | {"version": found.ordinal}
        return json_response(PassageView.model_validate(shown))

    @router.get(
        "/v1/graph",
        operation_id="show_graph",
        summary="Show what stands around a name in the knowledge graph",
        response_model=GraphView,
        responses=documented(404, 422, 503),
    )
    async def show_graph(who: searcher, entity: Entity, limit: Limit = ENTITIES) -> Response:
        around = await passages.look_around(who, GraphRequestedV1(entity=entity, limit=limit))
        return json_response(GraphView.model_validate(around, from_attributes=True))

    return router
