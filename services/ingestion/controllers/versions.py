"""Versions of documents: listed, described anew, restored, and shown as file and as text."""

from collections.abc import Awaitable
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.versions import (
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextRequestedV1,
)
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from services.ingestion.models.errors import NotPossible
from services.ingestion.models.version import Change, Description
from services.ingestion.services.versions import VersionHistory
from shared.outcomes import Done, Outcome

_NOT_FOUND = RequestFailedV1(code="not_found", message="There is no such document or version.")
_FIELDS = ("tags", "metadata", "visibility")


@dataclass(frozen=True)
class VersionsController:
    history: VersionHistory

    async def list(self, message: ListVersionsV1, context: Context) -> Outcome:
        return await _answered(
            self.history.listed(context.tenant, message.document_id, message.visible_to)
        )

    async def describe(self, message: DescribeDocumentV1, context: Context) -> Outcome:
        plain = message.model_dump(mode="json", include={"metadata"})
        told = Description(message.tags, plain["metadata"], message.visibility)
        change = Change(frozenset(message.changed).intersection(_FIELDS), told)
        return await _answered(
            self.history.describe(
                context, message.document_id, change, message.accepted_id, message.visible_to
            )
        )

    async def restore(self, message: RestoreVersionV1, context: Context) -> Outcome:
        return await _answered(
            self.history.restore(
                context,
                message.document_id,
                message.ordinal,
                message.accepted_id,
                message.visible_to,
            )
        )

    async def content(self, message: ContentRequestedV1, context: Context) -> Outcome:
        return await _answered(
            self.history.content(
                context.tenant, message.document_id, message.ordinal, message.visible_to
            )
        )

    async def text(self, message: TextRequestedV1, context: Context) -> Outcome:
        return await _answered(
            self.history.text(
                context.tenant, message.document_id, message.ordinal, message.visible_to
            )
        )


async def _answered(found: Awaitable[Message | None]) -> Outcome:
    try:
        return Done(await found or _NOT_FOUND)
    except NotPossible as error:
        return Done(RequestFailedV1(code="not_possible", message=str(error)))
