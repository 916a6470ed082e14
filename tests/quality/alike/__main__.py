"""Chooses the semantic cache's threshold and prints the README's table of what it then does."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.quality.alike.choosing import chosen, read_pairs, table, with_cosines
from tests.quality.embedder import Embedder

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        embedder = Embedder(Path(folder))
        pairs, held_out = (
            with_cosines(read_pairs(name), embedder) for name in ("pairs", "held_out")
        )
    least = chosen(pairs)
    print(table(least, pairs, held_out))
