"""The life cycle of a document's version: one table, from which every list of states is taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Who acts when a deadline has passed: a worker claims the version, upkeep announces it again, or
# upkeep purges what it left.
Owner = Literal["worker", "announcer", "purge"]


@dataclass(frozen=True, slots=True)
class State:
    """`final`: nobody works on the version any more, so readers stop waiting. `shown`: they see it.

    `next` are the states that may follow. `deadline` says what happens when the version's `due_at`
    has come (empty: it has none), and `owner` who does it.
    """

    final: bool
    shown: bool
    next: tuple[str, ...]
    deadline: str = ""
    owner: Owner | None = None


_LEASE = "the claim's lease ends: another worker takes the version over, five times at most"

LIFE_CYCLE: Mapping[str, State] = {
    "accepted": State(
        final=False,
        shown=True,
        # A person cancels it.
        next=("parsing", "failed", "superseded", "deleting"),
        deadline="work may begin, again after an attempt that failed, five times at most",
        owner="worker",
    ),
    # A claim begins here. A worker notes `embedding` only when it takes a while.
    "parsing": State(
        final=False,
        shown=True,
        next=(
            *("accepted", "embedding", "indexing", "rejected", "failed"),
            *("duplicate", "superseded", "deleting"),
        ),
        deadline=_LEASE,
        owner="worker",
    ),
    "embedding": State(
        final=False,
        shown=True,
        next=(
            *("accepted", "parsing", "indexing", "rejected", "failed"),
            *("superseded", "deleting"),
        ),
        deadline=_LEASE,
        owner="worker",
    ),
    "indexing": State(
        final=False,
        shown=True,
        next=("ready", "failed", "superseded", "deleting"),
        deadline="DocumentChunked is published again, since retrieval has not answered; after a"
        " day of that the version has failed",
        owner="announcer",
    ),
    "ready": State(final=True, shown=True, next=("superseded", "deleting")),
    # A person retries it.
    "rejected": State(
        final=True,
        shown=True,
        next=("accepted", "superseded", "deleting"),
        deadline="DocumentFailed is published again; none when it was confirmed",
        owner="announcer",
    ),
    "failed": State(
        final=True,
        shown=True,
        next=("accepted", "superseded", "deleting"),
        deadline="DocumentFailed is published again; none when it was confirmed",
        owner="announcer",
    ),
    "superseded": State(
        final=True,
        shown=False,
        next=("deleting",),
        deadline="the version's objects are purged; none while they are kept and when that is done",
        owner="purge",
    ),
    "duplicate": State(
        final=True,
        shown=False,
        next=("deleting",),
        deadline="the version's objects are purged; none when that is done",
        owner="purge",
    ),
    "deleting": State(
        final=True,
        shown=True,
        next=("deleted",),
        deadline="DocumentDeleted is published again and what is left is purged, since not every"
        " owner of a place has confirmed; or the lease ends of a worker that may still write a"
        " manifest",
        owner="purge",
    ),
    "deleted": State(final=True, shown=True, next=()),
}
# A version begins `rejected` when its offer shows the fault, `superseded` when a newer version of
# its document came in the same group, and `indexing` when an audit's repair has its manifest.
FIRST = ("accepted", "rejected", "superseded", "indexing")


def _owned_by(owner: Owner) -> tuple[str, ...]:
    return tuple(name for name, state in LIFE_CYCLE.items() if state.owner == owner)


def _before(follower: str) -> tuple[str, ...]:
    return tuple(name for name, state in LIFE_CYCLE.items() if follower in state.next)


# The states that readers see, and those of them at which they stop waiting.
SHOWN = tuple(name for name, state in LIFE_CYCLE.items() if state.shown)
FINAL = tuple(name for name in SHOWN if LIFE_CYCLE[name].final)

# Deleted, whether everything is purged yet or not: nobody is shown such a document any more.
GONE = ("deleting", "deleted")

# The lists that ingestion's statements name as `{claimable}` and so on.
LISTS: Mapping[str, tuple[str, ...]] = {
    "shown": SHOWN,
    # A worker may claim it.
    "claimable": _owned_by("worker"),
    # Under a claim.
    "working": tuple(name for name in _before("accepted") if not LIFE_CYCLE[name].final),
    # Published again until it is answered or confirmed.
    "announced": _owned_by("announcer"),
    # Ended with a fault.
    "faulty": tuple(name for name in _owned_by("announcer") if LIFE_CYCLE[name].final),
    # Its passages are in the index, or retrieval was told to put them there.
    "indexed": (*_before("ready"), "ready"),
    # The same content again makes no new version: after a bad end it is worth another try.
    "standing": (*(n for n, state in LIFE_CYCLE.items() if not state.final), "ready"),
    # On its way to a state that stays.
    "moving": (*(n for n, state in LIFE_CYCLE.items() if not state.final), "deleting"),
    # Not settled yet.
    "open": tuple(name for name, state in LIFE_CYCLE.items() if not state.final),
    # Neither replaced nor deleted.
    "current": _before("superseded"),
    # Another version took its place; its objects are purged.
    "replaced": tuple(name for name in _owned_by("purge") if not LIFE_CYCLE[name].shown),
}
