"""`make run BEDROCK=aws`: the person's AWS account answers for Bedrock, and for nothing else.

The services that call models get the shell's AWS variables. Their other clients speak to the
emulator, by its address; our own process and the rest of the parts keep the dummy credentials.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from compose.local.errors import LocalError
from compose.local.layout import Layout

# Who calls models.
CALLERS = ("gateway", "retrieval", "ingestion")
# The services read these addresses for Bedrock, and the emulator's for everything else.
_ENDPOINTS = {
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock-runtime.{}.amazonaws.com",
    "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": "https://bedrock-agent-runtime.{}.amazonaws.com",
}
_LOCAL = "local"
# What `. .ragops/env` leaves in a shell.
_OURS = ("AWS_ENDPOINT_URL", "RAGOPS_AWS_ENDPOINT_URL", "RAGOPS_BEDROCK_ENDPOINT_URL")


@dataclass(frozen=True)
class Account:
    """Where its models run, and the AWS_* variables of a process that calls them."""

    region: str
    variables: Mapping[str, str]

    @classmethod
    def of_shell(cls) -> Self:
        """What this shell's AWS CLI would use. Raises LocalError, which says what is missing."""
        import botocore.session  # only here: status and stop do without
        from botocore.exceptions import BotoCoreError

        if found := [name for name in _OURS if name in os.environ]:
            raise LocalError(
                f"This shell speaks to an emulator ({', '.join(found)}), perhaps by .ragops/env. "
                "Run this in a new shell, with your own AWS credentials."
            )
        own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        session = botocore.session.Session()
        try:
            credentials = session.get_credentials()
            region = own.get("AWS_REGION") or session.get_config_variable("region")
        except BotoCoreError as error:
            raise LocalError(f"The AWS settings of this shell cannot be used: {error}") from error
        if credentials is None:
            raise LocalError(
                "This shell has no AWS credentials: export AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY. To try without an account: make run"
            )
        if region is None:
            raise LocalError(
                "This shell has no AWS region: export AWS_REGION, one where Bedrock's models are "
                "enabled, such as us-east-1."
            )
        endpoints = {name: url.format(region) for name, url in _ENDPOINTS.items()}
        kept = {
            name: value
            for name, value in own.items()
            if name in _ENDPOINTS or not name.startswith("AWS_ENDPOINT_URL")
        }
        return cls(region, endpoints | kept | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region})


def require_same_models(layout: Layout, account: Account | None) -> None:
    """Raises LocalError for a folder whose documents were embedded by other models.

    They would have to be embedded anew, which an account pays for: so a folder keeps its models.
    """
    wanted = _LOCAL if account is None else f"Bedrock in {account.region}"
    used = _LOCAL if (layout.postgres / "data").exists() else wanted
    made = layout.models_used.read_text() if layout.models_used.exists() else used
    if made == wanted:
        layout.models_used.write_text(wanted)
        return
    again = "make run" if made == _LOCAL else "make run BEDROCK=aws with AWS_REGION as it was"
    other = " BEDROCK=aws" if account is not None else ""
    raise LocalError(
        f"The documents in {layout.root} were embedded by these models: {made}. "
        f"Now they are: {wanted}; vectors of two models cannot be compared.\n"
        f"To go on with those documents: {again}. "
        f"To begin with a folder of its own: make run{other} STATE=.ragops-other"
    )
