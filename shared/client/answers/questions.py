"""A set on disk: documents, and questions with the answers and the passages that are right."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.files import File

LAYOUT = """A set is a folder with
  questions.jsonl   a line for each question:
                    {"id": …, "question": …, "answers": […], "gold": [{"document": …, "quote": …}]}
                    answers: any of them is right; none: the documents do not tell
                    gold: passages that tell it, each by its file's name and words that stand in it
  documents/        the files; or documents.txt, which holds the path of their folder"""


class Gold(BaseModel):
    """A passage that tells the answer; `quote` stands in it, blanks and case aside."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    quote: str = Field(min_length=1)


class Asked(BaseModel):
    """A question; without `answers` the documents do not tell, and the right answer says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    question: str = Field(min_length=1)
    answers: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()


@dataclass(frozen=True)
class QuestionSet:
    """`folder` is where the documents are."""

    name: str
    folder: Path
    questions: tuple[Asked, ...]

    def files(self) -> Iterator[File]:
        """The documents. Raises EvaluationError when there are none."""
        paths = sorted(path for path in self.folder.glob("*") if path.is_file())
        if not paths:
            raise EvaluationError(f"{self.folder} holds no documents.\n{LAYOUT}")
        for path in paths:
            body = path.read_bytes()
            yield File(path.name, body, path.name, hashlib.sha256(body).hexdigest()[:16])


def read_questions(folder: Path) -> QuestionSet:
    """Raises EvaluationError."""
    path = folder / "questions.jsonl"
    if not path.is_file():
        raise EvaluationError(f"{folder} has no questions.jsonl.\n{LAYOUT}")
    questions = [
        _question(line, f"{path}, line {number}")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    ]
    ids = [one.id for one in questions]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise EvaluationError(f"{path}: the id {twice[0]} comes twice.")
    if not questions:
        raise EvaluationError(f"{path} holds no question.\n{LAYOUT}")
    elsewhere = folder / "documents.txt"
    documents = folder / (elsewhere.read_text().strip() if elsewhere.is_file() else "documents")
    return QuestionSet(folder.resolve().name, documents, tuple(questions))


def _question(line: str, where: str) -> Asked:
    try:
        row: dict[str, Any] = json.loads(line)
        asked = Asked.model_validate(row)
    except (ValueError, ValidationError) as error:
        raise EvaluationError(f"{where} cannot be read ({error}).\n{LAYOUT}") from None
    if asked.answers and not asked.gold:
        raise EvaluationError(f"{where}: it has answers, but no gold passage that tells them.")
    return asked
