"""Each named way to cut: nothing lost, exact spans, within the model's limit, stable in edits."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.ingestion.chunking import CHUNKINGS, Chunking
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.chunking.blocks import blocks_of
from services.ingestion.services.chunking.chunking import CHUNK_MAX, TABLE_MAX, TITLE_MAX
from services.ingestion.services.chunking.strategies import (
    OVERLAP,
    STRATEGIES,
    Chunkings,
    InputLimit,
)
from services.ingestion.services.chunking.tokens import model_tokens
from tests.unit.ingestion.test_chunking import TEXTS, pages_of

LIMIT = InputLimit(512, 2048)
EACH = pytest.mark.parametrize("name", CHUNKINGS)
WORDS = ["harbour", "pilot", "tide", "Kapitänspatent", "lock", "vessel", "crew", "the", "of", "is"]


def test_every_name_has_a_strategy() -> None:
    assert STRATEGIES.keys() == set(CHUNKINGS)


@EACH
@given(TEXTS, st.booleans(), st.lists(st.floats(0, 1), max_size=4))
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_every_span_is_exact(
    name: Chunking, text: str, markdown: bool, cuts: list[float]
) -> None:
    pages = pages_of(text, cuts)
    parsed = Parsed(text, markdown, title="Title " * 200, pages=pages)
    chunks = Chunkings(LIMIT, name).chunks(parsed)
    assert chunks == Chunkings(LIMIT, name).chunks(parsed)
    covered = bytearray(len(text))
    for chunk in chunks:
        assert chunk.text.endswith(text[chunk.start : chunk.end])
        assert chunk.text.strip() == chunk.text != ""
        assert len(chunk.text) <= TABLE_MAX
        assert len(chunk.title) <= TITLE_MAX
        assert LIMIT.holds(chunk.embedded_text)
        [page] = [page for page in pages if page.start <= chunk.start < page.end]
        assert (chunk.page, chunk.end <= page.end) == (page.page, True)
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    assert [chunk.start for chunk in chunks] == sorted(chunk.start for chunk in chunks)
    told = {heading for chunk in chunks for heading in chunk.headings}
    for block in blocks_of(text, markdown=markdown):
        if block.kind == "heading" and (block.heading in told or not block.heading):
            continue
        assert all(covered[n] or text[n].isspace() for n in range(block.start, block.end))


def a_text(seed: int, paragraphs: int = 60) -> str:
    chance = random.Random(seed)

    def sentence() -> str:
        words = [chance.choice(WORDS) + str(chance.randrange(50)) for _ in range(12)]
        return " ".join(words).capitalize() + "."

    parts = []
    for n in range(paragraphs):
        if n % 10 == 0:
            parts.append(f"# Part {n}")
        parts.append(" ".join(sentence() for _ in range(chance.randint(1, 7))))
    return "\n\n".join(parts)


@EACH
def test_a_small_edit_leaves_most_texts_as_they_were(name: Chunking) -> None:
    """What is embedded is looked up by its text: only new texts reach the model."""
    chance = random.Random(5)
    new, whole = 0, 0
    for seed in range(10):
        text = a_text(seed)
        at = text.index(". ", chance.randrange(len(text) // 3)) + 2
        edited = f"{text[:at]}A sentence that was not there. {text[at:]}"
        before, after = ([*_embedded(name, one)] for one in (text, edited))
        new += len(set(after) - set(before))
        whole += len(after)
    assert new >= 10
    assert new / whole <= 0.12, (new, whole)


def _embedded(name: Chunking, text: str) -> list[str]:
    parsed = Parsed(text, markdown=True, title="Manual")
    return [one.embedded_text for one in Chunkings(LIMIT, name).chunks(parsed)]


def test_fixed_chunks_overlap_and_are_of_one_size() -> None:
    text = " ".join(f"word{n}" for n in range(3000))
    chunks = STRATEGIES["fixed"](Parsed(text, markdown=False))
    sizes = [chunk.end - chunk.start for chunk in chunks]
    assert max(sizes) <= CHUNK_MAX
    assert min(sizes[:-1]) >= CHUNK_MAX // 3
    for one, following in pairwise(chunks):
        assert 0 < one.end - following.start <= OVERLAP


def test_sentences_are_chunks_and_short_ones_are_not_alone() -> None:
    text = "It is. " + "The pilot comes aboard at the outer buoy, in any weather at all. " * 40
    chunks = STRATEGIES["sentences"](Parsed(text, markdown=False))
    assert len(chunks) == 40
    assert chunks[0].text.startswith("It is. The pilot")
    assert chunks[5].text == "The pilot comes aboard at the outer buoy, in any weather at all."


def test_rows_are_whole_and_below_their_header() -> None:
    rows = [f"| HX-{n} | {'plate ' * (n % 9)}| {n} EUR |" for n in range(90)]
    text = "\n".join(["Prices.", "", "| part | what | price |", "| --- | --- | --- |", *rows])
    chunks = STRATEGIES["rows"](Parsed(text, markdown=True))
    lines = [line for chunk in chunks for line in chunk.text.splitlines()]
    assert [line for line in lines if line.startswith("| HX-")] == rows
    for chunk in chunks[1:]:
        assert chunk.text.startswith("| part | what | price |\n| --- | --- | --- |\n| HX-")
        assert chunk.end - chunk.start <= 400


def test_parents_are_cut_small_within_their_section() -> None:
    text = "# Leave\n\n" + "Everyone has thirty days of leave in a year. " * 20
    chunks = STRATEGIES["parents"](Parsed(text, markdown=True, title="Rules"))
    assert {chunk.title for chunk in chunks} == {"Rules: Leave"}
    assert len(chunks) == 3
    assert max(len(chunk.text) for chunk in chunks) <= 400


@pytest.mark.parametrize("sign", ["汉", "한", "ж", "9", "|", "ß", "word ", "Kapitän "])
def test_no_chunk_is_longer_than_the_model_reads(sign: str) -> None:
    parsed = Parsed(sign * 4000, markdown=False, title="T")
    for name in CHUNKINGS:
        for chunk in Chunkings(LIMIT, name).chunks(parsed):
            assert model_tokens(chunk.embedded_text) <= LIMIT.tokens


def test_a_document_is_cut_as_it_is_asked_else_by_default() -> None:
    parsed = Parsed("One sentence stands here, and it is long enough for a chunk. " * 20, False)
    chunkings = Chunkings(LIMIT, "structure")
    assert len(chunkings.chunks(parsed)) == 1
    assert len(chunkings.chunks(parsed, "sentences")) == 20
    assert len(chunkings.chunks(parsed, "parents")) == 4
