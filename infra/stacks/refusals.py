"""Statements of resource policies that refuse what nobody may do, whatever a role's policy says."""

from collections.abc import Sequence

import aws_cdk as cdk

from infra.rights import Statement


def over_plain_http(action: str, resources: Sequence[str]) -> Statement:
    return {
        "Sid": "NotOverPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [*resources],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def senders_only(
    action: str | Sequence[str],
    resources: Sequence[str],
    roles: Sequence[str],
    sid: str = "SendersOnly",
) -> Statement:
    """Refuses every principal but these roles. AWS services have statements of their own."""
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action if isinstance(action, str) else [*action],
        "Resource": [*resources],
        "Condition": {
            "ArnNotEquals": {"aws:PrincipalArn": [*roles]},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }


def account_administers() -> Statement:
    """A key that its own account cannot administer is lost for ever: KMS' default statement."""
    return {
        "Sid": "AccountAdministers",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
