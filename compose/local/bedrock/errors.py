"""Bedrock's errors, in the form boto decodes."""

from starlette.responses import JSONResponse


class BedrockError(Exception):
    """An error that reaches the caller under its Bedrock name."""

    status = 500
    name = "InternalServerException"


class ValidationError(BedrockError):
    """The request is malformed or asks for what this machine cannot do."""

    status = 400
    name = "ValidationException"


class NotFoundError(BedrockError):
    """No such path."""

    status = 404
    name = "ResourceNotFoundException"


class ConflictError(BedrockError):
    """The name is taken, or the state does not allow it."""

    status = 400
    name = "ConflictException"


class ModelError(BedrockError):
    """The model behind Converse gave an answer that cannot be read."""

    status = 424
    name = "ModelErrorException"


class UnavailableError(BedrockError):
    """The model behind Converse failed or is away: the same call may succeed later."""

    status = 503
    name = "ServiceUnavailableException"


class ThrottlingError(BedrockError):
    """Too much is waiting already: try again later."""

    status = 429
    name = "ThrottlingException"


def error_response(error: BedrockError) -> JSONResponse:
    """The HTTP answer for an error."""
    headers = {"x-amzn-ErrorType": error.name}
    return JSONResponse({"message": str(error)}, status_code=error.status, headers=headers)
