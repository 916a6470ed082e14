"""An archived turn and its keys: one object a turn, kept until erased by right."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

# 1: `body` is a TurnCompletedV1. 2: a TurnCompletedV2.
FORMAT = 2
TURNS_PREFIX = "turns/"
DAYS_PREFIX = "days/"
BY_DOCUMENT_PREFIX = "by-document/"
# As in memory: stands for an answer, or a part of a prompt, that quoted a deleted document.
CUT = "A quotation from a deleted document was removed."


class ArchivedTurn(BaseModel):
    """Everything that was said and shown; `body` is the newest version of TurnCompleted.

    A body of format 1 is read as version 2 too: what it lacks has defaults. `cut` names the
    deleted documents whose quotations were removed.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    tenant: str
    user: str
    correlation_id: str
    message_id: str
    conversation_id: str
    turn_id: str
    completed_at: datetime
    body: dict[str, Any]
    cut: tuple[str, ...] = ()

    @property
    def asked_at(self) -> datetime:
        return datetime.fromisoformat(self.body["started_at"])

    @property
    def key(self) -> str:
        """Tenant and user come first: an erasure lists one prefix."""
        return f"{TURNS_PREFIX}{self.tenant}/{self._place}.json"

    @property
    def day_key(self) -> str:
        """The same turn under its day (UTC): an export or a compaction lists one prefix.

        The object is empty; what follows the day leads to `key`.
        """
        return f"{DAYS_PREFIX}{self.tenant}/{self.day.isoformat()}/{self._place}"

    @property
    def day(self) -> date:
        return self.completed_at.astimezone(UTC).date()

    @staticmethod
    def key_of(day_key: str) -> tuple[str, date, str]:
        """The tenant, the day and the turn's own key, from its key in the day's index."""
        _, tenant, day, place = day_key.split("/", 3)
        return tenant, date.fromisoformat(day), f"{TURNS_PREFIX}{tenant}/{place}.json"

    @property
    def documents(self) -> dict[str, int]:
        """The documents that it quotes, with the oldest version of each."""
        found: dict[str, int] = {}
        for document_id, ordinal in self._quoted():
            found[document_id] = min(ordinal, found.get(document_id, ordinal))
        return found

    @property
    def document_keys(self) -> list[str]:
        """The same turn under each document that it quotes or quoted; the objects are empty."""
        return [self.document_key(one) for one in sorted({*self.documents, *self.cut})]

    def document_key(self, document_id: str) -> str:
        return f"{by_document_prefix(self.tenant, document_id)}{self._place}"

    @staticmethod
    def quoting_key(document_key: str) -> str:
        """The turn's own key, from its key in a document's index."""
        _, tenant, _, place = document_key.split("/", 3)
        return f"{TURNS_PREFIX}{tenant}/{place}.json"

    def without(self, document_id: str, ordinal: int) -> "ArchivedTurn":
        """Without what it holds of these versions of a document: its sources and quotations."""

        def gone(one: Mapping[str, Any]) -> bool:
            return bool(one["document_id"] == document_id and one["ordinal"] <= ordinal)

        sources = self.body["sources"]
        body = self.body | {"sources": [one for one in sources if not gone(one)]}
        if any(one["cited"] for one in sources if gone(one)):
            body["answer"] = CUT
        if prompt := self.body.get("prompt"):
            parts = [
                part | {"text": CUT, "quotes": [one for one in part["quotes"] if not gone(one)]}
                if any(gone(one) for one in part["quotes"])
                else part
                for part in prompt["parts"]
            ]
            body["prompt"] = prompt | {"parts": parts}
        if body == self.body:
            return self
        cut = tuple(sorted({*self.cut, document_id}))
        return self.model_copy(update={"body": body, "cut": cut})

    @property
    def is_cut(self) -> bool:
        """Whether its answer quoted a deleted document."""
        return bool(self.body.get("answer") == CUT)

    @property
    def outline(self) -> "ArchivedTurn":
        """Whose it is, when it was asked and which documents it quotes; nothing that was said."""
        sources = [
            {"document_id": document_id, "ordinal": ordinal, "cited": False}
            for document_id, ordinal in sorted(self.documents.items())
        ]
        body = {"started_at": self.body["started_at"], "sources": sources}
        return self.model_copy(update={"body": body})

    def _quoted(self) -> Iterator[tuple[str, int]]:
        quoted = list(self.body["sources"])
        for part in (self.body.get("prompt") or {}).get("parts", ()):
            quoted += part["quotes"]
        for one in quoted:
            yield one["document_id"], one["ordinal"]

    @property
    def _place(self) -> str:
        return place_of(self.user, self.conversation_id, self.turn_id)


def place_of(user: str, conversation_id: str, turn_id: str) -> str:
    return f"{quoted_user(user)}/{conversation_id}/{turn_id}"


def quoted_user(user: str) -> str:
    return quote(user, safe="@")  # a slash in it would reach into another's prefix


def by_document_prefix(tenant: str, document_id: str) -> str:
    return f"{BY_DOCUMENT_PREFIX}{tenant}/{quote(document_id, safe='')}/"
