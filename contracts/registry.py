"""Every message there is, by (type, version)."""

from collections.abc import Mapping

from contracts.gateway.turns import TurnCompletedV1
from contracts.ingestion.documents import (
    DeleteDocumentV1,
    IngestDocumentV1,
    IngestDocumentV2,
    ObjectsDroppedV1,
)
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    GetDocumentV1,
    ListDocumentsV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
)
from contracts.memory.queries import (
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationsListedV1,
    ListConversationsV1,
)
from contracts.message import Message
from contracts.platform.replies import PingV1, PongV1, RequestFailedV1
from contracts.platform.usage import ModelUsedV1, ModelUsedV2
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1

MESSAGES: tuple[type[Message], ...] = (
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationsListedV1,
    DeleteDocumentV1,
    DocumentChunkedV1,
    DocumentDeletedV1,
    DocumentFailedV1,
    DocumentIndexedV1,
    DocumentStateV1,
    DocumentsListedV1,
    GetDocumentV1,
    GraphAnsweredV1,
    GraphRequestedV1,
    IndexingRefusedV1,
    IngestDocumentV1,
    IngestDocumentV2,
    ListConversationsV1,
    ListDocumentsV1,
    ModelUsedV1,
    ModelUsedV2,
    ObjectsDroppedV1,
    PassageAnsweredV1,
    PassageRequestedV1,
    PingV1,
    PongV1,
    RequestFailedV1,
    SearchAnsweredV1,
    SearchRequestedV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
    TurnCompletedV1,
)

BY_VERSION: Mapping[tuple[str, int], type[Message]] = {
    (kind.message_type, kind.message_version): kind for kind in MESSAGES
}


def newest(message: Message) -> Message:
    """The message carried through every upcast, so that controllers see one version only."""
    raised = message.upcast()
    while raised is not message:
        message, raised = raised, raised.upcast()
    return message
