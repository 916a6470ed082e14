"""The messaging loop: consume, publish, request and reply, over SQS and SNS."""

from shared.messaging.bus import Bus, open_bus
from shared.messaging.consumer import LINGER_S, Consumer
from shared.messaging.publisher import BusPublisher
from shared.messaging.requester import BusRequester

__all__ = ["LINGER_S", "Bus", "BusPublisher", "BusRequester", "Consumer", "open_bus"]
