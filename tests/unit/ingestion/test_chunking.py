"""Chunks: nothing lost, spans exact, structure kept."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingestion.models.parsed import PageSpan, Parsed
from services.ingestion.services.chunking.blocks import blocks_of
from services.ingestion.services.chunking.chunking import CHUNK_MAX, TABLE_MAX, WHOLE_MAX, chunks_of

_WORDS = st.text(alphabet="abc XYZ.!?\n|#`~*-\\é漢\t", max_size=400)
_LINES = st.sampled_from(
    [
        "# Title",
        "## Part",
        "### Detail",
        "",
        "| a | b |",
        "```",
        "- item",
        "Some words. More of them! And a question?",
        "x" * 1500,
        "word " * 500,
    ]
)
_TEXTS = st.one_of(_WORDS, st.lists(_LINES | _WORDS, max_size=40).map("\n".join))


@given(_TEXTS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_spans_are_exact_in_order_and_lose_nothing(text: str, markdown: bool) -> None:
    chunks = chunks_of(Parsed(text, markdown))
    covered = bytearray(len(text))
    last = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip() == chunk.text != ""
        assert chunk.start >= last
        last = chunk.end
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    told = {heading for chunk in chunks for heading in chunk.headings}
    for block in blocks_of(text, markdown=markdown):
        if block.kind == "heading" and (block.heading in told or not block.heading):
            continue
        missing = [n for n in range(block.start, block.end) if not covered[n]]
        assert all(text[n].isspace() for n in missing), text[block.start : block.end]


@given(_TEXTS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_blocks_hold_every_character_that_is_not_blank(text: str, markdown: bool) -> None:
    end = 0
    for block in blocks_of(text, markdown=markdown):
        assert not text[end : block.start].strip()
        assert block.start < block.end
        end = block.end
    assert not text[end:].strip()


def test_a_short_document_stays_whole() -> None:
    text = "First paragraph.\n\n" + "Words. " * 200
    [chunk] = chunks_of(Parsed(text, False, title="Notes"))
    assert len(text) <= WHOLE_MAX
    assert chunk.embedded_text == f"Notes. {text.strip()}"


def test_chunks_are_bounded_and_of_like_size() -> None:
    text = "\n\n".join("A sentence of a few words. " * n for n in (3, 80, 10, 200, 1, 1, 1, 40))
    lengths = [len(chunk.text) for chunk in chunks_of(Parsed(text, False))]
    assert max(lengths) <= CHUNK_MAX
    assert sum(lengths) / len(lengths) > CHUNK_MAX / 2


def test_headings_stand_in_the_title_and_not_in_the_text() -> None:
    text = (
        "# Ferries\n\n## Fares\n\n" + "Twelve euros. " * 90 + "\n\n## Bicycles\n\n" + "Free. " * 200
    )
    chunks = chunks_of(Parsed(text, True, title="Ferries"))
    assert {chunk.title for chunk in chunks} == {"Ferries: Fares", "Ferries: Bicycles"}
    assert not any("#" in chunk.text for chunk in chunks)
    assert chunks[0].headings == ("Ferries", "Fares")


def test_small_sections_share_a_chunk_and_keep_their_headings_in_the_text() -> None:
    sections = "\n\n".join(f"## Part {n}\n\nA few words on it." for n in range(100))
    first, *_ = chunks_of(Parsed("# All\n\n" + sections, True, title="All"))
    assert first.title == "All"
    assert first.text.startswith("## Part 0\n\nA few words")
    assert "## Part 1" in first.text


def test_a_table_is_kept_whole_where_possible_and_cut_between_rows() -> None:
    row = "| some cell | another cell |\n"
    before = "Words. " * 170
    whole = chunks_of(Parsed(f"{before}\n\n{row * 60}", True))
    assert [chunk.text.count(row.strip()) for chunk in whole] == [0, 60]
    cut = chunks_of(Parsed(row * 200, True))
    assert all(len(chunk.text) <= TABLE_MAX for chunk in cut)
    assert all(chunk.text.endswith("|") for chunk in cut)


def test_code_is_no_heading_and_text_without_markup_has_none() -> None:
    [chunk] = chunks_of(Parsed("```\n# a comment\n```\nend", True))
    assert chunk.headings == ()
    assert "# a comment" in chunk.text
    [chunk] = chunks_of(Parsed("# not a heading in plain text", False))
    assert chunk.text.startswith("#")


def test_a_document_of_headings_only_is_a_chunk() -> None:
    [chunk] = chunks_of(Parsed("# One\n\n## Two\n", True))
    assert chunk.text == "# One\n\n## Two"


def test_a_chunk_knows_the_page_it_begins_on() -> None:
    pages = ("word " * 200).strip(), ("term " * 300).strip()
    text = "\n\n".join(pages)
    spans = (PageSpan(1, 0, len(pages[0])), PageSpan(2, len(pages[0]) + 2, len(text)))
    chunks = chunks_of(Parsed(text, False, pages=spans))
    assert {(chunk.page, chunk.text[:4]) for chunk in chunks} == {(1, "word"), (2, "term")}


def test_blank_text_has_no_chunks() -> None:
    assert chunks_of(Parsed(" \n\t\n", True)) == []
