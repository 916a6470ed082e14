"""Makes a training set: `python -m services.finetune_export.export --help`."""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

from services.finetune_export.bootstrap import exporting
from services.finetune_export.models.export import ExportRequest, Filter, export_prefix
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.services.exporting.limits import ExportRefused, table
from services.finetune_export.settings import FinetuneExportSettings
from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.observability import configure_logs

_EPILOG = """The set goes into the archive's bucket: train.jsonl, held_out.jsonl, manifest.json and
README.md, the dataset card. The same request over the same turns makes the same bytes.

example:
  set -a; . .ragops/env; set +a
  python -m services.finetune_export.export --tenant demo --format bedrock-conversation \\
    --base-model amazon.nova-micro-v1:0

Exit status: 0 done, 1 no set can be made (the reason is printed), 2 the archive is out of reach.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.finetune_export.export",
        description="Make a training set from a tenant's archived turns.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--format", required=True, choices=sorted(table()["formats"]))
    parser.add_argument("--base-model", required=True, help="the provider's id of the model")
    parser.add_argument("--seed", type=int, default=0, help="draws the held-out part (default 0)")
    parser.add_argument("--since", type=_moment, help="turns from then on (ISO 8601, UTC)")
    parser.add_argument("--until", type=_moment, help="turns before then (default: now)")
    parser.add_argument(
        "--without-names",
        action="store_true",
        help="screen by rules alone: names of people stay in the set",
    )
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _progress(stage: str, count: int) -> None:
    if sys.stderr.isatty() or count % 1000 == 0:
        sys.stderr.write(f"\r{stage}: {count} turns ")
        sys.stderr.flush()


async def _export(request: ExportRequest) -> dict[str, object]:
    async with exporting(FinetuneExportSettings(), names=request.names) as exports:
        return await exports.export(request, _progress)


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    configure_logs("finetune_export", "ERROR")
    request = ExportRequest(
        tenant=given.tenant,
        format=given.format,
        base_model=given.base_model,
        seed=given.seed,
        filter=Filter(since=given.since, until=given.until or SystemClock().now()),
        names=not given.without_names,
    )
    try:
        manifest = asyncio.run(_export(request))
    except ExportRefused as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except (MissingGroup, Unavailable) as error:
        sys.stderr.write(f"\n{error}\n")
        return 2
    sys.stderr.write("\n")
    sys.stdout.write(f"{export_prefix(request.tenant, request.id)}\n")
    sys.stdout.write(json.dumps({"stages": manifest["stages"]}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
