"""The context in which a document's later messages are published."""

from contracts.envelope import Context
from services.ingestion.models.version import Origin


def context_of(origin: Origin) -> Context:
    return Context(
        tenant=origin.tenant,
        principal=origin.principal,
        correlation_id=origin.correlation_id,
        causation_id=origin.message_id,
    )
