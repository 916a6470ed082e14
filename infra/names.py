"""How resources are called, and their ARNs. Account and region are filled in by CloudFormation."""

from aws_cdk import Aws

from contracts.topology import SERVICES

SYSTEM = "ragops"
CLUSTER = SYSTEM
OPERATOR = "operator"
DATABASE = SYSTEM
# The rule by which EventBridge tells of trainings.
TRAINING_RULE = f"{SYSTEM}-trainings"
# What finetune_export calls its jobs in SageMaker.
TRAINING_JOBS = f"training-job/{SYSTEM}-*"
# The log group of all jobs that train in SageMaker, and the namespace of their metrics.
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
DATABASE_USER = SYSTEM
REDIS_USER = SYSTEM
SEARCH_DOMAIN = SYSTEM
GRAPH = "neo4j"
NAMESPACE = "RagOps"
# Of the copy of Neo4j's public image; the other images have their commit for a tag.
GRAPH_TAG = "5.26-community"
# Images: the five services and the graph.
IMAGES = (*SERVICES, GRAPH)


def arn(service: str, resource: str, *, region: str = Aws.REGION) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{region}:{Aws.ACCOUNT_ID}:{resource}"


def queue_arn(name: str) -> str:
    return arn("sqs", name)


def topic_arn(name: str) -> str:
    return arn("sns", name)


def bucket_name(name: str) -> str:
    """Bucket names are global: the account and the region make them ours."""
    return f"{name}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def bucket_arn(name: str) -> str:
    return f"arn:{Aws.PARTITION}:s3:::{bucket_name(name)}"


def table_arn(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def role_name(service: str) -> str:
    """The role of a service's own code."""
    return f"{SYSTEM}-{service}"


def role_arn(service: str) -> str:
    return arn("iam", f"role/{role_name(service)}", region="")


def start_role_name(service: str) -> str:
    """The role with which ECS fetches a service's image and secrets."""
    return f"{SYSTEM}-{service}-start"


def repository(image: str) -> str:
    return f"{SYSTEM}/{image}"


def rule_arn(name: str) -> str:
    return arn("events", f"rule/{name}")


def log_group(service: str) -> str:
    return f"/{SYSTEM}/{service}"


def secret_name(secret: str) -> str:
    return f"{SYSTEM}/{secret}"


def digest_parameter(image: str) -> str:
    """`ImageDigestFinetuneExport` for `finetune_export`."""
    return "ImageDigest" + "".join(part.capitalize() for part in image.split("_"))


def logical(name: str) -> str:
    """A construct's id: `ingestion-documents` becomes `IngestionDocuments`."""
    words = name.replace("_", "-").replace("/", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)
