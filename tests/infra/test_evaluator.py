"""The evaluator of policies that the matrix is judged with."""

from typing import Any

import pytest

from tests.infra.evaluator import Request, allows, matches

ROLE = "arn:aws:iam::1:role/one"
QUEUE = "arn:aws:sqs:us-east-1:1:queue"


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE, **more}


def deny(**more: Any) -> dict[str, Any]:
    return allow(Effect="Deny", Principal="*", **more)


def asked(**context: str) -> Request:
    return Request(ROLE, "sqs:SendMessage", QUEUE, context)


def test_nothing_is_allowed_by_itself() -> None:
    assert not allows(asked(), [])


def test_a_deny_beats_every_allow() -> None:
    assert allows(asked(), [allow()])
    assert not allows(asked(), [allow()], [deny()])


def test_a_resource_may_allow_a_role_by_name() -> None:
    assert allows(asked(), [], [allow(Principal={"AWS": [ROLE]})])
    assert not allows(asked(), [], [allow(Principal={"AWS": ["arn:aws:iam::1:role/other"]})])
    assert not allows(asked(), [], [allow(Principal={"Service": "sns.amazonaws.com"})])


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("arn:aws:s3:::b/in/*", "arn:aws:s3:::b/in/a/b", True),
        ("arn:aws:s3:::b/in/*", "arn:aws:s3:::b/inner", False),
        ("sqs:Send?essage", "sqs:SendMessage", True),
        ("a[b]*", "ab", False),
    ],
)
def test_wildcards(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringLike": {"s3:prefix": "in/*"}}, {"s3:prefix": "in/a"}, True),
        ({"StringLike": {"s3:prefix": "in/*"}}, {}, False),
        ({"StringLikeIfExists": {"s3:prefix": "in/*"}}, {}, True),
        ({"StringLikeIfExists": {"s3:prefix": "in/*"}}, {"s3:prefix": "out/"}, False),
        ({"ArnNotEquals": {"aws:SourceArn": "arn:x"}}, {}, True),
        ({"ArnNotEquals": {"aws:PrincipalArn": [ROLE]}}, {}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, True),
        ({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}, {}, True),
    ],
)
def test_conditions(condition: Any, context: dict[str, str], holds: bool) -> None:
    assert allows(asked(**context), [allow(Condition=condition)]) is holds


def test_what_it_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="IpAddress"):
        allows(
            asked(**{"aws:SourceIp": "1.1.1.1"}),
            [allow(Condition={"IpAddress": {"aws:SourceIp": "1.1.1.1"}})],
        )
    with pytest.raises(ValueError, match="NotAction"):
        allows(asked(), [{"Effect": "Allow", "NotAction": "x", "Resource": "*"}])
