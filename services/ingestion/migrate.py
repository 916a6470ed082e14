"""Brings ingestion's tables up to date: `python -m services.ingestion.migrate`."""

import argparse
import asyncio
import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.ingestion.bootstrap import migrating
from services.ingestion.settings import IngestionSettings
from shared.errors import CannotStart, Unavailable
from shared.settings import unset

_EPILOG = """\
Run it once before a release is rolled out, as a task of its own, and start ingestion with
RAGOPS_MIGRATE=false. Tasks of the release before go on meanwhile. Run it as often as you like: the
tables that are up to date, or of a newer release, stay as they are.
"""


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m services.ingestion.migrate",
        description="Bring ingestion's tables in PostgreSQL up to date.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


async def _migrate(settings: IngestionSettings) -> str:
    async with migrating(settings) as database:
        before, after = await database.migrate()
    if before == after:
        return f"The tables are up to date: revision {after}."
    return f"The tables were brought from revision {before or 'none'} to {after}."


def main(arguments: list[str] | None = None) -> int:
    """0, or 2 when the database could not be used; nothing has changed then."""
    _parser().parse_args(arguments)
    try:
        told = asyncio.run(_migrate(IngestionSettings()))
    except (ValidationError, SettingsError) as error:
        sys.stderr.write(unset(error))
        return 2
    except (CannotStart, Unavailable) as error:
        sys.stderr.write(f"{error}. Nothing was changed.\n")
        return 2
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
