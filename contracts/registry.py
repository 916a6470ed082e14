"""Every message there is, by (type, version)."""

from collections.abc import Mapping

from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
    RunExportV1,
)
from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewsListedV1,
)
from contracts.finetune_export.trainings import (
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    RunTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingMovedV1,
    TrainingRequestedV1,
    TrainingsListedV1,
    TunedModelAnsweredV1,
)
from contracts.finetune_export.usage import (
    ArchivedTenantsRequestedV1,
    ArchivedTenantsV1,
    ArchivedUsageRequestedV1,
    ArchivedUsageV1,
)
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1, UserErasedV1
from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from contracts.gateway.turns import FeedbackGivenV1, TurnCompletedV1, TurnCompletedV2
from contracts.ingestion.audit import (
    AuditObjectsV1,
    AuditRegistryV1,
    ObjectsAuditedV1,
    RegistryAuditedV1,
    RemoveOrphanV1,
    RepairDocumentV1,
    RepairedV1,
)
from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.documents import (
    DeleteDocumentV1,
    IngestDocumentV1,
    IngestDocumentV2,
    ObjectsDroppedV1,
)
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from contracts.ingestion.proof import CertificateV1, DocumentPurgedV1, GetCertificateV1
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    GetDocumentV1,
    ListDocumentsV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
)
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextAnsweredV1,
    TextRequestedV1,
    VersionsListedV1,
)
from contracts.memory.queries import (
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    DeleteConversationV1,
    ListConversationsV1,
    RenameConversationV1,
    TurnAnsweredV1,
    TurnRequestedV1,
)
from contracts.message import Message
from contracts.platform.replies import PingV1, PongV1, RequestFailedV1
from contracts.platform.usage import (
    BudgetReachedV1,
    ModelUsedV1,
    ModelUsedV2,
    TenantChangedV1,
    UserBudgetReachedV1,
)
from contracts.retrieval.audience import AudienceAnsweredV1, AudienceRequestedV1
from contracts.retrieval.audit import (
    AuditIndexV1,
    AuditNamesV1,
    IndexAuditedV1,
    NamesAuditedV1,
)
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1

MESSAGES: tuple[type[Message], ...] = (
    CancelDocumentV1,
    ContentAnsweredV1,
    ContentRequestedV1,
    AuditIndexV1,
    AuditNamesV1,
    AuditObjectsV1,
    AuditRegistryV1,
    CertificateV1,
    ArchivedTenantsRequestedV1,
    ArchivedTenantsV1,
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    RunTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingMovedV1,
    TrainingRequestedV1,
    TrainingsListedV1,
    TunedModelAnsweredV1,
    ArchivedUsageRequestedV1,
    ArchivedUsageV1,
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
    RunExportV1,
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewsListedV1,
    BudgetReachedV1,
    UserBudgetReachedV1,
    AudienceAnsweredV1,
    AudienceRequestedV1,
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationAnsweredV1,
    ConversationDeletedV1,
    ConversationRequestedV1,
    ConversationsListedV1,
    DeleteConversationV1,
    DeleteDocumentV1,
    DescribeDocumentV1,
    DocumentChunkedV1,
    DocumentDeletedV1,
    DocumentFailedV1,
    DocumentIndexedV1,
    DocumentPurgedV1,
    DocumentStateV1,
    DocumentsListedV1,
    GetCertificateV1,
    ErasureDoneV1,
    FeedbackGivenV1,
    GetDocumentV1,
    GraphAnsweredV1,
    GraphRequestedV1,
    IndexAuditedV1,
    IndexingRefusedV1,
    IngestDocumentV1,
    IngestDocumentV2,
    ListConversationsV1,
    ListDocumentsV1,
    ListVersionsV1,
    ModelUsedV1,
    ModelUsedV2,
    NamesAuditedV1,
    ObjectsAuditedV1,
    ObjectsDroppedV1,
    PassageAnsweredV1,
    PassageRequestedV1,
    PingV1,
    PongV1,
    PromptMovedV1,
    PromptRegisteredV1,
    ReindexDocumentV1,
    RegistryAuditedV1,
    RemoveOrphanV1,
    RepairDocumentV1,
    RepairedV1,
    RenameConversationV1,
    RequestFailedV1,
    RetryDocumentV1,
    RestoreVersionV1,
    SearchAnsweredV1,
    SearchRequestedV1,
    TakenInAnsweredV1,
    TakenInRequestedV1,
    TextAnsweredV1,
    TextRequestedV1,
    TenantChangedV1,
    TenantDeletedV1,
    TurnAnsweredV1,
    TurnCompletedV1,
    TurnCompletedV2,
    TurnRequestedV1,
    VersionsListedV1,
    UserErasedV1,
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
