"""A ranked passage as the hit that is sent: its scores, and where the query's words stand."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from snowballstemmer import stemmer

from contracts.retrieval.search import Explanation, Hit, Twin
from contracts.retrieval.search import LegScore as SentScore
from services.retrieval.models.graph import QUESTION
from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.typed_query import STOP_WORDS, read_query, unspaced, words_of
from services.retrieval.services.searching.exactness import exact_parts
from services.retrieval.services.searching.fusion import LegScore
from services.retrieval.services.searching.joining import Joined
from services.retrieval.services.searching.ranking import GraphScore, Ranked

TWINS_MAX = 20
HIGHLIGHTS_MAX = 50
# Shorter words are so common in all languages that marking them says nothing.
_SHORTEST = 3
# A word and its stem begin alike, so most words of a text need no closer look: stemming takes time.
# The last letter of a stem may change (cry, cries), so short ones have two letters in common.
_LONG = 4
_ENGLISH = stemmer("english")


def hit(query: str, joined: Joined, twins: Mapping[str, Sequence[FoundPassage]]) -> Hit:
    """`twins`: {passage id of a hit: passages that read the same and are left out for it}."""
    found, ranked, typed = joined.found, joined.hit, read_query(query)
    p = found.passage
    alike = twins.get(p.passage_id, ())
    return Hit(
        document_id=found.document_id,
        name=found.name,
        ordinal=found.ordinal,
        passage_id=p.passage_id,
        title=p.title,
        text=p.text,
        page=p.page,
        start=p.start,
        end=p.end,
        score=ranked.score,
        explain=_explanation(ranked, highlights(query, p.text)),
        exact=exact_parts(typed, found),
        also_in=tuple(map(_twin, alike[:TWINS_MAX])),
        joined=joined.others,
    )


def highlights(query: str, text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) in characters of `text`, in order and apart, at most HIGHLIGHTS_MAX."""
    typed = words_of(query)
    telling = [word for word in typed if _tells(word)]
    stems = {_stem(word) for word in telling}
    same = frozenset(telling)
    alike = _words_like(frozenset(chain.from_iterable(map(_beginnings, same))))
    found = [
        match.span()
        for match in alike.finditer(text)
        if (word := match.group().lower()) in same or _stem(word) in stems
    ]
    runs = [word for word in typed if unspaced(word)]
    return tuple(_apart({*found, *_pairs(runs, text)})[:HIGHLIGHTS_MAX])


def _beginnings(word: str) -> tuple[str, str]:
    """Of the word and of its stem: how all its forms begin."""
    stem = _stem(word)
    length = 3 if len(stem) >= _LONG else 2
    return word[:length], stem[:length]


@lru_cache(maxsize=256)
def _words_like(beginnings: frozenset[str]) -> re.Pattern[str]:
    """Whole words that begin so; none when there is nothing to begin with."""
    if not beginnings:
        return re.compile(r"(?!)")
    begun = "|".join(map(re.escape, sorted(beginnings)))
    return re.compile(rf"(?<![^\W_])(?:{begun})[^\W_]*", re.IGNORECASE)


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and (len(word) >= _SHORTEST or not word.isalpha())


@lru_cache(maxsize=16_384)
def _stem(word: str) -> str:
    stem: str = _ENGLISH.stemWord(word)
    return stem


def _pairs(runs: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Stretches of a script without blanks that share two characters in a row with the query."""
    pairs = {run[at : at + 2] for run in runs for at in range(len(run) - 1)}
    if not pairs:
        return []
    held = [at for at in range(len(text) - 1) if text[at : at + 2] in pairs]
    stretches: list[tuple[int, int]] = []
    for at in held:
        if stretches and at <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], at + 2)
        else:
            stretches.append((at, at + 2))
    return stretches


def _apart(marks: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order; of two that overlap, the first and longest stays (`aa口` has two kinds)."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(marks, key=lambda mark: (mark[0], -mark[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _explanation(ranked: Ranked, marks: tuple[tuple[int, int], ...]) -> Explanation:
    legs = ranked.fused.legs
    return Explanation(
        bm25=_sent(legs.get("bm25")),
        dense=_sent(legs.get("dense")),
        graph=_followed(ranked.graph),
        fused=_fused(ranked),
        rerank=_sent(ranked.rerank),
        highlights=marks,
    )


def _sent(score: LegScore | None) -> SentScore | None:
    if score is None:
        return None
    return SentScore(raw=score.raw, normalised=score.normalised, rank=score.rank)


def _fused(ranked: Ranked) -> SentScore | None:
    if ranked.fused_rank is None:
        return None
    return SentScore(raw=ranked.fused.score, rank=ranked.fused_rank)


def _followed(graph: GraphScore | None) -> SentScore | None:
    """`normalised` is what the graph added to the hit's score."""
    if graph is None:
        return None
    link = graph.link
    step = {"entity": link.entity, "to_passage": link.passage_id, "named_by": link.named_by}
    if link.seed == QUESTION:
        step |= {"relation": "asked"}
    else:
        step |= {"relation": "names", "from_passage": link.seed}
    return SentScore(raw=graph.raw, normalised=graph.added, rank=graph.rank, path=(step,))


def _twin(found: FoundPassage) -> Twin:
    passage_id = found.passage.passage_id
    return Twin(document_id=found.document_id, name=found.name, passage_id=passage_id)
