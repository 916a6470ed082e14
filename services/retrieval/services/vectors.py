"""A model's vectors as the index keeps them."""

from collections.abc import Sequence

import numpy as np

from services.retrieval.models.mapping import Mapping, MappingMismatch


def encoded(vectors: Sequence[Sequence[float]], mapping: Mapping) -> list[bytes]:
    """Little-endian float16; raises MappingMismatch for another dimension than the index's."""
    matrix = np.asarray(vectors, dtype="<f2")
    if matrix.ndim != 2 or matrix.shape[1] != mapping.dimension:
        raise MappingMismatch(
            f"the index holds {mapping}, but the model answers vectors of shape {matrix.shape}: "
            "set RAGOPS_EMBEDDING_DIMENSION to the model's own"
        )
    return [row.tobytes() for row in matrix]
