"""POST /v1/search: passages with the reasons why they are there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from contracts.gateway.http import SearchBody, SearchView
from services.gateway.http.auth import Needs
from services.gateway.http.json_response import json_response
from services.gateway.http.problems import documented
from services.gateway.models.principal import Principal
from services.gateway.services.passages import FindPassages


def search_routes(needs: Needs, find: FindPassages) -> APIRouter:
    router = APIRouter(tags=["search"])

    @router.post(
        "/v1/search",
        summary="Search for passages",
        response_model=SearchView,
        responses=documented(413, 422, 503),
    )
    async def search(
        body: SearchBody, who: Annotated[Principal, Depends(needs("search"))]
    ) -> Response:
        found = await find(who, body)
        view = SearchView(hits=found.hits, legs=found.legs, took_ms=found.took_ms)
        return json_response(view)

    return router
