"""A turn as the lake holds it: facts and hashes, no words; and the keys of the lake's parts."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn

LAKE_PREFIX = "lake/turns/"
CHANGED_PREFIX = "changed/"
# A part of another format has another hash, so compacting again replaces it.
FORMAT = 1


class LakeTurn(BaseModel):
    """`rating`, `reasons` and `corrected` are of the newest feedback; hashes are SHA-256, in hex.

    `documents` are those that the answer cites, `cut` those whose quotations were removed.
    """

    model_config = ConfigDict(frozen=True)

    user: str
    turn_id: str
    conversation_id: str
    asked_at: datetime
    completed_at: datetime
    outcome: str
    model: str
    prompt_version: str
    arm: str | None
    cached: str | None
    stop_reason: str | None
    degraded: list[str]
    consent_to_training: bool
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    sources: int
    documents: list[str]
    cut: list[str]
    question_length: int
    answer_length: int
    question_hash: str
    answer_hash: str
    rating: str | None
    reasons: list[str]
    corrected: bool

    @classmethod
    def of(cls, turn: ArchivedTurn, feedback: ArchivedFeedback | None) -> "LakeTurn":
        body = turn.body
        plain = ("outcome", "model", "prompt_version", "degraded", "input_tokens", "output_tokens")
        return cls(
            user=turn.user,
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            asked_at=turn.asked_at.astimezone(UTC),
            completed_at=turn.completed_at.astimezone(UTC),
            **{name: body[name] for name in plain},
            **{name: body.get(name) for name in ("arm", "cached", "stop_reason")},
            consent_to_training=body.get("consent_to_training", False),
            cost_usd=Decimal(body["cost_usd"]),
            sources=len(body["sources"]),
            documents=sorted({one["document_id"] for one in body["sources"] if one["cited"]}),
            cut=list(turn.cut),
            **_measures("question", body),
            **_measures("answer", body),
            rating=feedback.rating if feedback else None,
            reasons=list(feedback.reasons) if feedback else [],
            corrected=bool(feedback and feedback.corrected_answer),
        )


def _measures(name: str, body: dict[str, Any]) -> dict[str, Any]:
    text: str = body[name]
    return {f"{name}_length": len(text), f"{name}_hash": sha256(text.encode()).hexdigest()}


def day_prefix(tenant: str, day: date) -> str:
    """As Athena's partition projection wants it."""
    return f"{LAKE_PREFIX}tenant={tenant}/day={day.isoformat()}/"


def marks_prefix(tenant: str, day: date) -> str:
    """Of the marks that say that a closed day has changed."""
    return f"{CHANGED_PREFIX}{tenant}/{day.isoformat()}/"


def part_key(tenant: str, day: date, turns: Iterable[LakeTurn]) -> str:
    """The same turns, in their order, have the same key."""
    digest = sha256(f"{FORMAT}\n".encode())
    for turn in turns:
        digest.update(turn.model_dump_json().encode() + b"\n")
    return f"{day_prefix(tenant, day)}part-{digest.hexdigest()[:32]}.parquet"


def place_of(key: str) -> tuple[str, date]:
    """The tenant and the day, from a part's key."""
    tenant, day = key.removeprefix(LAKE_PREFIX).split("/")[:2]
    return tenant.removeprefix("tenant="), date.fromisoformat(day.removeprefix("day="))
