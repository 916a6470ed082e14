"""How long things wait."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds. Bootstrap takes those from the settings that stand there; a test shortens all."""

    # A dead worker holds its versions so long.
    lease_s: float = 30.0
    # The first wait for retrieval's answer to DocumentChunked, and all the waiting together.
    resend_s: float = 120.0
    answer_s: float = 24 * 3600.0
    # Between two looks at whether the claims are still ours, which also note how far embedding is.
    watch_s: float = 1.0
    # A shorter embedding is not noted as a state of its own: it would cost a statement.
    embedding_after_s: float = 0.5
    # A worker looks for versions of other processes' intake, with some in work and with none.
    busy_poll_s: float = 0.2
    idle_poll_s: float = 1.0
    # While a dependency is out, one document is tried this often.
    probe_s: float = 5.0
    # Before a failed version's second attempt; doubles with each.
    backoff_s: float = 2.0
    # Versions that are finished within this time are committed together.
    finish_s: float = 0.1
    # Objects of a replaced version stay a while: retrieval may be about to read its manifest.
    purge_after_s: float = 600.0
    # A deletion that not every service has confirmed is announced again; doubles each time.
    purge_again_s: float = 30.0
    upkeep_s: float = 2.0
    # Between two looks at how much work waits.
    backlog_s: float = 30.0
    housekeeping_s: float = 600.0
    # Between two comparisons of the carrier bucket with the registry, and after one that failed.
    reconcile_s: float = 600.0
    reconcile_again_s: float = 60.0
    # A younger drop's notification may be on its way, and a younger upload's message.
    drop_age_s: float = 120.0
    unused_upload_s: float = 19 * 24 * 3600.0
    # What a loop may take beyond its longest pause before it counts as stuck; opening a connection
    # to PostgreSQL may take a minute.
    stuck_s: float = 120.0
