"""Memory's process."""

from services.memory.bootstrap import bootstrap
from shared.lifecycle import run

if __name__ == "__main__":
    raise SystemExit(run("memory", bootstrap))
