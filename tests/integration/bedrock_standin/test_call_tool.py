"""shared.bedrock's tool call over the wire: to the stand-in, and from there to a language model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

from shared.bedrock import BedrockModel, open_model
from shared.errors import Unavailable
from shared.ports import Tool, ToolCall
from shared.settings import Settings

TOOL = Tool("record", "Records words.", {"type": "object"})


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[BedrockModel]:
    settings = Settings(bedrock_endpoint_url=url, prices={"m": (Decimal(1), Decimal(2))})
    async with open_model(settings) as model:
        yield model


async def call(url: str, text: str) -> ToolCall:
    async with opened(url) as model:
        return await model.call_tool("m", "Be exact.", text, TOOL, 100)


async def test_the_arguments_and_the_cost_come_back(llm_url: str) -> None:
    called = await call(llm_url, "Aurora Line")
    assert called.arguments == {"words": ["Aurora", "Line"]}
    report = called.report
    assert (report.model, report.input_tokens, report.output_tokens) == ("m", 5, 3)
    assert report.cost_usd == Decimal("0.000011")


async def test_a_call_that_the_model_broke_has_no_arguments_and_no_tokens(llm_url: str) -> None:
    called = await call(llm_url, "break")
    assert called.arguments is None
    assert (called.report.input_tokens, called.report.output_tokens) == (0, 0)


async def test_a_busy_model_is_unavailable(llm_url: str) -> None:
    with pytest.raises(Unavailable, match="bedrock"):
        await call(llm_url, "fail")


async def test_a_refusal_passes_with_its_words(extractive_url: str) -> None:
    with pytest.raises(ClientError, match="RAGOPS_LLM_URL"):
        await call(extractive_url, "Aurora Line")
