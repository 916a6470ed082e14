"""What the vectors of an index are: which model made them, and how long they are."""

import re
from dataclasses import dataclass

from services.retrieval.models.unindexable import Unindexable


class OtherEmbeddingSpace(Unindexable):
    """An index, a message or a vector comes from another embedding model; it says what to do."""

    code = "other_embedding_space"


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """The embedding model's id and its vectors' dimension; both are part of the index's name."""

    model: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.model} with {self.dimension} dimensions"

    @property
    def slug(self) -> str:
        """Safe in a file name and in an OpenSearch index name: lower case, digits, `-`, `.`."""
        return f"{re.sub(r'[^a-z0-9.]+', '-', self.model.lower()).strip('-.')}-{self.dimension}"
