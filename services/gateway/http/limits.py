"""Refuses a body over its limit while it streams in, before it fills memory or disk."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOADS_PATH = "/v1/documents"
JSON_LIMIT_BYTES = 256 * 1024
# What a multipart body has beside the file: boundaries, headers, tags, metadata.
_MULTIPART_MARGIN_BYTES = 256 * 1024


@dataclass(frozen=True)
class BodyLimit:
    """Starlette's own limiter would answer a declared length in plain text, not as a problem."""

    app: ASGIApp
    upload_limit_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        upload = scope["path"] == UPLOADS_PATH
        shown = self.upload_limit_bytes if upload else JSON_LIMIT_BYTES
        limit = shown + _MULTIPART_MARGIN_BYTES if upload else shown
        count = 0

        async def limited() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit or (declared.isdigit() and int(declared) > limit):
                raise too_large(shown)
            return message

        await self.app(scope, limited, send)


def too_large(limit_bytes: int) -> HTTPException:
    return HTTPException(413, f"The limit is {limit_bytes:,} bytes. Send something smaller.")
