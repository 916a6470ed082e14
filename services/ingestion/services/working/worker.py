"""Claims versions from the worklist and works on several at once."""

import asyncio
import logging
import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from services.ingestion.models.errors import NotThereYet, ParserCrashed, Rejected
from services.ingestion.models.times import Times
from services.ingestion.models.version import Claim, Fault
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.ports import Worklist
from services.ingestion.services.working.ingest import Ingest
from shared.errors import Unavailable, described
from shared.observability import bound, metric, span

logger = logging.getLogger(__name__)
ATTEMPTS_MAX = 5
# A file that ends its reader is as a rule at fault itself; once it may be the machine's memory.
CRASHES_MAX = 3
# A claim costs two statements: several documents share them while there is a backlog.
CLAIM_MIN = 8
# Between two looks for an object that is on its way.
AWAIT_MIN_S, AWAIT_MAX_S = 0.5, 15.0


class Worker:
    """A runnable. `wake` is set by this process's intake; others' documents are found by polling.

    Stopping releases the versions in work at once; their vectors are kept, so little is lost. Of
    a version only attempts that failed are counted, and claims that ended without a word. A claim
    that could not be given back, since PostgreSQL was away, is given back when it is there again.
    """

    def __init__(
        self,
        worklist: Worklist,
        ingest: Ingest,
        announcer: Announcer,
        wake: asyncio.Event,
        in_flight: int,
        times: Times,
    ) -> None:
        self._worklist, self._ingest, self._announcer = worklist, ingest, announcer
        self._wake, self._in_flight, self._times = wake, in_flight, times
        self._running: dict[str, tuple[Claim, asyncio.Task[None]]] = {}
        self._lost: set[str] = set()
        self._owed: list[Claim] = []
        self._stopping = self._outage = self._worklist_out = False
        self._came_round_at = time.monotonic()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def alive(self) -> bool:
        """False when the loop has not come round for longer than a pause and a claim may take."""
        longest = max(self._times.probe_s, self._times.idle_poll_s) + self._times.stuck_s
        return time.monotonic() - self._came_round_at < longest

    async def run(self) -> None:
        heartbeat = asyncio.create_task(self._watch_regularly())
        try:
            while not self._stopping:
                self._came_round_at = time.monotonic()
                await self._claim()
                await self._rest()
        finally:
            heartbeat.cancel()
            tasks = [task for _, task in self._running.values()]
            for task in tasks:
                _interrupt(task)
            await asyncio.gather(*tasks, heartbeat, return_exceptions=True)

    # -- claiming

    def _places(self) -> int:
        """One at a time while a dependency is out: a probe."""
        return (1 if self._outage else self._in_flight) - len(self._running)

    async def _claim(self) -> None:
        places = self._places()
        if places <= 0:
            return
        try:
            while self._owed:
                await self._worklist.release(self._owed[-1], after_s=0, counted=False)
                self._owed.pop()
            claims = await self._worklist.claim(places)
        except Unavailable as error:
            logger.warning("claim_failed", extra={"fields": {"reason": str(error)}})
            self._worklist_out = True
            return
        self._worklist_out = False
        for claim in claims:
            task = asyncio.create_task(self._work(claim))
            self._running[claim.claim] = (claim, task)
            task.add_done_callback(partial(self._ended, claim.claim))

    def _ended(self, key: str, _task: asyncio.Task[None]) -> None:
        del self._running[key]
        self._lost.discard(key)
        self._wake.set()

    async def _rest(self) -> None:
        """Until there is room for several more, or it is time to look again."""
        loop = asyncio.get_running_loop()
        times = self._times
        pause = times.busy_poll_s if self._running else times.idle_poll_s
        end = loop.time() + (times.probe_s if self._outage or self._worklist_out else pause)
        while not self._stopping and (left := end - loop.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)
            self._wake.clear()
            if not self._outage and self._places() >= min(CLAIM_MIN, self._in_flight):
                return

    async def _watch_regularly(self) -> None:
        """Renews leases in time, and notes how far embedding is.

        A claim that is no longer ours (deleted, superseded, cancelled, taken) is worked on no more.
        """
        every_s = self._times.lease_s / 3
        renewed_at = time.monotonic()
        while True:
            await asyncio.sleep(min(every_s, self._times.watch_s))
            due = time.monotonic() - renewed_at >= every_s - self._times.watch_s / 2
            if due:
                renewed_at = time.monotonic()
            if not self._running:
                continue
            try:
                await self._watch(renew=due)
            except Unavailable as error:
                logger.warning("renewal_failed", extra={"fields": {"reason": str(error)}})

    async def _watch(self, *, renew: bool) -> None:
        held = dict(self._running)
        claims = [claim for claim, _ in held.values()]
        kept = await self._worklist.watch(claims, [one for one in claims if self._is_long(one)])
        if renew:
            kept &= await self._worklist.renew(claims)
        for key, (_, task) in held.items():
            if key not in kept and not task.done():
                self._lost.add(key)
                _interrupt(task)

    def _is_long(self, claim: Claim) -> bool:
        tally = claim.tally
        return tally.stage == "embedding" and tally.lasts_s() >= self._times.embedding_after_s

    # -- one document

    async def _work(self, claim: Claim) -> None:
        origin = claim.origin
        attributes = {"document_id": claim.document_id, "ordinal": str(claim.ordinal)}
        with (
            bound(tenant=origin.tenant, correlation_id=origin.correlation_id),
            span("ingest_document", attributes, parent=origin.traceparent),
        ):
            try:
                await self._judged(claim)
            except Unavailable as error:
                # PostgreSQL is away, or the topic: then upkeep announces what became of it.
                logger.warning("interrupted", extra={"fields": {"dependency": error.dependency}})
                self._owed.append(claim)
            except Exception:
                logger.exception("interrupted")

    async def _judged(self, claim: Claim) -> None:
        """Does the work and settles what became of it."""
        try:
            if claim.interruptions >= ATTEMPTS_MAX:
                await self._end(claim, "failed", _interrupted())
                return
            announcement = await self._ingest.ingest(claim)
            self._outage = False
        except Rejected as error:
            await self._end(claim, "rejected", Fault(error.code, error.message))
        except NotThereYet:
            await self._worklist.release(claim, after_s=_pause_s(claim), counted=False)
        except Unavailable as error:
            self._outage = True
            logger.warning("outage", extra={"fields": {"dependency": error.dependency}})
            await self._worklist.release(claim, after_s=0, counted=False)
        except asyncio.CancelledError:
            if claim.claim not in self._lost:
                await self._worklist.release(claim, after_s=0, counted=False)
            # Also when it was withdrawn, but not seen to be lost yet.
            await self._ingest.discard(claim)
            raise
        except Exception as error:
            logger.exception("attempt_failed", extra={"fields": {"attempt": claim.attempts + 1}})
            await self._again(claim, error)
        else:
            if announcement is not None:
                metric("DocumentChunked", 1)
                await self._announcer.tell(announcement)

    async def _again(self, claim: Claim, error: Exception) -> None:
        if isinstance(error, ParserCrashed) and claim.attempts + 1 >= CRASHES_MAX:
            await self._end(claim, "rejected", _breaks_reader(error))
            return
        if claim.attempts + 1 >= ATTEMPTS_MAX:
            words = (
                f"It failed {ATTEMPTS_MAX} times, last by {described(error)}. Retry it; if it fails"
                " again, look into the log of the service ingestion."
            )
            await self._end(claim, "failed", Fault("internal", words))
            return
        pause = self._times.backoff_s * 2**claim.attempts * random.uniform(0.5, 1.5)
        await self._worklist.release(claim, after_s=pause, counted=True)

    async def _end(self, claim: Claim, status: str, fault: Fault) -> None:
        fields = {"status": status, "code": fault.code, "document_id": claim.document_id}
        logger.info("document_ended", extra={"fields": fields})
        metric("DocumentEnded", 1, status=status, code=fault.code)
        announcement = await self._worklist.settle(claim, status, fault)
        # An attempt before may have written a manifest.
        if status == "failed":
            await self._ingest.discard(claim)
        if announcement is not None:
            await self._announcer.tell(announcement)


def _interrupt(task: asyncio.Task[None]) -> None:
    """Once: a second time would break off the cleaning up after the first."""
    if not task.cancelling():
        task.cancel()


def _breaks_reader(error: ParserCrashed) -> Fault:
    return Fault(
        "breaks_reader",
        f"Reading the file ended the program that reads it {CRASHES_MAX} times ({error}). Save it"
        " anew in the program that made it, or in another format.",
    )


def _pause_s(claim: Claim) -> float:
    """Before the next look for an object: a tenth of the time that it has been awaited."""
    waited_s = (datetime.now(UTC) - claim.created_at).total_seconds()
    return min(AWAIT_MAX_S, max(AWAIT_MIN_S, waited_s / 10))


def _interrupted() -> Fault:
    return Fault(
        "interrupted",
        f"The process that worked on it died {ATTEMPTS_MAX} times; perhaps reading it takes more"
        " memory than there is. Split the document, or give the process more memory and retry.",
    )
