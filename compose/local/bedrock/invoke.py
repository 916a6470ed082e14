"""InvokeModel with the bodies of Titan Text Embeddings V2 and of Cohere Embed v4."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from compose.local.bedrock.encoder import DIMENSION, Encoded
from compose.local.bedrock.errors import BedrockError, ValidationError, error_response
from compose.local.bedrock.float_text import vector_json
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages

MOST_CHARACTERS = 50_000
MOST_TEXTS = 96
QUESTION_CHARACTERS = 160
"""About 32 tokens: what a person asks, not what a document says."""
# Every vector is the same for all of them here.
INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")


@dataclass(frozen=True)
class Asked:
    """`several`: the answer holds a list of vectors. `question`: somebody waits for it."""

    texts: Sequence[str]
    several: bool
    question: bool


class InvokeModel:
    """Embeds the texts of a call; concurrent calls share model runs."""

    def __init__(self, interactive: Lane, bulk: Lane, passages: Passages) -> None:
        self._interactive = interactive
        self._bulk = bulk
        self._passages = passages

    async def handle(self, request: Request) -> Response:
        """A plain Starlette endpoint: FastAPI's own costs more than the rest of the call."""
        try:
            return await self._embed(read(await request.body()))
        except BedrockError as error:
            return error_response(error)

    async def _embed(self, asked: Asked) -> Response:
        begun = time.perf_counter()
        if asked.question:
            encoded = await asyncio.gather(*map(self._interactive.encode, asked.texts))
        else:
            encoded = await self._bulk.encode_all(asked.texts)
        for text, each in zip(asked.texts, encoded, strict=True):
            self._passages.add(text, each)
        return _response(asked, encoded, int((time.perf_counter() - begun) * 1000))


def read(body: bytes) -> Asked:
    """What is asked. Raises ValidationError, which says what to send instead."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise ValidationError(f"The body is not JSON: {error}") from error
    if isinstance(asked, dict) and "texts" in asked:
        return _several(asked)
    return _one(asked if isinstance(asked, dict) else {})


def _one(asked: Mapping[str, Any]) -> Asked:
    _check_dimension(asked, "dimensions")
    if asked.get("normalize", True) is not True:
        raise ValidationError("normalize must be true: local vectors always have length 1.")
    text = _checked(asked.get("inputText"), "inputText")
    return Asked([text], several=False, question=len(text) <= QUESTION_CHARACTERS)


def _several(asked: Mapping[str, Any]) -> Asked:
    _check_dimension(asked, "output_dimension")
    if asked.get("embedding_types") != ["float"]:
        raise ValidationError('embedding_types must be ["float"]: the local model has no other.')
    if asked.get("input_type") not in INPUT_TYPES:
        raise ValidationError(f"input_type must be one of {', '.join(INPUT_TYPES)}.")
    texts = asked["texts"]
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_TEXTS:
        raise ValidationError(f"texts must be a list of 1 to {MOST_TEXTS} texts.")
    checked = [_checked(text, f"texts[{n}]") for n, text in enumerate(texts)]
    return Asked(checked, several=True, question=asked["input_type"] == "search_query")


def _checked(text: object, name: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValidationError(f"{name} must be a text that is not empty.")
    if len(text) > MOST_CHARACTERS:
        raise ValidationError(
            f"{name} has {len(text)} characters; the most is {MOST_CHARACTERS}: send a part."
        )
    return text


def _check_dimension(asked: Mapping[str, Any], name: str) -> None:
    if asked.get(name, DIMENSION) != DIMENSION:
        raise ValidationError(f"{name} must be {DIMENSION}: the local model has no other.")


def _response(asked: Asked, encoded: Sequence[Encoded], milliseconds: int) -> Response:
    count = sum(len(each.ids) for each in encoded)
    vectors = [vector_json(each.vector) for each in encoded]
    if asked.several:
        form = b'{"id":"%b","response_type":"embeddings_by_type","embeddings":{"float":[%b]}}'
        body = form % (str(uuid4()).encode(), b",".join(vectors))
    else:
        body = b'{"embedding":%b,"inputTextTokenCount":%d}' % (vectors[0], count)
    headers = {
        "x-amzn-bedrock-input-token-count": str(count),
        "x-amzn-bedrock-invocation-latency": str(milliseconds),
    }
    return Response(body, media_type="application/json", headers=headers)
