"""The DynamoDB item of a turn, and its table."""

from typing import Any

from pynamodb.attributes import TTLAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model


class ByUser(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """All turns of a user in order of time: for lists of conversations and for erasure."""

    class Meta:
        index_name = "by-user"
        projection = AllProjection()
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    owner = UnicodeAttribute(hash_key=True)
    completed_at = UTCDateTimeAttribute(range_key=True)


class TurnItem(Model):
    """Partition: tenant, user and conversation; sorted by time and turn."""

    class Meta:
        table_name = "set by TurnTable"
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    conversation = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True)
    owner = UnicodeAttribute()
    conversation_id = UnicodeAttribute()
    turn_id = UnicodeAttribute()
    question = UnicodeAttribute()
    answer = UnicodeAttribute()
    completed_at = UTCDateTimeAttribute()
    expires_at = TTLAttribute()
    by_user = ByUser()


def bound_to(table: str, region: str, endpoint_url: str | None, timeout_s: float) -> type[TurnItem]:
    """TurnItem for one table: pynamodb keeps a connection's settings in the class."""
    meta = {
        "table_name": table,
        "billing_mode": PAY_PER_REQUEST_BILLING_MODE,
        "region": region,
        "host": endpoint_url,
        "connect_timeout_seconds": timeout_s,
        "read_timeout_seconds": timeout_s,
        "max_retry_attempts": 1,
    }
    return type("BoundTurnItem", (TurnItem,), {"Meta": type("Meta", (), meta)})
