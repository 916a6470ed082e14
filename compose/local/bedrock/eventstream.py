"""AWS event-stream framing: what ConverseStream speaks."""

import json
import struct
from typing import Any
from zlib import crc32

STRING = 7
"""The header type of a UTF-8 string."""


def event(name: str, body: dict[str, Any]) -> bytes:
    """One event frame."""
    return _json_frame({":event-type": name, ":message-type": "event"}, body)


def exception(name: str, message: str) -> bytes:
    """An exception frame: the last of a stream that failed midway. `name` in lower camel case."""
    headers = {":exception-type": name, ":message-type": "exception"}
    return _json_frame(headers, {"message": message})


def _json_frame(headers: dict[str, str], body: dict[str, Any]) -> bytes:
    payload = json.dumps(body, ensure_ascii=False).encode()
    return frame({":content-type": "application/json", **headers}, payload)


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Prelude (total length, headers length, CRC), headers, payload, CRC; all big-endian.

    Source: the Amazon Event Stream specification of Smithy.
    """
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", crc32(message))


def _header(name: str, value: str) -> bytes:
    data = value.encode()
    return bytes([len(name)]) + name.encode() + struct.pack(">BH", STRING, len(data)) + data
