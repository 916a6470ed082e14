"""The gateway's process."""

from services.gateway.bootstrap import bootstrap
from shared.lifecycle import run

if __name__ == "__main__":
    raise SystemExit(run("gateway", bootstrap))
