"""Queues, topics and buckets refuse plain HTTP and foreign senders."""

from collections.abc import Callable

import pytest

from tests.infra import matrix
from tests.infra.evaluator import Request, allows
from tests.infra.judging import Judge
from tests.infra.templates import Templates, arn_of, bucket_arn, role_arn

# A role of the same account that an administrator was too generous with.
GENEROUS = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
INTRUDER = role_arn("intruder")
PLACES = [
    *(("sqs:SendMessage", arn_of("sqs", queue)) for queue in matrix.QUEUES),
    *(("sns:Publish", arn_of("sns", topic)) for topic in matrix.TOPICS),
    *(
        (action, bucket_arn(bucket, f"{prefix}acme/one"))
        for bucket, prefix in matrix.PREFIXES
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
    ),
]


def refused(templates: Templates, principal: str, **context: str) -> list[bool]:
    judge = Judge(templates)
    policies = judge.resources
    return [
        not allows(
            Request(
                principal,
                action,
                place,
                {key.replace("__", ":"): value for key, value in context.items()},
            ),
            GENEROUS,
            policies[place.partition("/")[0]],
        )
        for action, place in PLACES
    ]


def test_a_foreign_sender_is_refused_everywhere(templates: Templates) -> None:
    assert all(refused(templates, INTRUDER))


def test_plain_http_is_refused_everywhere(templates: Templates) -> None:
    operator = role_arn("ragops-operator")
    assert all(refused(templates, operator, aws__SecureTransport="false"))
    assert not all(refused(templates, operator))


def test_another_accounts_topic_cannot_send(templates: Templates) -> None:
    judge = Judge(templates)
    queue = arn_of("sqs", "retrieval-index")
    foreign = "arn:aws:sns:us-east-1:999999999999:documents"
    assert not judge.service_may("sns", "sqs:SendMessage", queue, foreign)


@pytest.mark.parametrize("sid", ["SendersOnly", "NotOverPlainHttp"])
def test_a_policy_without_its_refusal_is_found(templates: Templates, sid: str) -> None:
    def breach(broken: Templates) -> None:
        for policy in broken.all("AWS::SQS::QueuePolicy"):
            document = policy.body["Properties"]["PolicyDocument"]
            document["Statement"] = [one for one in document["Statement"] if one["Sid"] != sid]

    broken = templates.broken(breach)
    role, secure = (INTRUDER, "true") if sid == "SendersOnly" else (OPERATOR, "false")
    assert not all(refused(broken, role, aws__SecureTransport=secure))


OPERATOR = role_arn("ragops-operator")


def test_sns_and_s3_may_use_the_messages_key_for_our_own_resources(templates: Templates) -> None:
    """Else their messages vanish, and nobody is told."""
    judge = Judge(templates)
    key = arn_of("kms", "key/MessagesKey")
    sources: dict[str, Callable[[str], str]] = {
        "sns": lambda name: arn_of("sns", name),
        "s3": bucket_arn,
    }
    for service, own in (("sns", "documents"), ("s3", "ragops-carrier")):
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            make = sources[service]
            assert judge.service_may(service, action, key, make(own))
            assert not judge.service_may(service, action, key, make("foreign"))
