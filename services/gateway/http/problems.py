"""JSON responses; every error as application/problem+json (RFC 9457) with a stable code."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from contracts.gateway.http import FieldError, Problem
from services.gateway.models.prompt import Elsewhere
from services.gateway.models.refusals import (
    BudgetReached,
    Forbidden,
    InvalidRequest,
    LedgerMissing,
    NotFound,
    NotJudged,
    NotPossible,
    RateLimited,
    Suspended,
    TenantDeleted,
    Unauthorized,
    UnknownKind,
)
from services.gateway.models.usage import Budget
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.observability import metric

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
CODES = {
    400: "invalid_request",
    401: "unauthorized",
    402: "budget_reached",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "not_possible",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "rate_limited",
    431: "head_too_large",
    500: "internal",
    502: "not_judged",
    503: "unavailable",
}
_CODE = "ragops.problem_code"
_Handler = Callable[[Request, Any], "ProblemResponse"]
# What a person calls the part that does not answer; by queue or dependency.
_PARTS = {
    "retrieval-queries": "Search is",
    "graph": "The knowledge graph is",
    "ingestion-queries": "The list of documents is",
    "ingestion-documents": "Adding documents is",
    "memory-queries": "The memory of conversations is",
    "files": "The file is",
    "s3": "Adding documents is",
    "judge": "The model that judges is",
    "uploads": "Too many uploads are under way: adding documents is",
}
_SOMETHING = "A part of this system is"
_INTERNAL = "Something went wrong here. It has been logged; try again."


def json_response(body: BaseModel, status: int = 200) -> Response:
    """Serialised once: FastAPI would validate what is returned to it a second time."""
    return Response(body.model_dump_json(), status_code=status, media_type="application/json")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail so."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": f"`{CODES[status]}`",
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in (401, 403, *statuses, 500)
    }


class ProblemResponse(Response):
    """A problem that knows its code, for the log."""

    def __init__(
        self, content: str, status: int, headers: Mapping[str, str] | None, code: str
    ) -> None:
        super().__init__(content, status, headers, MEDIA_TYPE)
        self.code = code


def tell(scope: Scope, status: int, seconds: float) -> None:
    """One log line and one count of a response of 400 or more; nothing that a client wrote."""
    route = getattr(scope.get("route"), "path", "unknown")
    code = scope.get(_CODE) or CODES.get(status, "error")
    metric("HttpErrors", 1, method=scope["method"], route=route, status=str(status))
    fields = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "code": code,
        "ms": round(seconds * 1000, 1),
    }
    level = logging.WARNING if status >= 500 else logging.INFO
    logger.log(level, "request_refused", extra={"fields": fields})


def problem(
    status: int,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
    code: str | None = None,
    budget: Budget | None = None,
    version: str | None = None,
) -> ProblemResponse:
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code or CODES.get(status, "error"),
        errors=errors,
        limit=budget and float(budget.limit),
        used=budget and float(budget.used),
        whose=budget and budget.whose,
        resets_at=budget and budget.resets_at.isoformat(),
        version=version,
    )
    content = body.model_dump_json(exclude_none=True)
    return ProblemResponse(content, status, headers, body.code)


def _unauthorized(_: Request, error: Unauthorized) -> ProblemResponse:
    return problem(401, str(error), headers={"WWW-Authenticate": "Bearer"})


def _invalid(_: Request, error: InvalidRequest) -> ProblemResponse:
    errors = [FieldError(field=error.field, message=str(error))]
    return problem(422, f"{error.field}: {error}", errors=errors)


def _elsewhere(_: Request, error: Elsewhere) -> ProblemResponse:
    return problem(409, str(error), code="label_elsewhere", version=error.version)


def _rate_limited(_: Request, error: RateLimited) -> ProblemResponse:
    seconds = max(1, ceil(error.retry_after_s))
    return problem(429, str(error), headers={"Retry-After": str(seconds)})


def _field(location: Sequence[str | int]) -> str:
    """`location` begins with `body`, `query` or `path`, which a client need not read."""
    return ".".join(str(part) for part in location[1:]) or "body"


def _not_valid(_: Request, error: RequestValidationError) -> ProblemResponse:
    errors = [
        FieldError(field="body", message="This is not JSON. Send Content-Type: application/json.")
        if item["type"] == "json_invalid"
        else FieldError(field=_field(item["loc"]), message=item["msg"])
        for item in error.errors()
    ]
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:5])
    return problem(422, detail, errors=errors)


def _http(_: Request, error: HTTPException) -> ProblemResponse:
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, str(error.detail), headers=headers)


def _unavailable(_: Request, error: DeadlineMissed | Unavailable) -> ProblemResponse:
    """Names what a person wanted, never a queue or a store."""
    logger.warning("unavailable", extra={"fields": {"reason": str(error)}})
    what = error.queue if isinstance(error, DeadlineMissed) else error.dependency
    part = _PARTS.get(what, _SOMETHING)
    detail = f"{part} not available now. Try again in {RETRY_AFTER_S} seconds."
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _refused(request: Request, error: RequestRefused) -> ProblemResponse:
    """What another service refused: a mistake of the client, an outage, or a fault of ours."""
    if error.code == "invalid_request":
        return problem(422, str(error))
    if error.code.startswith("invalid_"):
        field = error.code.removeprefix("invalid_")
        errors = [FieldError(field=field, message=str(error))]
        return problem(422, f"{field}: {error}", errors=errors, code=error.code)
    if error.code == "not_found":
        return problem(404, str(error))
    if error.code in ("not_possible", "budget_reached"):
        return problem(409 if error.code == "not_possible" else 402, str(error))
    if error.code == "unavailable":
        return _unavailable(request, Unavailable("service", str(error)))
    logger.error("refused", extra={"fields": {"code": error.code}})
    return problem(500, _INTERNAL)


def install(app: FastAPI) -> None:
    handlers: dict[Any, Any] = {
        Unauthorized: _unauthorized,
        Forbidden: lambda _, error: problem(403, str(error)),
        BudgetReached: lambda _, error: problem(402, str(error), budget=error.budget),
        LedgerMissing: lambda _, error: problem(503, str(error), code="ledger_missing"),
        RateLimited: _rate_limited,
        Elsewhere: _elsewhere,
        Suspended: lambda _, error: problem(403, str(error), code="tenant_suspended"),
        TenantDeleted: lambda _, error: problem(403, str(error), code="tenant_deleted"),
        NotFound: lambda _, error: problem(404, str(error)),
        NotJudged: lambda _, error: problem(502, str(error)),
        NotPossible: lambda _, error: problem(409, str(error)),
        UnknownKind: lambda _, error: problem(415, str(error)),
        InvalidRequest: _invalid,
        RequestValidationError: _not_valid,
        HTTPException: _http,
        DeadlineMissed: _unavailable,
        Unavailable: _unavailable,
        RequestRefused: _refused,
        Exception: lambda _, __: problem(500, _INTERNAL),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _noted(handler))


def _noted(handler: _Handler) -> Callable[[Request, Any], Awaitable[Response]]:
    """The handler, which leaves the problem's code where `tell` finds it."""

    async def noted(request: Request, error: Any) -> Response:
        response = handler(request, error)
        request.scope[_CODE] = response.code
        return response

    return noted
