"""The table of a version's states is whole, and others' lists of states agree with it."""

import re
from pathlib import Path

import pytest

from contracts.ingestion.life_cycle import FINAL, FIRST, GONE, LIFE_CYCLE, LISTS, SHOWN
from contracts.ingestion.queries import DocumentSummary
from shared.client.documents.options import STATES

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "services/gateway/page/document_row.js"
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
        assert ("deleting" in state.next) == (name not in GONE), name
        assert ("deleted" in state.next) == (name == "deleting"), name
    assert LIFE_CYCLE["deleted"].next == ()


def test_only_a_retry_leads_from_a_final_state_to_one_that_is_not() -> None:
    back = {
        (name, after)
        for name, state in LIFE_CYCLE.items()
        for after in state.next
        if state.final and not LIFE_CYCLE[after].final
    }
    assert back == {("rejected", "accepted"), ("failed", "accepted")}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("claimable", {"accepted", "parsing", "embedding"}),
        ("working", {"parsing", "embedding"}),
        ("announced", {"indexing", "rejected", "failed"}),
        ("faulty", {"rejected", "failed"}),
        ("indexed", {"indexing", "ready"}),
        ("standing", {"accepted", "parsing", "embedding", "indexing", "ready"}),
        ("moving", {"accepted", "parsing", "embedding", "indexing", "deleting"}),
        ("replaced", {"superseded", "duplicate"}),
        (
            "current",
            {"accepted", "parsing", "embedding", "indexing", "ready", "rejected", "failed"},
        ),
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
    indexed: dict[str, frozenset[str]] = {}
    for step in sorted((STORE / "migrations/versions").glob("v*.py")):
        text = step.read_text()
        for name in re.findall(r"DROP INDEX (\w+)", text):
            indexed.pop(name, None)
        made = r"CREATE INDEX (\w+) ON versions \(.*?\)\s+WHERE status IN \(([^)]+)\)"
        for name, states in re.findall(made, text):
            indexed[name] = frozenset(re.findall(r"'(\w+)'", states))
    assert indexed == {
        "versions_work": frozenset(LISTS["claimable"]),
        "versions_claim": frozenset(LISTS["working"]),
        "versions_announce": frozenset(LISTS["announced"]),
        "versions_faulty": frozenset(LISTS["faulty"]),
        "versions_clean": frozenset(LISTS["replaced"]),
    }


def test_readers_see_every_state_explained() -> None:
    assert all(state in (DocumentSummary.__doc__ or "") for state in SHOWN)


def test_the_page_knows_the_states_that_readers_see() -> None:
    page = PAGE.read_text()
    [settled] = re.findall(r"SETTLED = new Set\(\[(.*?)\]\)", page, re.DOTALL)
    assert set(re.findall(r'"(\w+)"', settled)) == set(FINAL)
    [words] = re.findall(r"WORDS = \{(.*?)\}", page, re.DOTALL)
    may = re.search(r"MAY = \{(.*?)\n\};", page, re.DOTALL)
    assert may is not None
    lists = re.findall(r"(\w+): new Set\(\[(.*?)\]\)", may[1])
    assert {name: set(re.findall(r'"(\w+)"', states)) for name, states in lists} == {
        name: set(STATES[name]) for name in ("retry", "cancel", "reindex")
    }
    # The page has a state of its own for a file on its way, and lists no deleted documents.
    assert set(re.findall(r"(\w+):", words)) == {"uploading", *SHOWN} - {"deleted"}
