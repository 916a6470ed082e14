"""GET /v1/graph: what stands around an entity, and the passages that say so."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import StringConstraints

from contracts.gateway.http import GraphView
from contracts.retrieval.graph import ENTITIES, ENTITIES_MAX, ENTITY_MAX
from services.gateway.http.auth import Needs
from services.gateway.http.json_response import json_response
from services.gateway.http.problems import documented
from services.gateway.models.principal import Principal
from services.gateway.services.look_around import LookAround

_HOW = "A name in the documents; case, accents, articles and possessives do not count."
Entity = Annotated[
    str,
    # Before the length, so that a name of blanks only is too short.
    StringConstraints(strip_whitespace=True),
    Query(min_length=1, max_length=ENTITY_MAX, description=_HOW),
]
Limit = Annotated[int, Query(ge=1, le=ENTITIES_MAX)]


def graph_routes(needs: Needs, look_around: LookAround) -> APIRouter:
    router = APIRouter(tags=["search"])

    @router.get(
        "/v1/graph",
        summary="An entity's neighbourhood in the knowledge graph",
        response_model=GraphView,
        responses=documented(404, 422, 503),
    )
    async def graph(
        who: Annotated[Principal, Depends(needs("search"))], entity: Entity, limit: Limit = ENTITIES
    ) -> Response:
        return json_response(GraphView.of(await look_around(who, entity, limit)))

    return router
