"""When an offered document is a new version of what the registry knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.ingestion.models.version import Description, Intake

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


def judged(offered: Intake, known: Newest) -> Verdict:
    """Replacing a document needs the right to see it, as deleting does."""
    if offered.sent_at and known.deleted_at and offered.sent_at < known.deleted_at:
        return "overtaken"
    limited = offered.visible_to is not None and known.readers is not None
    if limited and set(offered.visible_to or ()).isdisjoint(known.readers or ()):
        return "refused"
    return "new" if is_new(offered, known) else "known"


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
