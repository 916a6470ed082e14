"""The principal of a request, from its bearer token."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.gateway.models.principal import Principal
from services.gateway.models.refusals import Forbidden, Unauthorized
from services.gateway.services.access import Access

# 64 groups of 128 characters fit; more is not even decoded.
_TOKEN_BYTES_MAX = 8 * 1024
_BEARER = HTTPBearer(
    scheme_name="token",
    bearerFormat="JWT",
    description="An access token, minted with `python -m services.gateway.mint`.",
    auto_error=False,
)
Needs = Callable[[str], Callable[..., Awaitable[Principal]]]


def authentication(access: Access) -> Needs:
    """`needs("chat")` is a dependency that gives the principal.

    The dependency raises Unauthorized, or Forbidden when the token lacks that scope.
    """

    def needs(scope: str) -> Callable[..., Awaitable[Principal]]:
        async def principal(
            credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        ) -> Principal:
            if credentials is None:
                raise Unauthorized("Send 'Authorization: Bearer <token>'.")
            if len(credentials.credentials) > _TOKEN_BYTES_MAX:
                raise Unauthorized("The token is too long. Mint one with this system.")
            who = access.verify(credentials.credentials)
            if scope not in who.scopes:
                raise Forbidden(scope)
            return who

        return principal

    return needs
