"""Each family of embedding models is asked in its own way, and every token is counted."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self

import pytest

from shared.bedrock import BedrockModel, PriceList
from shared.bedrock.embedding import TOKENS_HEADER, Cohere, Titan, family_of, tokens_of
from shared.ports import EmbedRole
from shared.scripts import reads

V3, V4, TITAN = "cohere.embed-multilingual-v3", "cohere.embed-v4:0", "amazon.titan-embed-text-v2:0"
ARN = "arn:aws:bedrock:us-east-1::foundation-model"


class Stream:
    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def read(self) -> bytes:
        return json.dumps(self._body).encode()


class Runtime:
    """Answers as Bedrock does: a vector is the text's length, and so is its number of tokens."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

    async def invoke_model(self, *, body: str, **_: str) -> Mapping[str, Any]:
        asked = json.loads(body)
        self.bodies.append(asked)
        lengths = [len(text) for text in asked.get("texts", [asked.get("inputText", "")])]
        answer: Mapping[str, Any] = {"embedding": [lengths[0]]}
        if "texts" in asked:
            answer = {"embeddings": {"float": [[length] for length in lengths]}}
        headers = {TOKENS_HEADER: str(sum(lengths))}
        return {"body": Stream(answer), "ResponseMetadata": {"HTTPHeaders": headers}}


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("amazon.titan-embed-text-v1", Titan()),
        (TITAN, Titan(256)),
        (f"{ARN}/{TITAN}", Titan(256)),
        (V3, Cohere()),
        (f"us.{V4}", Cohere(256, None, tokens_max=128_000)),
        ("local.minilm-l6-v2", Cohere(256, None)),
    ],
)
def test_a_family_is_known_by_the_models_id(model: str, family: object) -> None:
    assert family_of(model, 256) == family


@pytest.mark.parametrize(("role", "name"), [("query", "query"), ("passage", "document")])
def test_cohere_embeds_queries_and_passages_differently(role: EmbedRole, name: str) -> None:
    assert family_of(V4, 512).ask(["a"], role) == {
        "texts": ["a"],
        "input_type": f"search_{name}",
        "embedding_types": ["float"],
        "truncate": "RIGHT",
        "output_dimension": 512,
    }


def test_titan_is_asked_for_the_dimension_that_the_index_has() -> None:
    assert family_of(TITAN, 512).ask(["a"], "query") == {"inputText": "a", "dimensions": 512}
    assert Titan().ask(["a"], "query") == {"inputText": "a"}


def test_version_3_gets_no_longer_text_than_it_takes() -> None:
    body = family_of(V3, 1024).ask(["a" * 3000], "passage")
    assert (len(body["texts"][0]), body["truncate"]) == (2048, "END")
    assert "output_dimension" not in body
    assert len(family_of(V4, 1024).ask(["a" * 3000], "passage")["texts"][0]) == 3000


def test_a_call_whose_tokens_nobody_counted_is_not_free() -> None:
    assert tokens_of({"inputTextTokenCount": 4}, {TOKENS_HEADER: "5"}, ["abc"]) == 4
    assert tokens_of({}, {TOKENS_HEADER: "5"}, ["abc"]) == 5
    assert tokens_of({}, {}, ["abc", "de"]) == 3


@pytest.mark.parametrize(("model", "sizes"), [(TITAN, [1] * 100), (V3, [96, 4])])
async def test_as_many_calls_as_the_model_needs_and_all_their_tokens(
    model: str, sizes: list[int]
) -> None:
    runtime = Runtime()
    bedrock = BedrockModel(runtime, None, PriceList({model: (Decimal(2), Decimal(0))}), "r", 1024)
    texts = ["a" * (n + 1) for n in range(100)]
    embedded = await bedrock.embed(model, texts, "passage")
    assert [len(body.get("texts", "a")) for body in runtime.bodies] == sizes
    assert embedded.vectors == [[n + 1] for n in range(100)]
    report = embedded.report
    assert (report.input_tokens, report.calls) == (5050, len(sizes))
    assert report.cost_usd == Decimal("0.0101")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("What may a hotel cost?", True),
        ("Wie viel Überstunden?", True),
        ("كم مدة الإجازة السنوية", False),
        ("ค่าที่พักต่อคืน", False),
        ("年假有多少天", False),
        ("KB5034441 كم", True),
        ("4711", True),
        ("", True),
    ],
)
def test_a_model_of_latin_words_reads_no_other_script(text: str, read: bool) -> None:
    assert reads("local.minilm-l6-v2", text) is read
    assert reads("amazon.titan-embed-text-v2:0", text)
