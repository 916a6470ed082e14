"""What a user thinks of an answer, archived beside the turn: one object a time it was given."""

from datetime import UTC, datetime
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from services.finetune_export.models.archived_turn import TURNS_PREFIX, ArchivedTurn, place_of

FEEDBACK_PREFIX = "feedback/"
_CORRECTED = "-by-"


class ArchivedFeedback(BaseModel):
    """The newest one of a turn stands; `rating` is `up` or `down`.

    With `corrected_by` it is an admin's correction of the answer. `user` is still who asked: the
    correction lies beside what the user said, and goes with it.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    user: str
    conversation_id: str
    turn_id: str
    event_id: str
    asked_at: datetime
    given_at: datetime
    rating: str
    reasons: tuple[str, ...] = ()
    comment: str | None = None
    corrected_answer: str | None = None
    corrected_by: str | None = None

    @property
    def key(self) -> str:
        """Tenant and user come first, as in the turn's key; then the times sort."""
        place = place_of(self.user, self.conversation_id, self.turn_id)
        at = self.given_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        by = corrected_mark(self.corrected_by) if self.corrected_by else ".json"
        return f"{FEEDBACK_PREFIX}{self.tenant}/{place}/{at}-{self.event_id}{by}"

    @property
    def turn_key(self) -> str:
        place = place_of(self.user, self.conversation_id, self.turn_id)
        return f"{TURNS_PREFIX}{self.tenant}/{place}.json"

    @staticmethod
    def rated_key(key: str) -> str:
        """The key of the turn, from a key of feedback on it."""
        place = key.removeprefix(FEEDBACK_PREFIX).rpartition("/")[0]
        return f"{TURNS_PREFIX}{place}.json"

    @staticmethod
    def is_correction(key: str) -> bool:
        return _CORRECTED in key.rpartition("/")[2]

    @staticmethod
    def moment_of(key: str) -> str:
        """Sorts by the time at which it was given; no two are the same."""
        return key.rpartition("/")[2].removesuffix(".json")

    @property
    def outline(self) -> "ArchivedFeedback":
        """Whose it is and when it was said; nothing that was said but the rating."""
        return self.model_copy(update={"reasons": (), "comment": None, "corrected_answer": None})

    def without_quotations(self) -> "ArchivedFeedback":
        """Without words that may come from the answer: it quoted a deleted document."""
        return self.model_copy(update={"comment": None, "corrected_answer": None})


def corrected_mark(user: str) -> str:
    """How the keys of an admin's corrections end: an erasure of the admin finds them by it."""
    return f"{_CORRECTED}{sha256(user.encode()).hexdigest()}.json"


def feedback_prefix(turn: ArchivedTurn) -> str:
    """The prefix of what was said about a turn, oldest first."""
    place = place_of(turn.user, turn.conversation_id, turn.turn_id)
    return f"{FEEDBACK_PREFIX}{turn.tenant}/{place}/"
