"""The registry's and the worklist's rules, without a database."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.models.parsed import Parsed
from services.ingestion.models.succession import Newest, is_new, is_stale, judged
from services.ingestion.models.version import Description, Intake, Origin
from services.ingestion.services.content import known_type
from services.ingestion.services.reading.titles import readable, title_of
from services.ingestion.store.worklist import shares

ORIGIN = Origin("acme", "m1", "c1")


def offered(content_hash: str | None, tags: tuple[str, ...] = ()) -> Intake:
    return Intake(ORIGIN, "d1", "a.txt", Description(tags), content_hash=content_hash)


@pytest.mark.parametrize(
    ("sequencer", "newest", "stale"),
    [
        ("0A", "0B", True),
        ("0B", "0A", False),
        ("0A", "0A", False),
        ("0A1", "0A", False),
        ("0A", "0a01", True),
        (None, "0B", False),
        ("0A", None, False),
    ],
)
def test_an_older_event_is_stale(sequencer: str | None, newest: str | None, stale: bool) -> None:
    assert is_stale(sequencer, newest) is stale


@pytest.mark.parametrize("standing", [True, False])
def test_the_same_text_is_new_only_after_a_bad_end(standing: bool) -> None:
    assert is_new(offered("h"), Newest(1, None, standing, "h", Description())) is not standing


def test_changed_content_or_description_is_new_and_an_object_always() -> None:
    newest = Newest(1, None, True, "h", Description())
    assert is_new(offered("other"), newest)
    assert is_new(offered("h", ("tag",)), newest)
    assert is_new(offered(None), newest)


MORNING, NOON = datetime(2026, 1, 1, 8, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent_at", "deleted_at", "verdict"),
    [
        (MORNING, NOON, "overtaken"),
        (NOON, NOON, "new"),
        (NOON, MORNING, "new"),
        (None, NOON, "new"),
        (MORNING, None, "new"),
    ],
)
def test_a_deletion_concerns_what_was_sent_before_it(
    sent_at: datetime | None, deleted_at: datetime | None, verdict: str
) -> None:
    """Issue 10, 2."""
    intake = replace(offered("h"), sent_at=sent_at)
    assert judged(intake, Newest(1, deleted_at=deleted_at)) == verdict


@pytest.mark.parametrize(
    ("visible_to", "readers", "verdict"),
    [
        (("user:ann",), ("user:ann", "group:law"), "known"),
        (("user:bob",), ("user:ann", "group:law"), "refused"),
        ((), ("user:ann",), "refused"),
        ((), None, "known"),
        (None, ("user:ann",), "known"),
        (None, (), "known"),
        (("user:ann",), (), "refused"),
    ],
)
def test_replacing_needs_the_right_to_see(
    visible_to: tuple[str, ...] | None, readers: tuple[str, ...] | None, verdict: str
) -> None:
    """Issue 10, 3: also for the content that the document has already."""
    known = Newest(1, None, True, "h", Description(), readers=readers)
    assert judged(replace(offered("h"), visible_to=visible_to), known) == verdict


@given(
    st.dictionaries(st.text(min_size=1), st.integers(0, 50), max_size=8),
    st.integers(0, 60),
)
def test_places_go_to_those_who_have_least(running: dict[str, int], places: int) -> None:
    given_places = shares(running, places)
    assert sum(given_places.values()) == (places if running else 0)
    load = {tenant: running[tenant] + given_places.get(tenant, 0) for tenant in running}
    for tenant in given_places:
        assert all(load[tenant] <= other + 1 for other in load.values())


@pytest.mark.parametrize(
    ("said", "names", "found"),
    [
        ("text/plain; charset=utf-8", ("a.pdf",), "text/plain"),
        ("application/octet-stream", ("a.PDF",), "application/pdf"),
        (None, ("a", "uploads/acme/1/b.md"), "text/markdown"),
        (None, ("a.exe",), None),
    ],
)
def test_the_kind_of_a_file(said: str | None, names: tuple[str, ...], found: str | None) -> None:
    assert known_type(said, *names) == found


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("reports/ferry_fares-2024.pdf", "ferry fares 2024"),
        ("4983.txt", ""),
        ("doc4983.txt", ""),
        ("0b5c1f7e-9f0c-4a6e-8a54-0c8b7c5b7d11.md", ""),
        ("Überblick.docx", "Überblick"),
    ],
)
def test_a_readable_name_is_a_title(name: str, title: str) -> None:
    assert readable(name) == title


def test_a_title_comes_from_the_best_source_there_is() -> None:
    parsed = Parsed("Intro.\n\n# Main\n\nText", True)
    assert title_of(parsed, "notes.md", {"title": " Given "}) == "Given"
    assert title_of(Parsed("# Main", True, title="Own"), "notes.md", {}) == "Own"
    assert title_of(parsed, "notes.md", {"title": 3}) == "Main"
    assert title_of(Parsed("Text", True), "notes.md", {}) == "notes"
