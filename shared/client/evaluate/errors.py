"""Why an evaluation cannot be done; the message says what to do."""

from shared.client.errors import ClientError


class EvaluationError(ClientError):
    """The data set, the tenant or the options do not allow it."""
