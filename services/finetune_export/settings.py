"""finetune_export's settings."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, SecretStr

from contracts.topology import ARCHIVE_BUCKET, AUDIT_BUCKET
from shared.settings import Settings

_HUB_CONTENT = r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:(\d{12}|aws):hub-content/[^/]+/Model/.+$"
HubContent = Annotated[str, Field(pattern=_HUB_CONTENT)]
Image = Annotated[str, Field(pattern=r"^\S{1,255}$")]


class FinetuneExportSettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    archive_bucket: str = Field(
        default=ARCHIVE_BUCKET, description="bucket of the archive, without the name prefix"
    )
    archive_key_id: str | None = Field(
        default=None,
        description="KMS key that wraps a data key for each user: turns and feedback are encrypted"
        " then, and an erasure destroys the user's key; without it S3's own encryption counts",
    )
    audit_bucket: str = Field(
        default=AUDIT_BUCKET, description="bucket of the audit log, without the name prefix"
    )
    audit_key: SecretStr | None = Field(
        default=None,
        description="secret that hides users' names in the audit log; without it each process"
        " makes one up, and a user's lines cannot be told from another's after a restart",
    )
    upkeep_s: float = Field(
        default=3600.0,
        gt=0,
        description="seconds between two looks for days of the audit log to seal, and for closed"
        " days to compact into the lake where the dependency group `training` is installed",
    )
    training_role: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$",
        description="ARN of the role as which Bedrock and SageMaker read a training set and write a"
        " job's output; left out: no model is trained",
    )
    trainings_at_once: int = Field(
        default=2,
        ge=1,
        description="trainings that run at a time, of all tenants; the others wait in order",
    )
    training_poll_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds between two looks at open trainings, whether or not EventBridge told"
        " of them",
    )
    training_deadline_s: float = Field(
        default=86_400.0, gt=0, description="seconds after which a training is stopped and failed"
    )
    training_prices: dict[str, Decimal] = Field(
        default_factory=dict,
        description="JSON: base model to USD per million tokens that are trained on, each counted"
        " once an epoch; overrides the price list of trainings. Serverless trainings in SageMaker"
        " need it: the list has no prices of theirs",
    )
    sagemaker_hub_models: dict[str, HubContent] = Field(
        default_factory=dict,
        description="JSON: base model to the ARN of its hub content in SageMaker, which trains it"
        " serverless with sets in SageMaker's formats",
    )
    sagemaker_images: dict[str, Image] = Field(
        default_factory=dict,
        description="JSON: base model to the address in ECR of the image that trains it on a"
        " machine in SageMaker; it finds `train.jsonl` in the channel `train`, and the base model,"
        " the technique (SFT or DPO) and the parameters among its hyperparameters",
    )
    sagemaker_prices: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(
        default_factory=dict,
        description="JSON: instance type to USD per hour of a training in SageMaker; adds to the"
        " price list of machines or overrides it",
    )
    sagemaker_accepts_licences: bool = Field(
        default=False,
        description="whether you accept the licences (EULA) of the models in SageMaker's hub that"
        " ask for it; without it SageMaker refuses to train those",
    )
