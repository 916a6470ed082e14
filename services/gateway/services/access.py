"""Access tokens: HS256 JSON web tokens that carry tenant, user, groups and scopes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
from pydantic import ValidationError

from services.gateway.models.principal import Principal
from services.gateway.models.refusals import Unauthorized

ALGORITHM = "HS256"
_REQUIRED = ["exp", "jti", "sub", "tenant"]


@dataclass(frozen=True)
class Access:
    """Whoever knows `secret` can mint a token for anyone."""

    secret: str = field(repr=False)

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
            claims = jwt.decode(
                token, self.secret, algorithms=[ALGORITHM], options={"require": _REQUIRED}
            )
            return Principal(
                tenant=claims["tenant"],
                user=claims["sub"],
                groups=claims.get("groups", ()),
                scopes=frozenset(claims.get("scope", "").split()),
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The token has expired. Mint a new one.") from None
        except (jwt.InvalidTokenError, ValidationError, AttributeError):
            raise Unauthorized("The token is not valid here. Mint one with this system.") from None
