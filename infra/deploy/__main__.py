"""`python -m infra.deploy --profile small`: a checkout becomes a system on AWS (`make deploy`)."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.topology import SERVICES
from infra.cost import monthly
from infra.deploy import checks, steps, tokens
from infra.deploy.changes import Stacks
from infra.deploy.deployment import Deployment, Wanted, price_of
from infra.deploy.failures import DeployFailed
from infra.deploy.uploading import uploader
from infra.names import GRAPH, GRAPH_TAG
from infra.profiles import PROFILES, Profile
from infra.synth import OUT, synth

_EPILOG = """docs/deploy.md tells what is needed and what happens. Each stack is shown before it
changes, and asked about unless --yes is given. Run it again after a failure: what is done stays.

examples:
  python -m infra.deploy --certificate arn:aws:acm:us-east-1:…:certificate/…
  python -m infra.deploy roll --tag 4f2c91a --yes # other images only; also to roll back
  python -m infra.deploy destroy                  # data stays
"""
_TENANT, _USER = "demo", "me"


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _asking(yes: bool) -> Callable[[str], bool]:
    def ask(shown: str) -> bool:
        _say(shown)
        return yes or input("Do this? [y/N] ").strip().lower() in ("y", "yes")

    return ask


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy",
        description="Deploy RagOps to the AWS account of this shell.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", nargs="?", choices=["deploy", "roll", "destroy"], default="deploy")
    parser.add_argument("--profile", choices=PROFILES, default="small")
    parser.add_argument("--region", help="default: this shell's")
    parser.add_argument("--tag", help="of the images in ECR (default: the checkout's commit)")
    parser.add_argument("--certificate", default="", help="ARN of an ACM certificate, for HTTPS")
    parser.add_argument("--email", default="", help="gets the alarms, after confirming a mail")
    parser.add_argument("--turns", type=int, default=10_000, help="a month, for the price shown")
    parser.add_argument("--documents", type=int, default=1_000, help="a month, for the price")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    return parser


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 (git of this shell)
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise DeployFailed("This is no git checkout: give the images' tag with --tag.")
    return found.stdout.strip()


def _deployment(session: Any, account: str, region: str, yes: bool) -> tuple[Stacks, Deployment]:
    upload = uploader(session.client("s3"), f"ragops-templates-{account}-{region}", region)
    stacks = Stacks(session.client("cloudformation"), upload, _say)
    tasks = steps.Tasks(session.client("ecs"), _say)
    return stacks, Deployment(stacks, tasks, _asking(yes), _say)


def _deploy(given: argparse.Namespace, session: Any, account: str, region: str) -> None:
    profile: Profile = PROFILES[given.profile]
    stacks, deployment = _deployment(session, account, region, given.yes)
    checks.check_models(session.client("bedrock"), profile.models, region)
    if not stacks.is_there("RagOps-stores"):
        checks.check_buckets(session.client("s3"), account, region)
    if given.certificate or not stacks.is_there("RagOps-services"):
        checks.check_certificate(given.certificate, region)
    tag = given.tag or _commit()
    folder: Path = OUT / profile.name
    _say(f"Profile {profile.name} into {region} of {account}, images {tag}.")
    _say(price_of(monthly(profile, given.turns, given.documents)))
    synth(profile, folder)
    steps.make_service_roles(session.client("iam"))
    steps.use_trunks(session.client("ecs"))
    ecr = session.client("ecr")
    first = not stacks.is_there("RagOps-services")

    def digests() -> dict[str, str]:
        return checks.digests(ecr, SERVICES, tag) | checks.digests(ecr, (GRAPH,), GRAPH_TAG)

    url = deployment.deploy(Wanted(folder, digests, given.certificate, given.email))
    _say(f"\n{url}\nPoint your domain at it (CNAME), so that its name fits the certificate.")
    if first:
        token = tokens.first_token(session.client("secretsmanager"), _TENANT, _USER)
        _say(f"Token of the user {_USER} of the tenant {_TENANT}, for 30 days:\n{token}")


def _roll(given: argparse.Namespace, session: Any, account: str, region: str) -> None:
    """Needs no more rights than the role of RagOps-deployer."""
    _, deployment = _deployment(session, account, region, given.yes)
    found = checks.digests(session.client("ecr"), SERVICES, given.tag or _commit())
    _say(deployment.roll(found))


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 with the words that say what to do."""
    given = _parser().parse_args(arguments)
    try:
        session = boto3.Session(region_name=given.region)
        known = session.get_available_regions("bedrock")
        region = checks.check_region(session.region_name, known)
        account = checks.account_of(session.client("sts"))
        if given.verb == "destroy":
            hosts = partial(steps.release_hosts, session.client("autoscaling"))
            _deployment(session, account, region, given.yes)[1].destroy(hosts)
        elif given.verb == "roll":
            _roll(given, session, account, region)
        else:
            _deploy(given, session, account, region)
    except (DeployFailed, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
