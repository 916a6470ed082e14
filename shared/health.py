"""`python -m shared.health`: a container's health check. Exit code 0 while the service gets on."""

import sys
import time

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.settings import Settings, unset

# The service touches its file every 5 seconds.
STALE_S = 30.0


def main() -> int:
    try:
        path = Settings().heartbeat_file
    except (ValidationError, SettingsError) as error:
        sys.stderr.write(unset(error))
        return 2
    if path is None:
        sys.stderr.write("Set RAGOPS_HEARTBEAT_FILE for the service and for this command.\n")
        return 2
    if not path.exists():
        sys.stderr.write(f"{path} is not there: the service has not started.\n")
        return 1
    age_s = time.time() - path.stat().st_mtime
    if age_s > STALE_S:
        sys.stderr.write(f"{path} is {age_s:.0f} s old: the service is stuck, see its log.\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
