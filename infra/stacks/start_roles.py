"""The roles with which ECS fetches a container's image and secrets and writes its log."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from infra.names import arn, log_group, logical, repository, start_role_name
from infra.rights import PULL, allow, policy, via
from infra.stacks.trust import trusting


def start_role(
    stack: cdk.Stack, name: str, image: str, secrets: list[str], key: kms.CfnKey
) -> iam.CfnRole:
    """Its image, its secrets, its log: a gateway's start cannot read retrieval's secrets."""
    repositories = [arn("ecr", f"repository/{repository(image)}")]
    streams = arn("logs", f"log-group:{log_group(name)}:log-stream:*")
    statements = [
        allow("LogInToEcr", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("Pull", PULL, repositories),
        allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [streams]),
    ]
    if secrets:
        statements += [
            allow("Secrets", ["secretsmanager:GetSecretValue"], sorted(set(secrets))),
            allow("SecretKey", ["kms:Decrypt"], [key.attr_arn], via("secretsmanager")),
        ]
    return iam.CfnRole(
        stack,
        f"{logical(name)}StartRole",
        role_name=start_role_name(name),
        assume_role_policy_document=trusting("ecs-tasks.amazonaws.com"),
        policies=[
            iam.CfnRole.PolicyProperty(policy_name="start", policy_document=policy(statements))
        ],
    )
