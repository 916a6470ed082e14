"""Whose an archived object is, from its key; and what of it is not encrypted."""

from dataclasses import dataclass
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

KEYS_PREFIX = "keys/"


@dataclass(frozen=True)
class Owner:
    """`user` as it stands in keys."""

    tenant: str
    user: str


class Cover(BaseModel):
    """What stands before an encrypted body: its key's name, and an outline of ids and times."""

    model_config = ConfigDict(frozen=True)

    key: str
    outline: str


def owner_of(key: str) -> Owner:
    """Of a turn or feedback."""
    _, tenant, user, _ = key.split("/", 3)
    return Owner(tenant, user)


def keys_prefix(owner: Owner) -> str:
    """A key may outlive all that its user said, so it does not hold the name."""
    hidden = sha256(owner.user.encode()).hexdigest()
    return f"{KEYS_PREFIX}{owner.tenant}/{hidden}/"
