"""The HTTP shapes of conversations and of the erasure of a user."""

from pydantic import BaseModel, Field

from contracts.gateway.http import DOCUMENT_ID, END, PAGE, START, Body, example
from contracts.memory.queries import TITLE_MAX

CONVERSATION_ID = "holiday-plans"
ERASURE_ID = "c1f7e2d0-52a5-4b8e-9a39-1f0a6f0d7b11"
_AT = "2026-11-02T08:30:04Z"
_SOURCE = {
    "n": 1,
    "document_id": DOCUMENT_ID,
    "name": "handbook.pdf",
    "passage_id": f"{DOCUMENT_ID}:1:7",
    "page": 3,
    "start": 5120,
    "end": 5166,
    "cited": True,
}
_TURN = {
    "turn_id": "0d6a3f52-93b1-4c7e-8f3a-0a4f2f8f6c55",
    "question": "What may a hotel in Denmark cost?",
    "answer": "A hotel in Denmark may cost 180 euros [1].",
    "outcome": "completed",
    "model": "amazon.nova-lite-v1:0",
    "completed_at": _AT,
    "sources": [_SOURCE],
}


class ConversationLine(BaseModel):
    """A conversation in the list."""

    model_config = example(
        conversation_id=CONVERSATION_ID, title="Hotels in Denmark", turns=4, last_at=_AT
    )

    conversation_id: str = Field(description="its id, as in the event `meta`")
    title: str = Field(description="as given, or the beginning of its first question")
    turns: int = Field(description="questions of the last seven days")
    last_at: str = Field(description="its last answer, RFC 3339 in UTC")


class ConversationList(BaseModel):
    """A page of conversations, newest first."""

    model_config = example(
        conversations=[
            {
                "conversation_id": CONVERSATION_ID,
                "title": "Hotels in Denmark",
                "turns": 4,
                "last_at": _AT,
            }
        ],
        next=None,
    )

    conversations: list[ConversationLine] = Field(description="the page")
    next: str | None = Field(
        default=None, description="pass it as `after` for the next page; null on the last one"
    )


class TurnSourceView(BaseModel):
    """A source of an earlier answer; GET /v1/passages shows its text."""

    model_config = example(**_SOURCE)

    n: int = Field(description="the source's number in the answer, from 1")
    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    passage_id: str = Field(description="its own id")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)
    cited: bool = Field(description="whether the answer names it")


class TurnView(BaseModel):
    """A question with its answer."""

    model_config = example(**_TURN)

    turn_id: str = Field(description="this question and its answer")
    question: str = Field(description="as it was asked")
    answer: str = Field(
        description="as it was delivered; a sentence takes its place when it quoted a document"
        " that was deleted since"
    )
    outcome: str = Field(description="`completed`, `stopped` or `failed`; more may be added")
    model: str = Field(description="the model that answered; `none` when none was needed")
    completed_at: str = Field(description="RFC 3339 in UTC")
    sources: list[TurnSourceView] = Field(description="what the answer could cite")


class ConversationView(BaseModel):
    """A conversation with its turns, oldest first."""

    model_config = example(
        conversation_id=CONVERSATION_ID, title="Hotels in Denmark", turns=[_TURN]
    )

    conversation_id: str = Field(description="its id")
    title: str = Field(description="as given, or the beginning of its first question")
    turns: list[TurnView] = Field(description="those of the last seven days, 500 at most")


class TitleBody(Body):
    """A new title."""

    model_config = example(title="Hotels in Denmark")

    title: str = Field(min_length=1, max_length=TITLE_MAX, description="the new title")


class ConversationRemoved(BaseModel):
    """What was removed of a conversation: entries, by place."""

    model_config = example(
        conversation_id=CONVERSATION_ID,
        receipt={"removed": {"session": 4, "memory": 6}},
    )

    conversation_id: str = Field(description="its id")
    receipt: dict[str, dict[str, int]] = Field(
        description="`removed`: turns of the `session`; turns, facts and titles of the `memory`"
    )


class ErasureAccepted(BaseModel):
    """The erasure has begun and reaches its end by itself."""

    model_config = example(erasure_id=ERASURE_ID)

    erasure_id: str = Field(description="ask GET /v1/erasures/{id} for the receipt")


class ErasureView(BaseModel):
    """The receipt of an erasure. It holds no name, and is kept for 30 days."""

    model_config = example(
        erasure_id=ERASURE_ID,
        complete=True,
        asked_until=_AT,
        removed={
            "gateway": {"sessions": 12, "notes": 0, "usage": 1},
            "memory": {"turns": 40, "facts": 3, "titles": 1},
            "finetune_export": {"turns": 211},
        },
        waiting_for=[],
    )

    erasure_id: str = Field(description="its id")
    complete: bool = Field(
        description="whether every service has removed what it had and looked again for turns that"
        " came late"
    )
    asked_until: str = Field(description="what was asked up to then is erased, RFC 3339 in UTC")
    models: list[str] = Field(
        default_factory=list,
        description="ARNs of models that were trained on what is erased: it cannot be taken out of"
        " them; retire them if they must not answer",
    )
    removed: dict[str, dict[str, int]] = Field(
        description="entries removed by service and place; `notes` and `usage` of the gateway lose"
        " the name only"
    )
    waiting_for: list[str] = Field(description="services that have not confirmed yet")
