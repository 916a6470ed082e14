"""Documents to search in: the development sets as ingestion cuts them, then kin without end."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np

from contracts.ingestion.manifest import passage_id
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.chunking.chunking import chunks_of
from services.ingestion.services.entities.extracting import extract
from services.retrieval.models.document import Version
from services.retrieval.models.passage import IndexedPassage, Passage
from services.retrieval.services.ports import SearchStore
from tests.quality.embedder import Embedder, Vectors
from tests.quality.evaluation_set import ROOT, load
from tests.quality.test_retrieval_figures import matched

SETS = ("scifact", "hotpotqa")
TENANT = "bench"
MADE = datetime(2025, 1, 1, tzinfo=UTC)
# Where the quality tests keep what they embedded: the sets' texts are the same.
EMBEDDED = ROOT / ".pytest_cache" / "d" / "embeddings"
# A word of fewer documents is a name or a term: each world of kin has its own in its place.
RARE_BELOW = 12
# Of its original's sentences; the others come from a second document of the set.
SENTENCES_KEPT = 0.6
# Added to a vector of length 1: kin and original have a cosine of .8.
NOISE = 0.75
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Document:
    """One version, shown to the whole tenant, and its passages."""

    version: Version
    passages: list[IndexedPassage]

    async def put(self, store: SearchStore) -> None:
        await store.index(self.version, self.passages)
        await store.promote(TENANT, self.version.document_id, self.version.ordinal)


@dataclass(frozen=True)
class _Original:
    """`sentences` of a document of a set, and the vector (384,) of its `title. text`."""

    title: str
    sentences: list[str]
    vector: Vectors


class Library:
    """The same documents in the same order every time."""

    def __init__(self) -> None:
        EMBEDDED.mkdir(parents=True, exist_ok=True)
        self._embedder = Embedder(EMBEDDED)
        self._sets = {name: list(load(name).documents.values()) for name in SETS}

    def queries(self, *names: str) -> dict[str, Vectors]:
        """The sets' queries with their vectors (384,)."""
        texts = [list(load(name).queries.values()) for name in names or SETS]
        pairs = [zip(some, self._embedder.encode(some), strict=True) for some in texts]
        return {text: vector for some in pairs for text, vector in some}

    def documents(self) -> Iterator[Document]:
        for name in SETS:
            yield from self.originals(name)
        yield from self.kin()

    def originals(self, name: str) -> Iterator[Document]:
        chunked = [(title, _chunks(title, text)) for title, text in self._sets[name]]
        whole = self._whole(name)
        parts = [
            text for _, chunks in chunked for c in chunks if (text := c.matched_text) not in whole
        ]
        vectors = whole | dict(zip(parts, self._embedder.encode(parts), strict=True))
        for n, (title, chunks) in enumerate(chunked):
            yield _document(f"{name}-{n}", title, chunks, [vectors[c.matched_text] for c in chunks])

    def _whole(self, name: str) -> dict[str, Vectors]:
        texts = [matched(title, text) for title, text in self._sets[name]]
        return dict(zip(texts, self._embedder.encode(texts), strict=True))

    def kin(self) -> Iterator[Document]:
        """World after world, each with a document for every one of the sets.

        Names are changed alike in a whole world, so that they lead to as many passages as before:
        one name for all worlds would soon have too many owners to lead anywhere.
        """
        chance, noise = random.Random(11), np.random.default_rng(11)
        originals = {name: self._split(name) for name in SETS}
        rare = _rare(
            " ".join(word for some in self._sets.values() for both in some for word in both)
        )
        for world in count(1):
            renamed = _renamed(rare, random.Random(world))
            for name, several in originals.items():
                for n, original in enumerate(several):
                    title, text = _mixed(original, chance.choice(several), renamed, chance)
                    chunks = _chunks(title, text)
                    vectors = [_beside(original.vector, noise) for _ in chunks]
                    yield _document(f"{name}-{n}-{world}", title, chunks, vectors)

    def _split(self, name: str) -> list[_Original]:
        whole = self._whole(name)
        return [
            _Original(title, _SENTENCE.split(text), whole[matched(title, text)])
            for title, text in self._sets[name]
        ]


async def fill(store: SearchStore, documents: Iterator[Document], passages: int) -> int:
    """Puts whole documents until there are so many passages more; returns how many there are."""
    put = 0
    while put < passages:
        document = next(documents)
        await document.put(store)
        put += len(document.passages)
    return put


def _chunks(title: str, text: str) -> list[Passage]:
    return [
        Passage("", n, chunk.title, chunk.text, chunk.start, chunk.end)
        for n, chunk in enumerate(chunks_of(Parsed(text, markdown=False, title=title)))
    ]


def _document(
    document_id: str, title: str, chunks: Sequence[Passage], vectors: Sequence[Vectors]
) -> Document:
    passages = []
    for n, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True)):
        found = extract(title if n == 0 else "", (), chunk.text)
        passage = replace(chunk, passage_id=passage_id(document_id, 1, n))
        raw = vector.astype("<f2").tobytes()
        passages.append(IndexedPassage(passage, raw, found.mentions, found.about))
    return Document(version(document_id), passages)


def version(document_id: str) -> Version:
    return Version(TENANT, document_id, 1, f"{document_id}.txt", "text/plain", MADE)


def _rare(text: str) -> list[str]:
    """Words of four letters and more that stand in the sets only a few times."""
    seen = Counter(_WORD.findall(text))
    return sorted(word for word, times in seen.items() if times < RARE_BELOW)


def _renamed(rare: Sequence[str], chance: random.Random) -> dict[str, str]:
    """Each rare word with its second half from another: as many different ones as before."""
    others = chance.sample(rare, len(rare))
    return {
        word: word[: len(word) // 2] + other[len(other) // 2 :].lower()
        for word, other in zip(rare, others, strict=True)
    }


def _mixed(
    original: _Original, other: _Original, renamed: Mapping[str, str], chance: random.Random
) -> tuple[str, str]:
    sentences = [
        sentence if chance.random() < SENTENCES_KEPT else chance.choice(other.sentences)
        for sentence in original.sentences
    ]

    def world(text: str) -> str:
        return _WORD.sub(lambda word: renamed.get(word[0], word[0]), text)

    return world(original.title), world(" ".join(sentences))


def _beside(vector: Vectors, noise: np.random.Generator) -> Vectors:
    step = noise.standard_normal(len(vector), np.float32)
    moved = vector + NOISE * step / np.linalg.norm(step)
    near: Vectors = moved / np.linalg.norm(moved)
    return near
