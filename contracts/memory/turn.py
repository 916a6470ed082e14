"""A past turn as memory hands it out."""

from datetime import datetime

from contracts.message import Shape


class PastTurn(Shape):
    turn_id: str
    question: str
    answer: str
    completed_at: datetime
