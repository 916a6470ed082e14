"""What is asked of SageMaker, held against botocore's own description; how its answers are read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from pydantic import ValidationError

from compose.local.bedrock.customizing.shapes import check_shape
from services.finetune_export.models.training import (
    Estimate,
    TrainerRefused,
    TrainingRequest,
    TrainingState,
)
from services.finetune_export.services.training.table import Catalogue, TrainingRefused
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.sagemaker_trainer import SageMakerTrainer
from shared.errors import Unavailable

ROLE = "arn:aws:iam::123456789012:role/ragops-trainer"
HUB_CONTENT = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/llama-3-3-70b"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/trainer:1"
PREFIX = "exports/acme/e1/"


class Boto:
    """Notes what it is asked, and answers as it is told."""

    def __init__(self, answer: Any = None) -> None:
        self.answer, self.asked = answer, dict[str, Any]()

    async def _call(self, **asked: Any) -> Any:
        self.asked = asked
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    create_training_job = describe_training_job = stop_training_job = _call


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


def trainer(boto: Boto, *, accepts_licences: bool = False) -> SageMakerTrainer:
    async def opened() -> Any:
        return boto

    return SageMakerTrainer(
        opened,
        Objects(None, "archive"),
        "archive",
        ROLE,
        timedelta(hours=24),
        accepts_licences=accepts_licences,
    )


def state(technique: str, instance_type: str | None = None) -> TrainingState:
    request = TrainingRequest(
        tenant="acme",
        export_id="e1",
        manifest_sha256="0" * 64,
        base_model="llama",
        parameters={"max_epochs": "1"},
        instance_type=instance_type,
    )
    return TrainingState(
        id=request.id,
        request=request,
        estimate=Estimate(tokens=1000, epochs=1, cost_usd=Decimal(1)),
        accepted_at=datetime(2026, 11, 27, tzinfo=UTC),
        provider="sagemaker",
        technique=technique,
    )


REQUESTS: list[tuple[TrainingState, str, list[str], dict[str, Any]]] = [
    (
        state("SFT"),
        HUB_CONTENT,
        ["train.jsonl"],
        {
            "ServerlessJobConfig": {
                "BaseModelArn": HUB_CONTENT,
                "JobType": "FineTuning",
                "CustomizationTechnique": "SFT",
                "Peft": "LORA",
                "AcceptEula": True,
            },
            "HyperParameters": {"max_epochs": "1"},
        },
    ),
    (
        state("DPO", "ml.g5.2xlarge"),
        IMAGE,
        ["train.jsonl", "held_out.jsonl"],
        {
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "ResourceConfig": {
                "InstanceType": "ml.g5.2xlarge",
                "InstanceCount": 1,
                "VolumeSizeInGB": 200,
            },
            "HyperParameters": {"max_epochs": "1", "base_model": "llama", "technique": "DPO"},
        },
    ),
]


@pytest.mark.parametrize(("asked", "trains_as", "files", "differs"), REQUESTS)
async def test_a_request_is_as_sagemaker_describes_it(
    asked: TrainingState, trains_as: str, files: list[str], differs: dict[str, Any]
) -> None:
    boto = Boto()
    await trainer(boto, accepts_licences=True).start(asked, trains_as, files, PREFIX)
    channels = [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://archive/{PREFIX}{file}",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for name, file in zip(("train", "validation"), files, strict=False)
    ]
    assert boto.asked == {
        "TrainingJobName": f"ragops-{asked.id}",
        "RoleArn": ROLE,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": f"s3://archive/trainings/acme/{asked.id}/output/"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        **differs,
    }
    described = botocore.session.get_session().get_service_model("sagemaker")
    shape: Any = described.operation_model("CreateTrainingJob").input_shape
    assert not ParamValidator().validate(boto.asked, shape).has_errors()
    assert check_shape("CreateTrainingJob", boto.asked, "sagemaker") == boto.asked


async def test_licences_are_accepted_only_where_the_operator_does() -> None:
    boto = Boto()
    await trainer(boto).start(state("SFT"), HUB_CONTENT, ["train.jsonl"], PREFIX)
    assert "AcceptEula" not in boto.asked["ServerlessJobConfig"]


async def test_what_sagemaker_says_of_a_job_is_read() -> None:
    statuses = ("Starting", "LaunchingMLInstances", "Downloading", "Training", "Failed")
    told = {
        "TrainingJobStatus": "Failed",
        "FailureReason": 'AlgorithmError: line {"text": "Anna"}',
        "BillableTimeInSeconds": 61,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://archive/trainings/acme/1/output/m.tar.gz"},
        "SecondaryStatusTransitions": [{"Status": one} for one in statuses],
        "FinalMetricDataList": [
            {"MetricName": "train_loss", "Value": 0.5},
            {"MetricName": "gpu", "Value": 1},
        ],
    }
    job = await trainer(Boto(told)).look("ragops-1")
    assert job is not None
    assert job.phases == {
        "starting": "Completed",
        "downloading": "Completed",
        "training": "Failed",
        "uploading": "NotStarted",
    }
    assert (job.failure, job.custom_model) == ("AlgorithmError: line …", None)
    assert (job.billed_seconds, job.billed_tokens, job.training_loss) == (61, None, 0.5)


async def test_what_sagemaker_refuses() -> None:
    unknown = refusal("ValidationException", "Requested resource not found.")
    assert await trainer(Boto(unknown)).look("ragops-1") is None
    for passed in (unknown, refusal("ValidationException", "The job is in status Completed.")):
        await trainer(Boto(passed)).stop("ragops-1")
    started = (state("SFT"), HUB_CONTENT, ["train.jsonl"], PREFIX)
    await trainer(Boto(refusal("ResourceInUse"))).start(*started)
    for code in ("ResourceLimitExceeded", "ThrottlingException"):
        with pytest.raises(Unavailable, match=code) as away:
            await trainer(Boto(refusal(code))).start(*started)
        assert away.value.dependency == "sagemaker"
    for code in ("ValidationException", "ResourceNotFound", "AccessDeniedException"):
        with pytest.raises(TrainerRefused, match=code):
            await trainer(Boto(refusal(code, "Could not find it"))).start(*started)


COSTS: list[tuple[dict[str, Any], dict[str, Any], bool, tuple[int, str, bool] | None]] = [
    ({}, {}, True, (1000, "1", True)),
    ({}, {}, False, None),
    ({}, {"phases": {"training": "Failed"}}, False, (1000, "1", True)),
    ({"usd_per_million": 3}, {"billed_tokens": 2000}, True, (2000, "0.006", False)),
    ({"usd_per_hour": 3}, {"billed_seconds": 60}, False, (1000, "0.05", True)),
    ({"usd_per_hour": 3}, {}, True, (1000, "1", True)),
]


@pytest.mark.parametrize(("prices", "told", "trained", "wanted"), COSTS)
def test_a_training_costs_what_its_provider_bills(
    prices: dict[str, Any], told: dict[str, Any], trained: bool, wanted: Any
) -> None:
    one = state("SFT")
    estimate = one.estimate.model_copy(
        update={name: Decimal(price) for name, price in prices.items()}
    )
    cost = one.model_copy(update={**told, "estimate": estimate}).cost(trained=trained)
    found = cost and (cost.tokens, cost.cost_usd, cost.estimated)
    assert found == (wanted and (wanted[0], Decimal(wanted[1]), wanted[2]))


def test_a_price_of_tokens_must_be_known() -> None:
    with pytest.raises(TrainingRefused, match="RAGOPS_TRAINING_PRICES"):
        Catalogue(hub_models={"llama": HUB_CONTENT}).trainable("sagemaker-chat", "llama", None)


def test_the_id_of_a_training_is_the_one_that_it_had_without_machines() -> None:
    """A request that is repeated after an update is the same training."""
    request = TrainingRequest(
        tenant="acme",
        export_id="e1",
        manifest_sha256="0" * 64,
        base_model="amazon.nova-micro-v1:0",
        parameters={"epochCount": "2"},
    )
    assert request.id == "0fe2a8091bb95cfd637092e3ce47223c"
    assert request.model_copy(update={"instance_type": "ml.g5.2xlarge"}).id != request.id


def test_settings_take_the_arn_of_hub_content_alone() -> None:
    made = FinetuneExportSettings(sagemaker_hub_models={"llama": HUB_CONTENT})
    assert made.sagemaker_hub_models == {"llama": HUB_CONTENT}
    with pytest.raises(ValidationError, match="hub-content"):
        FinetuneExportSettings(sagemaker_hub_models={"llama": "llama-3-3-70b"})
