"""Reranking by late interaction: each question token meets its nearest passage token."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compose.local.bedrock.encoder import Encoded, Floats
from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.token_matrix import TokenMatrix

STEP_CHARACTERS = 1000
"""Text encoded between two looks at the clock: some 30 ms on two cores."""


@dataclass(frozen=True)
class Question:
    """Token vectors (t, 384) of length 1 and their idf weights (t,), summing to 1."""

    tokens: Floats
    weights: Floats


def max_similarity(question: Question, passage: TokenMatrix) -> float:
    """Mean, by idf, of each question token's best cosine in the passage (ColBERT's MaxSim)."""
    if not len(passage.scales):
        return 0.0
    cosines = (passage.rows.astype(np.float32) @ question.tokens.T) * passage.scales[:, None]
    return float(cosines.max(axis=0) @ question.weights)


class Reranker:
    """Scores from kept token vectors; missing ones are made while the time budget lasts."""

    def __init__(self, lane: Lane, passages: Passages, budget_ms: int) -> None:
        self._lane = lane
        self._passages = passages
        self._budget = budget_ms / 1000

    async def scores(self, question: str, texts: Sequence[str]) -> dict[int, float]:
        """Score by position. A passage without kept vectors that the budget did not reach has none.

        Passages are tried in the order given, so the caller's best come first; one is always
        tried. What was made is kept, so the same question finds more the next time.
        """
        asked = self._question(await self._lane.encode(question))
        kept = await asyncio.to_thread(self._passages.read, set(texts))
        missing = list(dict.fromkeys(t for t in texts if t not in kept))
        kept |= await self._made(missing)
        by_text = await asyncio.to_thread(_score_all, asked, kept)
        return {i: by_text[text] for i, text in enumerate(texts) if text in by_text}

    def _question(self, encoded: Encoded) -> Question:
        ids, tokens = encoded.ids[1:-1], encoded.tokens[1:-1]
        if not ids:
            raise ValidationError("The query has no words: send a query with text.")
        weights = self._passages.idf(ids)
        unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
        return Question(unit, weights / weights.sum())

    async def _made(self, missing: list[str]) -> dict[str, TokenMatrix]:
        made: dict[str, TokenMatrix] = {}
        end = time.monotonic() + self._budget
        for step in _steps(missing):
            if made and time.monotonic() >= end:
                break
            for text, encoded in zip(step, await self._lane.encode_all(step), strict=True):
                self._passages.add(text, encoded)
                made[text] = TokenMatrix.of(encoded.tokens[1:-1])
        return made


def _score_all(question: Question, passages: dict[str, TokenMatrix]) -> dict[str, float]:
    return {text: max_similarity(question, matrix) for text, matrix in passages.items()}


def _steps(texts: list[str]) -> list[list[str]]:
    steps: list[list[str]] = []
    size = STEP_CHARACTERS
    for text in texts:
        if size + len(text) > STEP_CHARACTERS:
            steps.append([])
            size = 0
        steps[-1].append(text)
        size += len(text)
    return steps
