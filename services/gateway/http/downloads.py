"""A document's file as a response: streamed, to be saved, never run."""

import logging
import re
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.gateway.models.document import Download
from shared.errors import Unavailable

logger = logging.getLogger(__name__)
UNKNOWN = "application/octet-stream"
# Whatever a browser makes of it, it may load and run nothing.
_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=(\d{1,15}-\d{0,15}|-\d{1,15})")


def single_range(header: str | None) -> str | None:
    """The Range header when it names one range of bytes; others may be passed over (RFC 9110)."""
    return header if header and _RANGE.fullmatch(header) else None


class FileResponse(StreamingResponse):
    """Closes the download however the response ends."""

    def __init__(self, name: str, media_type: str, download: Download) -> None:
        part = download.content_range
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(download.length),
            "Content-Disposition": disposition(name),
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
            "Accept-Ranges": "bytes",
        }
        if part is not None:
            headers["Content-Range"] = part
        super().__init__(download.chunks, 200 if part is None else 206, headers)
        self._download = download

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Unavailable as error:
            # Its head is sent: the body stays short of Content-Length, which clients notice.
            logger.warning("download_broken", extra={"fields": {"reason": str(error)}})
        finally:
            self._download.close()


def disposition(name: str) -> str:
    """RFC 6266: the file's name in ASCII, and as it is for those who read `filename*`."""
    file = PurePosixPath(name).name or "document"
    plain = re.sub(r'[^ !#$&-.0-9A-Z^-z~]|[\\"]', "_", file)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file, safe='')}"
