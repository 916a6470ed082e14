"""Why a request is not served; http/problems.py gives each its HTTP status."""

from services.gateway.models.usage import Budget


class Unauthorized(Exception):
    """No token, or none that can be trusted."""


class Forbidden(Exception):
    """The token is good, but lacks a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This token lacks the scope '{scope}'. Ask for one that has it.")


class NotFound(Exception):
    """The principal's tenant has no such thing, or the principal may not see it."""


class NotPossible(Exception):
    """The document's state does not allow it; the words say what it allows."""


class UnknownKind(Exception):
    """A file that no parser reads; the message lists those that are read."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"'{name}' is of no known kind. Known are: {', '.join(sorted(known))}.")


class InvalidRequest(Exception):
    """A field that cannot be accepted; `field` is its path in the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class BudgetReached(Exception):
    """The request could cost more than is left of a limit."""

    def __init__(self, budget: Budget) -> None:
        what = "dollars" if budget.measure == "usd" else "tokens"
        own = budget.whose == "user"
        super().__init__(
            f"{'Your own' if own else 'The'} limit of {budget.limit:f} {what} for {budget.period}"
            f" leaves too little for this: {budget.used:f} are used, and what is under way holds"
            f" more. It starts anew at {budget.resets_at:%Y-%m-%d %H:%M} UTC. Ask the platform's"
            " operators for a higher limit."
        )
        self.budget = budget


class LedgerMissing(Exception):
    """The ledger is gone or empty, so nobody knows what was spent: nothing is spent until it is
    rebuilt (services.gateway.rebuild_ledger)."""

    def __init__(self) -> None:
        super().__init__(
            "The record of what was spent is missing, so nothing can be spent. Operators rebuild"
            " it with: python -m services.gateway.rebuild_ledger"
        )


class NotJudged(Exception):
    """The judge was asked twice, and gave no verdict in the form that was asked for."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The judge, '{model}', gave no verdict in the form that it was asked for. Send the"
            " answer again. If that fails too, an operator names another model as `judge_model`."
        )


class Suspended(Exception):
    """An operator has suspended the tenant."""

    def __init__(self) -> None:
        super().__init__(
            "This tenant is suspended: it can read, but not ask or add. Ask the platform's"
            " operators to resume it."
        )


class TenantDeleted(Exception):
    """The tenant was deleted, and nobody has created it again."""

    def __init__(self) -> None:
        super().__init__(
            "This tenant was deleted. Ask the platform's operators to create it again."
        )


class RateLimited(Exception):
    """Too many requests in a minute; the next one is welcome in `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("Too many requests a minute. Send the next one a little later.")
        self.retry_after_s = retry_after_s
