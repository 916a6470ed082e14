"""Erasures of users and tenants: what the topic turns carries, what each service answers."""

from datetime import datetime

from pydantic import Field

from contracts.message import Message


class UserErasedV1(Message):
    """Everything of `user` that was said up to `asked_until` is erased; None: of the whole tenant.

    It is sent again as the next `round`, since turns may come late; each round is idempotent.
    """

    erasure_id: str
    user: str | None
    asked_until: datetime
    round: int = Field(default=1, ge=1)


class TenantDeletedV1(Message):
    """The envelope's tenant is deleted with all that it has.

    What was made up to `until` is the deleted tenant's, also when it comes later; a tenant that is
    created again under the same name begins after it. Each `round` is idempotent, and a later one
    has a later `until`. From round 2 on ingestion answers only when nothing of it is left.
    """

    erasure_id: str
    until: datetime
    round: int = Field(default=1, ge=1)


class ErasureDoneV1(Message):
    """What a service removed in a round, by place, such as `turns` or `facts`.

    `models` were trained on what was erased, which cannot be taken out of them: their ARNs.
    """

    erasure_id: str
    service: str
    round: int = Field(default=1, ge=1)
    removed: dict[str, int]
    models: tuple[str, ...] = ()
