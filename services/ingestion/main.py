"""Ingestion's process."""

from services.ingestion.bootstrap import bootstrap
from shared.lifecycle import run

# The parser's child process imports this module under another name.
if __name__ == "__main__":
    raise SystemExit(run("ingestion", bootstrap))
