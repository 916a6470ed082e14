"""Rerank as boto3 sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bedrock_standin.clients import client, embedded, reranked
from tests.integration.bedrock_standin.process import served

TEXTS = [
    "Cats sleep for most of the day.",
    "The refund window is 30 days.",
    "Shipping takes a week.",
]
QUESTION = "how long can I get a refund?"


@pytest.fixture
def agent(extractive_url: str) -> Iterator[Any]:
    with client("bedrock-agent-runtime", extractive_url) as agent:
        yield agent


def test_the_best_passage_comes_first(agent: Any) -> None:
    results = reranked(agent, QUESTION, TEXTS)
    assert results[0]["index"] == 1
    scores = [result["relevanceScore"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert sorted(result["index"] for result in results) == [0, 1, 2]


def test_no_more_results_than_asked_for(agent: Any) -> None:
    assert len(reranked(agent, QUESTION, TEXTS, most=2)) == 2


def test_a_question_without_words_is_a_validation_exception(agent: Any) -> None:
    with pytest.raises(agent.exceptions.ValidationException, match="no words"):
        reranked(agent, " ", TEXTS)


def test_embedded_passages_are_scored_after_a_restart(tmp_path: Path) -> None:
    texts = [f"{text} " + "And so on and on. " * 60 for text in TEXTS]
    with served(tmp_path) as url, client("bedrock-runtime", url) as runtime:
        for text in texts:
            embedded(runtime, text)
    no_time = served(tmp_path, RAGOPS_RERANK_BUDGET_MS="0")
    with no_time as url, client("bedrock-agent-runtime", url) as agent:
        results = reranked(agent, QUESTION, texts)
        assert results[0]["index"] == 1
        assert len(results) == 3
