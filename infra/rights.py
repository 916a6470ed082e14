"""What each role may do, as IAM statements made from contracts/topology.py.

A statement is a dictionary in IAM's own spelling. Actions are never wildcards. Resources are named,
but for the few actions that IAM has no level of resources for (tests/infra/matrix.py lists them).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aws_cdk import Aws

from contracts.topology import (
    BUCKETS,
    MODEL_USES,
    QUEUES,
    REPLY_QUEUE_PREFIX,
    TABLES,
    TOPICS,
    TRAINER,
    Bucket,
    queues_of,
)
from infra.names import (
    SYSTEM,
    TRAINING_JOBS,
    TRAINING_LOGS,
    arn,
    bucket_arn,
    logical,
    queue_arn,
    role_arn,
    table_arn,
    topic_arn,
)
from infra.profiles import Models

Statement = dict[str, Any]
_RECEIVE = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
)
_SEND = ("sqs:SendMessage", "sqs:GetQueueUrl")
_OWN_REPLIES = (
    "sqs:CreateQueue",
    "sqs:SetQueueAttributes",
    "sqs:DeleteQueue",
    "sqs:TagQueue",
    "sqs:ListQueueTags",
    *_RECEIVE,
)
_TABLE = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
SEARCH_ACTIONS = (
    *("es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut"),
)
_SAGEMAKER = tuple(f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop"))
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+/([^:@]+)")
_STREAMED = ("answer", "condense", "summarise")
# Areas of inference profiles, and the regions to which each may send a call.
_AREAS = {
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "eu": ("eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"),
    "apac": (
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
        *("ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2"),
    ),
}


def allow(
    sid: str, actions: Iterable[str], resources: Sequence[str], condition: Any = None
) -> Statement:
    made = {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources]}
    return made | ({"Condition": condition} if condition else {})


def policy(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def via(*services: str) -> dict[str, Any]:
    """A key may be used through these AWS services only."""
    names = [f"{service}.{Aws.REGION}.amazonaws.com" for service in services]
    return {"StringEquals": {"kms:ViaService": names}}


def message_rights(service: str, key_arn: str) -> Iterator[Statement]:
    """Queues, topics and reply queues of a service, and the key of all of them."""
    own = [*queues_of(service)]
    sends = [queue_arn(one.name) for one in QUEUES.values() if service in one.sending_services]
    dead = [queue_arn(one.dead_letters) for one in own]
    yield allow("Receive", _RECEIVE, [queue_arn(one.name) for one in own])
    yield allow("Send", _SEND, [*sends, *dead])
    topics = [topic_arn(one.name) for one in TOPICS.values() if service in one.publishers]
    if topics:
        yield allow("Publish", ["sns:Publish"], topics)
    replies = [queue_arn(f"{REPLY_QUEUE_PREFIX}*")]
    if service == "gateway":
        yield allow("OwnReplies", _OWN_REPLIES, replies)
        yield allow("FindReplies", ["sqs:ListQueues"], ["*"])
    else:
        yield allow("Reply", _SEND, replies)
    yield allow("MessageKey", KEY_ACTIONS, [key_arn], via("sqs", "sns"))


def model_rights(service: str, models: Models) -> Iterator[Statement]:
    """Models by what the service asks them for; Converse is granted as InvokeModel."""
    uses = MODEL_USES[service]
    if not uses:
        return
    yield allow("Models", ["bedrock:InvokeModel"], _arns_of(uses, models))
    if streamed := _arns_of([use for use in uses if use in _STREAMED], models):
        yield allow("Streams", ["bedrock:InvokeModelWithResponseStream"], streamed)
    if "rerank" in uses and models.rerank:
        yield allow("Rerank", ["bedrock:Rerank"], ["*"])
    if "answer" in uses:
        # Bedrock chooses a deployment's id.
        tuned = [arn("bedrock", "custom-model-deployment/*")]
        both = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        yield allow("TunedModels", both, tuned)


def training_rights(models: Models) -> Iterator[Statement]:
    """Jobs, custom models and deployments have ids that Bedrock chooses."""
    jobs, custom, deployments = (
        arn("bedrock", f"{kind}/*")
        for kind in ("model-customization-job", "custom-model", "custom-model-deployment")
    )
    bases = [_foundation_arn(model, Aws.REGION) for model in models.trained]
    yield allow("Train", ["bedrock:CreateModelCustomizationJob"], [*bases, jobs, custom])
    follow = ("bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob")
    yield allow("FollowJobs", follow, [jobs])
    yield allow("ForgetModels", ["bedrock:DeleteCustomModel"], [custom])
    deploy = "bedrock:CreateCustomModelDeployment"
    yield allow("Deploy", [deploy, "bedrock:TagResource"], [custom, deployments])
    known = ("bedrock:GetCustomModelDeployment", "bedrock:DeleteCustomModelDeployment")
    yield allow("Deployments", known, [deployments])
    trainings = [arn("sagemaker", TRAINING_JOBS)]
    yield allow("TrainInSageMaker", _SAGEMAKER, trainings)
    providers = ["bedrock.amazonaws.com", "sagemaker.amazonaws.com"]
    passed = {"StringEquals": {"iam:PassedToService": providers}}
    yield allow("PassTrainer", ["iam:PassRole"], [role_arn(TRAINER)], passed)


def machine_rights(models: Models) -> Iterator[Statement]:
    """What SageMaker's jobs on a machine need as the trainer: their image, their log and their
    metrics. They run outside of our network.

    Source: "How to use SageMaker AI execution roles", CreateTrainingJob, in SageMaker's developer
    guide. Raises ValueError for an image that is not in ECR.
    """
    if not models.images:
        return
    images = sorted({_repository_arn(image) for image in models.images.values()})
    yield allow("LogInToEcr", ["ecr:GetAuthorizationToken"], ["*"])
    yield allow("Pull", PULL, images)
    group = arn("logs", f"log-group:{TRAINING_LOGS}")
    yield allow("LogGroup", ["logs:CreateLogGroup", "logs:DescribeLogStreams"], [f"{group}:*"])
    streams = [f"{group}:log-stream:{SYSTEM}-*"]
    yield allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], streams)
    named = {"StringEquals": {"cloudwatch:namespace": TRAINING_LOGS}}
    yield allow("Metrics", ["cloudwatch:PutMetricData"], ["*"], named)


def _repository_arn(image: str) -> str:
    """AWS's own images, and those of other accounts, are in the account that their name says."""
    found = _ECR.match(image)
    if found is None:
        raise ValueError(
            f"'{image}' is no image in ECR: name it"
            " <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>"
        )
    account, region, name = found.groups()
    return f"arn:{Aws.PARTITION}:ecr:{region}:{account}:repository/{name}"


