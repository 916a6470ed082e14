"""InvokeModel as boto3 and aiobotocore see it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from tests.integration.bedrock_standin.clients import client, embedded, vector


@pytest.fixture
def runtime(extractive_url: str) -> Iterator[Any]:
    with client("bedrock-runtime", extractive_url) as runtime:
        yield runtime


def test_like_texts_have_like_vectors(runtime: Any) -> None:
    question = vector(runtime, "How long can I return a purchase?")
    near = vector(runtime, "Goods may be sent back within 30 days.")
    far = vector(runtime, "The mitochondrion is part of the cell.")
    assert question.shape == (384,)
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-5)
    assert question @ near > question @ far + 0.2


def test_tokens_are_reported_in_body_and_header(runtime: Any) -> None:
    body = json.dumps({"inputText": "three small words"})
    answer = runtime.invoke_model(modelId="any.model", body=body)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert json.loads(answer["body"].read())["inputTextTokenCount"] == 5
    assert headers["x-amzn-bedrock-input-token-count"] == "5"
    assert answer["contentType"] == "application/json"


def test_several_texts_in_one_call_are_embedded_like_each_alone(runtime: Any) -> None:
    texts = [f"Passage {n} is about {'long ' * n}things." for n in range(20)]
    cohere = {"input_type": "search_document", "embedding_types": ["float"], "truncate": "RIGHT"}
    answer = runtime.invoke_model(modelId="m", body=json.dumps(cohere | {"texts": texts}))
    body = json.loads(answer["body"].read())
    alone = [embedded(runtime, text) for text in texts]
    for together, one in zip(body["embeddings"]["float"], alone, strict=True):
        assert np.array(together) @ np.array(one["embedding"]) > 0.99999
    count = sum(one["inputTextTokenCount"] for one in alone)
    header = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"]
    assert (header, body["response_type"]) == (str(count), "embeddings_by_type")


@pytest.mark.parametrize("body", [{"inputText": ""}, {"inputText": "a", "dimensions": 1024}])
def test_a_bad_body_is_a_validation_exception(runtime: Any, body: dict[str, object]) -> None:
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.invoke_model(modelId="local.minilm-l6-v2", body=json.dumps(body))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_arn_is_a_model_id_too(runtime: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/local.minilm-l6-v2"
    answer = runtime.invoke_model(modelId=arn, body=json.dumps({"inputText": "a"}))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_call_that_is_not_served_is_not_found(runtime: Any) -> None:
    with pytest.raises(runtime.exceptions.ResourceNotFoundException, match="not served"):
        runtime.count_tokens(modelId="a", input={"converse": {}})


async def test_concurrent_calls_each_get_their_own(extractive_url: str, runtime: Any) -> None:
    texts = [f"Passage number {i} speaks of {'long ' * (i * 5)}things." for i in range(24)]
    config = AioConfig(max_pool_connections=24)
    session = get_session()
    async with session.create_client(
        "bedrock-runtime", endpoint_url=extractive_url, config=config
    ) as bedrock:

        async def one(text: str) -> list[float]:
            body = json.dumps({"inputText": text})
            answer = await bedrock.invoke_model(modelId="m", body=body)
            result: list[float] = json.loads(await answer["body"].read())["embedding"]
            return result

        together = await asyncio.gather(*map(one, texts))
    for text, got in zip(texts, together, strict=True):
        assert np.array(got) @ np.array(embedded(runtime, text)["embedding"]) > 0.99999
