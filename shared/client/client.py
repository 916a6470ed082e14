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
from contracts.gateway.http_judgements import JudgementBody, JudgementView
from contracts.gateway.http_prompts import (
    LabelBody,
    LabelView,
    PromptBody,
    PromptList,
    PromptView,
)
from contracts.gateway.http_search import ENTITIES, GraphView, SearchBody, SearchView
from contracts.gateway.http_usage import TenantBody, TenantView
from shared.client.events import Event, events_of
from shared.client.transport import Transport

PAGE = 500
_JSON = {"Content-Type": "application/json"}
_METADATA: TypeAdapter[Mapping[str, Value]] = TypeAdapter(Mapping[str, Value])


@dataclass(frozen=True)
class Selection:
    """Which documents a list shows; `query` is a part of the name, in any case."""

    state: str | None = None
    query: str | None = None
    tag: str | None = None


EVERY = Selection()


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

    async def page(
        self, after: str | None = None, limit: int = PAGE, selection: Selection = EVERY
    ) -> DocumentList:
        """Documents, newest first; `after` is the `next` of the page before."""
        chosen = {name: value for name, value in vars(selection).items() if value is not None}
        asked = {"limit": limit} | ({"after": after} if after else {}) | chosen
        answer = await self.transport.body("GET", "/v1/documents", params=asked)
        return DocumentList.model_validate_json(answer)

    async def documents(self, selection: Selection = EVERY) -> AsyncIterator[DocumentView]:
        """All of the tenant's documents that are selected, newest first."""
        page = await self.page(selection=selection)
        while True:
            for document in page.documents:
                yield document
            if page.next is None:
                return
            page = await self.page(page.next, selection=selection)

    async def delete(self, document_id: str) -> DocumentView:
        answer = await self.transport.body("DELETE", f"/v1/documents/{document_id}")
        return DocumentView.model_validate_json(answer)

    async def retry(self, document_id: str) -> DocumentView:
        """A rejected or failed document is worked on again; else Refused says `not_possible`."""
        return await self._steer(document_id, "retry")

    async def cancel(self, document_id: str) -> DocumentView:
        """Work on it ends; Refused says `not_possible` when there is none."""
        return await self._steer(document_id, "cancel")

    async def reindex(self, document_id: str) -> DocumentView:
        """A ready document is read anew; else Refused says `not_possible`."""
        return await self._steer(document_id, "reindex")

    async def _steer(self, document_id: str, verb: str) -> DocumentView:
        answer = await self.transport.body("POST", f"/v1/documents/{document_id}/{verb}")
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

    async def prompts(self) -> PromptList:
        """Versions of the prompt and where its labels stand; for the scope `admin`."""
        return PromptList.model_validate_json(await self.transport.body("GET", "/v1/prompts"))

    async def register_prompt(self, wanted: PromptBody) -> PromptView:
        body = wanted.model_dump_json()
        answer = await self.transport.body("POST", "/v1/prompts", headers=_JSON, content=body)
        return PromptView.model_validate_json(answer)

    async def move_label(self, name: str, label: str, to: LabelBody) -> LabelView:
        """Refused says `label_elsewhere` when it does not stand where `to` expects it."""
        path, body = f"/v1/prompts/{name}/labels/{label}", to.model_dump_json(exclude_unset=True)
        answer = await self.transport.body("PUT", path, headers=_JSON, content=body)
        return LabelView.model_validate_json(answer)

    async def judge(self, wanted: JudgementBody) -> JudgementView:
        """For the scope `admin`. Refused says `not_possible` when the tenant has no judge."""
        body = wanted.model_dump_json()
        answer = await self.transport.body("POST", "/v1/judgements", headers=_JSON, content=body)
        return JudgementView.model_validate_json(answer)

    async def tenant(self, name: str) -> TenantView:
        """A tenant's settings; for the scope `platform`."""
        answer = await self.transport.body("GET", f"/v1/admin/tenants/{name}")
        return TenantView.model_validate_json(answer)

    async def create_tenant(self, name: str, settings: TenantBody) -> TenantView:
        """Refused says `not_possible` when it has settings; for the scope `platform`."""
        path, body = f"/v1/admin/tenants/{name}", settings.model_dump_json()
        answer = await self.transport.body("POST", path, headers=_JSON, content=body)
        return TenantView.model_validate_json(answer)

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
