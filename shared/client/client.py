"""The gateway's calls, typed: documents, search, graph, chat."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from pydantic import TypeAdapter

from contracts.gateway.http import (
    DocumentAccepted,
    DocumentList,
    DocumentView,
    Readiness,
    Value,
)
from contracts.gateway.http_chat import ChatBody
from contracts.gateway.http_search import ENTITIES, GraphView, SearchBody, SearchView
from shared.client.events import Event, events_of
from shared.client.transport import Transport

PAGE = 500
_JSON = {"Content-Type": "application/json"}
_METADATA: TypeAdapter[Mapping[str, Value]] = TypeAdapter(Mapping[str, Value])


@dataclass(frozen=True)
class Client:
    """All calls raise Refused with the problem's code, or Unreachable."""

    transport: Transport

    async def ready(self) -> Readiness:
        """Which services answer; `ready` is false while one does not."""
        # A 503 is this resource's answer, not a reason to try again.
        unavailable = (httpx.codes.SERVICE_UNAVAILABLE,)
        answer = await self.transport.body("GET", "/readyz", answers=unavailable)
        return Readiness.model_validate_json(answer)

    async def upload(
        self,
        name: str,
        body: bytes,
        *,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Value] | None = None,
    ) -> DocumentAccepted:
        """Adds a document, or a new version of the one with this name."""
        form = {"tags": ",".join(tags), "metadata": _METADATA.dump_json(metadata or {}).decode()}
        answer = await self.transport.body(
            "POST", "/v1/documents", files={"file": (name, body)}, data=form
        )
        return DocumentAccepted.model_validate_json(answer)

    async def document(self, document_id: str) -> DocumentView:
        answer = await self.transport.body("GET", f"/v1/documents/{document_id}")
        return DocumentView.model_validate_json(answer)

    async def documents(self) -> AsyncIterator[DocumentView]:
        """All of the tenant's documents, newest first."""
        after: str | None = None
        while True:
            asked = {"limit": PAGE} | ({"after": after} if after else {})
            answer = await self.transport.body("GET", "/v1/documents", params=asked)
            page = DocumentList.model_validate_json(answer)
            for document in page.documents:
                yield document
            after = page.next
            if after is None:
                return

    async def delete(self, document_id: str) -> DocumentView:
        answer = await self.transport.body("DELETE", f"/v1/documents/{document_id}")
        return DocumentView.model_validate_json(answer)

    async def search(self, wanted: SearchBody) -> SearchView:
        answer = await self.transport.body(
            "POST", "/v1/search", headers=_JSON, content=wanted.model_dump_json(exclude_none=True)
        )
        return SearchView.model_validate_json(answer)

    async def graph(self, entity: str, limit: int = ENTITIES) -> GraphView:
        """What stands around an entity; Refused says `not_found` with the closest names."""
        asked: dict[str, str | int] = {"entity": entity, "limit": limit}
        answer = await self.transport.body("GET", "/v1/graph", params=asked)
        return GraphView.model_validate_json(answer)

    async def chat(self, asked: ChatBody) -> AsyncIterator[Event]:
        """The answer's events, `done` last. Raises Refused for `error`, BrokenOff without `done`.

        Close it (`contextlib.aclosing`) to stop an answer early.
        """
        body = asked.model_dump_json(exclude_none=True)
        opened = self.transport.opened("POST", "/v1/chat", headers=_JSON, content=body)
        async with opened as response:
            async for event in events_of(response):
                yield event


@asynccontextmanager
async def open_client(
    url: str, token: str, *, patience_s: float = 30.0, timeout_s: float = 30.0
) -> AsyncIterator[Client]:
    """`patience_s` is for retries, `timeout_s` for each wait on the network."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=timeout_s,
        # A proxy from the environment is for the outside world.
        trust_env=False,
    ) as http:
        yield Client(Transport(http, patience_s))
