"""What the topic usage carries: what models consumed."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from contracts.message import Message

# What today's writers write.
Purpose = Literal[
    "answer", "condense", "embed_query", "embed_passages", "extract_entities", "rerank"
]


class ModelUsedV2(Message):
    """Tokens are counted by the model; `cost_usd` is theirs times the price list's rate.

    `purpose` is open: a reader takes one that it does not know. `estimated`: the stream was closed
    early, so the model's own count never came.
    """

    service: str
    purpose: str = Field(min_length=1, max_length=64)
    model: str
    calls: int = Field(ge=1)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    estimated: bool = False
    turn_id: str | None = None
    document_id: str | None = None


class ModelUsedV1(Message):
    """The same with a closed list of purposes, to which none can be added."""

    service: str
    purpose: Literal["answer", "condense", "embed_query", "embed_passages", "rerank"]
    model: str
    calls: int = Field(ge=1)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    estimated: bool = False
    turn_id: str | None = None
    document_id: str | None = None

    def upcast(self) -> ModelUsedV2:
        return ModelUsedV2(**self.model_dump())
