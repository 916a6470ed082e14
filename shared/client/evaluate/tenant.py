"""A token for a tenant that exists only for one evaluation."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import jwt

from shared.client.evaluate.errors import EvaluationError

_LIFE = timedelta(days=2)
_SCOPE = "documents:read documents:write search"


def throwaway_name(dataset: str) -> str:
    """A tenant's name that nobody has: 64 characters at most, letters, digits, . _ -"""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", dataset)[:40]
    return f"eval-{safe}-{uuid4().hex[:8]}"


def mint(secret: str, tenant: str, scope: str = _SCOPE) -> str:
    """A token as the gateway verifies it (HS256)."""
    now = datetime.now(UTC)
    claims = {
        "tenant": tenant,
        "sub": "evaluation",
        "scope": scope,
        "iat": now,
        "exp": now + _LIFE,
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def read_secret(path: Path) -> str:
    """From the local system's secrets.json, or a file that holds nothing else."""
    text = _read(path, "the secret that the gateway signs with (--secret-file)")
    if not text.startswith("{"):
        return text
    try:
        return str(json.loads(text)["token_secret"])
    except (ValueError, KeyError):
        raise EvaluationError(f"{path} holds JSON without 'token_secret'.") from None


def read_token(path: Path) -> str:
    return _read(path, "an access token (--token-file)")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be read ({error.strerror}). It should hold {what}. "
            "`make run` writes it under .ragops/ at its first start."
        ) from None
