"""What can be known before anything is changed: region, models, names, images, certificate."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.topology import BUCKETS, MODEL_USES
from infra.deploy.failures import DeployFailed
from infra.names import repository
from infra.profiles import Models
from infra.stacks.buckets import ACCESS_LOGS

_NO_IMAGE = ("ImageNotFoundException", "RepositoryNotFoundException")
_MISSING = ("404", "NoSuchBucket", "NotFound")


def check_region(region: str | None, known: Iterable[str]) -> str:
    """Raises DeployFailed."""
    if not region:
        raise DeployFailed("No region is set. Set AWS_REGION, or give --region us-east-1.")
    if region not in known:
        raise DeployFailed(
            f"Bedrock is not offered in {region!r}. Give --region with one of: "
            f"{', '.join(sorted(known))}."
        )
    return region


def account_of(sts: Any) -> str:
    try:
        return str(sts.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise DeployFailed(
            f"AWS does not know this shell ({error}). Log in: aws sso login, or set AWS_PROFILE."
        ) from error


def check_models(bedrock: Any, models: Models, region: str) -> None:
    """Profiles across regions (`us.…`) are looked for by their model. Raises DeployFailed."""
    asked = {model for uses in MODEL_USES.values() for use in uses for model in models.of(use)}
    offered = {one["modelId"] for one in bedrock.list_foundation_models()["modelSummaries"]}
    missing = sorted(model for model in asked if model not in offered and "." in model)
    missing = [model for model in missing if model.partition(".")[2] not in offered]
    if missing:
        raise DeployFailed(
            f"{region} does not offer {', '.join(missing)}. Change `models` of the profile in"
            f" {Path('infra/profiles.py')}, or deploy in another region."
        )


def check_buckets(s3: Any, account: str, region: str) -> None:
    """For a first deploy: none of the names may be taken. Raises DeployFailed."""
    for bucket in (*BUCKETS, ACCESS_LOGS):
        name = f"{bucket}-{account}-{region}"
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                continue
            raise DeployFailed(
                f"The bucket name {name} is taken by another account. Deploy in another region."
            ) from error
        raise DeployFailed(
            f"The bucket {name} is there already, but the stack RagOps-stores is not. It holds the"
            " data of an earlier installation: import it into the stack, or rename it."
        )


def check_certificate(arn: str, region: str) -> None:
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "acm":
        raise DeployFailed(
            f"{arn!r} is no certificate of ACM. Request one for your domain (aws acm"
            " request-certificate) and give its ARN with --certificate."
        )
    if parts[3] != region:
        raise DeployFailed(f"The certificate is of {parts[3]}, but the deploy goes to {region}.")


def digests(ecr: Any, images: Iterable[str], tag: str) -> dict[str, str]:
    """The digest of each image with this tag. Raises DeployFailed with all that are missing."""
    found, missing = {}, []
    for image in images:
        name = repository(image)
        try:
            asked = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NO_IMAGE:
                raise
            asked = {"imageDetails": []}
        if asked["imageDetails"]:
            found[image] = str(asked["imageDetails"][0]["imageDigest"])
        else:
            missing.append(name)
    if missing:
        raise DeployFailed(
            f"These images have no tag {tag} in ECR: {', '.join(missing)}. Build and push them"
            " (docs/deploy.md, 'Images'), then deploy again: what is done stays."
        )
    return found
