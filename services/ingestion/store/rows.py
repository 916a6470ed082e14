"""Rows of the ledger as models, and rows as one JSON parameter."""

import json
from collections.abc import Iterable, Mapping

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT
from services.ingestion.models.version import (
    Announcement,
    Claim,
    Counts,
    Description,
    Document,
)


def parameter(rows: Iterable[Mapping[str, object]]) -> str:
    """For `jsonb_to_recordset`: many rows in one parameter, so one plan serves every size."""
    return json.dumps([*rows], ensure_ascii=False)


def claim_of(row: RowMapping) -> Claim:
    live = row["live_description"]
    return Claim(
        claim=row["claim"],
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        name=row["name"],
        origin=ORIGIN.validate_python(row["origin"]),
        description=DESCRIPTION.validate_python(row["description"]),
        created_at=row["created_at"],
        attempts=row["attempts"],
        media_type=row["media_type"],
        text=row["text"],
        key=row["key"],
        live_hash=row["live_hash"],
        live_description=DESCRIPTION.validate_python(live) if live else None,
    )


def announcement_of(row: RowMapping) -> Announcement:
    return Announcement(
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        name=row["name"],
        status=row["status"],
        origin=ORIGIN.validate_python(row["origin"]),
        description=DESCRIPTION.validate_python(row["description"]),
        created_at=row["created_at"],
        result=RESULT.validate_python(row["result"]) if row["result"] else None,
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
    )


def document_of(row: RowMapping) -> Document:
    """A deleted document keeps ids and times only."""
    deleted = row["status"] == "deleted"
    result = RESULT.validate_python(row["result"]) if row["result"] else None
    return Document(
        document_id=row["document_id"],
        name=row["name"],
        status=row["status"],
        ordinal=row["ordinal"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        description=Description() if deleted else DESCRIPTION.validate_python(row["description"]),
        media_type=result.media_type if result else row["media_type"],
        counts=result.counts if result else Counts(),
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
        cited=row["cited"],
    )
