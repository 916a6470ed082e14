"""The answerer of a machine without a language model: it quotes the sources and cites them."""

import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np

from compose.local.bedrock.chat import ChatRequest, Finish, ToolAnswer, ToolConfig, ToolUse
from compose.local.bedrock.encoder import Floats, word_pieces
from compose.local.bedrock.errors import ValidationError
from compose.local.bedrock.judging import TOOL, judged, read_case
from compose.local.bedrock.lane import Lane
from compose.local.bedrock.passages import Passages
from compose.local.bedrock.sentences import Sentence, sentences
from compose.local.bedrock.sources import SourcedQuestion, read_sources
from compose.local.bedrock.wanted import Wanted, wanted

NO_SOURCES = (
    "No sources were given, and without a language model this machine can only quote sources. "
    "Set RAGOPS_LLM_URL to an OpenAI-compatible address to get a written answer."
)
NO_ANSWER = "The sources do not answer this question."
NO_TOOLS = (
    "toolConfig needs a language model: set RAGOPS_LLM_URL to an OpenAI-compatible address, "
    "or leave toolConfig out."
)
MOST_QUOTES = 3
MOST_COMPARED = 40
"""Sentences embedded for one answer: some 150 ms of a core."""
AT_ONCE = 8
"""Sentences embedded before the next look whether others can still be as good."""
CLOSEST = 0.6
"""A sentence that shares few words with the question is hardly closer to it by its vector."""
MOST_VECTORS = 20_000
"""Sentences whose vectors are kept: 30 MB. Popular passages are quoted again and again."""
FLOOR = 0.35
"""Below it a sentence has little to do with the question."""
NEAR_BEST = 0.75
"""A further quote needs this share of the best one's score."""
SAME = 0.9
"""Cosine above which two sentences say the same."""
MOST_CHARACTERS = 600
"""Of a quotation; a longer one is cut around what the question asks for."""
PART_NEAR_BEST = 0.5
"""A row or item needs this share of what the best one says of the question by itself."""

_NUMBERS = {"one": 1, "two": 2, "three": 3}
_SENTENCES = re.compile(r"(?i)\bat most (one|two|three|\d{1,2}) sentences?\b")


@dataclass(frozen=True)
class Quote:
    """A sentence with the number of its source and its score, 0…1.

    `named`: it holds a name or key of the question, or a heading above it does.
    """

    sentence: Sentence
    source: int
    score: float
    vector: Floats
    named: bool


class ExtractiveAnswerer:
    """Quotes up to three sentences, each followed by the number of its source.

    The one thing that it reads in the system text is how many sentences it may quote.
    """

    def __init__(self, questions: Lane, sentences: Lane, passages: Passages) -> None:
        self._questions = questions
        self._sentences = sentences
        self._passages = passages
        self._vectors: OrderedDict[str, Floats] = OrderedDict()

    async def answer(self, request: ChatRequest) -> AsyncGenerator[str | Finish, None]:
        """Word by word; cut off at maxTokens."""
        asked = read_sources(request.prompt)
        most = sentences_in(request.system_text)
        text = NO_SOURCES if asked is None else await self.quote(asked, most)
        limit, used, stopped = request.inference_config.max_tokens, 0, False
        for word in re.findall(r"\S+\s*", text):
            size = len(word_pieces(word))
            if stopped := limit is not None and used + size > limit:
                break
            used += size
            yield word
        read = "\n".join([*(m.text for m in request.messages), request.system_text])
        yield Finish("max_tokens" if stopped else "end_turn", len(word_pieces(read)), used)

    async def call_tools(self, request: ChatRequest, config: ToolConfig) -> ToolAnswer:
        """Judges by rule. Raises ValidationError for any other tool: quoting calls nothing."""
        named, case = config.tool_choice.tool, read_case(request.prompt)
        if named is None or named.name != TOOL or case is None:
            raise ValidationError(NO_TOOLS)
        arguments = judged(case)
        read = len(word_pieces(f"{request.system_text}\n{request.prompt}"))
        finish = Finish("tool_use", read, len(word_pieces(json.dumps(arguments))))
        return ToolAnswer("", (ToolUse(f"tooluse_{uuid4().hex}", TOOL, arguments),), finish)

    async def quote(self, asked: SourcedQuestion, most: int = MOST_QUOTES) -> str:
        """The best sentences with their citations, or that there is no answer."""
        seeking = wanted(asked.question, asked.query, self._passages)
        best = choose(await self._scored(asked, seeking))[:most]
        known = (f"{one.name} {one.text}" for one in asked.sources)
        if not best or seeking.asks_for_another(_naming(best[0].sentence), known):
            return NO_ANSWER
        cited = [f"{quote.sentence.quote} [{quote.source}]" for quote in best]
        # Lines, so that an odd backtick in one quotation does not make code of the next citation.
        return ("\n\n" if any("\n" in c or "`" in c for c in cited) else " ").join(cited)

    async def _scored(self, asked: SourcedQuestion, seeking: Wanted) -> list[Quote]:
        found = [(s, source.number) for source in asked.sources for s in sentences(source.text)]
        found = [(_cut(s, seeking), number) for s, number in telling(found, seeking)]
        # What a heading says counts half: each sentence below it has that.
        shared = [(seeking.share(s.text) + seeking.share(s.in_context)) / 2 for s, _ in found]
        chosen = sorted(range(len(found)), key=lambda i: -shared[i])[:MOST_COMPARED]
        question = (await self._questions.encode(asked.query or asked.question)).vector
        scored: list[Quote] = []
        best = 0.0
        for start in range(0, len(chosen), AT_ONCE):
            step = chosen[start : start + AT_ONCE]
            if (CLOSEST + shared[step[0]]) / 2 < NEAR_BEST * best:
                break
            vectors = await self._embedded([found[i][0].in_context for i in step])
            scored += [
                Quote(
                    *found[i],
                    score=(max(float(question @ vector), 0.0) + shared[i]) / 2,
                    vector=vector,
                    named=seeking.holds_name(found[i][0].in_context),
                )
                for i, vector in zip(step, vectors, strict=True)
            ]
            best = max(quote.score for quote in scored)
        return scored

    async def _embedded(self, texts: Sequence[str]) -> list[Floats]:
        kept = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in kept]
        made = await self._sentences.encode_all(missing)
        kept |= {text: one.vector for text, one in zip(missing, made, strict=True)}
        for text, vector in kept.items():
            self._vectors[text] = vector
            self._vectors.move_to_end(text)
        while len(self._vectors) > MOST_VECTORS:
            self._vectors.popitem(last=False)
        return [kept[text] for text in texts]


