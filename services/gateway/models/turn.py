"""A question as it enters a turn."""

from dataclasses import dataclass

from services.gateway.models.principal import Principal


@dataclass(frozen=True)
class Question:
    """`models` in the order in which they are tried; `turn_id` is made before the turn starts."""

    principal: Principal
    text: str
    turn_id: str
    conversation_id: str
    models: tuple[str, ...]
