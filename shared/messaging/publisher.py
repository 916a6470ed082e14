"""shared.ports.Publisher over the bus."""

from contracts.envelope import Context, new_id, wrap
from contracts.message import Message
from shared.messaging.bus import Bus
from shared.observability import current_traceparent


class BusPublisher:
    """Every method returns when the provider has confirmed."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        await self._publish(topic, message, context, id, batched=True)

    async def publish_now(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        await self._publish(topic, message, context, id, batched=False)

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        envelope = wrap(message, context, id=id or new_id(), traceparent=current_traceparent())
        await self._bus.send(queue, envelope)
        return envelope.id

    async def _publish(
        self, topic: str, message: Message, context: Context, id: str | None, *, batched: bool
    ) -> None:
        envelope = wrap(message, context, id=id or new_id(), traceparent=current_traceparent())
        await self._bus.publish(topic, envelope, batched=batched)
