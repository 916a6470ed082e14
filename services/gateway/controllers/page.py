"""The page at `/`: a few static files, read once at start."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response

from services.gateway.models.refusals import NotFound
from services.gateway.services.ports import UploadStore

_FOLDER = Path(__file__).parent.parent / "page"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere, nothing inline: a document's text can never become a script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self' {uploads}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Kept, but asked for each time: a new version shows at once.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class PageFile:
    body: bytes
    media_type: str
    etag: str


def _read(path: Path) -> PageFile:
    body = path.read_bytes()
    return PageFile(body, _KINDS[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def page_routes(uploads: UploadStore, folder: Path = _FOLDER) -> APIRouter:
    """Large files go to the origin of `uploads`."""
    files = {path.name: _read(path) for path in folder.iterdir() if path.suffix in _KINDS}
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        return _answer(files["index.html"], if_none_match, uploads)

    @router.get("/page/{name}")
    async def asset(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        if name not in files:
            raise NotFound("The page has no such file.")
        return _answer(files[name], if_none_match, uploads)

    return router


def _answer(file: PageFile, known: str | None, uploads: UploadStore) -> Response:
    policy = _POLICY.format(uploads=uploads.origin)
    headers = _HEADERS | {"Content-Security-Policy": policy, "ETag": file.etag}
    if known == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=file.media_type, headers=headers)
