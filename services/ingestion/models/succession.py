"""When an offered document is a new version, and which versions come of others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.ingestion.models.errors import NotPossible
from services.ingestion.models.version import (
    Change,
    Description,
    Intake,
    PartsChange,
    Version,
    readers_of_both,
)

# What becomes of an offer: a new version, nothing since it is known already, nothing since a
# deletion came before it, nothing since its sender may not replace the document.
Verdict = Literal["new", "known", "overtaken", "refused"]


@dataclass(frozen=True, slots=True)
class Newest:
    """What the registry knows of a document when the next version is offered.

    `standing`: its newest version is in work or ready. One that ended badly is worth another try
    with the same content. `readers` are those of the newest standing version; None: all of the
    tenant. `deleted_at` is when the broker took the newest deletion.
    """

    ordinal: int = 0
    sequencer: str | None = None
    standing: bool = False
    content_hash: str | None = None
    description: Description | None = None
    readers: tuple[str, ...] | None = None
    deleted_at: datetime | None = None
    parents: tuple[str, ...] = ()


def judged(offered: Intake, known: Newest) -> Verdict:
    """Replacing a document needs the right to see it, as deleting does."""
    if offered.sent_at and known.deleted_at and offered.sent_at < known.deleted_at:
        return "overtaken"
    # A part never takes the name of a document that came by itself, or in another document.
    if offered.parents and known.standing and known.parents != offered.parents:
        return "refused"
    limited = offered.visible_to is not None and known.readers is not None
    if limited and set(offered.visible_to or ()).isdisjoint(known.readers or ()):
        return "refused"
    return "new" if is_new(offered, known) else "known"


def narrowed(offered: Intake, known: Newest) -> Intake:
    """A part that somebody narrowed by itself stays so when its parent is read again."""
    if not (offered.parents and known.standing):
        return offered
    before = offered.parent_before
    if before is not None and before.visibility == known.readers:
        return offered
    readers = readers_of_both(known.readers, offered.description.visibility)
    return replace(offered, description=replace(offered.description, visibility=readers))


def is_stale(sequencer: str | None, newest: str | None) -> bool:
    """True for an S3 event that is older than the newest one seen.

    Sequencers are hexadecimal of different lengths: the shorter is padded on the right with
    zeros before they are compared (docs.aws.amazon.com, "Event message structure").
    """
    if sequencer is None or newest is None:
        return False
    width = max(len(sequencer), len(newest))
    return sequencer.upper().ljust(width, "0") < newest.upper().ljust(width, "0")


def is_new(offered: Intake, known: Newest) -> bool:
    """False for a stale event, and for text that the newest version holds already.

    The hash of an object is unknown at intake: it always gets an ordinal here, and the worker
    settles a duplicate when it has fetched the bytes.
    """
    if is_stale(offered.sequencer, known.sequencer):
        return False
    same = (
        offered.content_hash is not None
        and offered.content_hash == known.content_hash
        and offered.description == known.description
    )
    return not (same and known.standing)


@dataclass(frozen=True, slots=True)
class Successor:
    """A new version with the content of `source`; with `drawn_from`, the passages of that one."""

    source: int
    description: Description
    drawn_from: int | None


def successors(standing: Sequence[Version], change: Change | PartsChange) -> list[Successor]:
    """One for each version that is found now or may be found later, in their order.

    So the change holds whichever of them is found in the end. A version whose passages a waiting
    one takes over needs none of its own. Empty when nothing changes.
    """
    taken_over = {version.drawn_from for version in standing if version.result is None}
    sources = [version for version in standing if version.ordinal not in taken_over]
    if all(_same(change.of(version.description), version.description) for version in sources):
        return []
    return [_described(version, change.of(version.description)) for version in sources]


def _described(version: Version, description: Description) -> Successor:
    """It has to be read when it was not yet, or when its title changes, which is embedded.

    A drop is not read a second time: its key may hold newer bytes by now.
    """
    drawn_from = version.drawn_from if version.result is None else version.ordinal
    if (
        version.readable
        and version.etag is None
        and _title(version.description) != _title(description)
    ):
        drawn_from = None
    return Successor(version.ordinal, description, drawn_from)


def _same(one: Description, other: Description) -> bool:
    """To Python, 1 and True are equal."""
    truths = [
        {key: isinstance(value, bool) for key, value in description.metadata.items()}
        for description in (one, other)
    ]
    return one == other and truths[0] == truths[1]


def _title(description: Description) -> object:
    return description.metadata.get("title")


def restored(
    then: Version, newest: Version, visible_to: Sequence[str] | None = None
) -> Successor | None:
    """`then` as it was, for those who may see both; None when the newest is the same already.

    Raises NotPossible when its passages are not kept, or when the asker would not see it.
    """
    if not then.kept:
        raise NotPossible(_not_kept(then))
    readers = readers_of_both(then.description.visibility, newest.description.visibility)
    if readers is not None and not (readers if visible_to is None else {*readers} & {*visible_to}):
        raise NotPossible(
            "That version and the newest one have different readers, so you would not see the"
            " document any more. Change who may see the document first."
        )
    description = replace(then.description, visibility=readers)
    same = then.content_hash == newest.content_hash and _same(description, newest.description)
    if same and newest.standing:
        return None
    return Successor(then.ordinal, description, then.ordinal)


def _not_kept(version: Version) -> str:
    if version.status == "superseded" and version.result is not None:
        return f"Version {version.ordinal} is no longer kept. Upload its file again."
    if version.status in ("rejected", "failed"):
        return f"Version {version.ordinal} could not be read, so it cannot be restored."
    return f"Version {version.ordinal} has not been read, so it cannot be restored."
