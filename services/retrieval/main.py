"""Retrieval's process."""

from services.retrieval.bootstrap import bootstrap
from shared.lifecycle import run

if __name__ == "__main__":
    raise SystemExit(run("retrieval", bootstrap))
