"""ContextAnswered: the turns that the next prompt should hold, oldest first."""

from contracts.memory.turn import PastTurn
from contracts.message import Message


class ContextAnsweredV1(Message):
    conversation_id: str
    turns: tuple[PastTurn, ...]
