"""Whom our roles and queues trust: AWS services for our own resources, and people."""

from typing import Any

import aws_cdk as cdk

from contracts.topology import BUCKETS, SUBSCRIPTIONS, Queue
from infra.names import TRAINING_JOBS, TRAINING_RULE, arn, bucket_arn, rule_arn, topic_arn
from infra.rights import Statement, policy

ACCOUNT = {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}


def sources_of(queue: Queue) -> list[Statement]:
    """The AWS services that may send to a queue, each from our own topics, bucket or rule."""
    topics = [topic_arn(one.topic) for one in SUBSCRIPTIONS if one.queue == queue.name]
    drops = [
        bucket_arn(bucket.name)
        for bucket in BUCKETS.values()
        if any(prefix.notifies == queue.name for prefix in bucket.prefixes)
    ]
    found = []
    rules = [rule_arn(TRAINING_RULE)] if "events" in queue.senders else []
    named = (("Topics", "sns", topics), ("Drops", "s3", drops), ("Rules", "events", rules))
    for sid, service, sources in named:
        if sources:
            found.append(
                {
                    "Sid": sid,
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": sources},
                        "StringEquals": ACCOUNT,
                    },
                }
            )
    return found


def people() -> dict[str, Any]:
    """Whoever the account's own administrators let take on this role, with a second factor."""
    root = f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:root"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    }
    return policy([statement])


def training_jobs() -> dict[str, object]:
    """Bedrock and SageMaker may take on the role for trainings of this account."""
    jobs = (("bedrock", "model-customization-job/*"), ("sagemaker", TRAINING_JOBS))
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": ACCOUNT,
                "ArnLike": {"aws:SourceArn": arn(service, kind)},
            },
        }
        for service, kind in jobs
    )


def trusting(service: str) -> dict[str, object]:
    """Who may take on a role: an AWS service, for this account's resources only."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": ACCOUNT},
    }
    return policy([statement])
