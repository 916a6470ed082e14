"""A neighbourhood as it is answered: its evidence, and the names as the passages write them."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, pairwise
from operator import itemgetter

from contracts.ingestion.entity_name import Word, fold_word, words_of
from contracts.retrieval.graph import Edge, Evidence, GraphAnsweredV1, Mark, Named, Neighbour
from services.retrieval.models.graph import Place, Ties
from services.retrieval.models.passage import FoundPassage

# As far as the graph counts for the others.
COUNTED_MAX = 100
# Between two words of a name stands a blank, a hyphen, or `'s ` at most.
_GAP_MAX = 3


def chosen(asked: str, kept: Sequence[Ties], ids: Sequence[str], most: int) -> list[str]:
    """Of `ids`, in their order: one for each neighbour, one for each edge, then the others."""
    first = [[_first(passages, ids) for *_, passages in ties.edges(asked)] for ties in kept]
    wanted = chain((edges[0] for edges in first), chain.from_iterable(first), ids)
    taken = set(list(dict.fromkeys(wanted))[:most])
    return [passage_id for passage_id in ids if passage_id in taken]


def _first(passages: Collection[str], ids: Iterable[str]) -> str:
    return next(passage_id for passage_id in ids if passage_id in passages)


def answered(
    name: str,
    places: Sequence[Place],
    kept: Sequence[Ties],
    texts: Mapping[str, FoundPassage],
    left_out: int,
) -> GraphAnsweredV1:
    """`texts` may lack passages that were removed meanwhile: they are left out of the evidence."""
    names = [name, *(ties.name for ties in kept)]
    evidence = [
        _evidence(place, texts[place.passage_id], names)
        for place in places
        if place.passage_id in texts
    ]
    held = {one.passage_id for one in evidence}
    kept = [ties for ties in kept if not held.isdisjoint(ties.passages)]
    written = _written(names, evidence, texts)
    named_by = min(sum(place.mentions for place in places), COUNTED_MAX)
    return GraphAnsweredV1(
        entity=Named(name=name, written=written[name], named_by=named_by),
        entities=tuple(_neighbour(ties, written[ties.name]) for ties in kept),
        edges=tuple(edge for ties in kept for edge in _edges(name, ties, evidence)),
        passages=tuple(evidence),
        left_out=left_out,
    )


def _neighbour(ties: Ties, written: str) -> Neighbour:
    return Neighbour(
        name=ties.name,
        written=written,
        named_by=ties.named_by,
        relation=ties.relation,
        strength=round(ties.strength, 4),
    )


def _edges(name: str, ties: Ties, evidence: Sequence[Evidence]) -> Iterator[Edge]:
    for source, target, kind, passages in ties.edges(name):
        held = tuple(one.passage_id for one in evidence if one.passage_id in passages)
        yield Edge(source=source, target=target, kind=kind, passages=held, evidence=len(passages))


def _evidence(place: Place, found: FoundPassage, names: Sequence[str]) -> Evidence:
    passage = found.passage
    return Evidence(
        passage_id=passage.passage_id,
        document_id=found.document_id,
        name=found.name,
        title=passage.title,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        about=place.about,
        mentions=place.mentions,
        marks=marks(passage.text, names),
    )


def _written(
    names: Sequence[str], evidence: Sequence[Evidence], texts: Mapping[str, FoundPassage]
) -> dict[str, str]:
    """Each name as a text writes it; if none does, as a title, a heading, or the graph does."""
    written: dict[str, str] = {}
    for one in evidence:
        for mark in one.marks:
            written.setdefault(mark.name, one.text[mark.start : mark.end])
    missing = [name for name in names if name not in written]
    for one in evidence:
        for line in (one.title, *texts[one.passage_id].passage.headings):
            for mark in marks(line, missing):
                written.setdefault(mark.name, line[mark.start : mark.end])
    return {name: written.get(name, name) for name in names}


def marks(text: str, names: Iterable[str]) -> tuple[Mark, ...]:
    """Where the names stand, in order; of names within one another each is marked.

    `names` are folded (contracts/ingestion/entity_name.py).
    """
    wanted = _by_first_word(names)
    words = list(_words(text))
    return tuple(
        _mark(text, " ".join(name), word.start, words[at + len(name) - 1].end)
        for at, word in enumerate(words)
        for name in wanted.get(word.folded, ())
        if _stands(name, words[at : at + len(name)])
    )


def _mark(text: str, name: str, start: int, end: int) -> Mark:
    """With the bracket that closes a qualifier: `Mercury (planet)`."""
    opened = text.count("(", start, end) > text.count(")", start, end)
    return Mark(name=name, start=start, end=end + (opened and text[end : end + 1] == ")"))


def _by_first_word(names: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    split = sorted(tuple(name.split()) for name in names)
    return {first: list(group) for first, group in groupby(split, key=itemgetter(0))}


def _words(text: str) -> Iterator[Word]:
    """Folded as ingestion folds them, with their places in the text as it is."""
    for word in words_of(text):
        possessive = word.raw == "s" and text[word.start - 1 : word.start] in ("'", "’")
        if not (possessive and word.start):
            yield word._replace(folded=fold_word(unicodedata.normalize("NFKC", word.raw)))


def _stands(name: tuple[str, ...], words: list[Word]) -> bool:
    if tuple(word.folded for word in words) != name:
        return False
    gaps = (after.start - before.end for before, after in pairwise(words))
    return all(gap <= _GAP_MAX for gap in gaps)
