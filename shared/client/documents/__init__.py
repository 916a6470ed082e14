"""A command for many documents at once: list, retry, cancel, reindex, delete."""
