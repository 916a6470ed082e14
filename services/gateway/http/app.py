"""The HTTP application: routes, problems, body limit, and its description as OpenAPI."""

import hashlib
import re
import time
from base64 import b64encode
from collections.abc import Awaitable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

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
from services.gateway.http.cleanness import clean
from services.gateway.http.limits import BodyLimit

_TITLE = "RagOps"
_DESCRIPTION = "Documents in, searches and cited answers out."
# Shapes that no route returns as its own body: problems, and the events inside the stream.
_EVENTS = (MetaEvent, SourceView, TokenEvent, Citation, UsageEvent, DoneEvent, ErrorEvent)


class App(FastAPI):
    """FastAPI whose OpenAPI document tells of our own shapes, and whose failures are logged."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        began = time.perf_counter()

        # No coroutine of its own, so that an event of a stream costs next to nothing.
        def watched(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                problems.tell(scope, message["status"], time.perf_counter() - began)
            return send(message)

        await super().__call__(scope, receive, watched)

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
    app = App(
        title=_TITLE,
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Its own spans would hold query strings, which name what a person asked for.
        telemetry={"tracing": False},
        dependencies=[Depends(clean)],
    )
    problems.install(app)
    app.add_middleware(BodyLimit, upload_limit_bytes=upload_limit_bytes)
    for router in routers:
        app.include_router(router)
    _add_docs(app)
    return app


def _add_docs(app: FastAPI) -> None:
    """Swagger UI at /docs. Its files come with fastapi_offline, so it needs no other host."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=_TITLE,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
        # Else it sends the description to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None},
    )
    headers = {"Content-Security-Policy": _docs_policy(bytes(page.body))}

    class DocsFiles(StaticFiles):
        async def get_response(self, path: str, scope: Scope) -> Response:
            response = await super().get_response(path, scope)
            response.headers.update(headers)
            return response

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(page.body, media_type="text/html; charset=utf-8", headers=headers)

    app.mount("/docs", DocsFiles(packages=[("fastapi_offline", "static")]))


def _docs_policy(page: bytes) -> str:
    """Only this host's scripts, and the one that stands in the page itself, by its hash."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
