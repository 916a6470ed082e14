"""The registry's and the ledger's rules, without a database."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.models.parsed import Parsed
from services.ingestion.models.shares import shares
from services.ingestion.models.succession import Newest, is_new, is_stale
from services.ingestion.models.version import Description, Intake, Origin
from services.ingestion.services.intake.intake import known_type
from services.ingestion.services.reading.titles import readable, title_of
from shared.errors import Unavailable
from shared.grouping import GROUP_MAX, Grouping
from shared.testing.probe import until

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


@pytest.mark.parametrize(
    ("status", "new"),
    [
        ("accepted", False),
        ("ready", False),
        ("rejected", True),
        ("failed", True),
        ("deleted", True),
    ],
)
def test_the_same_text_is_new_only_after_a_bad_end(status: str, new: bool) -> None:
    assert is_new(offered("h"), Newest(1, None, status, "h", Description())) is new


def test_changed_content_or_description_is_new_and_an_object_always() -> None:
    newest = Newest(1, None, "ready", "h", Description())
    assert is_new(offered("other"), newest)
    assert is_new(offered("h", ("tag",)), newest)
    assert is_new(offered(None), newest)


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


async def test_a_group_gathers_while_another_commits() -> None:
    sizes: list[int] = []
    first = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        await first.wait()
        return [item * 2 for item in items]

    group = Grouping(flush)
    waiting = [asyncio.create_task(group(1))]
    await until(lambda: sizes)
    waiting += [asyncio.create_task(group(n)) for n in range(GROUP_MAX + 5)]
    await asyncio.sleep(0)
    first.set()
    assert await asyncio.gather(*waiting) == [2, *(n * 2 for n in range(GROUP_MAX + 5))]
    assert sizes == [1, GROUP_MAX, 5]


async def test_a_bad_item_fails_alone_and_an_outage_fails_all() -> None:
    out = False

    async def flush(items: Sequence[int]) -> list[int]:
        if out:
            raise Unavailable("postgresql")
        if 3 in items:
            raise ValueError("three")
        return list(items)

    group = Grouping(flush)
    results = await asyncio.gather(*(group(n) for n in range(5)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, Exception)] == [0, 1, 2, 4]
    assert isinstance(results[3], ValueError)
    out = True
    results = await asyncio.gather(*(group(n) for n in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)


async def test_groups_of_a_bounded_size_go_at_the_same_time() -> None:
    groups: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        await gate.wait()
        return list(items)

    group = Grouping(flush, most=10, size=lambda item: item, key=lambda n: n == 3, at_once=2)
    sizes = (4, 5, 6, 30, 2, 3, 1, 7)
    waiting = [asyncio.create_task(group(size)) for size in sizes]
    await until(lambda: len(groups) == 2)
    await asyncio.sleep(0)
    assert groups == [[4, 5, 1], [6, 2]]
    waiting[-1].cancel()
    gate.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done[:-1] == list(sizes[:-1])
    assert isinstance(done[-1], asyncio.CancelledError)
    assert groups == [[4, 5, 1], [6, 2], [30], [3]]


async def test_an_answer_that_is_too_short_is_told_and_the_next_item_goes() -> None:
    answers: list[list[int]] = [[], [], [], [3]]

    async def flush(_: Sequence[int]) -> list[int]:
        return answers.pop(0)

    group = Grouping(flush)
    results = await asyncio.gather(group(1), group(2), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    assert await group(3) == 3
