"""Announcements of versions, made of their rows and of claims."""

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT
from services.ingestion.models.version import Announcement, Claim, Fault, Result

# What is told of a version; never its text, which may be long.
ANNOUNCED = """v.document_id, v.ordinal, v.status, v.origin, v.description, v.created_at,
    v.result, v.fault, d.name, d.parents"""


def told(
    claim: Claim, status: str, *, result: Result | None = None, fault: Fault | None = None
) -> Announcement:
    return Announcement(
        claim.document_id,
        claim.ordinal,
        claim.name,
        status,
        claim.origin,
        claim.description,
        claim.created_at,
        result,
        fault,
        claim.parents,
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
        parents=tuple(row["parents"]),
    )
