"""RagOps-deployer: the role with which GitHub Actions deploys, by OIDC and without a stored key."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.names import IMAGES, SYSTEM, arn, repository
from infra.rights import allow, policy
from infra.stacks.cluster import AMI

_ISSUER = "token.actions.githubusercontent.com"
_STACKS = (
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:GetTemplate",
)
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
# What rolling new images out changes, and nothing else: a person deploys network and stores.
_ROLL = (
    "ecs:DescribeServices",
    "ecs:DescribeTasks",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "ecs:TagResource",
    "ecs:UpdateService",
)
# IAM has no resource level for these.
_DEFINITIONS = ("ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition")


class Deployer(cdk.Stack):
    """Who may take it on: one environment of one repository. It rolls images out, no more."""

    def __init__(self, scope: Construct, **options: object) -> None:
        super().__init__(scope, "RagOps-deployer", **options)  # type: ignore[arg-type]
        repository_ = cdk.CfnParameter(
            self,
            "Repository",
            type="String",
            allowed_pattern="[A-Za-z0-9._-]+/[A-Za-z0-9._-]+",
            description="The GitHub repository that deploys, as owner/name",
        )
        environment = cdk.CfnParameter(
            self,
            "Environment",
            type="String",
            default="production",
            description="The environment of GitHub Actions in which it may deploy",
        )
        issuer = iam.CfnOIDCProvider(
            self, "Issuer", url=f"https://{_ISSUER}", client_id_list=["sts.amazonaws.com"]
        )
        subject = f"repo:{repository_.value_as_string}:environment:{environment.value_as_string}"
        # The keys of a condition cannot hold parameters; these do not.
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": issuer.attr_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{_ISSUER}:aud": "sts.amazonaws.com",
                    f"{_ISSUER}:sub": subject,
                }
            },
        }
        role = iam.CfnRole(
            self,
            "Role",
            role_name=f"{SYSTEM}-deployer",
            max_session_duration=3600,
            assume_role_policy_document=policy([trust]),
            policies=[
                iam.CfnRole.PolicyProperty(policy_name="deploy", policy_document=policy(_rights()))
            ],
        )
        cdk.CfnOutput(self, "RoleArn", value=role.attr_arn)


def _public(parameter: str) -> str:
    """AWS' own parameters belong to no account."""
    return f"arn:{cdk.Aws.PARTITION}:ssm:{cdk.Aws.REGION}::parameter{parameter}"


def _rights() -> list[dict[str, object]]:
    stacks = [arn("cloudformation", f"stack/RagOps-{name}/*") for name in ("cluster", "services")]
    described = [
        arn("cloudformation", f"stack/RagOps-{name}/*")
        for name in ("network", "messages", "stores", "watch")
    ]
    repositories = [arn("ecr", f"repository/{repository(image)}") for image in IMAGES]
    tasks = [arn("ecs", f"{kind}/{SYSTEM}*") for kind in ("service", "task", "task-definition")]
    pass_to = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    return [
        allow("Stacks", _STACKS, stacks),
        allow("LookAtStacks", ["cloudformation:DescribeStacks"], described),
        allow("LogInToEcr", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("Push", _PUSH, repositories),
        allow("Roll", _ROLL, tasks),
        allow("Definitions", _DEFINITIONS, ["*"]),
        # CloudFormation looks up the hosts' image with the rights of who changes the stack.
        allow("HostImage", ["ssm:GetParameters"], [_public(AMI)]),
        allow("PassRoles", ["iam:PassRole"], [arn("iam", f"role/{SYSTEM}-*", region="")], pass_to),
    ]
