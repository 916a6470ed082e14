"""Access tokens: HS256 JSON web tokens that carry tenant, user, groups and scopes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import uuid4

import jwt
from pydantic import ValidationError

from services.gateway.models.principal import Principal
from services.gateway.models.refusals import Unauthorized

ALGORITHM = "HS256"
_REQUIRED = ["exp", "jti", "sub", "tenant"]


@dataclass(frozen=True)
class Access:
    """Whoever knows `secret` can mint a token for anyone. `now`: seconds since 1970."""

    secret: str = field(repr=False)
    now: Callable[[], float] = time.time

    def mint(self, principal: Principal, life: timedelta) -> str:
        """A signed token; `scope` is one string of words, as in RFC 8693."""
        now = datetime.now(UTC)
        claims = {
            "tenant": principal.tenant,
            "sub": principal.user,
            "scope": " ".join(sorted(principal.scopes)),
            "iat": now,
            "exp": now + life,
            "jti": str(uuid4()),
        }
        if principal.groups:
            claims["groups"] = list(principal.groups)
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Principal:
        """Whom the token speaks for. Raises Unauthorized."""
        try:
            principal, expires_at = _verified(token, self.secret)
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except (jwt.InvalidTokenError, ValidationError, AttributeError):
            raise Unauthorized("The token is not valid here. Mint one with this system.") from None
        if expires_at <= self.now():
            raise _expired()
        return principal


# Clients send the same token with each request; only the time it ends has to be looked at again.
@lru_cache(maxsize=1024)
def _verified(token: str, secret: str) -> tuple[Principal, float]:
    """Raises as jwt.decode does; nothing of that is kept."""
    claims = jwt.decode(token, secret, algorithms=[ALGORITHM], options={"require": _REQUIRED})
    principal = Principal(
        tenant=claims["tenant"],
        user=claims["sub"],
        groups=claims.get("groups", ()),
        scopes=frozenset(claims.get("scope", "").split()),
        token_id=str(claims["jti"]),
        issued_at=_moment(claims.get("iat")),
    )
    return principal, float(claims["exp"])


def _expired() -> Unauthorized:
    return Unauthorized("The token has expired. Mint a new one.")


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
