"""What can go wrong between a client and the gateway; each message says what to do."""

from typing import Any


class ClientError(Exception):
    """Any failure of this client."""


class Refused(ClientError):
    """The gateway answered with a problem; `code` is stable. An event stream has no `status`."""

    def __init__(
        self, code: str, detail: str, status: int | None = None, errors: Any = None
    ) -> None:
        super().__init__(f"{code}: {detail}" if status is None else f"{status} {code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.errors = errors


class Unreachable(ClientError):
    """No answer came over the network."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"The gateway at {url} cannot be reached ({reason}). Start it with `make run`, "
            "or give the right address."
        )


class BrokenOff(ClientError):
    """An answer's stream ended before `done`, so the turn may not have been kept."""

    def __init__(self) -> None:
        super().__init__("The answer's stream ended before 'done'. Ask again.")


class Stalled(ClientError):
    """Documents were waited for, and nothing changed any more."""

    def __init__(self, pending: int, stall_s: float) -> None:
        super().__init__(
            f"{pending} documents are still under way, and none has ended for {stall_s:.0f} s. "
            "Look at the ingestion and retrieval services' logs, and at their dead letters."
        )
        self.pending = pending
