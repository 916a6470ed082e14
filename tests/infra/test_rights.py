"""Roles may do what the matrix says, and each deliberate breach is found."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.profiles import Models
from infra.rights import machine_rights, model_rights
from tests.infra import matrix
from tests.infra.judging import Judge
from tests.infra.templates import Templates, arn_of

Breach = Callable[[Templates], None]


def test_the_policies_say_what_the_matrix_says(templates: Templates) -> None:
    assert Judge(templates).findings() == []


def test_the_standard_profile_has_the_same_rights(standard: Templates) -> None:
    assert Judge(standard).findings() == []


def _statements(templates: Templates, role: str) -> list[dict[str, Any]]:
    resource = templates.one("AWS::IAM::Role", RoleName=role)
    statements: list[dict[str, Any]] = resource.body["Properties"]["Policies"][0]["PolicyDocument"][
        "Statement"
    ]
    return statements


def _foreign_queue(templates: Templates) -> None:
    statement = next(
        one for one in _statements(templates, "ragops-retrieval") if one["Sid"] == "Receive"
    )
    statement["Resource"].append(arn_of("sqs", "memory-queries"))


def _every_action(templates: Templates) -> None:
    _statements(templates, "ragops-memory")[0]["Action"] = ["sqs:*"]


def _every_bucket(templates: Templates) -> None:
    own = templates.one("AWS::IAM::RolePolicy", RoleName="ragops-memory")
    for statement in own.body["Properties"]["PolicyDocument"]["Statement"]:
        if statement["Sid"] == "Read":
            statement["Resource"] = "arn:aws:s3:::*"


def _queue_without_a_line(templates: Templates) -> None:
    resources = templates.stacks["RagOps-messages"]["Resources"]
    resources["New"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "new-queue"}}


def _prefix_without_a_reader(templates: Templates) -> None:
    own = templates.one("AWS::IAM::RolePolicy", RoleName="ragops-retrieval")
    statements = own.body["Properties"]["PolicyDocument"]["Statement"]
    statements[:] = [one for one in statements if one["Sid"] != "Read"]


def _sender_left_out(templates: Templates) -> None:
    statements = _statements(templates, "ragops-gateway")
    statements[:] = [one for one in statements if one["Sid"] != "Send"]


def _foreign_topic(templates: Templates) -> None:
    for policy in templates.all("AWS::SQS::QueuePolicy"):
        for statement in policy.body["Properties"]["PolicyDocument"]["Statement"]:
            if statement.get("Sid") == "Topics":
                statement["Condition"].pop("ArnEquals")


def _secret_of_another(templates: Templates) -> None:
    for statement in _statements(templates, "ragops-memory-start"):
        if "ecr:GetAuthorizationToken" in statement["Action"]:
            statement["Action"].append("secretsmanager:GetSecretValue")


@pytest.mark.parametrize(
    ("breach", "words"),
    [
        (_foreign_queue, "retrieval may receive memory-queries"),
        (_every_action, "ragops-memory has the wildcard action sqs:*"),
        (_every_bucket, "memory may s3:GetObject ragops-archive/turns/"),
        (
            _queue_without_a_line,
            "queue new-queue is in the templates or in the matrix, but not in both",
        ),
        (_prefix_without_a_reader, "retrieval may not s3:GetObject ragops-carrier/manifests/"),
        (_sender_left_out, "gateway may not send retrieval-queries"),
        (_foreign_topic, "the topic turns may send to retrieval-index"),
        (_secret_of_another, "memory starts with ragops/token-secret"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_breach_is_found(templates: Templates, breach: Breach, words: str) -> None:
    assert words in Judge(templates.broken(breach)).findings()


def test_an_image_that_trains_is_pulled_by_the_trainer_alone(
    with_image: Templates, templates: Templates
) -> None:
    judge, without = Judge(with_image), Judge(templates)
    # The matrix is of a profile without images.
    assert judge.findings() == ["trainer may ecr:GetAuthorizationToken"]
    for role in matrix.ROLES:
        asked: list[tuple[str, str, bool, dict[str, str]]] = [
            *((*about, may, {}) for about, may in matrix.ON_A_MACHINE.items()),
            *(
                ("cloudwatch:PutMetricData", "*", may, {"cloudwatch__namespace": name})
                for name, may in matrix.MEASURED_AS.items()
            ),
        ]
        for action, resource, may, context in asked:
            wanted = may and role == matrix.TRAINER
            assert judge.may(role, action, resource, **context) == wanted, (role, action, resource)
            assert not without.may(role, action, resource, **context), (role, action, resource)


def test_an_image_that_trains_is_named_in_ecr() -> None:
    with pytest.raises(ValueError, match="no image in ECR"):
        [*machine_rights(Models(images={"m": "docker.io/trainer:1"}))]


def test_an_inference_profile_needs_itself_and_its_model_in_each_region() -> None:
    models = Models(answer=("us.amazon.nova-lite-v1:0",))
    statements = {one["Sid"]: one for one in model_rights("gateway", models)}
    resources = statements["Streams"]["Resource"]
    assert resources[0].endswith(":inference-profile/us.amazon.nova-lite-v1:0")
    assert {one.split(":")[3] for one in resources[1:]} == {"us-east-1", "us-east-2", "us-west-2"}
    assert all(one.endswith("::foundation-model/amazon.nova-lite-v1:0") for one in resources[1:])
