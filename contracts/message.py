"""The shape of every message body: immutable, tolerant, versioned by class name."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

_NAME = re.compile(r"([A-Z][A-Za-z]+?)V(\d+)")


class Shape(BaseModel):
    """A part of a message: immutable, keeps the fields it does not know when it is forwarded."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Message(Shape):
    """A message body; `class DocumentDeletedV1(Message)` is version 1 of type `DocumentDeleted`."""

    message_type: ClassVar[str]
    message_version: ClassVar[int]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        match = _NAME.fullmatch(cls.__name__)
        if match is None:
            raise TypeError(f"{cls.__name__}: a message class is named <Type>V<version>")
        cls.message_type, cls.message_version = match[1], int(match[2])

    def upcast(self) -> "Message":
        """The same message as its next version; itself when it is the newest."""
        return self
