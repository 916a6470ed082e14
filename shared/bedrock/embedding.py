"""What embedding models take and give: the bodies of InvokeModel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.bedrock.prices import foundation_model
from shared.ports import EmbedRole

Body = Mapping[str, Any]
TOKENS_HEADER = "x-amzn-bedrock-input-token-count"
# Fewer than in any language that these models read: an estimate must not be too low.
CHARACTERS_A_TOKEN = 2
_INPUT_TYPES: Mapping[EmbedRole, str] = {"query": "search_query", "passage": "search_document"}


class Family(Protocol):
    """`texts_max`: how many texts a call takes.

    `tokens_max` and `characters_max` are what the model reads of a text: the rest is cut off.
    """

    @property
    def texts_max(self) -> int: ...

    @property
    def tokens_max(self) -> int: ...

    @property
    def characters_max(self) -> int | None: ...

    def ask(self, texts: Sequence[str], role: EmbedRole) -> Body:
        """The request's body for at most `texts_max` texts."""
        ...

    def vectors(self, answer: Body) -> list[list[float]]:
        """One vector a text, in their order."""
        ...


@dataclass(frozen=True)
class Titan:
    """Amazon's: a text a call, the same for queries and passages; v2 has several dimensions."""

    dimension: int | None = None
    texts_max: int = 1
    tokens_max: int = 8192
    characters_max: int | None = 50_000

    def ask(self, texts: Sequence[str], role: EmbedRole) -> Body:  # noqa: ARG002 (it has none)
        (text,) = texts
        return {"inputText": text} | ({"dimensions": self.dimension} if self.dimension else {})

    def vectors(self, answer: Body) -> list[list[float]]:
        return [answer["embedding"]]


@dataclass(frozen=True)
class Cohere:
    """Embed v3, and v4 when it has a `dimension`; queries and passages are embedded differently.

    v3 refuses a text above `characters_max` whatever `truncate` says, so its end is cut here.
    """

    dimension: int | None = None
    characters_max: int | None = 2048
    texts_max: int = 96
    tokens_max: int = 512

    def ask(self, texts: Sequence[str], role: EmbedRole) -> Body:
        body: dict[str, Any] = {
            "texts": [text[: self.characters_max] for text in texts],
            "input_type": _INPUT_TYPES[role],
            "embedding_types": ["float"],
            "truncate": "RIGHT" if self.dimension else "END",
        }
        return body | ({"output_dimension": self.dimension} if self.dimension else {})

    def vectors(self, answer: Body) -> list[list[float]]:
        found: list[list[float]] = answer["embeddings"]["float"]
        return found


def family_of(model: str, dimension: int) -> Family:
    """By the model's id, its ARN or its cross-region profile; the local model speaks like v4."""
    name = foundation_model(model)
    if name.startswith("cohere.embed-v4"):
        return Cohere(dimension, None, tokens_max=128_000)
    if name.startswith("local."):
        return Cohere(dimension, None)
    if name.startswith("cohere.embed-"):
        return Cohere()
    return Titan(dimension if "-v2" in name else None)


def tokens_of(answer: Body, headers: Mapping[str, str], texts: Sequence[str]) -> int:
    """Input tokens as Bedrock counted them, in Titan's body or in a header.

    Where it says nothing they are estimated: a call must not be free.
    """
    told = answer.get("inputTextTokenCount", headers.get(TOKENS_HEADER))
    return int(told) if told is not None else -(-sum(map(len, texts)) // CHARACTERS_A_TOKEN)
