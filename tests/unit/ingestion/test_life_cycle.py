"""The table of a version's states is whole, and others' lists of states agree with it."""

import re
from pathlib import Path

import pytest

from contracts.ingestion.life_cycle import FINAL, FIRST, LIFE_CYCLE, LISTS, SHOWN
from contracts.ingestion.queries import DocumentSummary

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "services/gateway/page/documents.js"
STORE = ROOT / "services/ingestion/store"


def test_every_state_is_reachable_and_every_follower_is_a_state() -> None:
    reached: set[str] = set()
    left = set(FIRST)
    while left:
        state = left.pop()
        reached.add(state)
        left |= set(LIFE_CYCLE[state].next) - reached
    assert reached == LIFE_CYCLE.keys()


def test_every_state_that_is_not_final_has_a_deadline_and_an_owner() -> None:
    for name, state in LIFE_CYCLE.items():
        assert bool(state.deadline) == (state.owner is not None), name
        assert state.final or state.owner is not None, name


def test_every_state_can_be_deleted_and_nothing_follows() -> None:
    for name, state in LIFE_CYCLE.items():
        assert ("deleted" in state.next) == (name != "deleted"), name
    assert LIFE_CYCLE["deleted"].next == ()


def test_a_final_state_leads_to_final_states_only() -> None:
    for name, state in LIFE_CYCLE.items():
        if state.final:
            assert all(LIFE_CYCLE[after].final for after in state.next), name


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("claimable", {"accepted", "processing"}),
        ("announced", {"indexing", "rejected", "failed"}),
        ("faulty", {"rejected", "failed"}),
        ("indexed", {"indexing", "ready"}),
        ("standing", {"accepted", "processing", "indexing", "ready"}),
        ("replaced", {"superseded", "duplicate"}),
        ("current", {"accepted", "processing", "indexing", "ready", "rejected", "failed"}),
    ],
)
def test_the_lists_of_the_statements(name: str, states: set[str]) -> None:
    assert set(LISTS[name]) == states


def test_no_statement_names_a_list_that_there_is_not_or_writes_one_out() -> None:
    text = "\n".join(path.read_text() for path in STORE.glob("*.py"))
    assert set(re.findall(r"\bIN \{+(\w+)\}", text)) == LISTS.keys()
    assert re.findall(r"\bIN \('", text) == []


def test_the_partial_indexes_are_those_of_the_lists() -> None:
    """PostgreSQL uses a partial index for a list that its condition holds."""
    first = (STORE / "migrations/versions/v0001_registry.py").read_text()
    indexed = {
        frozenset(re.findall(r"'(\w+)'", states))
        for states in re.findall(r"WHERE status IN \(([^)]+)\)", first)
    }
    assert indexed == {frozenset(LISTS[name]) for name in ("claimable", "announced", "replaced")}


def test_readers_see_every_state_explained() -> None:
    assert all(state in (DocumentSummary.__doc__ or "") for state in SHOWN)


def test_the_page_knows_the_states_that_readers_see() -> None:
    page = PAGE.read_text()
    [settled] = re.findall(r"SETTLED = new Set\(\[(.*?)\]\)", page, re.DOTALL)
    assert set(re.findall(r'"(\w+)"', settled)) == set(FINAL)
    [words] = re.findall(r"WORDS = \{(.*?)\}", page, re.DOTALL)
    # The page has a state of its own for a file on its way, and lists no deleted documents.
    assert set(re.findall(r"(\w+):", words)) == {"uploading", *SHOWN} - {"deleted"}
