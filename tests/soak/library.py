"""What the people of a soak read and ask: the sample documents, and sets of documents on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from shared.client.answers.questions import read_questions
from shared.client.evaluate.dataset import Dataset, Entry, read_dataset
from shared.client.evaluate.files import File, files_of

_SAMPLES = Path(__file__).parents[1] / "quality" / "answers"


@dataclass(frozen=True)
class Library:
    """Documents, and questions that they answer."""

    files: tuple[File, ...]
    questions: tuple[str, ...]

    def __add__(self, other: "Library") -> "Library":
        return Library(self.files + other.files, self.questions + other.questions)


def samples() -> Library:
    """Those of the first start, with the questions by which answers are measured."""
    found = read_questions(_SAMPLES)
    return Library(tuple(found.files()), tuple(one.question for one in found.questions))


def of_folder(folder: Path, documents: int) -> list[Library]:
    """One for each set in the folder: so many documents of it at most, and what they answer.

    Empty when there is no such folder. Raises EvaluationError for a set that cannot be read.
    """
    found = sorted(one.parent for one in folder.glob("*/corpus.jsonl"))
    return [_of_set(read_dataset(one), documents) for one in found]


def _of_set(found: Dataset, documents: int) -> Library:
    """What answers a question comes first."""
    wanted = dict.fromkeys(chain.from_iterable(found.qrels.values()))
    chosen = set([*wanted, *(one.id for one in found.corpus if one.id not in wanted)][:documents])
    questions = (
        text for query, text in found.queries.items() if found.qrels[query].keys() <= chosen
    )
    return Library(tuple(files_of(_chosen(found, chosen))), tuple(questions))


def _chosen(found: Dataset, chosen: set[str]) -> Iterator[Entry]:
    return (one for one in found.corpus if one.id in chosen)
