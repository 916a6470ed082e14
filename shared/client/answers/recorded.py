"""What a system answered, as JSON that can be measured again without the system."""

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.gateway.http_judgements import Verdict
from contracts.gateway.http_prompts import PromptView
from shared.client.evaluate.errors import EvaluationError


class Shown(BaseModel):
    """A source that stood in the prompt under number `n`."""

    model_config = ConfigDict(frozen=True)

    n: int
    document: str
    text: str


class Judged(BaseModel):
    """What the judge `model` said of an answer."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    supported: bool
    reason: str
    model: str
    cost_usd: float


class Answered(BaseModel):
    """`seconds` from the question to `done`, as the client sees it. `cost_usd` None: no price.

    `not_judged` says why a judge that was asked gave no judgement.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    answer: str
    sources: tuple[Shown, ...]
    cited: tuple[int, ...]
    model: str | None = None
    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    cached: bool = False
    judged: Judged | None = None
    not_judged: str | None = None


class Recorded(BaseModel):
    """One run: the answers, in the order of the set, and the version of the prompt that gave them.

    `prompt` is None when the token may not read prompts.
    """

    model_config = ConfigDict(frozen=True)

    set: str
    at: datetime
    prompt: PromptView | None = None
    answers: tuple[Answered, ...]

    @classmethod
    def now(cls, name: str, prompt: PromptView | None, answers: list[Answered]) -> "Recorded":
        return cls(set=name, at=datetime.now(UTC), prompt=prompt, answers=tuple(answers))


def read_recorded(path: Path) -> Recorded:
    """What --json wrote. Raises EvaluationError."""
    try:
        return Recorded.model_validate(json.loads(path.read_text(encoding="utf-8"))["recorded"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise EvaluationError(f"{path} cannot be read as a file of --json ({error!r}).") from None
