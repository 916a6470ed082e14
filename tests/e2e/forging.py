"""Every message of the contracts as a forger writes it: about somebody else's things."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Context, Envelope, wrap
from contracts.message import Message
from contracts.registry import MESSAGES

BATCH = 10
# So much is in no honest event: it would show in any sum.
TOKENS = 7_777_777


def forged(tenant: str, things: Mapping[str, Any]) -> Iterator[Envelope]:
    """One of each message, in the name of `tenant`; a field named in `things` has that value."""
    for kind in MESSAGES:
        yield wrap(_made(kind, things), Context(tenant=tenant, principal="ann"))


def _made(kind: type[Message], things: Mapping[str, Any]) -> Message:
    schema = kind.model_json_schema()
    data = _value(schema, schema, things)
    if kind.__name__ == "IngestDocumentV1":
        del data["text"]  # either text or key
    return kind.model_validate(data)


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], things: Mapping[str, Any]) -> Any:
    """A value that this part of a JSON schema allows."""
    if "$ref" in schema:
        return _value(root["$defs"][schema["$ref"].rpartition("/")[2]], root, things)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], root, things)
    if "oneOf" in schema:
        return _value(schema["oneOf"][-1], root, things)
    if schema.get("type") == "object":
        made = {
            name: _value(field, root, things)
            for name, field in schema.get("properties", {}).items()
        }
        # An object of the same name is something else, such as a graph answer's `entity`.
        named = {name for name, value in made.items() if not isinstance(value, dict)}
        return made | {name: things[name] for name in named & things.keys()}
    if schema.get("type") == "array":
        # A tuple has a schema for each place, a list one for all.
        items = schema.get("prefixItems") or ([schema["items"]] if "items" in schema else [])
        return [_value(item, root, things) for item in items]
    return _scalar(schema)


def _scalar(schema: Mapping[str, Any]) -> Any:
    if schema["type"] == "string":
        now = datetime.now(UTC)
        moments = {"date-time": now.isoformat(), "date": now.date().isoformat()}
        word = "forged".ljust(schema.get("minLength", 0), "d")
        return moments.get(schema.get("format", ""), word)
    if schema["type"] == "boolean":
        return True
    return min(1, schema.get("maximum", 1))


def send_all(sqs: Any, url: str, envelopes: Sequence[Envelope]) -> None:
    """To one queue, past every topic and its filter."""
    for start in range(0, len(envelopes), BATCH):
        bodies = [one.model_dump_json(exclude_none=True) for one in envelopes[start:][:BATCH]]
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def publish_all(sns: Any, topic_arn: str, envelopes: Sequence[Envelope]) -> None:
    """Each with the attributes by which subscriptions choose."""
    for one in envelopes:
        told = {"type": one.type, "version": str(one.version)}
        attributes = {
            name: {"DataType": "String", "StringValue": value} for name, value in told.items()
        }
        body = one.model_dump_json(exclude_none=True)
        sns.publish(TopicArn=topic_arn, Message=body, MessageAttributes=attributes)
