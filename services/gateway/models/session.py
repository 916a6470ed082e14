"""The active conversation as the gateway keeps it for some hours, and the user's last turns."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

# Each turn renews it. The memory service keeps older turns.
SESSION_LIFETIME_S = 8 * 60 * 60
SESSION_TURNS = 12
# The user's newest turns over all conversations: what memory may not have heard of yet.
RECENT_TURNS = 5
# As in memory: stands for an answer that quoted a deleted document.
CUT = "A quotation from a deleted document was removed."


class SessionSource(BaseModel):
    """A source of an answer; its text is asked for by `passage_id`."""

    model_config = ConfigDict(frozen=True)

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    page: int | None = None
    start: int
    end: int
    cited: bool


class SessionTurn(BaseModel):
    """`query` is what retrieval was asked, so that the next follow-up knows the subject."""

    model_config = ConfigDict(frozen=True)

    turn_id: str
    question: str
    query: str
    answer: str
    outcome: str = "completed"
    model: str = "none"
    sources: tuple[SessionSource, ...] = ()
    # None in sessions of an earlier release.
    started_at: datetime | None = None
    completed_at: datetime
    # Only in the list of the user's last turns.
    conversation_id: str | None = None

    @property
    def asked_at(self) -> datetime:
        return self.started_at or self.completed_at

    @property
    def documents(self) -> frozenset[str]:
        return frozenset(source.document_id for source in self.sources)

    def without(self, document_id: str, ordinal: int) -> "SessionTurn":
        """Without what it holds of these versions of a document: its sources and quotations."""
        gone = {s.n for s in self.sources if s.document_id == document_id and s.ordinal <= ordinal}
        quoted = any(source.cited for source in self.sources if source.n in gone)
        kept = tuple(source for source in self.sources if source.n not in gone)
        return self.model_copy(update={"sources": kept} | ({"answer": CUT} if quoted else {}))


class Summary(BaseModel):
    """What was said up to `until` in a long conversation; `documents` may be quoted in it."""

    model_config = ConfigDict(frozen=True)

    text: str
    until: datetime
    documents: tuple[str, ...] = ()


class Session(BaseModel):
    """`turns` of the conversation and `recent` of the user, both oldest first."""

    model_config = ConfigDict(frozen=True)

    turns: tuple[SessionTurn, ...] = ()
    summary: Summary | None = None
    recent: tuple[SessionTurn, ...] = ()
