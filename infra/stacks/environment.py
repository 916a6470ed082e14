"""What each service's container is told: the RAGOPS_* variables of docs/settings.md."""

import json
from collections.abc import Mapping

import aws_cdk as cdk

from contracts.topology import ARCHIVE_BUCKET, AUDIT_BUCKET, CARRIER_BUCKET, SECRETS, TRAINER
from infra.names import (
    DATABASE,
    DATABASE_USER,
    GRAPH,
    OPERATOR,
    REDIS_USER,
    SYSTEM,
    bucket_name,
    role_arn,
)
from infra.profiles import Profile
from infra.stacks.balancer import IDLE_S
from infra.stacks.network import GATEWAY_PORT
from infra.stacks.postgres import POSTGRES_PORT
from infra.stacks.stores import Stores

# A private zone of the VPC, in which the graph has its name.
ZONE = f"{SYSTEM}.internal"
HEARTBEAT_FILE = "/tmp/alive"  # noqa: S108 (the container's own /tmp)
# Seconds from SIGTERM to the end: longer than RAGOPS_DRAIN_S and one poll of SQS.
STOP_S = {"gateway": 120}
WORKER_STOP_S = 60

Variables = Mapping[str, str]


def variables(
    service: str, profile: Profile, stores: Stores, role_ids: Mapping[str, str]
) -> Variables:
    """Without secrets: those come from Secrets Manager when ECS starts the container."""
    own = {
        "gateway": _gateway,
        "retrieval": _retrieval,
        "memory": _memory,
        "ingestion": _ingestion,
        "finetune_export": _finetune_export,
    }[service]
    return _all(profile) | dict(own(profile, stores, role_ids))


def secret_variable(secret: str) -> str:
    return f"RAGOPS_{secret.upper().replace('-', '_')}"


def secrets_of(service: str, stores: Stores) -> Variables:
    """Variables and the ARNs of their secrets."""
    return {secret_variable(name): stores.secrets[name].ref for name in SECRETS[service]}


def database(stores: Stores) -> dict[str, str]:
    return {
        "RAGOPS_DATABASE_HOST": stores.postgres.host,
        "RAGOPS_DATABASE_PORT": str(POSTGRES_PORT),
        "RAGOPS_DATABASE_NAME": DATABASE,
    }


def as_service_user() -> dict[str, str]:
    """The task's role makes the password, a new one for each connection."""
    return {"RAGOPS_DATABASE_USER": DATABASE_USER, "RAGOPS_DATABASE_AUTH": "iam"}


def in_aws() -> dict[str, str]:
    return {"RAGOPS_AWS_REGION": cdk.Aws.REGION, "RAGOPS_AWS_ACCOUNT": cdk.Aws.ACCOUNT_ID}


def _all(profile: Profile) -> dict[str, str]:
    return {
        **in_aws(),
        "RAGOPS_CARRIER_BUCKET": bucket_name(CARRIER_BUCKET),
        "RAGOPS_EMBEDDING_MODEL": profile.models.embedding,
        "RAGOPS_HEARTBEAT_FILE": HEARTBEAT_FILE,
    }


def _gateway(profile: Profile, stores: Stores, _: Mapping[str, str]) -> Variables:
    models, redis = profile.models, stores.redis
    return {
        "RAGOPS_HOST": "0.0.0.0",
        "RAGOPS_PORT": str(GATEWAY_PORT),
        # The balancer must be the one that closes an idle connection.
        "RAGOPS_KEEP_ALIVE_S": str(IDLE_S + 10),
        "RAGOPS_REDIS_CACHE_URL": f"rediss://{redis.cache}:6379/0",
        "RAGOPS_REDIS_LEDGER_URL": f"rediss://{redis.ledger}:6379/0",
        "RAGOPS_REDIS_USER": REDIS_USER,
        "RAGOPS_ANSWER_MODELS": json.dumps(models.answer),
        **_model("RAGOPS_RERANK_MODEL", models.rerank, none="null"),
        **_model("RAGOPS_CONDENSE_MODEL", models.condense),
        **_model("RAGOPS_SUMMARISE_MODEL", models.summarise),
    }


def _retrieval(profile: Profile, stores: Stores, _: Mapping[str, str]) -> Variables:
    return {
        "RAGOPS_SEARCH_STORE": "opensearch",
        "RAGOPS_OPENSEARCH_URL": stores.search.url,
        "RAGOPS_OPENSEARCH_AUTH": "sigv4",
        "RAGOPS_NEO4J_URL": f"bolt://{GRAPH}.{ZONE}:7687",
        "RAGOPS_NEO4J_USER": "neo4j",
        **_model("RAGOPS_RERANK_MODEL", profile.models.rerank, none="null"),
    }


def _memory(profile: Profile, _: Stores, __: Mapping[str, str]) -> Variables:
    return _model("RAGOPS_MEMORY_MODEL", profile.models.facts)


def _ingestion(profile: Profile, stores: Stores, role_ids: Mapping[str, str]) -> Variables:
    """Relays send for every tenant; a sender's id is its role's id, whatever its session."""
    senders = {role_ids[role]: ["*"] for role in ("gateway", "ingestion", OPERATOR)}
    s3 = json.dumps(profile.s3_senders)
    return {
        **({"RAGOPS_S3_SENDERS": s3} if profile.s3_senders else {}),
        **database(stores),
        **as_service_user(),
        "RAGOPS_MIGRATE": "false",
        "RAGOPS_SENDERS": json.dumps(senders),
        **_model("RAGOPS_ENTITY_MODEL", profile.models.entities),
    }


def _finetune_export(profile: Profile, stores: Stores, _: Mapping[str, str]) -> Variables:
    hub, images = profile.models.hub_models, profile.models.images
    arns = json.dumps({model: arn for model, (arn, _) in hub.items()})
    prices = json.dumps({model: usd for model, (_, usd) in hub.items()})
    named = {"RAGOPS_SAGEMAKER_HUB_MODELS": arns, "RAGOPS_TRAINING_PRICES": prices}
    return {
        **(named if hub else {}),
        **({"RAGOPS_SAGEMAKER_IMAGES": json.dumps(dict(images))} if images else {}),
        "RAGOPS_ARCHIVE_BUCKET": bucket_name(ARCHIVE_BUCKET),
        "RAGOPS_ARCHIVE_KEY_ID": stores.archive_key.attr_arn,
        "RAGOPS_AUDIT_BUCKET": bucket_name(AUDIT_BUCKET),
        "RAGOPS_TRAINING_ROLE": role_arn(TRAINER),
    }


def _model(variable: str, model: str | None, none: str | None = None) -> dict[str, str]:
    value = model or none
    return {} if value is None else {variable: value}
