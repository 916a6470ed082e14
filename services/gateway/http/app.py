"""The HTTP application: routes, problems, body limit. No middleware that costs per event."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI

from contracts.gateway.http import (
    Citation,
    Done,
    ErrorEvent,
    Meta,
    Problem,
    SourceView,
    TokenEvent,
    Usage,
)
from services.gateway.http import problems
from services.gateway.http.limits import BodyLimit

_DESCRIPTION = "Documents in, searches and cited answers out."
# Shapes that no route returns as its own body: problems, and the events inside the stream.
_SHAPES = (Problem, Meta, SourceView, TokenEvent, Citation, Usage, Done, ErrorEvent)


class App(FastAPI):
    """FastAPI whose OpenAPI document tells of our own shapes."""

    def openapi(self) -> dict[str, Any]:
        """Made at the first call. Our shapes are added, FastAPI's own error shapes taken out."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for shape in _SHAPES:
                schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= schema.pop("$defs", {})
                schemas[shape.__name__] = schema
        return super().openapi()


def build_app(routers: Sequence[APIRouter], upload_limit_bytes: int) -> FastAPI:
    """FastAPI's documentation pages load assets from elsewhere, so they are off."""
    app = App(title="RagOps", version="1", description=_DESCRIPTION, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(BodyLimit, upload_limit_bytes=upload_limit_bytes)
    for router in routers:
        app.include_router(router)
    return app
