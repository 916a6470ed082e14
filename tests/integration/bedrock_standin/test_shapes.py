"""The stand-in's answers have the shapes that botocore knows of Bedrock's."""

import json
from typing import Any

import httpx
from botocore.eventstream import EventStreamBuffer
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.integration.bedrock_standin.clients import RERANKER
from tests.integration.bedrock_standin.test_converse import PROMPT

ASKED = {
    "messages": [
        {"role": "user", "content": [{"text": PROMPT.format("how long does shipping take")}]}
    ],
    "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
    "requestMetadata": {"tenant": "acme"},
}


def faults(service: str, operation: str, answer: Any, member: str | None = None) -> str:
    """What botocore finds wrong with an answer: missing, unknown and mistyped fields."""
    shape: Any = get_session().get_service_model(service).operation_model(operation).output_shape
    if member is not None:
        shape = shape.members["stream"].members[member]
    found: Any = ParamValidator().validate(answer, shape)
    report: str = found.generate_report()
    return report


def posted(url: str, body: Any) -> httpx.Response:
    response = httpx.post(url, json=body, trust_env=False, timeout=30)
    assert response.status_code == 200, response.text
    return response


def test_the_check_finds_what_is_wrong() -> None:
    answer = {"stopReason": "end_turn", "output": {}, "metrics": {"latencyMs": 1}, "more": 1}
    found = faults("bedrock-runtime", "Converse", answer)
    assert "usage" in found
    assert "more" in found
    assert faults("bedrock-runtime", "ConverseStream", {"stopReason": 1}, "messageStop")


def test_converse(extractive_url: str) -> None:
    answer = posted(f"{extractive_url}/model/local.extractive-v1/converse", ASKED).json()
    assert faults("bedrock-runtime", "Converse", answer) == ""


def test_converse_stream(extractive_url: str) -> None:
    answer = posted(f"{extractive_url}/model/local.extractive-v1/converse-stream", ASKED)
    buffer: Any = EventStreamBuffer()
    buffer.add_data(answer.content)
    seen = set()
    for event in buffer:
        kind = event.headers[":event-type"]
        seen.add(kind)
        assert faults("bedrock-runtime", "ConverseStream", json.loads(event.payload), kind) == ""
    assert seen == {
        *("messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
    }


def test_rerank(extractive_url: str) -> None:
    text = {"type": "TEXT", "textDocument": {"text": "Ships sail."}}
    body = {
        "queries": [{"type": "TEXT", "textQuery": {"text": "ships"}}],
        "sources": [{"type": "INLINE", "inlineDocumentSource": text}],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": RERANKER}},
        },
    }
    answer = posted(f"{extractive_url}/rerank", body).json()
    assert faults("bedrock-agent-runtime", "Rerank", answer) == ""
