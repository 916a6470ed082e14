"""Sends a request, waits when the gateway asks for it, and turns problems into errors."""

import asyncio
import time
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import ValidationError

from contracts.gateway.http import Problem
from shared.client.errors import Refused, Unreachable

_AGAIN = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Transport:
    """`patience_s` bounds the time from the first attempt to the last."""

    http: httpx.AsyncClient
    patience_s: float

    @asynccontextmanager
    async def opened(
        self, method: str, path: str, *, answers: Container[int] = (), **request: Any
    ) -> AsyncIterator[httpx.Response]:
        """A response with success or a status in `answers`, its body still to be read.

        A 429 or 503 with Retry-After is tried again after that time. Raises Refused for every
        other problem, Unreachable when the network fails, also while the body is read.
        """
        deadline = time.monotonic() + self.patience_s
        try:
            while True:
                async with self.http.stream(method, path, **request) as response:
                    if response.is_success or response.status_code in answers:
                        yield response
                        return
                    await response.aread()
                wait_s = _retry_after_s(response)
                if wait_s is None or time.monotonic() + wait_s > deadline:
                    raise refused(response)
                await asyncio.sleep(wait_s)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(str(self.http.base_url), reason) from error

    async def body(self, method: str, path: str, **request: Any) -> bytes:
        """The whole body of what `opened` gives."""
        async with self.opened(method, path, **request) as response:
            return await response.aread()


def _retry_after_s(response: httpx.Response) -> float | None:
    """None when it must not be tried again."""
    given = response.headers.get("Retry-After", "")
    if response.status_code not in _AGAIN or not given.isdecimal():
        return None
    return float(given)


def refused(response: httpx.Response) -> Refused:
    """The problem that a read response holds, or what its status says."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return Refused("not_a_problem", response.text[:300], response.status_code)
    return Refused(problem.code, problem.detail, response.status_code, problem.errors)
