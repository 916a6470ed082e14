"""A query's vector, made when a leg first asks for it, and once."""

from dataclasses import dataclass, field

from services.retrieval.models.mapping import Mapping, MappingMismatch
from services.retrieval.services.legs import Stopwatch
from services.retrieval.services.spending import Bill
from shared.ports import Model


@dataclass
class Embedding:
    """Of one request: its call is on the request's bill."""

    model: Model
    mapping: Mapping
    bill: Bill
    watch: Stopwatch
    _vector: list[float] = field(default_factory=list)

    async def __call__(self, query: str) -> list[float]:
        """Raises MappingMismatch or Unavailable."""
        if self._vector:
            return self._vector
        with self.watch.stage("embed"):
            call = self.model.embed(self.mapping.model, [query], "query")
            answer = await self.bill.charge("embed_query", call)
        (vector,) = answer.vectors
        if len(vector) != self.mapping.dimension:
            raise MappingMismatch(f"the index holds {self.mapping}, a query got {len(vector)}")
        self._vector = vector
        return vector
