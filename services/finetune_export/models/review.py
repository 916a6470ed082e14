"""A turn whose answer its user did not like, with what became of it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn

State = Literal["open", "corrected"]


class Review(BaseModel):
    """`said` is the newest that the user said; `correction` an admin's that is newer than that."""

    model_config = ConfigDict(frozen=True)

    turn: ArchivedTurn
    said: ArchivedFeedback
    correction: ArchivedFeedback | None = None

    @property
    def state(self) -> State:
        return "corrected" if self.correction else "open"


def review_of(turn: ArchivedTurn, feedback: Sequence[ArchivedFeedback]) -> Review | None:
    """None: the user's newest feedback is a thumb up without reasons, or there is none."""
    given = sorted(feedback, key=lambda one: (one.given_at, one.event_id))
    said = next((one for one in reversed(given) if one.corrected_by is None), None)
    if said is None or not (said.rating == "down" or said.reasons):
        return None
    return Review(turn=turn, said=said, correction=None if given[-1] == said else given[-1])
