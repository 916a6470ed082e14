"""What the queue finetune-exports carries about usage: the archive, page by page."""

from datetime import date, datetime

from pydantic import Field

from contracts.envelope import Tenant
from contracts.gateway.prompts import LabelledPrompt
from contracts.message import Message, Shape
from contracts.platform.usage import ModelUsedV2, TenantChangedV1


class ArchivedTenantsRequestedV1(Message):
    """Which tenants have archived usage or settings? Answered by ArchivedTenants."""

    after: str | None = None


class ArchivedTenantsV1(Message):
    """`next` is the `after` of the next page; None on the last one."""

    tenants: tuple[Tenant, ...]
    next: str | None = None


class ArchivedUsageRequestedV1(Message):
    """What was archived of the envelope's tenant since a day (UTC). Answered by ArchivedUsage."""

    since: date
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=1000)


class ArchivedCall(Shape):
    """A ModelUsed event: its id, its user, and when the broker took it. It may come twice."""

    event_id: str
    user: str | None = None
    at: datetime
    used: ModelUsedV2


class ArchivedUsageV1(Message):
    """`settings` are the newest ones, `prompts` the labels as they stand with their versions; they
    come with the first page only."""

    calls: tuple[ArchivedCall, ...]
    settings: TenantChangedV1 | None = None
    prompts: tuple[LabelledPrompt, ...] = ()
    next: str | None = None
