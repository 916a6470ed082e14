"""What a turn starts from and answers from: a question, and numbered sources."""

from dataclasses import dataclass, replace

from services.gateway.models.principal import Principal


@dataclass(frozen=True)
class Question:
    """`models` in the order in which they are tried; `turn_id` is made before the turn starts.

    `wants_model`: the asker has named the first of them.
    """

    principal: Principal
    text: str
    turn_id: str
    conversation_id: str
    models: tuple[str, ...]
    wants_model: bool = False

    def first_to(self, model: str | None) -> "Question":
        """The same, to be answered by `model` where it is one of the models, and the asker has not
        named another."""
        if self.wants_model or model not in self.models:
            return self
        others = (one for one in self.models if one != model)
        return replace(self, models=(model, *others))


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that stands in the prompt under number `n`, counted from 1.

    `start` and `end` are characters of the document's parsed text; `view` is the passage as clients
    see it, a SourceView of the HTTP contract in JSON: made once, however often it is shown.
    """

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    page: int | None
    start: int
    end: int
    text: str
    view: str