def _arns_of(uses: Iterable[str], models: Models) -> list[str]:
    asked = sorted({model for use in uses for model in models.of(use)})
    return [one for model in asked for one in _model_arns(model)]


def _model_arns(model: str) -> list[str]:
    """An inference profile needs itself, and the model in each region that it may call."""
    area, _, name = model.partition(".")
    if area not in _AREAS:
        return [_foundation_arn(model, Aws.REGION)]
    profile = arn("bedrock", f"inference-profile/{model}")
    return [profile, *(_foundation_arn(name, region) for region in _AREAS[area])]


def _foundation_arn(model: str, region: str) -> str:
    return f"arn:{Aws.PARTITION}:bedrock:{region}::foundation-model/{model}"


def bucket_rights(role: str) -> Iterator[Statement]:
    """Prefixes that a service reads, writes and removes."""
    verbs = (
        ("Read", ("s3:GetObject",), "readers", BUCKETS.values()),
        ("Write", ("s3:PutObject", "s3:AbortMultipartUpload"), "writers", BUCKETS.values()),
        ("Remove", ("s3:DeleteObject",), "removers", BUCKETS.values()),
        ("Erase", ("s3:DeleteObjectVersion",), "removers", erasing()),
    )
    for sid, actions, who, buckets in verbs:
        places = [
            f"{bucket_arn(bucket.name)}/{prefix.name}*"
            for bucket in buckets
            for prefix in bucket.prefixes
            if role in getattr(prefix, who)
        ]
        if places:
            yield allow(sid, actions, places)
    for bucket in BUCKETS.values():
        read = [prefix.name for prefix in bucket.prefixes if role in prefix.readers]
        if read:
            yield _listing(bucket, read)


def erasing() -> list[Bucket]:
    """Buckets whose old versions are removed by their owner."""
    return [bucket for bucket in BUCKETS.values() if bucket.erases]


def _listing(bucket: Bucket, prefixes: Sequence[str]) -> Statement:
    """Without this right S3 says 403 for an object that is not there.

    `IfExists`, because that question, and HeadBucket, have no prefix to compare.
    """
    patterns = [f"{prefix}*" for prefix in prefixes]
    condition = {"StringLikeIfExists": {"s3:prefix": patterns}}
    actions = ["s3:ListBucket"] + ["s3:ListBucketVersions"] * bucket.erases
    return allow(f"List{logical(bucket.name)}", actions, [bucket_arn(bucket.name)], condition)


def table_rights(service: str) -> Iterator[Statement]:
    for table in TABLES.values():
        if table.owner != service:
            continue
        own = table_arn(table.name)
        indexes = [f"{own}/index/{index.name}" for index in table.indexes]
        yield allow("Table", _TABLE, [own])
        yield allow("Query", ["dynamodb:Query"], [own, *indexes])


def data_key_rights(service: str, key_arn: str) -> Statement:
    through = ["s3"] + ["dynamodb"] * any(table.owner == service for table in TABLES.values())
    return allow("DataKey", KEY_ACTIONS, [key_arn], via(*through))


def operator_rights() -> Iterator[Statement]:
    """People with the AWS CLI: they drop documents, look at dead letters and send them back."""
    queues = [queue_arn(one.name) for one in QUEUES.values()]
    dead = [queue_arn(one.dead_letters) for one in QUEUES.values()]
    yield allow("Look", ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"], queues)
    yield allow("Send", ["sqs:SendMessage"], queues)
    yield allow("DeadLetters", _RECEIVE, dead)
