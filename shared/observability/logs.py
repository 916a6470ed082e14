"""JSON log lines with tenant, correlation id and trace id; never text of documents or prompts."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared.observability.traces import current_trace_id

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
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logs(service: str, level: str) -> None:
    """Once a process: everything to stdout, where the ECS log driver picks it up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log bodies and addresses at INFO.
    for noisy in ("botocore", "aiobotocore", "httpx", "urllib3", "opensearch", "neo4j"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
