"""MaxSim from kept vectors; missing ones within the time budget."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.rerank import Question, Reranker, max_similarity
from compose.local.bedrock.ring import Ring
from compose.local.bedrock.token_matrix import TokenMatrix
from tests.unit.bedrock_standin.fakes import WordRunner, word_vector


@pytest.fixture
def passages(tmp_path: Path) -> Iterator[Passages]:
    passages = Passages(Ring(tmp_path, 1024**2))
    yield passages
    passages.close()


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane(WordRunner(), most_waiting=100)
    yield lane
    lane.close()


async def kept(passages: Passages, texts: list[str]) -> None:
    end = time.monotonic() + 5
    while missing := set(texts) - passages.read(texts).keys():
        assert time.monotonic() < end, missing
        await asyncio.sleep(0.01)


async def add(passages: Passages, lane: Lane, texts: list[str]) -> None:
    for text, encoded in zip(texts, await lane.encode_all(texts), strict=True):
        passages.add(text, encoded)
    await kept(passages, texts)


def test_a_matrix_keeps_directions_through_its_bytes() -> None:
    tokens = np.stack([word_vector(i) * (i + 1) for i in range(9)])
    matrix = TokenMatrix.from_bytes(TokenMatrix.of(tokens).to_bytes())
    restored = matrix.rows * matrix.scales[:, None]
    unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    assert np.allclose(np.linalg.norm(restored, axis=1), 1, atol=1e-5)
    assert (restored * unit).sum(axis=1).min() > 0.999


def test_each_question_token_meets_its_nearest() -> None:
    unit = np.eye(3, 384, dtype=np.float32)
    question = Question(unit[:2], np.array([0.75, 0.25], np.float32))
    both, first, none = (TokenMatrix.of(unit[rows]) for rows in ([1, 0], [2, 0], [2]))
    scores = [max_similarity(question, passage) for passage in (both, first, none)]
    assert np.allclose(scores, [1, 0.75, 0])
    assert max_similarity(question, TokenMatrix.of(unit[:0])) == 0


async def test_kept_passages_need_no_time(passages: Passages, lane: Lane) -> None:
    texts = ["green apples grow", "red cars drive", "green cars grow"]
    await add(passages, lane, texts)
    scores = await Reranker(lane, passages, budget_ms=0).scores("green apples", texts)
    assert scores.keys() == {0, 1, 2}
    assert scores[0] > scores[2] > scores[1]
    assert scores[0] == pytest.approx(1, abs=0.01)


async def test_rare_words_weigh_more(passages: Passages, lane: Lane) -> None:
    texts = [f"common filler{i}" for i in range(20)] + ["rare filler99"]
    await add(passages, lane, texts)
    scores = await Reranker(lane, passages, 0).scores("common rare", texts)
    assert scores[20] > max(scores[i] for i in range(20))


async def test_without_time_only_the_first_step_is_scored(passages: Passages, lane: Lane) -> None:
    texts = [f"passage {i} " + "word " * 300 for i in range(3)]
    scores = await Reranker(lane, passages, 0).scores("word", texts)
    assert scores.keys() == {0}
    await kept(passages, texts[:1])
    again = await Reranker(lane, passages, 0).scores("word", texts)
    assert again.keys() == {0, 1}


async def test_with_time_all_are_scored_and_twins_alike(passages: Passages, lane: Lane) -> None:
    texts = ["one text", "another text", "one text"]
    scores = await Reranker(lane, passages, 5000).scores("one", texts)
    assert scores.keys() == {0, 1, 2}
    assert scores[0] == scores[2]


async def test_a_question_without_words_is_refused(passages: Passages, lane: Lane) -> None:
    with pytest.raises(ValidationError, match="no words"):
        await Reranker(lane, passages, 0).scores("  ", ["text"])


async def test_frequencies_outlive_the_process(tmp_path: Path, lane: Lane) -> None:
    first = Passages(Ring(tmp_path / "again", 1024**2))
    texts = ["common one", "common two", "common two"]
    await add(first, lane, texts)
    ids = (await lane.encode("common two unseen")).ids[1:-1]
    before = first.idf(ids)
    first.close()
    second = Passages(Ring(tmp_path / "again", 1024**2))
    assert np.array_equal(second.idf(ids), before)
    assert before[0] < before[1] < before[2]
    assert len(second.read(texts)) == 2
    second.close()
