"""Every message there is, by (type, version)."""

from collections.abc import Mapping

from contracts.gateway.turn_completed import TurnCompletedV1
from contracts.ingestion.delete_document import DeleteDocumentV1
from contracts.ingestion.document_chunked import DocumentChunkedV1
from contracts.ingestion.document_deleted import DocumentDeletedV1
from contracts.ingestion.document_failed import DocumentFailedV1
from contracts.ingestion.document_state import DocumentStateV1
from contracts.ingestion.documents_listed import DocumentsListedV1
from contracts.ingestion.get_document import GetDocumentV1
from contracts.ingestion.ingest_document import IngestDocumentV1, IngestDocumentV2
from contracts.ingestion.list_documents import ListDocumentsV1
from contracts.ingestion.objects_dropped import ObjectsDroppedV1
from contracts.memory.context_answered import ContextAnsweredV1
from contracts.memory.context_requested import ContextRequestedV1
from contracts.memory.conversations_listed import ConversationsListedV1
from contracts.memory.list_conversations import ListConversationsV1
from contracts.message import Message
from contracts.platform.model_used import ModelUsedV1, ModelUsedV2
from contracts.platform.ping import PingV1, PongV1
from contracts.platform.request_failed import RequestFailedV1
from contracts.retrieval.document_indexed import DocumentIndexedV1
from contracts.retrieval.graph_answered import GraphAnsweredV1
from contracts.retrieval.graph_requested import GraphRequestedV1
from contracts.retrieval.search_answered import SearchAnsweredV1
from contracts.retrieval.search_requested import SearchRequestedV1

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
    IngestDocumentV1,
    IngestDocumentV2,
    ListConversationsV1,
    ListDocumentsV1,
    ModelUsedV1,
    ModelUsedV2,
    ObjectsDroppedV1,
    PingV1,
    PongV1,
    RequestFailedV1,
    SearchAnsweredV1,
    SearchRequestedV1,
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
