"""What a training example holds, and the one way to write it."""

import json
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Example(BaseModel):
    """A screened turn: what the model saw, and the answer it should have given.

    `messages` are (role, text) pairs, user and assistant by turns, the question last. `rejected`
    is an answer to the same question that a person liked less; `passages` are the ids of what
    the model was shown.
    """

    model_config = ConfigDict(frozen=True)

    turn_id: str
    conversation_id: str
    at: datetime
    system: str
    messages: tuple[tuple[str, str], ...]
    question: str
    answer: str
    rejected: str | None = None
    passages: tuple[str, ...] = ()
    prompt_version: str
    model: str


def canonical(value: object) -> str:
    """JSON with one way to write it: sorted keys, no spaces, no escapes beyond need."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
