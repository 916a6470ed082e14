"""JSON log lines with tenant, correlation id and trace id; never text of documents or prompts."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared.errors import described
from shared.observability.traces import current_trace_id

_FRAMES_MAX, _CHAIN_MAX = 30, 5
_bound: ContextVar[dict[str, str]] = ContextVar("bound", default={})  # noqa: B039 (never mutated)


@contextmanager
def bound(**fields: str | None) -> Iterator[None]:
    """Every line inside carries these fields."""
    present = {key: value for key, value in fields.items() if value is not None}
    token = _bound.set(_bound.get() | present)
    try:
        yield
    finally:
        _bound.reset(token)


class JsonFormatter(logging.Formatter):
    """One object a line; `extra={"fields": {...}}` adds to it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
            **_bound.get(),
            **getattr(record, "fields", {}),
        }
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        if record.exc_info and record.exc_info[1]:
            line["exception"] = _told(record.exc_info[1])
        text = json.dumps(line, default=_plain, ensure_ascii=False)
        # Half of a surrogate pair cannot be written: the line must not be lost for it.
        return text.encode(errors="backslashreplace").decode()


def _plain(value: object) -> str:
    return described(value) if isinstance(value, BaseException) else str(value)


def _told(error: BaseException) -> list[dict[str, Any]]:
    """The error and what caused it, each with its stack; never the words of a foreign error."""
    chain: list[dict[str, Any]] = []
    following: BaseException | None = error
    while following is not None and len(chain) < _CHAIN_MAX:
        frames = traceback.extract_tb(following.__traceback__)[-_FRAMES_MAX:]
        stack = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"error": described(following), "stack": stack})
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return chain


def configure_logs(service: str, level: str) -> None:
    """Once a process: everything to stdout, where the ECS log driver picks it up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log bodies and addresses at INFO.
    for noisy in ("botocore", "aiobotocore", "httpx", "urllib3", "opensearch", "neo4j"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