def _naming(sentence: Sentence) -> str:
    """A sentence begins with a capital, which says nothing; a row with what it is about."""
    return f"of {sentence.own}" if sentence.part == "row" else sentence.quote


def sentences_in(system: str) -> int:
    """How many sentences an answer may have by "at most one sentence", "at most 2 sentences"."""
    asked = _SENTENCES.search(system)
    if asked is None:
        return MOST_QUOTES
    word = asked[1].lower()
    return min(MOST_QUOTES, max(1, int(word) if word.isdigit() else _NUMBERS[word]))


def telling(found: Sequence[tuple[Sentence, int]], seeking: Wanted) -> list[tuple[Sentence, int]]:
    """Without the rows and items that are about something else.

    Of rows, those with the question's key count; if the question names one thing that no row has,
    none counts. Of items, those that say something of the question themselves count.
    """
    keyed = {i for i, (s, _) in enumerate(found) if s.part and seeking.holds_key(s.own)}
    shares = [seeking.share(s.own) if s.part else 0.0 for s, _ in found]
    best = {"row": 0.0, "item": 0.0, "": 0.0}
    for (sentence, _), share in zip(found, shares, strict=True):
        best[sentence.part] = max(best[sentence.part], share)

    def tells(i: int) -> bool:
        part = found[i][0].part
        if not part:
            return True
        if keyed or (part == "row" and seeking.names_one):
            return i in keyed
        return shares[i] >= PART_NEAR_BEST * best[part] and (part == "row" or shares[i] > 0)

    return [sentence for i, sentence in enumerate(found) if tells(i)]


def _cut(sentence: Sentence, seeking: Wanted) -> Sentence:
    if "\n" in sentence.quote:
        return sentence
    return replace(
        sentence,
        quote=seeking.around(sentence.quote, MOST_CHARACTERS),
        spoken=seeking.around(sentence.spoken, MOST_CHARACTERS),
    )


def choose(quotes: Sequence[Quote]) -> list[Quote]:
    """Up to three distinct quotes, best first; none when the best is below the floor.

    Beside one that holds a name of the question, those that hold none are about something else.
    """
    ranked = sorted(quotes, key=lambda q: -q.score)
    if not ranked or ranked[0].score < FLOOR:
        return []
    chosen: list[Quote] = []
    for quote in ranked:
        known = any(_says_the_same(quote, other) for other in chosen)
        about_it = quote.named or not ranked[0].named
        if quote.score >= NEAR_BEST * ranked[0].score and about_it and not known:
            chosen.append(quote)
    return chosen[:MOST_QUOTES]


def _says_the_same(one: Quote, other: Quote) -> bool:
    first, second = one.sentence.quote, other.sentence.quote
    return first in second or second in first or bool(np.dot(one.vector, other.vector) > SAME)
