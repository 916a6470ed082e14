"""The principal of a request, from its bearer token."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.gateway.models.principal import Principal
from services.gateway.models.refusals import Forbidden, Unauthorized
from services.gateway.services.access import Access
from services.gateway.services.spending.admission import Admission

# 64 groups of 128 characters fit; more is not even decoded.
_TOKEN_BYTES_MAX = 8 * 1024
_BEARER = HTTPBearer(
    scheme_name="token",
    bearerFormat="JWT",
    description="An access token, minted with `python -m services.gateway.mint`.",
    auto_error=False,
)
Dependency = Callable[..., Awaitable[Principal]]


class Needs(Protocol):
    def __call__(self, *scopes: str) -> Dependency:
        """One of the scopes is enough."""


def authentication(access: Access, admission: Admission) -> Needs:
    """`needs("chat")` is a dependency that gives the principal.

    The dependency raises Unauthorized, Forbidden when the token lacks that scope, TenantDeleted, or
    RateLimited.
    """

    def needs(*scopes: str) -> Dependency:
        async def principal(
            credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        ) -> Principal:
            if credentials is None:
                raise Unauthorized("Send 'Authorization: Bearer <token>'.")
            if len(credentials.credentials) > _TOKEN_BYTES_MAX:
                raise Unauthorized("The token is too long. Mint one with this system.")
            who = access.verify(credentials.credentials)
            if who.scopes.isdisjoint(scopes):
                raise Forbidden(scopes[0])
            await admission.request(who)
            return who

        return principal

    return needs
