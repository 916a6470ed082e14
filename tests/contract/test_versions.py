"""Every producer version is understood by every consumer: upcast, unknown fields, round trips."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Context, wrap
from contracts.gateway.prompts import PromptMovedV1
from contracts.gateway.turns import TurnCompletedV1, TurnCompletedV2
from contracts.ingestion.documents import (
    IngestDocumentV1,
    IngestDocumentV2,
    InlineText,
    StoredObject,
)
from contracts.platform.usage import ModelUsedV1, ModelUsedV2
from contracts.registry import newest
from shared.messaging.wire import Undecodable, decode, encode, message_of

CONTEXT = Context(tenant="acme", principal="ann")


def test_version_1_of_ingest_document_arrives_as_version_2() -> None:
    sent = wrap(IngestDocumentV1(name="a.txt", text="hello", tags=("x",)), CONTEXT)
    assert sent.version == 1
    arrived = message_of(decode(encode(sent)))
    assert arrived == IngestDocumentV2(name="a.txt", source=InlineText(text="hello"), tags=("x",))


def test_version_1_with_a_key_becomes_a_stored_object() -> None:
    raised = newest(IngestDocumentV1(name="a.pdf", key="inbox/acme/a.pdf"))
    assert isinstance(raised, IngestDocumentV2)
    assert raised.source == StoredObject(key="inbox/acme/a.pdf")


def test_version_2_is_the_newest() -> None:
    message = IngestDocumentV2(name="a", source=InlineText(text="x"))
    assert newest(message) is message


USED = {
    "service": "ingestion",
    "model": "m",
    "calls": 2,
    "input_tokens": 10,
    "output_tokens": 3,
    "cost_usd": "0.25",
    "document_id": "d",
}


def test_version_1_of_model_used_arrives_as_version_2() -> None:
    sent = wrap(ModelUsedV1.model_validate({**USED, "purpose": "embed_passages"}), CONTEXT)
    assert sent.version == 1
    arrived = message_of(decode(encode(sent)))
    assert arrived == ModelUsedV2.model_validate({**USED, "purpose": "embed_passages"})


def test_only_version_2_of_model_used_takes_a_purpose_that_nobody_knew() -> None:
    data = {**USED, "purpose": "from_the_future"}
    assert ModelUsedV2.model_validate(data).purpose == "from_the_future"
    with pytest.raises(ValueError, match="purpose"):
        ModelUsedV1.model_validate(data)


TURN = {
    "turn_id": "t1",
    "conversation_id": "c1",
    "question": "q",
    "query": "q",
    "answer": "a [1].",
    "model": "m",
    "prompt_version": "1",
    "sources": [],
    "input_tokens": 1,
    "output_tokens": 1,
    "cost_usd": "0.1",
    "started_at": "2026-01-01T00:00:00Z",
    "completed_at": "2026-01-01T00:00:01Z",
    "from_the_future": 7,
}


def test_version_1_of_a_turn_arrives_as_version_2_without_prompt_or_consent() -> None:
    sent = wrap(TurnCompletedV1.model_validate(TURN), CONTEXT)
    assert sent.version == 1
    arrived = message_of(decode(encode(sent)))
    assert isinstance(arrived, TurnCompletedV2)
    assert arrived == TurnCompletedV2.model_validate(TURN)
    assert (arrived.prompt, arrived.arm, arrived.consent_to_training) == (None, None, False)
    assert arrived.model_dump()["from_the_future"] == 7


@pytest.mark.parametrize("data", [{}, {"text": "x", "key": "y"}])
def test_version_1_wants_exactly_one_source(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        IngestDocumentV1.model_validate({"name": "a", **data})


def test_unknown_fields_survive_forwarding() -> None:
    sent = wrap(IngestDocumentV2(name="a", source=InlineText(text="x")), CONTEXT)
    body = json.loads(encode(sent))
    body["data"]["from_the_future"] = 7
    body["hop"] = "kept"
    forwarded = json.loads(encode(decode(json.dumps(body))))
    assert forwarded["hop"] == "kept"
    assert message_of(decode(json.dumps(body))).model_dump()["from_the_future"] == 7


@given(st.text(max_size=200))
def test_no_body_breaks_the_decoder(body: str) -> None:
    with pytest.raises(Undecodable):
        message_of(decode(body))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 99}, "unknown type and version"),
        ({"type": "Nonsense"}, "unknown type and version"),
        ({"data": {}}, "invalid IngestDocument v2"),
        ({"tenant": "no/slash"}, "invalid envelope"),
        ({"occurred_at": "yesterday"}, "invalid envelope"),
    ],
)
def test_the_reason_names_the_fault_and_never_the_value(
    change: dict[str, object], reason: str
) -> None:
    secret = "a very private sentence"
    body = json.loads(
        encode(wrap(IngestDocumentV2(name="a", source=InlineText(text=secret)), CONTEXT))
    )
    with pytest.raises(Undecodable, match=reason) as caught:
        message_of(decode(json.dumps(body | change)))
    assert secret not in str(caught.value)


def test_a_label_that_stands_nowhere_arrives() -> None:
    """What is None is left out of an envelope, but this field is required."""
    moved = PromptMovedV1(
        name="answer", label="canary", version=None, revision=2, moved_at=datetime.now(UTC)
    )
    assert message_of(decode(encode(wrap(moved, CONTEXT)))) == moved
