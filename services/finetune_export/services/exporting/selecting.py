"""Which turns may teach: with consent, nothing erased, an answer worth learning."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.export import Filter
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.services.exporting.support import is_supported

_WHOLE = (None, "end_turn", "stop_sequence")


@dataclass(frozen=True)
class Judged:
    """`reason` None: the turn may be learned from, with `answer`; `rejected` was liked less.

    `corrected_by` is the admin who wrote the answer, if one did.
    """

    reason: str | None
    answer: str = ""
    rejected: str | None = None
    corrected_by: str | None = None


def consent_reason(turn: ArchivedTurn, filter: Filter) -> str | None:
    if filter.models and turn.body["model"] not in filter.models:
        return "other_model"
    if turn.asked_at >= filter.until or (filter.since and turn.asked_at < filter.since):
        return "other_time"
    return None if turn.body.get("consent_to_training") else "no_consent_then"


def erasure_reason(turn: ArchivedTurn, tombstones: Sequence[str]) -> str | None:
    if any(Tombstone.covers(key, turn.user, turn.asked_at) for key in tombstones):
        return "erased"
    return "deleted_document" if turn.cut else None


def stands(feedback: ArchivedFeedback, tombstones: Sequence[str]) -> bool:
    """A correction by an admin who was erased since does not."""
    by, at = feedback.corrected_by, feedback.given_at
    return by is None or not any(Tombstone.covers(key, by, at) for key in tombstones)


def judged(turn: ArchivedTurn, feedback: Sequence[ArchivedFeedback]) -> Judged:
    """The newest feedback stands; a corrected answer takes the place of the given one."""
    body = turn.body
    newest = max(feedback, key=lambda one: (one.given_at, one.event_id), default=None)
    corrected = newest.corrected_answer if newest else None
    if body.get("cached"):
        return Judged("cached")
    if body["outcome"] != "completed" or body.get("stop_reason") not in _WHOLE:
        return Judged("unfinished")
    if body["degraded"]:
        return Judged("degraded")
    if not body.get("prompt"):
        return Judged("no_prompt")
    if corrected and corrected.strip():
        by = newest.corrected_by if newest else None
        return Judged(None, corrected.strip(), body["answer"], by)
    if newest and newest.rating == "down":
        return Judged("disliked", body["answer"])
    if not any(source["cited"] for source in body["sources"]):
        return Judged("uncited")
    if not is_supported(body["answer"], body["sources"]):
        return Judged("unsupported")
    return Judged(None, body["answer"])
