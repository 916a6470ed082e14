"""What a tenant may do and spend; every field has a default, so a tenant needs no settings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

# Unknown fields are passed over: a newer gateway may have written them during a rollout.
_FROZEN = ConfigDict(frozen=True, extra="ignore")


class UserLimits(BaseModel):
    """Of each user of a tenant. None: no limit. Days and months are UTC."""

    model_config = _FROZEN

    usd_day: Decimal | None = Field(default=None, ge=0)
    usd_month: Decimal | None = Field(default=None, ge=0)
    tokens_day: int | None = Field(default=None, ge=0)
    tokens_month: int | None = Field(default=None, ge=0)


NO_LIMITS = UserLimits()


class Limits(UserLimits):
    """Of all of a tenant together."""

    requests_minute: int | None = Field(default=None, ge=0)


class CacheTiers(BaseModel):
    """Which answers may be given again: to the same question, to one that means the same."""

    model_config = _FROZEN

    exact: bool = True
    semantic: bool = False


class TenantSettings(BaseModel):
    """`models` empty: the system's own list. `chunking` None: the default strategy."""

    model_config = _FROZEN

    models: tuple[str, ...] = ()
    limits: Limits = Limits()
    user_limits: UserLimits = NO_LIMITS
    cheaper_model: str | None = None
    judge_model: str | None = None
    cache: CacheTiers = CacheTiers()
    chunking: str | None = None
    consent_to_training: bool = False
    suspended: bool = False
    # When it was created in the place of a deleted one: what is older is not its own.
    since: datetime | None = None


# A deleted tenant's name stays taken as long as a message of it may come late: 4 days in a queue,
# 14 among its dead letters, and one more. TenantDeleted itself may be one of them.
NAME_TAKEN = timedelta(days=19)


def offered(models: Sequence[str], wanted: str) -> str | None:
    """The wanted one of `models`. A tuned model may be wanted by its deployment's ARN alone."""
    found = (model for model in models if wanted in (model, model.partition("@")[2]))
    return next(found, None)


class Deletion(BaseModel):
    """A tenant that was deleted; `over` when nothing is left of it."""

    model_config = _FROZEN

    erasure_id: str
    until: datetime
    over: bool = False
