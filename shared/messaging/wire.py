"""Envelopes on the wire: a JSON body, with type, version and traceparent as attributes too."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError

from contracts.envelope import Envelope
from contracts.message import Message
from contracts.registry import BY_VERSION, newest

# Reads a JSON body without envelope; None when it does not know the form either.
Foreign = Callable[[dict[str, Any], str], Envelope | None]
# Who sent a message first, when one of us had to send it again.
FIRST_SENDER = "first_sender"
# What a message keeps of its attributes when it is sent again. SQS takes ten of them in all.
KEPT = ("type", "version", "traceparent", FIRST_SENDER)
# What a dead letter says of itself.
FACTS = ("reason", "source", "failed_at", "event_id")
ATTRIBUTES = (*KEPT, *FACTS)
# SQS refuses a body or an attribute with any other character (SendMessage, API reference).
_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_MAX = 500
# A sender's word, in a reason that tells it.
_TYPE_SHOWN = 64


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

    @property
    def kept(self) -> dict[str, str]:
        """Its attributes when it is sent again; we would be its sender then, so the first stays."""
        kept = {name: value for name, value in self.attributes.items() if name in KEPT}
        return {FIRST_SENDER: self.sender or "", **kept}


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


def sendable(text: str) -> str:
    """The text with U+FFFD for each character that SQS refuses."""
    return _REFUSED.sub("\ufffd", text)


def attributes(values: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    """Message attributes of both SQS and SNS; empty values are not allowed there."""
    return {
        name: {"DataType": "String", "StringValue": sendable(value[:_ATTRIBUTE_MAX])}
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
    """Raises Undecodable, whatever the body is. What has no envelope is offered to `foreign`."""
    try:
        return _envelope(parsed(body), body, foreign)
    except Undecodable:
        raise
    except ValidationError as error:
        raise Undecodable(f"invalid envelope: {problems(error)}") from None
    except Exception as error:  # noqa: BLE001 (whatever a reader trips over, trying again is no use)
        raise Undecodable(f"the message cannot be read: {type(error).__name__}") from None


def _envelope(fields: dict[str, Any], body: str, foreign: Foreign | None) -> Envelope:
    if foreign is None or {"type", "version", "data"} <= fields.keys():
        return Envelope.model_validate(fields)
    envelope = foreign(fields, body)
    if envelope is None:
        raise Undecodable("neither an envelope nor a known form without one")
    return envelope


def parsed(text: str) -> dict[str, Any]:
    """A JSON object that every store can hold and every reply can carry. Raises Undecodable.

    Python reads more than JSON has: NaN, numbers beyond a double, halves of surrogate pairs. Any of
    them would fail only later, where a whole list or table suffers from it.
    """
    try:
        found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        if "\\u" in text or not text.isascii():
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise Undecodable("the JSON is nested too deeply") from None
    except UnicodeEncodeError:
        raise Undecodable("half of a surrogate pair is no character") from None
    except ValueError:
        raise Undecodable("not JSON") from None
    if not isinstance(found, dict):
        raise Undecodable(f"a JSON object is expected, not {type(found).__name__}")
    return found


def _no_number(name: str) -> NoReturn:
    raise Undecodable(f"{name} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Undecodable("a number is too large")
    return number


def message_of(envelope: Envelope) -> Message:
    """The body as its newest version. Raises Undecodable."""
    name = f"{envelope.type} v{envelope.version}"[:_TYPE_SHOWN]
    kind = BY_VERSION.get((envelope.type, envelope.version))
    if kind is None:
        raise Undecodable(f"unknown type and version: {name}")
    try:
        return newest(kind.model_validate(envelope.data))
    except ValidationError as error:
        raise Undecodable(f"invalid {name}: {problems(error)}") from None
    except RecursionError:
        raise Undecodable(f"invalid {name}: nested too deeply") from None


def problems(error: ValidationError) -> str:
    """Where and what, never the value: bodies are not to be logged.

    Below a field only places in lists are told, since a key of metadata is a tenant's text too.
    """
    return "; ".join(
        f"{_place(item['loc'])}: {_words(item['type'], item['msg'])}"
        for item in error.errors(include_input=False, include_url=False)[:5]
    )


def _place(location: tuple[int | str, ...]) -> str:
    parts = [part for at, part in enumerate(location) if at == 0 or isinstance(part, int)]
    return ".".join(map(str, parts)) or "body"


def _words(kind: str, words: str) -> str:
    """Pydantic's words, but for the one kind of error in which they quote the input."""
    return "unknown kind" if kind == "union_tag_invalid" else words
