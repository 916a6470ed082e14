"""Puts templates into S3: CloudFormation takes no long ones in a request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


def uploader(s3: Any, bucket: str, region: str) -> Callable[[Path], str]:
    """A private bucket of this account, made at the first upload."""

    def upload(template: Path) -> str:
        _ensure(s3, bucket, region)
        s3.put_object(Bucket=bucket, Key=template.name, Body=template.read_bytes())
        # CloudFormation reads it with the caller's own rights.
        return f"{s3.meta.endpoint_url}/{bucket}/{template.name}"

    return upload


def _ensure(s3: Any, bucket: str, region: str) -> None:
    place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else place))
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
