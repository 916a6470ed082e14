"""The five services as processes, and the one environment that they all read."""

import json
import os
import sys
from collections.abc import Mapping

from compose.local.account import CALLERS
from compose.local.environment import ACCOUNT, DUMMY_CREDENTIALS
from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.parts.postgres import postgres_url
from compose.local.parts.search_stores import search_environment
from compose.local.parts.valkey import valkey_url
from compose.local.plan import Plan
from compose.local.probes import answers_http
from contracts.topology import SERVICES, TRAINER

# A worker drains for 25 s, the gateway for 110 s so that streams can finish.
_GRACE_S = {"gateway": 115.0}
_WORKER_GRACE_S = 30.0
# What SageMaker's stand-in trains; it looks at the names' form alone.
_TRAINED = "meta.llama3-3-70b-instruct-v1:0"
_HUB_CONTENT = (
    "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/"
    "meta-textgeneration-llama-3-3-70b-instruct"
)
_IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/trainer:1"


def services(plan: Plan, environment: Mapping[str, str]) -> list[Part]:
    return [_service(name, plan, environment) for name in SERVICES]


def environment_of(plan: Plan, layout: Layout) -> dict[str, str]:
    """RAGOPS_* for every service; also what `.ragops/env` gives to commands run by hand."""
    secrets = layout.secrets()
    return {
        "RAGOPS_AWS_ENDPOINT_URL": plan.aws_url,
        "RAGOPS_AWS_REGION": plan.region,
        "RAGOPS_AWS_ACCOUNT": ACCOUNT,
        "RAGOPS_NAME_PREFIX": plan.name_prefix,
        **_models(plan),
        # A poll is never cut short, so this is how long a stop may wait for it.
        "RAGOPS_POLL_WAIT_S": "2",
        "RAGOPS_PORT": str(plan.port),
        "RAGOPS_TOKEN_SECRET": secrets.token_secret,
        "RAGOPS_REDIS_CACHE_URL": valkey_url(plan.valkey_port, secrets.valkey_password),
        "RAGOPS_REDIS_LEDGER_URL": valkey_url(plan.valkey_port, secrets.valkey_password),
        "RAGOPS_DATABASE_URL": postgres_url(plan.postgres_port, secrets.postgres_password),
        **search_environment(layout, plan),
        # The emulator knows no identities: whoever reaches it on loopback is the operator.
        "RAGOPS_SENDERS": '{"*": ["*"]}',
        "RAGOPS_S3_SENDERS": '["*"]',
    }


def _models(plan: Plan) -> dict[str, str]:
    """An account has the models of the settings' defaults, or those that the person names."""
    if plan.account is not None:
        return {}
    # The name tells the gateway whether answers are written or only quoted.
    answering = "local.llm-v1" if os.environ.get("RAGOPS_LLM_URL") else "local.extractive-v1"
    return {
        "RAGOPS_BEDROCK_ENDPOINT_URL": plan.bedrock_url,
        "RAGOPS_EMBEDDING_MODEL": "local.minilm-l6-v2",
        "RAGOPS_EMBEDDING_DIMENSION": "384",
        "RAGOPS_ANSWER_MODELS": f'["{answering}"]',
        "RAGOPS_RERANK_MODEL": "local.maxsim-v1",
        # The emulator has no roles; the stand-in looks at the name's form alone.
        "RAGOPS_TRAINING_ROLE": f"arn:aws:iam::{ACCOUNT}:role/ragops-{TRAINER}",
        "RAGOPS_TRAINING_POLL_S": "2",
        "RAGOPS_SAGEMAKER_HUB_MODELS": json.dumps({_TRAINED: _HUB_CONTENT}),
        "RAGOPS_SAGEMAKER_IMAGES": json.dumps({_TRAINED: _IMAGE}),
        "RAGOPS_TRAINING_PRICES": json.dumps({_TRAINED: "1"}),
    }


def model_credentials(plan: Plan) -> Mapping[str, str]:
    """AWS_* of a process that calls models."""
    return DUMMY_CREDENTIALS if plan.account is None else plan.account.variables


def shell_file(environment: Mapping[str, str], plan: Plan) -> str:
    """For `set -a; . .ragops/env`: our settings, and an AWS CLI that speaks to the emulator."""
    region = {"AWS_REGION": plan.region, "AWS_DEFAULT_REGION": plan.region}
    shown = {**DUMMY_CREDENTIALS, **region, "AWS_ENDPOINT_URL": plan.aws_url, **environment}
    return "".join(f"{name}='{value}'\n" for name, value in shown.items())


def _service(name: str, plan: Plan, environment: Mapping[str, str]) -> Part:
    argv = (sys.executable, "-m", f"services.{name}.main")
    grace_s = _GRACE_S.get(name, _WORKER_GRACE_S)
    aws = model_credentials(plan) if name in CALLERS else DUMMY_CREDENTIALS
    if name != "gateway":
        return Part(name, argv, environment, grace_s=grace_s, aws=aws)
    url = f"{plan.url}/healthz"

    async def listens() -> bool:
        return await answers_http(url)

    return Part(name, argv, environment, "its HTTP port", listens, grace_s=grace_s, aws=aws)
