"""The proof of a deletion: who purged what, and the certificate that is made of it."""

from datetime import datetime

from pydantic import Field

from contracts.ingestion.document import VisibleTo
from contracts.message import Message, Shape

# The services that hold something of a document, in the order of the certificate. A deletion is
# complete when each of them has confirmed it. To add one, name it here, let it publish
# DocumentPurged, and name it among the publishers of the topic documents.
CONFIRMING = ("ingestion", "retrieval", "memory", "gateway")


class Purged(Shape):
    """`removed` things of the document went from `place` at `at`; 0 when there was nothing."""

    place: str
    removed: int = Field(ge=0)
    at: datetime


class DocumentPurgedV1(Message):
    """Nothing up to `ordinal` is left in any place of `service`, which is one of CONFIRMING."""

    document_id: str
    ordinal: int = Field(ge=0)
    service: str
    places: tuple[Purged, ...]


class GetCertificateV1(Message):
    """Answered by Certificate, or by RequestFailed `not_found`.

    The refusal is the same for a document that is unknown, was never deleted, or was deleted by
    somebody else than the principal. `visible_to` None: an admin, who sees every certificate.
    """

    document_id: str
    visible_to: VisibleTo = None


class PlacePurged(Purged):
    service: str


class CertificateV1(Message):
    """The newest deletion of a document. `missing` are the services that have not confirmed.

    `name` is None once ingestion has forgotten it.
    """

    document_id: str
    ordinal: int
    name: str | None = None
    deleted_at: datetime
    deleted_by: str | None = None
    complete: bool
    places: tuple[PlacePurged, ...] = ()
    missing: tuple[str, ...] = ()
