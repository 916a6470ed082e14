"""GET /v1/graph: what it asks for, what it shows, and how it says that it cannot."""

from typing import Any

import pytest

from contracts.retrieval.graph import GraphRequestedV1
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from tests.unit.gateway.fakes import Gateway, a_neighbourhood


async def test_a_neighbourhood_is_shown_and_asked_for_the_principal(gateway: Gateway) -> None:
    gateway.requester.answers[GraphRequestedV1] = a_neighbourhood()
    async with gateway.client(groups=("law",)) as client:
        response = await client.get("/v1/graph", params={"entity": " Harbour ", "limit": 3})
    assert response.status_code == 200
    found = response.json()
    assert found["entity"] == {"name": "harbour", "written": "Harbour", "named_by": 1}
    assert [one["relation"] for one in found["entities"]] == ["names"]
    assert found["edges"][0]["passages"] == [found["passages"][0]["passage_id"]]
    assert found["passages"][0]["marks"][1] == {"name": "ferry", "start": 12, "end": 17}
    [(queue, asked, context)] = gateway.requester.asked
    assert queue == "retrieval-queries"
    assert isinstance(asked, GraphRequestedV1)
    assert (asked.entity, asked.limit) == ("Harbour", 3)
    assert asked.visible_to == ("user:ann", "group:law")
    assert (context.tenant, context.principal) == ("acme", "ann")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "entity"),
        ({"entity": ""}, "entity"),
        ({"entity": "  "}, "entity"),
        ({"entity": "x" * 201}, "entity"),
        ({"entity": "x", "limit": 0}, "limit"),
        ({"entity": "x", "limit": 101}, "limit"),
    ],
)
async def test_a_bad_request_names_its_field(
    gateway: Gateway, params: dict[str, Any], field: str
) -> None:
    async with gateway.client() as client:
        response = await client.get("/v1/graph", params=params)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("trouble", "status", "code", "detail"),
    [
        (RequestRefused("not_found", "Close to it: 'x'."), 404, "not_found", "Close to it: 'x'."),
        (RequestRefused("invalid_entity", "no name"), 422, "invalid_entity", "entity: no name"),
        (
            RequestRefused("unavailable", "neo4j"),
            503,
            "unavailable",
            "The knowledge graph is not available",
        ),
        (DeadlineMissed("retrieval-queries", 1), 503, "unavailable", "Search is not available now"),
        (Unavailable("sqs"), 503, "unavailable", "A part of this system is"),
        (RequestRefused("internal", "secret"), 500, "internal", "Something went wrong"),
    ],
)
async def test_a_graph_that_cannot_be_shown(
    gateway: Gateway, trouble: Any, status: int, code: str, detail: str
) -> None:
    gateway.requester.answers[GraphRequestedV1] = trouble
    async with gateway.client() as client:
        response = await client.get("/v1/graph", params={"entity": "x"})
        search = await client.post("/v1/search", json={"query": "x"})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert detail in response.json()["detail"]
    assert ("retry-after" in response.headers) == (status == 503)
    assert search.status_code == 200
