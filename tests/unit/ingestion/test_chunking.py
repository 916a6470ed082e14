"""Chunks: nothing lost, spans exact, structure kept."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingestion.models.parsed import PageSpan, Parsed
from services.ingestion.services.chunking.blocks import blocks_of
from services.ingestion.services.chunking.chunking import (
    CHUNK_MAX,
    TABLE_MAX,
    TITLE_MAX,
    WHOLE_MAX,
    chunks_of,
)

_WORDS = st.text(alphabet="abc XYZ.!?\n|#`~*-\\é漢\t", max_size=400)
_LINES = st.sampled_from(
    [
        "# Title",
        "## Part",
        "### Detail",
        "",
        "| a | b |",
        "| --- | --- |\n" + "| some cell | another |\n" * 150,
        "| head | of | a | table |\n| --- | --- | --- | --- |\n" + "| 1 | 2 | 3 | 4 |\n" * 200,
        "## " + "long heading " * 20,
        "# x\n" * 700,
        "Underlined\n----------",
        "```",
        "- item",
        "Some words. More of them! And a question?",
        "x" * 1500,
        "word " * 500,
    ]
)
TEXTS = st.one_of(_WORDS, st.lists(_LINES | _WORDS, max_size=40).map("\n".join))


def pages_of(text: str, cuts: list[float]) -> tuple[PageSpan, ...]:
    """Every reader begins a page with a new block."""
    ends = {match.end() for match in re.finditer(r"\n\n+", text)} - {len(text)}
    chosen = {end for end in ends for cut in cuts if abs(end - cut * len(text)) < 20}
    places = [0, *sorted(chosen), len(text)]
    return tuple(PageSpan(n, *span) for n, span in enumerate(itertools.pairwise(places), 1))


@given(TEXTS, st.booleans(), st.lists(st.floats(0, 1), max_size=4))
@settings(max_examples=300, deadline=None)
def test_spans_are_exact_in_order_bounded_on_one_page_and_lose_nothing(
    text: str, markdown: bool, cuts: list[float]
) -> None:
    pages = pages_of(text, cuts)
    chunks = chunks_of(Parsed(text, markdown, title="Title " * 200, pages=pages))
    covered = bytearray(len(text))
    last = 0
    for chunk in chunks:
        assert chunk.text.endswith(text[chunk.start : chunk.end])
        assert chunk.text.strip() == chunk.text != ""
        assert len(chunk.text) <= TABLE_MAX
        assert len(chunk.title) <= TITLE_MAX
        [page] = [page for page in pages if page.start <= chunk.start < page.end]
        assert (chunk.page, chunk.end <= page.end) == (page.page, True)
        assert chunk.start >= last
        last = chunk.end
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    told = {heading for chunk in chunks for heading in chunk.headings}
    for block in blocks_of(text, markdown=markdown):
        if block.kind == "heading" and (block.heading in told or not block.heading):
            continue
        missing = [n for n in range(block.start, block.end) if not covered[n]]
        assert all(text[n].isspace() for n in missing), text[block.start : block.end]


@given(TEXTS, st.booleans())
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


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("| Pump | Weeks |\n| --- | --- |", "| HX-{n:03} | {n} of the eastern pump house |"),
        ("Pump | Weeks\n:--- | ---:", "HX-{n:03} | {n} of the eastern pump house"),
    ],
)
def test_each_passage_of_a_long_table_repeats_its_header(header: str, row: str) -> None:
    rows = [row.format(n=n) for n in range(150)]
    text = "\n".join(["Intro.", "", header, *rows, "", "The end."])
    chunks = chunks_of(Parsed(text, True))
    of_table = [chunk for chunk in chunks if "HX-" in chunk.text]
    assert len(of_table) > 3
    for chunk in of_table:
        assert chunk.text.removeprefix("Intro.\n\n").startswith(header + "\n")
        assert len(chunk.text) <= CHUNK_MAX
        own = text[chunk.start : chunk.end]
        assert set(own.removeprefix("Intro.\n\n").removeprefix(header).split("\n")) <= {"", *rows}
    assert [text for chunk in of_table for text in chunk.text.split("\n") if text in rows] == rows


def test_a_header_that_is_too_long_is_not_repeated() -> None:
    header = f"| {' | '.join('column' * 20 for _ in range(6))} |\n| {' | '.join(['---'] * 6)} |\n"
    chunks = chunks_of(Parsed(header + "| a | b | c | d | e | f |\n" * 200, True))
    assert [chunk.text.count("column" * 20) for chunk in chunks] == [6] + [0] * (len(chunks) - 1)


def test_headings_alone_become_many_bounded_passages() -> None:
    text = "# A part without a word\n" * 5000
    chunks = chunks_of(Parsed(text, True))
    assert max(len(chunk.text) for chunk in chunks) <= CHUNK_MAX
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())


def test_underlined_lines_are_headings_and_lists_rules_and_front_marks_are_not() -> None:
    text = "Driving rules\n=====\n\nRest\n----\n\nEleven hours.\n\n- item\n---\n\ntwo\nlines\n---\n"
    [chunk] = chunks_of(Parsed(text, True))
    assert chunk.headings == ("Driving rules", "Rest")
    assert chunk.text == "Eleven hours.\n\n- item\n---\n\ntwo\nlines\n---"


def test_names_keep_their_marks_in_titles_and_stress_does_not() -> None:
    text = "# The MAX_RETRY of `a*b`, **bold** and __init__\n\nThree."
    [chunk] = chunks_of(Parsed(text, True, title="my_file * 2"))
    assert chunk.title == "my_file * 2: The MAX_RETRY of a*b, bold and __init__"


def test_code_is_no_heading_and_text_without_markup_has_none() -> None:
    [chunk] = chunks_of(Parsed("```\n# a comment\n```\nend", True))
    assert chunk.headings == ()
    assert "# a comment" in chunk.text
    [chunk] = chunks_of(Parsed("# not a heading in plain text", False))
    assert chunk.text.startswith("#")


def test_a_document_of_headings_only_is_a_chunk() -> None:
    [chunk] = chunks_of(Parsed("# One\n\n## Two\n", True))
    assert chunk.text == "# One\n\n## Two"


def test_a_fence_is_closed_by_marks_alone() -> None:
    text = "1. Do:\n\n     ```sh\n     ```x\n# no heading\n     ```\n\n# Heading\n\nend"
    blocks = list(blocks_of(text, markdown=True))
    assert [block.heading for block in blocks if block.kind == "heading"] == ["Heading"]


def test_short_pages_are_passages_of_their_own_and_a_bare_title_stays_on_its_page() -> None:
    pages = ("# One\n\nFirst.", "# Two", "# Three\n\nThird.")
    text, spans, at = "\n\n".join(pages), [], 0
    for n, page in enumerate(pages, 1):
        spans.append(PageSpan(n, at, at + len(page)))
        at += len(page) + 2
    chunks = chunks_of(Parsed(text, True, pages=tuple(spans)))
    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "First."),
        (2, "# Two"),
        (3, "Third."),
    ]


def test_a_chunk_knows_the_page_it_begins_on() -> None:
    pages = ("word " * 200).strip(), ("term " * 300).strip()
    text = "\n\n".join(pages)
    spans = (PageSpan(1, 0, len(pages[0])), PageSpan(2, len(pages[0]) + 2, len(text)))
    chunks = chunks_of(Parsed(text, False, pages=spans))
    assert {(chunk.page, chunk.text[:4]) for chunk in chunks} == {(1, "word"), (2, "term")}


def test_blank_text_has_no_chunks() -> None:
    assert chunks_of(Parsed(" \n\t\n", True)) == []
