"""The embedded search store: one SQLite file, with the vectors in memory beside it."""
