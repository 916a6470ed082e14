"""The first access token: who can read the state folder is user `me` of tenant `demo`."""

from datetime import timedelta

from services.gateway.models.principal import SCOPES, Principal
from services.gateway.services.access import Access

TENANT = "demo"
USER = "me"
_LIFE = timedelta(days=30)


def mint_token(secret: str, tenant: str = TENANT, user: str = USER) -> str:
    """A token with every scope; a fresh one is minted at each start."""
    principal = Principal(tenant=tenant, user=user, scopes=frozenset(SCOPES))
    return Access(secret).mint(principal, _LIFE)
