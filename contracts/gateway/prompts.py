"""What the topic turns carries of prompts: registered versions, and labels that moved."""

from datetime import datetime
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from contracts.message import Message, Shape


class PromptParameters(Shape):
    """None: the model's own default, or the gateway's; of `model`, the tenant's models."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    model: str | None = Field(default=None, min_length=1)

    @model_serializer(mode="wrap")
    def _without_an_unnamed_model(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was written before there were models: readers of then take it too."""
        dumped: dict[str, Any] = dump(self)
        if self.model is None:
            dumped.pop("model", None)
        return dumped


class PromptRegisteredV1(Message):
    """A version of a prompt, which never changes; `version` is a hash of its text and parameters.

    `system` holds `{marker}` wherever the random marker of the fence stands. The version that the
    gateway brings along has no `registered_at`.
    """

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1, max_length=64)
    system: str = Field(min_length=1)
    parameters: PromptParameters = PromptParameters()
    registered_at: datetime | None = None


class PromptMovedV1(Message):
    """A label stands at another version, or with another weight; `version` None: nowhere any more.

    `revision` counts up with each move in the tenant: of a label's moves the greatest is the
    newest. `before` is where the label stood. `weight` is in per cent. `label` is open: a reader
    takes one that it does not know. `reason` is why the gateway took the label away by itself;
    None: a person moved it.
    """

    name: str = Field(min_length=1, max_length=64)
    label: str = Field(min_length=1, max_length=64)
    version: str | None
    weight: float | None = None
    before: str | None = None
    revision: int = Field(ge=1)
    moved_at: datetime
    reason: str | None = None

    @model_serializer(mode="wrap")
    def _with_its_version(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """An envelope leaves out what is None, but readers need this field."""
        dumped: dict[str, Any] = dump(self)
        return {"version": None} | dumped


class LabelledPrompt(Shape):
    """A label with the version at which it stands."""

    moved: PromptMovedV1
    registered: PromptRegisteredV1
