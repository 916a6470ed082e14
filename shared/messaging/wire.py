"""Envelopes on the wire: a JSON body, with type, version and traceparent as attributes too."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.envelope import Envelope
from contracts.message import Message
from contracts.registry import BY_VERSION, newest

# Reads a JSON body without envelope; None when it does not know the form either.
Foreign = Callable[[dict[str, Any], str], Envelope | None]
ATTRIBUTES = ("type", "version", "traceparent", "reason", "source", "failed_at", "event_id")


class Undecodable(Exception):
    """No attempt can help: the reason goes to the dead letters with the message."""


@dataclass(frozen=True, slots=True)
class Received:
    """An SQS message as it came; `sent_at_ms` is the broker's own clock (epoch)."""

    id: str
    receipt: str
    body: str
    receive_count: int
    sent_at_ms: int
    sender: str | None
    attributes: Mapping[str, str]


def received(raw: Mapping[str, Any]) -> Received:
    system = raw.get("Attributes", {})
    return Received(
        id=raw["MessageId"],
        receipt=raw["ReceiptHandle"],
        body=raw["Body"],
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        sent_at_ms=int(system.get("SentTimestamp", 0)),
        sender=system.get("SenderId"),
        attributes={
            name: value.get("StringValue", "")
            for name, value in raw.get("MessageAttributes", {}).items()
        },
    )


def encode(envelope: Envelope) -> str:
    return envelope.model_dump_json(exclude_none=True)


def attributes(values: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    """Message attributes of both SQS and SNS; empty values are not allowed there."""
    return {
        name: {"DataType": "String", "StringValue": value}
        for name, value in values.items()
        if value
    }


def routing(envelope: Envelope) -> dict[str, dict[str, str]]:
    return attributes(
        {
            "type": envelope.type,
            "version": str(envelope.version),
            "traceparent": envelope.traceparent,
        }
    )


def decode(body: str, foreign: Foreign | None = None) -> Envelope:
    """Raises Undecodable. What has no envelope is offered to `foreign`."""
    try:
        parsed = json.loads(body)
    except ValueError:
        raise Undecodable("not JSON") from None
    if not isinstance(parsed, dict):
        raise Undecodable(f"a JSON object is expected, not {type(parsed).__name__}")
    try:
        if foreign is not None and not {"type", "version", "data"} <= parsed.keys():
            envelope = foreign(parsed, body)
            if envelope is None:
                raise Undecodable("neither an envelope nor a known form without one")
            return envelope
        return Envelope.model_validate(parsed)
    except ValidationError as error:
        raise Undecodable(f"invalid envelope: {problems(error)}") from None


def message_of(envelope: Envelope) -> Message:
    """The body as its newest version. Raises Undecodable."""
    kind = BY_VERSION.get((envelope.type, envelope.version))
    if kind is None:
        raise Undecodable(f"unknown type and version: {envelope.type} v{envelope.version}")
    try:
        return newest(kind.model_validate(envelope.data))
    except ValidationError as error:
        name = f"{envelope.type} v{envelope.version}"
        raise Undecodable(f"invalid {name}: {problems(error)}") from None


def problems(error: ValidationError) -> str:
    """Where and what, never the value: bodies are not to be logged."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)[:5]
    )
