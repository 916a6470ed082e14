"""The lines of a manifest: which passage is about what its document's title and headings name."""

from datetime import UTC, datetime

from contracts.ingestion.manifest import read
from services.ingestion.models.parsed import Parsed
from services.ingestion.models.version import Claim, Description, Origin
from services.ingestion.services.chunking.chunking import chunks_of
from services.ingestion.services.working.manifest import Manifest, manifest

CLAIM = Claim(
    claim="c",
    document_id="d",
    ordinal=2,
    name="handbook.md",
    origin=Origin("acme", "m", "r"),
    description=Description(),
    created_at=datetime(2024, 5, 1, tzinfo=UTC),
    attempts=1,
)
SENTENCES = "Ships that stay longer pay more at the quay of Port Ellen. " * 25


def made(text: str, title: str) -> tuple[Manifest, list[tuple[str, ...]]]:
    parsed = Parsed(text, markdown=True, title=title)
    chunks = chunks_of(parsed)
    written = manifest(CLAIM, parsed, chunks, [b"\0\0"] * len(chunks), model="m", dimension=1)
    return written, [line.about for line in read(written.body)]


def test_the_first_passage_under_a_title_and_under_a_heading_is_about_it() -> None:
    text = f"# Handbook\n\n{SENTENCES}{SENTENCES}\n\n## Demurrage\n\n{SENTENCES}{SENTENCES}"
    _, abouts = made(text, "Handbook")
    assert len(abouts) > 4
    named = [about for about in abouts if about]
    assert named == [("handbook",), ("demurrage",)]
    assert abouts[0] == ("handbook",)


def test_names_are_counted_once_over_all_passages() -> None:
    written, abouts = made(f"# Handbook\n\n{SENTENCES}{SENTENCES}", "Handbook")
    mentions = {name for line in read(written.body) for name in line.mentions}
    assert len(abouts) > 1
    assert "port ellen" in mentions
    assert written.entities == len(mentions | {"handbook"})
