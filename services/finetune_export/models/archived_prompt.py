"""Archived versions of prompts, and the moves of their labels."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

PROMPTS_PREFIX = "prompts/"


class ArchivedVersion(BaseModel):
    """A version of a prompt; `body` is the newest version of PromptRegistered."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    name: str
    version: str
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return version_key(self.tenant, self.name, self.version)


class ArchivedMove(BaseModel):
    """Where a label was put; `body` is the newest version of PromptMoved. The greatest revision is
    the newest."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    name: str
    label: str
    version: str | None
    revision: int
    body: dict[str, Any]

    @property
    def key(self) -> str:
        label = f"{quote(self.name, safe='')}/{quote(self.label, safe='')}"
        return f"{labels_prefix(self.tenant)}{label}/{self.revision:010}.json"


def version_key(tenant: str, name: str, version: str) -> str:
    place = f"{quote(name, safe='')}/{quote(version, safe='')}"
    return f"{PROMPTS_PREFIX}{tenant}/versions/{place}.json"


def labels_prefix(tenant: str) -> str:
    return f"{PROMPTS_PREFIX}{tenant}/labels/"
