"""Which versions come of a changed description and of a restore."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingestion.models.errors import NotPossible
from services.ingestion.models.succession import Successor, restored, successors
from services.ingestion.models.version import Change, Counts, Description, Result, Version

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READ = Result("hash", "key", "text/plain", "model", 8, Counts(chunks=1))
OLD = Description(tags=("old",))


def version(ordinal: int, status: str = "ready", **fields: Any) -> Version:
    read = status in ("ready", "indexing", "superseded")
    known: dict[str, Any] = {
        "kept": read,
        "standing": status not in ("superseded", "rejected", "failed"),
        "readable": True,
        "description": OLD,
        "content_hash": "hash",
        "result": READ if read else None,
    }
    return Version(ordinal, "a.txt", status, NOW, **known | fields)


def change(**fields: Any) -> Change:
    return Change(frozenset(fields), Description(**fields))


def drawn(made: list[Successor]) -> list[tuple[int, int | None]]:
    return [(one.source, one.drawn_from) for one in made]


@pytest.mark.parametrize(
    ("standing", "made"),
    [
        ([version(1)], [(1, 1)]),
        ([version(1), version(2, "indexing")], [(1, 1), (2, 2)]),
        ([version(1), version(2, "accepted")], [(1, 1), (2, None)]),
        ([version(1), version(2, "processing")], [(1, 1), (2, None)]),
        # The waiting one takes over what is found, or what was restored.
        ([version(1), version(2, "accepted", drawn_from=1)], [(2, 1)]),
        ([version(3), version(4, "processing", drawn_from=1)], [(3, 3), (4, 1)]),
    ],
)
def test_each_version_that_may_be_found_gets_a_successor(
    standing: list[Version], made: list[tuple[int, int | None]]
) -> None:
    found = successors(standing, change(tags=("new",)))
    assert drawn(found) == made
    assert {one.description.tags for one in found} == {("new",)}


def test_one_that_says_so_already_still_comes_after_the_others() -> None:
    newer = version(2, "accepted", description=Description(tags=("new",)))
    assert drawn(successors([version(1), newer], change(tags=("new",)))) == [(1, 1), (2, None)]
    assert successors([newer], change(tags=("new",))) == []


@pytest.mark.parametrize(
    ("fields", "drawn_from"),
    [({}, None), ({"readable": False}, 1), ({"etag": "of a drop"}, 1)],
)
def test_a_changed_title_is_read_again_where_the_same_bytes_are_there(
    fields: dict[str, Any], drawn_from: int | None
) -> None:
    [made] = successors([version(1, **fields)], change(metadata={"title": "New"}))
    assert made.drawn_from == drawn_from


@pytest.mark.parametrize(
    ("then", "now", "asker", "readers"),
    [
        (None, None, ("a",), None),
        (("a", "b"), None, ("a",), ("a", "b")),
        (None, ("a",), ("a",), ("a",)),
        (("a", "b"), ("b", "c"), ("b",), ("b",)),
        (("a", "b"), ("b", "c"), None, ("b",)),
        (("a", "b"), ("b", "c"), ("a", "c"), NotPossible),
        (("a",), ("c",), None, NotPossible),
    ],
)
def test_a_restore_is_seen_by_those_who_may_see_both(
    then: Any, now: Any, asker: Any, readers: Any
) -> None:
    old = version(1, "superseded", description=replace(OLD, visibility=then))
    new = version(2, content_hash="other", description=Description(visibility=now))
    if readers is NotPossible:
        with pytest.raises(NotPossible, match="different readers"):
            restored(old, new, asker)
        return
    made = restored(old, new, asker)
    assert made == Successor(1, replace(OLD, visibility=readers), 1)


def test_what_is_newest_already_is_not_restored_unless_it_ended_badly() -> None:
    old = version(1, "superseded")
    assert restored(old, version(2)) is None
    assert restored(old, version(2, "accepted", drawn_from=1)) is None
    assert restored(old, version(2, "failed")) == Successor(1, OLD, 1)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("superseded", "no longer kept"),
        ("rejected", "could not be read"),
        ("accepted", "has not been read"),
    ],
)
def test_what_cannot_be_restored_is_told(status: str, words: str) -> None:
    with pytest.raises(NotPossible, match=words):
        restored(version(1, status, kept=False), version(2))


@pytest.mark.parametrize(
    ("own", "to", "then"),
    [
        # As its parent: it follows, also when the parent is opened.
        (("ann",), None, None),
        (("ann",), ("bob",), ("bob",)),
        # Not as its parent: those who see both, and nobody else.
        (("ann", "bob"), None, ("ann", "bob")),
        (("ann", "bob"), ("bob", "eve"), ("bob",)),
        (("eve",), ("bob",), ()),
        (None, ("bob",), ("bob",)),
    ],
)
def test_a_part_is_never_seen_by_more_than_its_parent(
    own: tuple[str, ...] | None, to: tuple[str, ...] | None, then: tuple[str, ...] | None
) -> None:
    change = Change(frozenset({"visibility"}), Description(visibility=to))
    change_inside = change.inside(Description(visibility=("ann",)))
    assert change_inside.of(Description(visibility=own)).visibility == then


def test_a_part_keeps_its_own_title() -> None:
    said = Description(metadata={"title": "All", "year": 2}, tags=("t",))
    change = Change(frozenset({"metadata"}), said).inside(Description())
    before = Description(metadata={"title": "Part", "old": 1}, tags=("own",))
    assert change.of(before) == Description(metadata={"title": "Part", "year": 2}, tags=("own",))
    assert change.of(Description()).metadata == {"year": 2}
