"""The life cycle of a document's version: one table, from which every list of states is taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# Who acts when a deadline has passed: a worker claims the version, upkeep announces it again, or
# upkeep purges what it left.
Owner = Literal["worker", "announcer", "purge"]


@dataclass(frozen=True, slots=True)
class State:
    """`final`: it stays unless the version is replaced or deleted. `shown`: readers see it.

    `next` are the states that may follow. `deadline` says what happens when the version's `due_at`
    has come (empty: it has none), and `owner` who does it.
    """

    final: bool
    shown: bool
    next: tuple[str, ...]
    deadline: str = ""
    owner: Owner | None = None


LIFE_CYCLE: Mapping[str, State] = {
    "accepted": State(
        final=False,
        shown=True,
        next=("processing", "superseded", "deleted"),
        deadline="work may begin",
        owner="worker",
    ),
    "processing": State(
        final=False,
        shown=True,
        next=(
            *("accepted", "indexing", "rejected", "failed"),
            *("duplicate", "superseded", "deleted"),
        ),
        deadline="the claim's lease ends, so that another worker may take the version over",
        owner="worker",
    ),
    "indexing": State(
        final=False,
        shown=True,
        next=("ready", "failed", "superseded", "deleted"),
        deadline="DocumentChunked is published again, since retrieval has not answered; after a"
        " day of that the version has failed",
        owner="announcer",
    ),
    "ready": State(final=True, shown=True, next=("superseded", "deleted")),
    "rejected": State(
        final=True,
        shown=True,
        next=("superseded", "deleted"),
        deadline="DocumentFailed is published again; none when it was confirmed",
        owner="announcer",
    ),
    "failed": State(
        final=True,
        shown=True,
        next=("superseded", "deleted"),
        deadline="DocumentFailed is published again; none when it was confirmed",
        owner="announcer",
    ),
    "superseded": State(
        final=True,
        shown=False,
        next=("deleted",),
        deadline="the version's objects are purged; none when that is done",
        owner="purge",
    ),
    "duplicate": State(
        final=True,
        shown=False,
        next=("deleted",),
        deadline="the version's objects are purged; none when that is done",
        owner="purge",
    ),
    "deleted": State(
        final=True,
        shown=True,
        next=(),
        deadline="the lease ends of a worker that may still write a manifest, which is purged then",
        owner="purge",
    ),
}
# A version begins `rejected` when its offer shows the fault, and `superseded` when a newer version
# of its document came in the same group.
FIRST = ("accepted", "rejected", "superseded")


def _owned_by(owner: Owner) -> tuple[str, ...]:
    return tuple(name for name, state in LIFE_CYCLE.items() if state.owner == owner)


def _before(follower: str) -> tuple[str, ...]:
    return tuple(name for name, state in LIFE_CYCLE.items() if follower in state.next)


# The states that readers see, and those of them at which they stop waiting.
SHOWN = tuple(name for name, state in LIFE_CYCLE.items() if state.shown)
FINAL = tuple(name for name in SHOWN if LIFE_CYCLE[name].final)

# The lists that ingestion's statements name as `{claimable}` and so on.
LISTS: Mapping[str, tuple[str, ...]] = {
    "shown": SHOWN,
    # A worker may claim it.
    "claimable": _owned_by("worker"),
    # Published again until it is answered or confirmed.
    "announced": _owned_by("announcer"),
    # Ended with a fault.
    "faulty": tuple(name for name in _owned_by("announcer") if LIFE_CYCLE[name].final),
    # Its passages are in the index, or retrieval was told to put them there.
    "indexed": (*_before("ready"), "ready"),
    # The same content again makes no new version: after a bad end it is worth another try.
    "standing": (*(n for n, state in LIFE_CYCLE.items() if not state.final), "ready"),
    # Neither replaced nor deleted.
    "current": _before("superseded"),
    # Another version took its place; its objects are purged.
    "replaced": tuple(name for name in _owned_by("purge") if not LIFE_CYCLE[name].shown),
}
