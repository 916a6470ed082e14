"""The ways in which a document may be cut into chunks, by name (docs/chunking.md)."""

from typing import Literal, get_args

Chunking = Literal["structure", "fixed", "sentences", "rows", "parents"]
CHUNKINGS: tuple[Chunking, ...] = get_args(Chunking)
DEFAULT_CHUNKING: Chunking = "structure"


def known_chunking(name: str) -> Chunking:
    """The name itself. Raises ValueError with the known names."""
    for known in CHUNKINGS:
        if name == known:
            return known
    raise ValueError(f"There is no chunking of this name; known are: {', '.join(CHUNKINGS)}.")
