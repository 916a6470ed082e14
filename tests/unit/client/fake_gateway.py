"""A gateway that keeps documents in memory and ranks them by shared words."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.gateway.http import (
    DocumentAccepted,
    DocumentList,
    DocumentView,
    Failure,
    Problem,
)
from contracts.gateway.http_search import (
    GraphView,
    Hit,
    Leg,
    Named,
    Neighbour,
    SearchBody,
    SearchView,
)
from shared.client.client import Client
from shared.client.transport import Transport

PAGE = 2


def problem(status: int, code: str, detail: str, retry_after: str | None = None) -> Response:
    body = Problem(title="Problem", status=status, detail=detail, code=code)
    headers = {"Retry-After": retry_after} if retry_after else None
    return Response(body.model_dump_json(), status, headers, media_type="application/problem+json")


@dataclass
class FakeGateway:
    """`outages` are answered first, one a request; `stuck` names never get ready."""

    outages: list[Response] = field(default_factory=list)
    rejects: dict[str, str] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    stream: bytes = b""
    leg_states: dict[str, str] = field(default_factory=dict)
    on_search: Callable[[], Any] = lambda: None
    # How often a deletion comes before ingestion knows the document.
    unknown_deletions: int = 0
    silent: tuple[str, ...] = ()

    views: dict[str, DocumentView] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    searches: list[SearchBody] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    authorization: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def client(self, patience_s: float = 5.0) -> AsyncIterator[Client]:
        transport = httpx.ASGITransport(app=self.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield Client(Transport(http, patience_s))

    def app(self) -> Starlette:
        def route(path: str, method: str, handle: Callable[[Request], Any]) -> Route:
            async def endpoint(request: Request) -> Response:
                self.authorization.add(request.headers.get("Authorization", ""))
                if self.outages:
                    return self.outages.pop(0)
                answer: Response = await handle(request)
                return answer

            return Route(path, endpoint, methods=[method])

        return Starlette(
            routes=[
                route("/readyz", "GET", self._ready),
                route("/v1/documents", "POST", self._upload),
                route("/v1/documents", "GET", self._list),
                route("/v1/documents/{id}", "GET", self._show),
                route("/v1/documents/{id}", "DELETE", self._delete),
                route("/v1/search", "POST", self._search),
                route("/v1/graph", "GET", self._graph),
                route("/v1/chat", "POST", self._chat),
            ]
        )

    async def _ready(self, _: Request) -> Response:
        states = dict.fromkeys(self.silent, "no answer") | {"memory": "ok"}
        body = {"ready": not self.silent, "services": states}
        return JSONResponse(body, 503 if self.silent else 200)

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            assert not isinstance(file, str)
            name, body = str(file.filename), await file.read()
            metadata = json.loads(str(form["metadata"]))
        # Others run while this one is under way, as over a network.
        await asyncio.sleep(0)
        self.uploads.append(name)
        document_id = f"id-of-{name}"
        self.texts[document_id] = body.decode()
        self.views[document_id] = DocumentView(
            document_id=document_id, name=name, status="accepted", metadata=metadata
        )
        accepted = DocumentAccepted(document_id=document_id, name=name, status="accepted")
        return Response(accepted.model_dump_json(), 202, media_type="application/json")

    async def _list(self, request: Request) -> Response:
        begin = int(request.query_params.get("after", 0))
        shown = list(self.views.values())[begin : begin + PAGE]
        more = begin + PAGE < len(self.views)
        page = DocumentList(documents=shown, next=str(begin + PAGE) if more else None)
        for view in shown:
            self._go_on(view)
        return Response(page.model_dump_json(), media_type="application/json")

    def _go_on(self, view: DocumentView) -> None:
        """Each look finds a document one step further."""
        if view.status != "accepted" or view.name in self.stuck:
            return
        reason = self.rejects.get(view.name)
        error = Failure(code="unreadable", message=reason) if reason else None
        change = {"status": "rejected" if reason else "ready", "error": error}
        self.views[view.document_id] = view.model_copy(update=change)

    async def _show(self, request: Request) -> Response:
        view = self.views.get(request.path_params["id"])
        if view is None:
            return problem(404, "not_found", "There is no such document.")
        self._go_on(view)
        return Response(view.model_dump_json(), media_type="application/json")

    async def _delete(self, request: Request) -> Response:
        if self.unknown_deletions or request.path_params["id"] not in self.views:
            self.unknown_deletions = max(0, self.unknown_deletions - 1)
            return problem(404, "not_found", "There is no such document.")
        view = self.views.pop(request.path_params["id"])
        gone = view.model_copy(update={"status": "deleted"})
        return Response(gone.model_dump_json(), 202, media_type="application/json")

    async def _search(self, request: Request) -> Response:
        asked = SearchBody.model_validate_json(await request.body())
        self.searches.append(asked)
        self.on_search()
        await asyncio.sleep(0)
        words = set(asked.query.lower().split())
        score = {i: len(words & set(text.lower().split())) for i, text in self.texts.items()}
        best = sorted((i for i in score if score[i]), key=lambda i: -score[i])
        # Two passages of each document, as long documents have.
        hits = tuple(self._hit(i, n, score[i] - n / 2) for i in best for n in (0, 1))
        legs: tuple[Leg, ...] = asked.legs or ("bm25", "dense")
        states = dict.fromkeys(legs, "applied") | self.leg_states
        found = SearchView.model_validate({"hits": hits, "legs": states})
        return Response(found.model_dump_json(), media_type="application/json")

    async def _graph(self, request: Request) -> Response:
        """A document is a neighbour of every word in it."""
        entity, limit = request.query_params["entity"], int(request.query_params["limit"])
        holds = {of for of, text in self.texts.items() if entity in text.split()}
        named = [view.name for of, view in self.views.items() if of in holds]
        if not named:
            return problem(404, "not_found", "No document names it.")
        around = [
            Neighbour(name=name, written=name, named_by=1, relation="named by", strength=1)
            for name in named[:limit]
        ]
        center = Named(name=entity, written=entity, named_by=len(named))
        view = GraphView(entity=center, entities=tuple(around), edges=(), passages=())
        return Response(view.model_dump_json(), media_type="application/json")

    def _hit(self, document_id: str, n: int, score: float) -> Hit:
        name = document_id.removeprefix("id-of-")
        return Hit(
            document_id=document_id,
            name=name,
            ordinal=1,
            passage_id=f"{document_id}:1:{n}",
            text="…",
            start=n,
            end=n + 1,
            score=score,
        )

    async def _chat(self, _: Request) -> Response:
        return Response(self.stream, media_type="text/event-stream")
