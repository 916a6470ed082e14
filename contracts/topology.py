"""The one list of queues, topics, filters, buckets, tables and limits, and of who may use them."""

from collections.abc import Iterator
from dataclasses import dataclass

DAY_S = 24 * 60 * 60
KIB = 1024
# Only the net under crashes: the consumer itself rejects after 5 failed attempts.
MAX_RECEIVE_COUNT = 20
REPLY_QUEUE_PREFIX = "gateway-replies-"
REPLY_RETENTION_S = 60
CARRIER_BUCKET = "ragops-carrier"
ARCHIVE_BUCKET = "ragops-archive"
AUDIT_BUCKET = "ragops-audit"
TURNS_TABLE = "ragops-turns"
INBOX_PREFIX = "inbox/"
UPLOADS_PREFIX = "uploads/"
MANIFESTS_PREFIX = "manifests/"
CLAIMS_PREFIX = "claims/"
# What EventBridge tells of customization jobs comes here.
TRAINING_EVENTS = "finetune-trainings"
# The role as which Bedrock reads a training set and writes what a job puts out.
TRAINER = "trainer"


@dataclass(frozen=True)
class Queue:
    """An SQS queue; `visibility_s` is renewed by heartbeat, so it bounds a crash, not the work."""

    name: str
    consumer: str
    senders: tuple[str, ...]
    visibility_s: int = 30
    retention_s: int = 4 * DAY_S
    limit_bytes: int = 1024 * KIB

    @property
    def dead_letters(self) -> str:
        return f"{self.name}-dead"

    @property
    def sending_services(self) -> tuple[str, ...]:
        """Services that may send: its senders, and its consumer.

        The consumer sends a message again that has waited for a dependency for a long time.
        """
        return tuple(one for one in SERVICES if one in self.senders or one == self.consumer)


@dataclass(frozen=True)
class Topic:
    """An SNS topic; what it carries is filtered per subscription by message type."""

    name: str
    publishers: tuple[str, ...]
    limit_bytes: int = 256 * KIB


