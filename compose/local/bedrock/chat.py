"""Converse's request, and what an answerer gives back."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Block(BaseModel):
    """A content block; only text is understood here."""

    model_config = ConfigDict(extra="forbid")
    text: str


class CachePoint(BaseModel):
    """Where a cached prefix ends: of no effect here."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    cache_point: dict[str, Any]


class Message(BaseModel):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: list[Block] = Field(min_length=1)

    @property
    def text(self) -> str:
        """All blocks, one after another."""
        return "\n".join(block.text for block in self.content)


class InferenceConfig(BaseModel):
    """Bedrock's inferenceConfig."""

    model_config = ConfigDict(alias_generator=to_camel)
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=1)
    top_p: float | None = Field(None, ge=0, le=1)
    stop_sequences: list[str] = []


class InputSchema(BaseModel):
    """The JSON schema of a tool's arguments."""

    json_: dict[str, Any] = Field(alias="json")


class ToolSpec(BaseModel):
    """A tool as the model sees it."""

    model_config = ConfigDict(alias_generator=to_camel)
    name: str
    description: str = ""
    input_schema: InputSchema


class Tool(BaseModel):
    """Bedrock's union of tools; only those with a specification are understood here."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")
    tool_spec: ToolSpec


class NamedTool(BaseModel):
    """The tool that must be called."""

    name: str


class ToolChoice(BaseModel):
    """One of them: this tool, any tool, or as the model likes."""

    model_config = ConfigDict(extra="forbid")
    tool: NamedTool | None = None
    any: dict[str, Any] | None = None
    auto: dict[str, Any] | None = None


class ToolConfig(BaseModel):
    """Bedrock's toolConfig."""

    model_config = ConfigDict(alias_generator=to_camel)
    tools: list[Tool] = Field(min_length=1)
    tool_choice: ToolChoice = ToolChoice()


class ChatRequest(BaseModel):
    """The body of Converse and ConverseStream."""

    model_config = ConfigDict(alias_generator=to_camel)
    messages: list[Message] = Field(min_length=1)
    system: list[Block | CachePoint] = []
    inference_config: InferenceConfig = InferenceConfig()
    tool_config: ToolConfig | None = None

    @model_validator(mode="after")
    def _user_speaks_first_and_last(self) -> Self:
        if self.messages[0].role != "user" or self.messages[-1].role != "user":
            raise ValueError("a conversation must start and end with a user message")
        return self

    @property
    def system_text(self) -> str:
        """All blocks, one after another."""
        return "\n".join(block.text for block in self.system if isinstance(block, Block))

    @property
    def prompt(self) -> str:
        """The last user message."""
        return self.messages[-1].text


StopReason = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "content_filtered",
    "guardrail_intervened",
    "tool_use",
]


@dataclass(frozen=True)
class ToolUse:
    """A call that the model makes; `input` are the tool's arguments."""

    id: str
    name: str
    input: dict[str, Any]


@dataclass(frozen=True)
class Finish:
    """The end of an answer, with the tokens it took."""

    stop_reason: StopReason
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class ToolAnswer:
    """What the model says and which tools it calls."""

    text: str
    uses: tuple[ToolUse, ...]
    finish: Finish


class Answerer(Protocol):
    """Answers a conversation piece by piece; the last piece is a Finish."""

    def answer(self, request: ChatRequest) -> AsyncGenerator[str | Finish, None]:
        """Texts, then one Finish. Raises BedrockError."""
        ...

    async def call_tools(self, request: ChatRequest, config: ToolConfig) -> ToolAnswer:
        """The answer to a request that offers tools. Raises BedrockError."""
        ...
