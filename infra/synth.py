"""`python -m infra.synth --profile small`: writes the CloudFormation templates (`make synth`)."""

import argparse
import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.app import build
from infra.profiles import PROFILES, Profile

OUT = Path(__file__).parent / "out"


def synth(profile: Profile, folder: Path, *, check: bool = False) -> None:
    """With `check`, cdk-nag's findings that are not acknowledged end it with a RuntimeError."""
    app = build(profile, folder)
    if check:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.synth", description="Write the CloudFormation templates of a profile."
    )
    parser.add_argument("--profile", choices=PROFILES, default="small")
    parser.add_argument("--out", type=Path, default=OUT, help="a folder for each profile in it")
    parser.add_argument("--check", action="store_true", help="with cdk-nag's AWS Solutions rules")
    given = parser.parse_args(arguments)
    folder: Path = given.out / given.profile
    synth(PROFILES[given.profile], folder, check=given.check)
    for template in sorted(folder.glob("*.template.json")):
        sys.stdout.write(f"{template}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
