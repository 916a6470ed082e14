"""A repository in ECR for each image. A tag is never overwritten."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms

from infra.names import logical, repository

_KEPT_IMAGES = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "the newest 30 images, for rolling back",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": 30,
            },
            "action": {"type": "expire"},
        }
    ]
}


def add_repository(stack: cdk.Stack, image: str, key: kms.CfnKey) -> None:
    made = ecr.CfnRepository(
        stack,
        f"{logical(image)}Images",
        repository_name=repository(image),
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(
            scan_on_push=True
        ),
        encryption_configuration=ecr.CfnRepository.EncryptionConfigurationProperty(
            encryption_type="KMS", kms_key=key.attr_arn
        ),
        lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(
            lifecycle_policy_text=stack.to_json_string(_KEPT_IMAGES)
        ),
    )
    made.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