@dataclass(frozen=True)
class Subscription:
    topic: str
    queue: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Prefix:
    """A part of a bucket: who writes, reads and removes, and after how many days S3 removes it."""

    name: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    expires_days: int | None = None
    # The queue that hears of each new object.
    notifies: str | None = None
    removers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket. Nobody reads or writes outside its prefixes."""

    name: str
    owner: str
    prefixes: tuple[Prefix, ...]
    # Whether browsers post files to it, with a form that the gateway has signed: any page may try.
    browsers: bool = False
    # Object lock (COMPLIANCE): for so many days nobody can change or remove what was written.
    lock_days: int | None = None
    # Whether what is removed goes with all its versions: nothing of it can be brought back.
    erases: bool = False


@dataclass(frozen=True)
class Index:
    """A global secondary index of a table: all attributes, by another key."""

    name: str
    partition: str
    sort: str


@dataclass(frozen=True)
class Table:
    """A DynamoDB table, on demand. Keys are texts; items go after the time in `expires`."""

    name: str
    owner: str
    partition: str
    sort: str
    expires: str
    indexes: tuple[Index, ...] = ()


DEAD_LETTER_RETENTION_S = 14 * DAY_S
SERVICES = ("gateway", "retrieval", "memory", "ingestion", "finetune_export")

QUEUES = {
    queue.name: queue
    for queue in (
        # `s3` and `operator` stand for the bucket's notifications and for people with the AWS CLI,
        # `events` for a rule of EventBridge.
        Queue("ingestion-documents", "ingestion", ("gateway", "s3", "operator")),
        Queue("ingestion-queries", "ingestion", ("gateway",)),
        Queue("ingestion-events", "ingestion", ("sns",)),
        Queue("retrieval-index", "retrieval", ("sns",), visibility_s=120),
        Queue("retrieval-control", "retrieval", ("sns",)),
        Queue("retrieval-queries", "retrieval", ("gateway",)),
        Queue("memory-queries", "memory", ("gateway",)),
        Queue("memory-events", "memory", ("sns",)),
        Queue("gateway-events", "gateway", ("sns",)),
        # An export that was accepted is run by a message of its own.
        Queue("finetune-exports", "finetune_export", ("gateway", "finetune_export")),
        Queue("finetune-events", "finetune_export", ("sns",)),
        Queue(TRAINING_EVENTS, "finetune_export", ("events",)),
    )
}

TOPICS = {
    topic.name: topic
    for topic in (
        Topic("documents", ("ingestion", "retrieval", "memory", "gateway")),
        Topic("turns", ("gateway",)),
        Topic("usage", SERVICES),
        Topic("erasures", ("memory", "finetune_export", "ingestion", "retrieval")),
    )
}

SUBSCRIPTIONS = (
    Subscription("documents", "retrieval-index", ("DocumentChunked",)),
    Subscription("documents", "retrieval-control", ("DocumentDeleted",)),
    Subscription(
        "documents", "ingestion-events", ("DocumentIndexed", "IndexingRefused", "DocumentPurged")
    ),
    # Quotations of a deleted document are cut from sessions and memory.
    Subscription("documents", "memory-events", ("DocumentDeleted",)),
    # Answers that were drawn from a tenant's documents are not given again once one has changed.
    Subscription("documents", "gateway-events", ("DocumentIndexed", "DocumentDeleted")),
    Subscription("turns", "memory-events", ("TurnCompleted", "UserErased", "TenantDeleted")),
    Subscription(
        "turns",
        "finetune-events",
        (
            *("TurnCompleted", "FeedbackGiven", "UserErased", "TenantDeleted"),
            # Every version of a prompt, and every move of a label.
            *("PromptRegistered", "PromptMoved"),
        ),
    ),
    # Quotations of a deleted document are cut from the archive too.
    Subscription("documents", "finetune-events", ("DocumentIndexed", "DocumentDeleted")),
    Subscription("turns", "retrieval-control", ("TenantDeleted",)),
    # The registry counts how often a document was cited, so that owners see which ones are used.
    Subscription("turns", "ingestion-events", ("TurnCompleted", "TenantDeleted")),
    Subscription("usage", "gateway-events", ("ModelUsed",)),
    # A tenant without money or permission waits; its documents say so.
    Subscription("usage", "ingestion-events", ("BudgetReached", "TenantChanged")),
    # The archive of usage, from which a lost ledger is made again.
    Subscription("usage", "finetune-events", ("ModelUsed", "TenantChanged")),
    Subscription("erasures", "gateway-events", ("ErasureDone",)),
)


def _archived(
    name: str,
    expires_days: int | None = None,
    *,
    also_read_by: str | None = None,
    also_written_by: str | None = None,
) -> Prefix:
    """finetune_export's own; a tenant's deletion removes from each."""
    own = ("finetune_export",)
    readers = own if also_read_by is None else (*own, also_read_by)
    writers = own if also_written_by is None else (*own, also_written_by)
    return Prefix(name, writers, readers, removers=own, expires_days=expires_days)


BUCKETS = {
    bucket.name: bucket
    for bucket in (
        # Carries files between services. Only `claims/` expires by itself: the others live as long
        # as their document, and ingestion removes them.
        Bucket(
            CARRIER_BUCKET,
            "ingestion",
            (
                Prefix(
                    UPLOADS_PREFIX,
                    # Ingestion puts the files here that came inside of another one.
                    ("gateway", "ingestion"),
                    ("ingestion", "gateway"),
                    removers=("ingestion",),
                ),
                Prefix(
                    INBOX_PREFIX,
                    ("operator",),
                    ("ingestion", "gateway"),
                    notifies="ingestion-documents",
                    removers=("ingestion",),
                ),
                Prefix(
                    MANIFESTS_PREFIX,
                    ("ingestion",),
                    ("ingestion", "retrieval"),
                    removers=("ingestion",),
                ),
                # As long as a message may come back: 4 days in a queue, 14 among its dead letters.
                Prefix(
                    CLAIMS_PREFIX,
                    SERVICES,
                    # Operators send dead letters back, whose bodies may lie here.
                    (*SERVICES, "operator"),
                    expires_days=19,
                    removers=(*SERVICES, "operator"),
                ),
            ),
            browsers=True,
        ),
        Bucket(
            ARCHIVE_BUCKET,
            "finetune_export",
            (
                # Users' data keys, wrapped by KMS, where turns are encrypted. A tenant's deletion
                # begins here: what is left then cannot be read any more.
                _archived("keys/"),
                _archived("turns/"),
                # Empty objects that lead from a day to its turns.
                _archived("days/"),
                # Empty objects that lead from a document to the turns that quote it.
                _archived("by-document/"),
                _archived("feedback/"),
                # What happened to documents: ids and counts.
                _archived("documents/"),
                # The lake, in Parquet: one part a tenant and day, made from the turns.
                _archived("lake/"),
                # Marks that a closed day has changed, for whoever compacts it meanwhile.
                _archived("changed/", expires_days=19),
                # Each tenant's model calls by day, and its newest settings.
                _archived("usage/"),
                # Versions of prompts, and where their labels stood.
                _archived("prompts/"),
                # Training sets, each with its state; people download them.
                _archived("exports/", also_read_by=TRAINER),
                # Trainings with their states, and what the provider's jobs put out.
                _archived("trainings/", also_written_by=TRAINER),
                # Tombstones keep a user's late turns out, for longer than a message can come late.
                _archived("erased/", expires_days=19),
                # The same for deleted documents: their quotations are cut from late turns.
                _archived("deleted/", expires_days=19),
            ),
            erases=True,
        ),
        # The audit log: ids and counts, no contents, so nothing in it is to be erased.
        Bucket(
            AUDIT_BUCKET,
            "finetune_export",
            (
                Prefix("lines/", ("finetune_export",), ("finetune_export",)),
                Prefix("seals/", ("finetune_export",), ("finetune_export",)),
            ),
            lock_days=365,
        ),
    )
}

TABLES = {
    table.name: table
    for table in (
        Table(
            TURNS_TABLE,
            "memory",
            partition="conversation",
            sort="moment",
            expires="expires_at",
            indexes=(Index("by-user", partition="owner", sort="completed_at"),),
        ),
    )
}

# What a service asks models for. A deployment names the models of each use.
MODEL_USES: dict[str, tuple[str, ...]] = {
    "gateway": ("answer", "condense", "summarise", "embedding"),
    "retrieval": ("embedding", "rerank"),
    "memory": ("embedding", "facts"),
    "ingestion": ("embedding", "entities"),
    "finetune_export": (),
}
# What a service gets from the secret store when it starts. PostgreSQL and OpenSearch take the
# role's own credentials.
SECRETS: dict[str, tuple[str, ...]] = {
    "gateway": ("token-secret", "redis-password"),
    "retrieval": ("neo4j-password",),
    "memory": (),
    "ingestion": (),
    # It hides users' names in the audit log.
    "finetune_export": ("audit-key",),
}

# A service answers Ping here; together they are the gateway's /readyz.
READY_QUEUES = {
    "retrieval": "retrieval-queries",
    "memory": "memory-queries",
    "ingestion": "ingestion-queries",
    "finetune_export": "finetune-exports",
}


def queues_of(service: str) -> Iterator[Queue]:
    return (queue for queue in QUEUES.values() if queue.consumer == service)
