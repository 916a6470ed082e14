"""What the topic turns carries: questions answered, and what people think of the answers."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

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


class Quoted(Shape):
    """A version of a document whose words stand in a text; ordinal 0 when it is not known which."""

    document_id: str
    ordinal: int = Field(ge=0)


class PromptPart(Shape):
    """A piece of a prompt, exactly as it was sent. `quotes` names the documents it may quote."""

    role: Literal["user", "assistant"]
    text: str
    quotes: tuple[Quoted, ...] = ()


class PromptSent(Shape):
    """What the answering model saw. Parts of one role that follow each other are one message.

    The earlier turns come first. The last message holds what was remembered, the sources, one a
    part, and the question. `temperature` and `top_p` None: the model's own default.
    """

    system: str
    parts: tuple[PromptPart, ...]
    max_tokens: int = Field(ge=1)
    temperature: float | None = None
    top_p: float | None = None


class TurnCompletedV2(Message):
    """`query` is what retrieval was asked: the question, condensed with its conversation.

    `outcome` says how the stream ended: `completed`; `stopped`, when the client went; `failed`,
    when the model broke off. `answer` is what was delivered by then. Readers take any other word.
    `cached` is the turn whose answer was given again, without a model call. `stop_reason` is
    Converse's word for why a completed answer is not whole, such as `max_tokens`.
    `prompt` is None when no model was asked, and in turns of version 1. `arm` names the side of an
    experiment that the turn was on. `consent_to_training` is the tenant's consent when the turn
    was recorded; False also when nobody could say.
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
    cached: str | None = None
    stop_reason: str | None = None
    prompt: PromptSent | None = None
    arm: str | None = None
    consent_to_training: bool = False


class TurnCompletedV1(Message):
    """The same without what the model saw, and without consent."""

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
    cached: str | None = None
    stop_reason: str | None = None

    def upcast(self) -> TurnCompletedV2:
        return TurnCompletedV2(**self.model_dump())


class FeedbackGivenV1(Message):
    """What a user thinks of an answer of his own. The newest one of a turn stands.

    `corrected_answer` is what the answer should have been, in the user's words. `asked_at` is when
    the question was asked: an erasure goes by it.
    """

    turn_id: str
    conversation_id: str
    rating: Literal["up", "down"]
    reasons: tuple[str, ...] = ()
    comment: str | None = None
    corrected_answer: str | None = None
    asked_at: datetime
    given_at: datetime
