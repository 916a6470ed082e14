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
TURNS_TABLE = "ragops-turns"
INBOX_PREFIX = "inbox/"
UPLOADS_PREFIX = "uploads/"
MANIFESTS_PREFIX = "manifests/"
CLAIMS_PREFIX = "claims/"


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
    """A part of a bucket: who writes and who reads it, and after how many days S3 removes it."""

    name: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    expires_days: int | None = None
    # The queue that hears of each new object.
    notifies: str | None = None


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket. Nobody reads or writes outside its prefixes."""

    name: str
    owner: str
    prefixes: tuple[Prefix, ...]


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
        # `s3` and `operator` stand for the bucket's notifications and for people with the AWS CLI.
        Queue("ingestion-documents", "ingestion", ("gateway", "s3", "operator")),
        Queue("ingestion-queries", "ingestion", ("gateway",)),
        Queue("ingestion-events", "ingestion", ("sns",)),
        Queue("retrieval-index", "retrieval", ("sns",), visibility_s=120),
        Queue("retrieval-control", "retrieval", ("sns",)),
        Queue("retrieval-queries", "retrieval", ("gateway",)),
        Queue("memory-queries", "memory", ("gateway",)),
        Queue("memory-events", "memory", ("sns",)),
        Queue("gateway-events", "gateway", ("sns",)),
        Queue("finetune-exports", "finetune_export", ("gateway",)),
        Queue("finetune-events", "finetune_export", ("sns",)),
    )
}

TOPICS = {
    topic.name: topic
    for topic in (
        Topic("documents", ("ingestion", "retrieval")),
        Topic("turns", ("gateway",)),
        Topic("usage", SERVICES),
    )
}

SUBSCRIPTIONS = (
    Subscription("documents", "retrieval-index", ("DocumentChunked",)),
    Subscription("documents", "retrieval-control", ("DocumentDeleted",)),
    Subscription("documents", "ingestion-events", ("DocumentIndexed", "IndexingRefused")),
    Subscription("turns", "memory-events", ("TurnCompleted",)),
    Subscription("turns", "finetune-events", ("TurnCompleted",)),
    # The registry counts how often a document was cited, so that owners see which ones are used.
    Subscription("turns", "ingestion-events", ("TurnCompleted",)),
    Subscription("usage", "gateway-events", ("ModelUsed",)),
)

BUCKETS = {
    bucket.name: bucket
    for bucket in (
        # Carries files between services. Only `claims/` expires by itself: the others live as long
        # as their document, and ingestion removes them.
        Bucket(
            CARRIER_BUCKET,
            "ingestion",
            (
                Prefix(UPLOADS_PREFIX, ("gateway",), ("ingestion",)),
                Prefix(
                    INBOX_PREFIX,
                    ("operator",),
                    ("ingestion",),
                    notifies="ingestion-documents",
                ),
                Prefix(MANIFESTS_PREFIX, ("ingestion",), ("ingestion", "retrieval")),
                # As long as a message may come back: 4 days in a queue, 14 among its dead letters.
                Prefix(CLAIMS_PREFIX, SERVICES, SERVICES, expires_days=19),
            ),
        ),
        Bucket(
            ARCHIVE_BUCKET,
            "finetune_export",
            (
                Prefix("turns/", ("finetune_export",), ("finetune_export",)),
                # Empty objects that lead from a day to its turns.
                Prefix("days/", ("finetune_export",), ("finetune_export",)),
            ),
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

# A service answers Ping here; together they are the gateway's /readyz.
READY_QUEUES = {
    "retrieval": "retrieval-queries",
    "memory": "memory-queries",
    "ingestion": "ingestion-queries",
    "finetune_export": "finetune-exports",
}


def queues_of(service: str) -> Iterator[Queue]:
    return (queue for queue in QUEUES.values() if queue.consumer == service)
