"""Converse and ConverseStream as boto3 sees them."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.integration.bedrock_standin.clients import asking, client

PROMPT = """<sources marker="K7Q2">
[1] (refunds.md, page 3)
# Refund policy

Customers of the annual plan get their money back within 30 days of purchase.
Contact support for help.
[2] (shipping.md)
How long does shipping take?
Between 3 and 5 working days.
</sources marker="K7Q2">
Question: {}"""

TOOLS = {
    "tools": [{"toolSpec": {"name": "record", "inputSchema": {"json": {"type": "object"}}}}],
    "toolChoice": {"tool": {"name": "record"}},
}


@pytest.fixture
def extractive(extractive_url: str) -> Iterator[Any]:
    with client("bedrock-runtime", extractive_url) as runtime:
        yield runtime


@pytest.fixture
def llm(llm_url: str) -> Iterator[Any]:
    with client("bedrock-runtime", llm_url) as runtime:
        yield runtime


def said(events: list[dict[str, Any]]) -> str:
    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    return "".join(deltas)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "What is the refund window for annual plans?",
            "Customers of the annual plan get their money back within 30 days of purchase. [1]",
        ),
        ("how long does shipping take", "Between 3 and 5 working days. [2]"),
        ("What is the boiling point of mercury?", "The sources do not answer this question."),
    ],
)
def test_the_extract_is_quoted_and_cited(extractive: Any, question: str, answer: str) -> None:
    got = extractive.converse(**asking(PROMPT.format(question)))
    assert got["output"]["message"] == {"role": "assistant", "content": [{"text": answer}]}
    assert got["stopReason"] == "end_turn"
    usage = got["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert usage["outputTokens"] > 5
    assert got["metrics"]["latencyMs"] >= 0


def test_the_stream_has_bedrocks_events(extractive: Any) -> None:
    asked = asking(PROMPT.format("how long does shipping take"), system=[{"text": "Be brief."}])
    events = list(extractive.converse_stream(**asked)["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    assert set(kinds[1:-3]) == {"contentBlockDelta"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert said(events) == "Between 3 and 5 working days. [2]"
    assert events[-1]["metadata"]["usage"]["inputTokens"] > 50


def test_without_sources_it_says_what_to_set(extractive: Any) -> None:
    got = extractive.converse(**asking("Hello"))
    assert "RAGOPS_LLM_URL" in got["output"]["message"]["content"][0]["text"]


def test_tools_are_refused_before_the_stream(extractive: Any) -> None:
    with pytest.raises(extractive.exceptions.ValidationException, match="language model"):
        extractive.converse_stream(**asking("Hello", toolConfig=TOOLS))


def test_without_a_language_model_tools_are_refused_with_what_to_set(extractive: Any) -> None:
    with pytest.raises(extractive.exceptions.ValidationException, match="RAGOPS_LLM_URL"):
        extractive.converse(**asking("Hello", toolConfig=TOOLS))


def test_without_a_language_model_answers_are_judged_by_rule(extractive: Any) -> None:
    case = {"question": "q", "expected": ["155 EUR"], "answer": "155 EUR", "sources": []}
    text = f'<case marker="K7Q2">\n{json.dumps(case)}\n</case marker="K7Q2">'
    judge = {"name": "judge_answer", "inputSchema": {"json": {"type": "object"}}}
    tools = {"tools": [{"toolSpec": judge}], "toolChoice": {"tool": {"name": "judge_answer"}}}
    got = extractive.converse(**asking(text, toolConfig=tools))
    [block] = got["output"]["message"]["content"]
    said = block["toolUse"]["input"]
    assert (said["verdict"], said["supported"]) == ("right", False)
    assert got["stopReason"] == "tool_use"
    assert got["usage"]["outputTokens"] > 0
    with pytest.raises(extractive.exceptions.ValidationException, match="RAGOPS_LLM_URL"):
        extractive.converse(**asking("No case.", toolConfig=tools))


def test_a_language_model_calls_the_tool(llm: Any) -> None:
    got = llm.converse(**asking("Aurora Line", toolConfig=TOOLS))
    use = {"toolUseId": "c1", "name": "record", "input": {"words": ["Aurora", "Line"]}}
    assert got["output"]["message"] == {"role": "assistant", "content": [{"toolUse": use}]}
    assert got["stopReason"] == "tool_use"
    assert got["usage"] == {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}


def test_a_broken_call_has_bedrocks_name(llm: Any) -> None:
    with pytest.raises(llm.exceptions.ModelErrorException, match="invalid sequence"):
        llm.converse(**asking("break", toolConfig=TOOLS))


def test_images_are_refused(extractive: Any) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"1"}}}
    asked = {**asking("a"), "messages": [{"role": "user", "content": [image]}]}
    with pytest.raises(extractive.exceptions.ValidationException, match="image"):
        extractive.converse(**asked)


def test_a_language_model_streams_through(llm: Any) -> None:
    events = list(llm.converse_stream(**asking("count"))["stream"])
    assert said(events) == "one two three"
    usage = {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}
    assert events[-1]["metadata"]["usage"] == usage


def test_a_busy_language_model_throttles(llm: Any) -> None:
    with pytest.raises(ClientError) as caught:
        llm.converse_stream(**asking("fail"))
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"


def test_a_stream_that_breaks_says_so(llm: Any) -> None:
    seen: list[dict[str, Any]] = []
    stream = closing(llm.converse_stream(**asking("break"))["stream"])
    with stream as events, pytest.raises(EventStreamError, match="out of memory"):
        seen.extend(events)
    assert said(seen) == "one "
