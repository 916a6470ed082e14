"""What a message carries around its body, and the context it hands to the next."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import BaseModel, ConfigDict, Field

from contracts.message import Message

Tenant = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def new_id() -> str:
    return str(uuid4())


def derived_id(*parts: object) -> str:
    """The same id for the same parts (uuid5), so that doing a thing twice publishes it once."""
    return str(uuid5(NAMESPACE_URL, "/".join(str(part) for part in parts)))


class Context(BaseModel):
    """On whose behalf, and in whose train, something is done.

    `sender` is SQS's SenderId. `first_sender` is whom the sender names as the first one, when it
    sent the message again: worth as much as the sender itself.
    """

    model_config = ConfigDict(frozen=True)

    tenant: Tenant
    principal: str | None = None
    correlation_id: str = Field(default_factory=new_id)
    causation_id: str | None = None
    sender: str | None = None
    first_sender: str | None = None
    # When the broker took the message, by its own clock; None outside of a queue.
    sent_at: datetime | None = None
    # When its sender made it, by the sender's clock: a message that is sent again keeps it.
    occurred_at: datetime | None = None

    def of(self, tenant: str) -> Self:
        return self.model_copy(update={"tenant": tenant})


class Envelope(BaseModel):
    """One message on the wire; `data` is the body of (`type`, `version`)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str = Field(min_length=1, max_length=128)
    type: str
    version: int
    occurred_at: datetime
    tenant: Tenant
    principal: str | None = None
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    reply_to: str | None = None
    budget_ms: int | None = None
    data: dict[str, Any]

    def context(self) -> Context:
        """The context of whatever handling this message causes."""
        return Context(
            tenant=self.tenant,
            principal=self.principal,
            correlation_id=self.correlation_id,
            causation_id=self.id,
        )


def wrap(message: Message, context: Context, **fields: Any) -> Envelope:
    """A new envelope round a message; `fields` sets id, traceparent, reply_to or budget_ms."""
    return Envelope(
        **{"id": new_id(), "occurred_at": datetime.now(UTC)} | fields,
        type=message.message_type,
        version=message.message_version,
        tenant=context.tenant,
        principal=context.principal,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
        data=message.model_dump(mode="json", exclude_none=True),
    )
