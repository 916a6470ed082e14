"""The HTTP application: routes, problems, body limit, and its description as OpenAPI."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from contracts.gateway.http import Problem
from contracts.gateway.http_chat import (
    Citation,
    DoneEvent,
    ErrorEvent,
    MetaEvent,
    SourceView,
    TokenEvent,
    UsageEvent,
)
from services.gateway.http import problems
from services.gateway.http.limits import BodyLimit

_TITLE = "RagOps"
_DESCRIPTION = "Documents in, searches and cited answers out."
# Shapes that no route returns as its own body: problems, and the events inside the stream.
_EVENTS = (MetaEvent, SourceView, TokenEvent, Citation, UsageEvent, DoneEvent, ErrorEvent)


class App(FastAPI):
    """FastAPI whose OpenAPI document tells of our own shapes."""

    def openapi(self) -> dict[str, Any]:
        """Made at the first call. Our shapes are added, FastAPI's own error shapes taken out."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for shape in (Problem, *_EVENTS):
                schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= schema.pop("$defs", {})
                schemas[shape.__name__] = schema
        return super().openapi()


def build_app(routers: Sequence[APIRouter], upload_limit_bytes: int) -> FastAPI:
    """No middleware that costs anything for each event of a stream."""
    # FastAPI's own documentation pages load their scripts from elsewhere.
    app = App(title=_TITLE, version="1", description=_DESCRIPTION, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(BodyLimit, upload_limit_bytes=upload_limit_bytes)
    for router in routers:
        app.include_router(router)
    return app
