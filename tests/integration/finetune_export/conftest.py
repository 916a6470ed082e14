"""The service over moto's S3, its handlers called directly."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from contracts.envelope import Context
from contracts.gateway.turns import (
    FeedbackGivenV1,
    PromptPart,
    PromptSent,
    Quoted,
    TurnCompletedV2,
    TurnSource,
)
from contracts.message import Message
from services.finetune_export.bootstrap import bootstrap
from services.finetune_export.settings import FinetuneExportSettings
from shared.lifecycle import Service
from shared.outcomes import Done
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.fakes import FakePublisher, no_bus

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Context(tenant="acme", principal="ann", causation_id="event-1", sent_at=AT)


# What an erasure may remove, by place.
NOTHING = dict.fromkeys(
    ("keys", "turns", "feedback", "lake_parts", "usage_names", "training_sets"), 0
)


@dataclass
class Archived:
    """What lies in the archive, and the service that put it there."""

    service: Service
    settings: FinetuneExportSettings
    publisher: FakePublisher
    s3: Any

    @property
    def bucket(self) -> str:
        return self.settings.resource(self.settings.archive_bucket)

    async def hear(self, message: Message, context: Context = ANN) -> None:
        handler = self.service.handlers["finetune-events"][type(message)]
        assert await handler(message, context) == Done()

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def json(self, key: str) -> dict[str, Any]:
        body: dict[str, Any] = json.load(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"])
        return body

    def version(self) -> None:
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def bytes_of_all_versions(self) -> bytes:
        """Keys and bodies of every version that there is."""
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        found = b""
        for one in (*listed.get("Versions", []), *listed.get("DeleteMarkers", [])):
            found += one["Key"].encode()
            if "Size" in one:
                got = self.s3.get_object(
                    Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"]
                )
                found += got["Body"].read()
        return found


@pytest.fixture
async def archived(moto_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Archived]:
    """With the parameter "encrypted": bodies are encrypted with their users' keys."""
    key_id = None
    if getattr(request, "param", "") == "encrypted":
        kms: Any = boto3.client("kms", endpoint_url=moto_url, region_name="us-east-1")
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.close()
    settings = FinetuneExportSettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        audit_key=SecretStr("a secret"),
        archive_key_id=key_id,
    )
    s3: Any = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
    s3.create_bucket(Bucket=settings.resource(settings.archive_bucket))
    s3.create_bucket(
        Bucket=settings.resource(settings.audit_bucket), ObjectLockEnabledForBucket=True
    )
    publisher = FakePublisher()
    async with bootstrap(settings, bus=no_bus(), publisher=publisher) as service:
        yield Archived(service, settings, publisher, s3)
    s3.close()


def a_source(document_id: str, n: int = 1, *, ordinal: int = 1, cited: bool = True) -> TurnSource:
    return TurnSource(
        n=n,
        document_id=document_id,
        ordinal=ordinal,
        passage_id=f"{document_id}:{ordinal}:0",
        name=f"{document_id}.md",
        text=f"Words of {document_id}.",
        start=0,
        end=10,
        cited=cited,
    )


def a_turn(turn_id: str = "t1", *sources: TurnSource, **fields: Any) -> TurnCompletedV2:
    """Its prompt quotes its sources, and its answer the first one."""
    quoted = [Quoted(document_id=one.document_id, ordinal=one.ordinal) for one in sources]
    parts = [
        PromptPart(role="user", text=f"[{one.n}] {one.text}", quotes=(quotes,))
        for one, quotes in zip(sources, quoted, strict=True)
    ]
    known: dict[str, Any] = {
        "turn_id": turn_id,
        "conversation_id": "c1",
        "question": "How much?",
        "query": "How much?",
        "answer": f"It says: {sources[0].text}" if sources else "Nothing.",
        "model": "m",
        "prompt_version": "1",
        "sources": sources,
        "input_tokens": 10,
        "output_tokens": 2,
        "cost_usd": Decimal("0.1"),
        "started_at": AT,
        "completed_at": AT,
        "prompt": PromptSent(system="Answer.", parts=tuple(parts), max_tokens=100),
        "consent_to_training": True,
    }
    return TurnCompletedV2(**known | fields)


def feedback(turn_id: str = "t1", **fields: Any) -> FeedbackGivenV1:
    known: dict[str, Any] = {
        "turn_id": turn_id,
        "conversation_id": "c1",
        "rating": "down",
        "reasons": ("wrong",),
        "comment": "It says: Words of d1.",
        "corrected_answer": "Words of d1, rightly.",
        "asked_at": AT,
        "given_at": AT,
    }
    return FeedbackGivenV1(**known | fields)
