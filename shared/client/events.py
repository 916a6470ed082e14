"""The events of an answer's stream (server-sent events, HTML standard section 9.2)."""

from collections.abc import AsyncIterator, Mapping

import httpx
from httpx_sse import EventSource
from pydantic import RootModel

from contracts.gateway.http_chat import (
    Citation,
    DoneEvent,
    ErrorEvent,
    MetaEvent,
    SourceView,
    TokenEvent,
    UsageEvent,
)
from shared.client.errors import BrokenOff, Refused


class Sources(RootModel[tuple[SourceView, ...]]):
    """The passages in the prompt, numbered."""


class Citations(RootModel[tuple[Citation, ...]]):
    """The sources that the answer names."""


Event = MetaEvent | Sources | TokenEvent | Citations | UsageEvent | DoneEvent

_KINDS: Mapping[str, type[Event]] = {
    "meta": MetaEvent,
    "sources": Sources,
    "token": TokenEvent,
    "citations": Citations,
    "usage": UsageEvent,
    "done": DoneEvent,
}


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """Each event up to `done`, which is the last. Raises Refused for `error`, or BrokenOff."""
    async for sent in EventSource(response).aiter_sse():
        if sent.event == "error":
            error = ErrorEvent.model_validate_json(sent.data)
            raise Refused(error.code, error.message)
        kind = _KINDS.get(sent.event)
        # A newer gateway may say more than this client knows.
        if kind is None:
            continue
        event = kind.model_validate_json(sent.data)
        yield event
        if isinstance(event, DoneEvent):
            return
    raise BrokenOff
