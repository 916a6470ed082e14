"""boto3 clients of the stand-in, and short forms of its calls."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import numpy as np
import numpy.typing as npt
from botocore.config import Config

RERANKER = "arn:aws:bedrock:us-east-1::foundation-model/local.maxsim-v1"


@contextmanager
def client(service: str, url: str) -> Iterator[Any]:
    """A client without retries, closed at the end."""
    session: Any = boto3.Session()
    config = Config(retries={"total_max_attempts": 1})
    with closing(session.client(service, endpoint_url=url, config=config)) as made:
        yield made


def embedded(runtime: Any, text: str) -> dict[str, Any]:
    """InvokeModel's body."""
    body = json.dumps({"inputText": text, "dimensions": 384, "normalize": True})
    answer = runtime.invoke_model(modelId="local.minilm-l6-v2", body=body)
    result: dict[str, Any] = json.loads(answer["body"].read())
    return result


def vector(runtime: Any, text: str) -> npt.NDArray[np.float64]:
    """The embedding (384,)."""
    return np.array(embedded(runtime, text)["embedding"])


def reranked(agent: Any, question: str, texts: list[str], most: int = 100) -> list[dict[str, Any]]:
    """Rerank's results."""
    sources = [
        {
            "type": "INLINE",
            "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
        }
        for text in texts
    ]
    configuration = {
        "type": "BEDROCK_RERANKING_MODEL",
        "bedrockRerankingConfiguration": {
            "numberOfResults": most,
            "modelConfiguration": {"modelArn": RERANKER},
        },
    }
    answer = agent.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": question}}],
        sources=sources,
        rerankingConfiguration=configuration,
    )
    results: list[dict[str, Any]] = answer["results"]
    return results


def asking(text: str, **more: Any) -> dict[str, Any]:
    """Converse's arguments for one question."""
    messages = [{"role": "user", "content": [{"text": text}]}]
    return {"modelId": "local.extractive-v1", "messages": messages, **more}
