"""Verifies the audit log: `python -m services.finetune_export.verify`."""

import argparse
import asyncio
import sys

from services.finetune_export.bootstrap import verifying
from services.finetune_export.services.auditing import Verified
from services.finetune_export.settings import FinetuneExportSettings
from shared.errors import Unavailable
from shared.observability import configure_logs

_EPILOG = """Each line holds the hash of the line before it, and each day's seal the hashes of the
day's last lines. A line that was changed, removed or added is named. Exit code 1: something is
wrong. Lines of today are not sealed yet: that the last of them is missing cannot be seen.

example:
  set -a; . .ragops/env; set +a
  python -m services.finetune_export.verify
"""


async def _verify() -> Verified:
    async with verifying(FinetuneExportSettings()) as verification:
        return await verification.verify()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.verify",
        description="Walk the audit log and check that nothing in it was changed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    configure_logs("finetune_export", "ERROR")
    try:
        found = asyncio.run(_verify())
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for fault in found.faults:
        sys.stdout.write(f"WRONG {fault}\n")
    sys.stdout.write(
        f"{found.lines} lines of {found.writers} writers, {found.seals} seals, "
        f"{found.unsealed} lines not sealed yet, {len(found.faults)} faults.\n"
    )
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
