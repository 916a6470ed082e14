"""What a turn and a document cost the services, as measured; the rest are estimates, named so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

MEASURED_ON = date(2026, 11, 27)
# CPU in milliseconds of the whole processes, on one machine of 2 cores with real OpenSearch and
# Neo4j that did other work beside: upper bounds. 100 turns, of which two ran at a time.
_TURN = {
    "gateway": 43.0,
    "retrieval": 33.0,
    "memory": 50.0,
    "ingestion": 10.0,
    "finetune_export": 44.0,
}
# Of a small document, some four passages, while hundreds were under way (make bench).
_DOCUMENT = {"gateway": 8.2, "ingestion": 9.6, "retrieval": 5.6}
# Estimates for AWS: the mean time for stores and models, in milliseconds.
_WAIT = {
    "retrieval-queries": 350.0,
    "memory-queries": 80.0,
    "memory-events": 100.0,
    "retrieval-index": 500.0,
    "worklist": 1_000.0,
}


@dataclass(frozen=True)
class Units:
    """CPU by service, waits by queue. A stream's seconds and a usual document are estimates."""

    turn_cpu_ms: Mapping[str, float] = field(default_factory=lambda: _TURN)
    document_cpu_ms: Mapping[str, float] = field(default_factory=lambda: _DOCUMENT)
    wait_ms: Mapping[str, float] = field(default_factory=lambda: _WAIT)
    # Of memory's work for a turn, answering is this share; the rest is keeping it.
    memory_answers: float = 0.5
    stream_s: float = 8.0
    small_passages: int = 4
    passages: int = 40


UNITS = Units()
