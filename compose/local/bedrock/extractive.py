"""The answerer of a machine without a language model: it quotes the sources and cites them."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import numpy as np

from compose.local.bedrock.chat import ChatRequest, Finish, ToolAnswer, ToolConfig
from compose.local.bedrock.encoder import Floats, word_pieces
from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.sentences import Sentence, sentences
from compose.local.bedrock.sources import SourcedQuestion, read_sources

NO_SOURCES = (
    "No sources were given, and without a language model this machine can only quote sources. "
    "Set RAGOPS_LLM_URL to an OpenAI-compatible address to get a written answer."
)
NO_ANSWER = "The sources do not answer this question."
NO_TOOLS = (
    "toolConfig needs a language model: set RAGOPS_LLM_URL to an OpenAI-compatible address, "
    "or leave toolConfig out."
)
_LITTLE_WORDS = """
a about an and are as at be been but by can could did do does for from had has have how i if in
into is it its me my no not of on or our please should so such tell that the their them then
there these they this to us was we were what when where which who whose why will with would you
your
"""
STOP_WORDS = frozenset(_LITTLE_WORDS.split())
MOST_QUOTES = 3
MOST_COMPARED = 40
"""Sentences embedded for one answer: some 150 ms on two cores."""
FLOOR = 0.35
"""Below it a sentence has little to do with the question."""
NEAR_BEST = 0.75
"""A further quote needs this share of the best one's score."""
SAME = 0.9
"""Cosine above which two sentences say the same."""


@dataclass(frozen=True)
class Quote:
    """A sentence with the number of its source and its score, 0…1."""

    sentence: Sentence
    source: int
    score: float
    vector: Floats


class ExtractiveAnswerer:
    """Quotes up to three sentences, each followed by the number of its source."""

    def __init__(self, lane: Lane, passages: Passages) -> None:
        self._lane = lane
        self._passages = passages

    async def answer(self, request: ChatRequest) -> AsyncGenerator[str | Finish, None]:
        """Word by word; cut off at maxTokens."""
        asked = read_sources(request.prompt)
        text = NO_SOURCES if asked is None else await self.quote(asked)
        limit, used, stopped = request.inference_config.max_tokens, 0, False
        for word in re.findall(r"\S+\s*", text):
            size = len(word_pieces(word))
            if stopped := limit is not None and used + size > limit:
                break
            used += size
            yield word
        read = "\n".join([m.text for m in request.messages] + [b.text for b in request.system])
        yield Finish("max_tokens" if stopped else "end_turn", len(word_pieces(read)), used)

    async def call_tools(self, request: ChatRequest, config: ToolConfig) -> ToolAnswer:
        """Raises ValidationError: quoting calls nothing."""
        del request, config
        raise ValidationError(NO_TOOLS)

    async def quote(self, asked: SourcedQuestion) -> str:
        """The best sentences with their citations, or that there is no answer."""
        best = choose(await self._scored(asked))
        if not best:
            return NO_ANSWER
        return " ".join(f"{quote.sentence.quote} [{quote.source}]" for quote in best)

    async def _scored(self, asked: SourcedQuestion) -> list[Quote]:
        wanted = self._wanted(asked.question)
        found = [(s, source.number) for source in asked.sources for s in sentences(source.text)]
        shared = [overlap(wanted, s.in_context) for s, _ in found]
        chosen = sorted(range(len(found)), key=lambda i: -shared[i])[:MOST_COMPARED]
        texts = [asked.question, *(found[i][0].in_context for i in chosen)]
        question, *vectors = [e.vector for e in await self._lane.encode_all(texts)]
        return [
            Quote(*found[i], (max(float(question @ vector), 0.0) + shared[i]) / 2, vector)
            for i, vector in zip(chosen, vectors, strict=True)
        ]

    def _wanted(self, question: str) -> dict[int, float]:
        """The question's word pieces that mean something, with weights that sum to 1."""
        words = re.findall(r"\w+", question.lower())
        ids = sorted({i for w in words if w not in STOP_WORDS for i in word_pieces(w)})
        weights = self._passages.idf(ids)
        return {i: float(w) for i, w in zip(ids, weights / max(weights.sum(), 1e-9), strict=True)}


def overlap(wanted: dict[int, float], sentence: str) -> float:
    """The share of the wanted word pieces, by weight, that the sentence has."""
    return sum(wanted.get(i, 0.0) for i in set(word_pieces(sentence)))


def choose(quotes: Sequence[Quote]) -> list[Quote]:
    """Up to three distinct quotes, best first; none when the best is below the floor."""
    ranked = sorted(quotes, key=lambda q: -q.score)
    if not ranked or ranked[0].score < FLOOR:
        return []
    chosen: list[Quote] = []
    for quote in ranked:
        known = any(np.dot(quote.vector, c.vector) > SAME for c in chosen)
        if quote.score >= NEAR_BEST * ranked[0].score and not known:
            chosen.append(quote)
    return chosen[:MOST_QUOTES]
