"""The items of the table and their keys: turns, titles, facts, quotations, tombstones.

A turn's partition begins with its tenant, which begins with a letter or digit. The other
partitions begin with `#`, so that no name of a user leads into them.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    JSONAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from services.memory.models.turn import ConversationKey, Fact, Outline, Source, Turn, Vector

BY_USER = "by-user"
TITLE = "title"
TOMBSTONE = "tombstone"
# Turns are sorted by their time, which begins with a digit; the others by words.
AFTER_TURNS = "A"
OUTLINE = ("conversation_id", "turn_id", "completed_at", "vector", "vector_model", "dimension")


class ByUser(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """All turns and titles of a user in order of time: for lists, recall and erasure."""

    class Meta:
        index_name = BY_USER
        projection = AllProjection()
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    owner = UnicodeAttribute(hash_key=True)
    completed_at = UTCDateTimeAttribute(range_key=True)


class Item(Model):
    """Only turns and titles have an owner, so only they are in the index."""

    class Meta:
        table_name = "set by the table"
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    conversation = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)
    tenant = UnicodeAttribute()
    owner = UnicodeAttribute(null=True)
    conversation_id = UnicodeAttribute(null=True)
    turn_id = UnicodeAttribute(null=True)
    question = UnicodeAttribute(null=True)
    answer = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute(null=True)
    model = UnicodeAttribute(null=True)
    sources = JSONAttribute(null=True)
    asked_at = UTCDateTimeAttribute(null=True)
    completed_at = UTCDateTimeAttribute(null=True)
    vector = BinaryAttribute(null=True, legacy_encoding=False)
    vector_model = UnicodeAttribute(null=True)
    dimension = NumberAttribute(null=True)
    title = UnicodeAttribute(null=True)
    subject = UnicodeAttribute(null=True)
    value = UnicodeAttribute(null=True)
    # Of a quotation: the turn's own key.
    turn_partition = UnicodeAttribute(null=True)
    turn_moment = UnicodeAttribute(null=True)
    # Of a tombstone: what was asked up to then is gone; up to which version a document is.
    until = UTCDateTimeAttribute(null=True)
    ordinal = NumberAttribute(null=True)
    expires_at = TTLAttribute()
    by_user = ByUser()


def partition(key: ConversationKey) -> str:
    return f"{key.tenant}#{key.user}#{key.conversation_id}"


def owner(tenant: str, user: str) -> str:
    return f"{tenant}#{user}"


def facts_of(tenant: str, user: str) -> str:
    return f"#facts#{tenant}#{user}"


def erased(tenant: str, user: str | None) -> str:
    """Without a user: the tombstone of a tenant, which does not hold its name either."""
    return f"#erased#{hidden(tenant)}" if user is None else f"#erased#{tenant}#{hidden(user)}"


def buried(key: ConversationKey) -> str:
    return f"#buried#{key.tenant}#{hidden(f'{key.user}#{key.conversation_id}')}"


def hidden(name: str) -> str:
    """A tombstone outlives what it is of, so it does not hold the name."""
    return sha256(name.encode()).hexdigest()


def document(tenant: str, document_id: str) -> str:
    return f"#document#{tenant}#{document_id}"


def moment(at: datetime, turn_id: str) -> str:
    return f"{at.astimezone(UTC).isoformat(timespec='microseconds')}#{turn_id}"


def turn_fields(turn: Turn) -> dict[str, Any]:
    vector = turn.vector
    return {
        "conversation": partition(turn.key),
        "moment": moment(turn.completed_at, turn.turn_id),
        "tenant": turn.key.tenant,
        "owner": owner(turn.key.tenant, turn.key.user),
        "conversation_id": turn.key.conversation_id,
        "turn_id": turn.turn_id,
        "question": turn.question,
        "answer": turn.answer,
        "outcome": turn.outcome,
        "model": turn.model,
        "sources": [source.model_dump() for source in turn.sources],
        "asked_at": turn.asked_at,
        "completed_at": turn.completed_at,
        "vector": vector.halves if vector else None,
        "vector_model": vector.model if vector else None,
        "dimension": vector.dimension if vector else None,
        "expires_at": turn.expires_at,
    }


def fact_fields(tenant: str, user: str, n: int, fact: Fact) -> dict[str, Any]:
    return {
        "conversation": facts_of(tenant, user),
        "moment": f"{moment(fact.said_at, fact.turn_id)}#{n}",
        "tenant": tenant,
        "conversation_id": fact.conversation_id,
        "turn_id": fact.turn_id,
        "subject": fact.subject,
        "value": fact.value,
        "completed_at": fact.said_at,
        "expires_at": fact.expires_at,
    }


def quotation_fields(turn: Turn, document_id: str) -> dict[str, Any]:
    place, at = partition(turn.key), moment(turn.completed_at, turn.turn_id)
    return {
        "conversation": document(turn.key.tenant, document_id),
        "moment": f"quotation#{place}#{at}",
        "tenant": turn.key.tenant,
        "turn_partition": place,
        "turn_moment": at,
        "expires_at": turn.expires_at,
    }


def key_of(item: Item) -> ConversationKey:
    """From a turn's or a title's partition: neither a tenant nor a conversation id holds a `#`."""
    tenant, rest = item.conversation.split("#", 1)
    user, conversation_id = rest.rsplit("#", 1)
    return ConversationKey(tenant=tenant, user=user, conversation_id=conversation_id)


def turn_of(item: Item) -> Turn:
    """Items of earlier releases have neither sources nor the time of the question."""
    return Turn(
        key=key_of(item),
        turn_id=item.turn_id,
        question=item.question,
        answer=item.answer,
        outcome=item.outcome or "completed",
        model=item.model or "none",
        sources=tuple(Source.model_validate(one) for one in item.sources or ()),
        asked_at=item.asked_at or item.completed_at,
        completed_at=item.completed_at,
        vector=vector_of(item),
    )


def outline_of(item: Item) -> Outline:
    return Outline(
        key=key_of(item),
        turn_id=item.turn_id,
        completed_at=item.completed_at,
        vector=vector_of(item),
    )


def vector_of(item: Item) -> Vector | None:
    if item.vector is None:
        return None
    return Vector(model=item.vector_model, dimension=int(item.dimension), halves=item.vector)


def fact_of(item: Item) -> Fact:
    return Fact(
        subject=item.subject,
        value=item.value,
        said_at=item.completed_at,
        turn_id=item.turn_id,
        conversation_id=item.conversation_id,
    )
