"""Frames and numbers are what the AWS clients read."""

import json
from typing import Any

import numpy as np
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.eventstream import event, exception
from compose.local.bedrock.float_text import vector_json
from compose.local.bedrock.invoke import read

COHERE = b'"embedding_types": ["float"], "input_type": "search_document"'


def test_botocore_reads_our_frames() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event("messageStart", {"role": "assistant"}))
    buffer.add_data(exception("modelStreamErrorException", "gone – away"))
    messages: list[Any] = list(buffer)
    first, second = messages
    assert first.headers[":event-type"] == "messageStart"
    assert first.headers[":message-type"] == "event"
    assert json.loads(first.payload) == {"role": "assistant"}
    assert second.headers[":exception-type"] == "modelStreamErrorException"
    assert json.loads(second.payload) == {"message": "gone – away"}


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50))
def test_a_vector_survives_its_json(values: list[float]) -> None:
    read = json.loads(vector_json(np.array(values, np.float32)))
    assert np.allclose(read, values, atol=2e-8)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "inputText"),
        (b'{"inputText": "  "}', "inputText"),
        (b'{"inputText": "a", "dimensions": 1024}', "dimensions must be 384"),
        (b'{"inputText": "a", "normalize": false}', "normalize must be true"),
        (b'{"inputText": "%s"}' % (b"a" * 50_001), "50001 characters"),
        (b'{"texts": ["a"]}', "embedding_types must be"),
        (b'{"texts": ["a"], "embedding_types": ["int8"]}', "embedding_types must be"),
        (b'{"texts": ["a"], "embedding_types": ["float"]}', "input_type must be one of search_"),
        (b'{"texts": ["a"], %b, "output_dimension": 1024}' % COHERE, "output_dimension must be"),
        (b'{"texts": [], %b}' % COHERE, "1 to 96 texts"),
        (b'{"texts": [%b"a"], %b}' % (b'"a",' * 96, COHERE), "1 to 96 texts"),
        (b'{"texts": "a", %b}' % COHERE, "1 to 96 texts"),
        (b'{"texts": ["a", " "], %b}' % COHERE, "must be a text that is not empty"),
    ],
)
def test_a_bad_body_is_refused_with_what_to_do(body: bytes, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(body)


def test_the_text_of_a_good_body() -> None:
    assert list(read(b'{"inputText": "a b", "dimensions": 384, "normalize": true}').texts) == [
        "a b"
    ]


def test_a_question_among_several_texts_is_known_by_its_input_type() -> None:
    asked = read(b'{"texts": ["a", "b"], %b}' % COHERE)
    assert (asked.texts, asked.several, asked.question) == (["a", "b"], True, False)
    assert read(b'{"texts": ["a"], %b}' % COHERE.replace(b"document", b"query")).question
