"""The first access token of a new system."""

from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed
from services.gateway.models.principal import SCOPES, Principal
from services.gateway.services.access import Access

_TOKEN_DAYS = 30


def first_token(secrets: Any, tenant: str, user: str) -> str:
    """A token with every scope. Raises DeployFailed when the secret cannot be read."""
    try:
        secret = secrets.get_secret_value(SecretId="ragops/token-secret")["SecretString"]
    except ClientError as error:
        raise DeployFailed(
            "The secret ragops/token-secret cannot be read"
            f" ({error.response['Error']['Code']}). RagOps-stores makes it: deploy that stack, or"
            " bring the secret back (aws secretsmanager restore-secret)."
        ) from error
    principal = Principal(tenant=tenant, user=user, scopes=frozenset(SCOPES))
    return Access(secret).mint(principal, timedelta(days=_TOKEN_DAYS))
