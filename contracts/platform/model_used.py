"""ModelUsed: what the calls of one model for one purpose consumed, from the model's own report."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from contracts.message import Message

Purpose = Literal["answer", "condense", "embed_query", "embed_passages", "rerank"]


class ModelUsedV1(Message):
    """Tokens are counted by the model; `cost_usd` is theirs times the price list's rate.

    `estimated`: the stream was closed early, so the model's own count never came.
    """

    service: str
    purpose: Purpose
    model: str
    calls: int = Field(ge=1)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cost_usd: Decimal = Field(ge=0)
    estimated: bool = False
    turn_id: str | None = None
    document_id: str | None = None
