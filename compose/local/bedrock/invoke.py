"""InvokeModel with the body of Titan Text Embeddings V2."""

import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from compose.local.bedrock.encoder import DIMENSION, Encoded
from compose.local.bedrock.errors import BedrockError, ValidationError, error_response
from compose.local.bedrock.float_text import vector_json
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages

MOST_CHARACTERS = 50_000
QUESTION_CHARACTERS = 160
"""About 32 tokens: what a person asks, not what a document says."""


class InvokeModel:
    """Embeds one text a call; concurrent calls share model runs."""

    def __init__(self, interactive: Lane, bulk: Lane, passages: Passages) -> None:
        self._interactive = interactive
        self._bulk = bulk
        self._passages = passages

    async def handle(self, request: Request) -> Response:
        """A plain Starlette endpoint: FastAPI's own costs more than the rest of the call."""
        try:
            return await self._embed(read_text(await request.body()))
        except BedrockError as error:
            return error_response(error)

    async def _embed(self, text: str) -> Response:
        begun = time.perf_counter()
        lane = self._interactive if len(text) <= QUESTION_CHARACTERS else self._bulk
        encoded = await lane.encode(text)
        self._passages.add(text, encoded)
        return _response(encoded, int((time.perf_counter() - begun) * 1000))


def read_text(body: bytes) -> str:
    """The inputText. Raises ValidationError, which says what to send instead."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise ValidationError(f"The body is not JSON: {error}") from error
    text = asked.get("inputText") if isinstance(asked, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise ValidationError("inputText must be a text that is not empty.")
    if len(text) > MOST_CHARACTERS:
        raise ValidationError(
            f"inputText has {len(text)} characters; the most is {MOST_CHARACTERS}: send a part."
        )
    _check_options(asked)
    return text


def _check_options(asked: dict[str, Any]) -> None:
    if asked.get("dimensions", DIMENSION) != DIMENSION:
        raise ValidationError(f"dimensions must be {DIMENSION}: the local model has no other.")
    if asked.get("normalize", True) is not True:
        raise ValidationError("normalize must be true: local vectors always have length 1.")


def _response(encoded: Encoded, milliseconds: int) -> Response:
    count = len(encoded.ids)
    vector = vector_json(encoded.vector)
    body = b'{"embedding":%b,"inputTextTokenCount":%d}' % (vector, count)
    headers = {
        "x-amzn-bedrock-input-token-count": str(count),
        "x-amzn-bedrock-invocation-latency": str(milliseconds),
    }
    return Response(body, media_type="application/json", headers=headers)
