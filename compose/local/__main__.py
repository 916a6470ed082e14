"""`python -m compose.local`: the whole system on this machine, without Docker and without AWS."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.errors import LocalError
from compose.local.layout import DEFAULT_STATE

_EPILOG = """\
examples:
  python -m compose.local run --port 9090     another port (make run PORT=9090)
  python -m compose.local run --stores real   on OpenSearch and Neo4j (make run STORES=real)
  python -m compose.local run --bedrock aws   models of your AWS account (make run BEDROCK=aws)
  python -m compose.local status              what runs, and how much memory it takes
  python -m compose.local stop                from another terminal

with a language model instead of quoted sentences (any OpenAI-compatible address):
  RAGOPS_LLM_URL=http://127.0.0.1:11434/v1 RAGOPS_LLM_MODEL=llama3.2 make run
  and RAGOPS_ENTITY_MODEL=local.llm-v1 to find the documents' entities with it too

dead letters, and the AWS CLI (the file sets the endpoint and dummy credentials):
  set -a; . .ragops/env; set +a
  python -m shared.messaging list
  python -m shared.messaging redrive ingestion-documents
"""


def parser() -> argparse.ArgumentParser:
    from compose.local.plan import EMBEDDED, MINISTACK, STORES  # needs packages

    made = argparse.ArgumentParser(
        prog="python -m compose.local",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="start everything; Ctrl-C stops it")
    run.add_argument("--port", type=int, default=8080, help="of page and API (default 8080)")
    run.add_argument("--aws-port", type=int, default=4566, help="of the emulator (default 4566)")
    run.add_argument(
        "--emulator", default=MINISTACK, help="ministack (default), localstack, or a running URL"
    )
    run.add_argument(
        "--stores",
        choices=STORES,
        default=EMBEDDED,
        help="of passages and graph: embedded (default), or real: OpenSearch and Neo4j servers "
        "(needs mvn and a JDK; fetched at the first start)",
    )
    run.add_argument(
        "--bedrock",
        choices=("local", "aws"),
        default="local",
        help="who answers for the models: local (default), or aws: Bedrock, with the AWS "
        "credentials and region of this shell",
    )
    run.add_argument("--no-samples", action="store_true", help="do not upload the samples")
    stop = verbs.add_parser("stop", help="stop it, or clean up after a run that was killed")
    status = verbs.add_parser("status", help="processes, memory, logs")
    for verb in (run, stop, status):
        verb.add_argument(
            "--state", type=Path, default=DEFAULT_STATE, help="the state folder (.ragops)"
        )
    return made


def main(arguments: list[str] | None = None) -> int:
    try:
        return _do(parser().parse_args(arguments))
    except LocalError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as missing:  # an installation that failed half-way
        print(
            f"The installation is not complete: the package '{missing.name}' is missing. "
            "To install again: make clean setup",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:  # before the run listens for it: nothing was started yet
        return 130


def _do(asked: argparse.Namespace) -> int:
    from compose.local import commands  # a second of imports that --help does not need
    from compose.local.account import Account

    if asked.verb == "stop":
        print(commands.stop(asked.state))
        return 0
    if asked.verb == "status":
        shown, running = commands.status(asked.state)
        print(shown)
        return 0 if running else 3  # as service scripts do
    account = Account.of_shell() if asked.bedrock == "aws" else None
    _forget_aws()
    asyncio.run(
        commands.run(
            commands.RunOptions(
                asked.state,
                asked.port,
                asked.aws_port,
                asked.emulator,
                asked.stores,
                not asked.no_samples,
                account,
            )
        )
    )
    return 0


def _forget_aws() -> None:
    """This process makes queues too: it must never speak to this person's real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(DUMMY_CREDENTIALS, NO_PROXY="127.0.0.1,localhost")


if __name__ == "__main__":
    raise SystemExit(main())
