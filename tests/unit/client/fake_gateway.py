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
from contracts.gateway.http_judgements import JudgementBody, JudgementView
from contracts.gateway.http_search import (
    GraphView,
    Hit,
    Leg,
    Named,
    Neighbour,
    SearchBody,
    SearchView,
)
from contracts.gateway.http_usage import TenantView
from shared.client.client import Client
from shared.client.transport import Transport

PAGE = 2


def problem(status: int, code: str, detail: str, retry_after: str | None = None) -> Response:
    body = Problem(title="Problem", status=status, detail=detail, code=code)
    headers = {"Retry-After": retry_after} if retry_after else None
    return Response(body.model_dump_json(), status, headers, media_type="application/problem+json")


def an_opinion(verdict: str = "right", *, supported: bool = True) -> Response:
    known = {"verdict": verdict, "supported": supported, "reason": "r", "model": "judge-1"}
    view = JudgementView.model_validate(known | {"cost_usd": 0.25})
    return Response(view.model_dump_json(), media_type="application/json")


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
    # How many pages of the list were read.
    lists: int = 0
    # What the judge says of an answer.
    opine: Callable[[JudgementBody], Response] = lambda _: an_opinion()

    views: dict[str, DocumentView] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    searches: list[SearchBody] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    steered: list[tuple[str, str]] = field(default_factory=list)
    authorization: set[str] = field(default_factory=set)
    judged: list[JudgementBody] = field(default_factory=list)
    judges: dict[str, str] = field(default_factory=dict)

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
                route("/v1/documents/{id}/{verb}", "POST", self._steer),
                route("/v1/search", "POST", self._search),
                route("/v1/graph", "GET", self._graph),
                route("/v1/chat", "POST", self._chat),
                route("/v1/judgements", "POST", self._judge),
                route("/v1/admin/tenants/{name}", "POST", self._create_tenant),
                route("/v1/admin/tenants/{name}", "GET", self._show_tenant),
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
        self.lists += 1
        asked = request.query_params
        chosen = [
            view
            for view in self.views.values()
            if asked.get("state") in (None, view.status)
            and asked.get("query", "").lower() in view.name.lower()
            and (asked.get("tag") is None or asked["tag"] in view.tags)
        ]
        begin = int(asked.get("after", 0))
        shown = chosen[begin : begin + PAGE]
        more = begin + PAGE < len(chosen)
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

    async def _steer(self, request: Request) -> Response:
        """Each state allows one verb."""
        verb, view = request.path_params["verb"], self.views[request.path_params["id"]]
        allowed = {"rejected": "retry", "accepted": "cancel", "ready": "reindex"}
        if allowed[view.status] != verb:
            return problem(409, "not_possible", f"It is {view.status}: {allowed[view.status]} it.")
        self.steered.append((verb, view.name))
        again = {"status": "rejected" if verb == "cancel" else "accepted"}
        self.views[view.document_id] = view = view.model_copy(update=again)
        return Response(view.model_dump_json(), 202, media_type="application/json")

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

    async def _judge(self, request: Request) -> Response:
        asked = JudgementBody.model_validate_json(await request.body())
        self.judged.append(asked)
        return self.opine(asked)

    async def _create_tenant(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name in self.judges:
            return problem(409, "not_possible", f"Tenant '{name}' has settings already.")
        self.judges[name] = json.loads(await request.body())["judge_model"]
        return self._tenant(name, 201)

    async def _show_tenant(self, request: Request) -> Response:
        return self._tenant(request.path_params["name"], 200)

    def _tenant(self, name: str, status: int) -> Response:
        view = TenantView(
            tenant=name,
            revision=1,
            suspended=False,
            models=(),
            limits={},
            cheaper_model=None,
            judge_model=self.judges[name],
            cache={},
            consent_to_training=False,
        )
        return Response(view.model_dump_json(), status, media_type="application/json")
