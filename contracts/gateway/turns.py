"""What the topic turns carries: questions answered."""

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from contracts.message import Message, Shape


class TurnSource(Shape):
    """A passage that stood in the prompt under number `n`."""

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    text: str
    page: int | None = None
    start: int
    end: int
    cited: bool


class TurnCompletedV1(Message):
    """`query` is what retrieval was asked: the question, condensed with its conversation.

    `outcome` says how the stream ended: `completed`; `stopped`, when the client went; `failed`,
    when the model broke off. `answer` is what was delivered by then. Readers take any other word.
    """

    turn_id: str
    conversation_id: str
    question: str
    query: str
    answer: str
    model: str
    prompt_version: str
    sources: tuple[TurnSource, ...]
    degraded: tuple[str, ...] = ()
    outcome: str = "completed"
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    started_at: datetime
    completed_at: datetime
