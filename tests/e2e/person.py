"""Someone who uses the system over HTTP, as the page does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from shared.testing.probe import until

_FINAL = {"ready", "rejected", "failed"}


@dataclass
class Turn:
    """The events of one answer, in order."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    def one(self, name: str) -> Any:
        (data,) = [data for event, data in self.events if event == name]
        return data

    def names(self) -> list[str]:
        return [event for event, _ in self.events]

    @property
    def text(self) -> str:
        return "".join(data["text"] for event, data in self.events if event == "token")


@dataclass(frozen=True)
class Person:
    """`http` carries the token; `tenant` is the one in it."""

    http: httpx.AsyncClient
    tenant: str

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str, tenant: str) -> AsyncIterator[Self]:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=30, trust_env=False
        ) as http:
            yield cls(http, tenant)

    async def upload(self, name: str, body: bytes) -> str:
        answer = await self.http.post("/v1/documents", files={"file": (name, body)})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["document_id"])

    async def document(self, document_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/documents/{document_id}")
        assert answer.status_code == httpx.codes.OK, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def until_final(self, document_id: str, within_s: float = 60) -> dict[str, Any]:
        """The document when it is ready, rejected or failed."""

        async def ended() -> dict[str, Any] | None:
            shown = await self.document(document_id)
            return shown if shown["status"] in _FINAL else None

        found: dict[str, Any] = await until(ended, within_s, every_s=0.1)
        return found

    async def search(self, query: str, **more: Any) -> dict[str, Any]:
        answer = await self.http.post("/v1/search", json={"query": query, **more})
        assert answer.status_code == httpx.codes.OK, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ask(self, question: str, conversation_id: str | None = None) -> Turn:
        """The whole stream; an `error` event is part of it, another status is a failure."""
        answer, turn = await self.chat(question, conversation_id)
        assert answer.status_code == httpx.codes.OK, answer.text
        return turn

    async def chat(
        self, question: str, conversation_id: str | None = None
    ) -> tuple[httpx.Response, Turn]:
        """The answer, whatever its status; the turn has no events unless it is 200."""
        body = {"question": question}
        if conversation_id is not None:
            body["conversation_id"] = conversation_id
        turn = Turn()
        async with self.http.stream("POST", "/v1/chat", json=body) as answer:
            if answer.status_code != httpx.codes.OK:
                await answer.aread()
                return answer, turn
            async for event in _events(answer):
                turn.events.append(event)
        return answer, turn


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """Server-sent events with one line of JSON each; comments are left out."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield name, json.loads(line.removeprefix("data:"))
