"""A version from claim to manifest: fetch, parse, chunk, embed, write."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from contracts.ingestion.manifest import manifest_key
from contracts.ingestion.media_types import MARKDOWN, PLAIN_TEXT
from services.ingestion.models.errors import NotThereYet, Rejected
from services.ingestion.models.parsed import Chunk, Parsed
from services.ingestion.models.version import Announcement, Claim, Counts, Result
from services.ingestion.services.chunking.strategies import Chunkings
from services.ingestion.services.content import aside, content_hash, too_large
from services.ingestion.services.entities.reading import ReadEntities
from services.ingestion.services.ports import Worklist
from services.ingestion.services.reading.parser import Parser
from services.ingestion.services.reading.titles import title_of
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.manifest import drawn_manifest, manifest
from services.ingestion.services.working.parts import TakeInParts
from shared.errors import NoSuchObject, TooLarge
from shared.observability import span
from shared.ports import Blobs

# Files lie whole in memory until they are parsed; plain text does not wait behind the parser.
FILES_AT_ONCE = 4
PLAIN_FILES_AT_ONCE = 8
# A page takes a second or more: scans must not keep other files waiting.
SCANS_AT_ONCE = 2
# Above this size, one at a time: the parser's process gets a copy of it.
LARGE_BYTES = 8 * 1024 * 1024
# A chunk's names and its line take some 0.7 ms.
CHUNKS_INLINE = 10
CHUNKS_MAX = 20_000
_NOT_UPLOADED = "The file did not come in time. Ask for a new upload, and send it at once."


@dataclass(frozen=True, slots=True)
class _Got:
    """A file's content: its hash and bytes, how many parts came in it, its text."""

    hashed: str
    size: int
    parts: int
    parsed: Parsed


@dataclass
class Ingest:
    """Every step can be done again: another worker finishes the version of one that died."""

    worklist: Worklist
    blobs: Blobs
    parser: Parser
    embedding: Embed
    parts: TakeInParts
    chunkings: Chunkings
    entities: ReadEntities | None = None
    large_bytes: int = LARGE_BYTES
    _files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))
    _scans: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SCANS_AT_ONCE))
    _plain: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(PLAIN_FILES_AT_ONCE)
    )
    _large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def ingest(self, claim: Claim) -> Announcement | None:
        """What to announce; None when there is nothing new, or when the claim was lost.

        Raises Rejected, NotThereYet, ParserCrashed, Unavailable.
        """
        drawn = claim.drawn
        result = await (self._read(claim) if drawn is None else self._draw(claim, drawn))
        if result is None:
            return None
        announcement = await self.worklist.finish(claim, result)
        if announcement is None:
            await self.discard(claim)
        return announcement

    async def _draw(self, claim: Claim, drawn: Result) -> Result:
        """Takes over the passages of another version: nothing is parsed or embedded."""
        try:
            body = await self.blobs.get(drawn.manifest_key)
        except NoSuchObject:
            words = f"The passages of version {claim.drawn_from} are no longer kept. Send the"
            raise Rejected("missing", f"{words} document again.") from None
        key = _manifest_key(claim)
        await self.blobs.put(key, await aside(len(body), partial(drawn_manifest, claim, body)))
        return replace(drawn, manifest_key=key, stages=dict(claim.tally.seconds))

    async def _read(self, claim: Claim) -> Result | None:
        """None when the version that is found has the same content and description."""
        media_type = claim.media_type or ""
        claim.tally.enter("parsing")
        most = self.parts.max_bytes
        try:
            async with self._gate(claim):
                got = await self._parsed(claim, media_type, min(self.large_bytes, most))
        except TooLarge:
            async with self._large:
                got = await self._parsed(claim, media_type, most)
        if got is None:
            return None
        parsed = got.parsed
        if parsed.scanned:
            async with self._scans:
                body = await self._fetch(claim, most)
                parsed = await self.parser.recognise(body, media_type, parsed)
                del body
        parsed = replace(parsed, title=title_of(parsed, claim.name, claim.description.metadata))
        chunks = await self._chunks(claim, parsed)
        claim.tally.chunks = len(chunks)
        claim.tally.enter("embedding")
        key = _manifest_key(claim)
        entities = await self._write(key, claim, parsed, chunks)
        claim.tally.enter("finishing")
        return Result(
            got.hashed,
            key,
            media_type,
            self.embedding.model_id,
            self.embedding.dimension,
            Counts(len(chunks), len(parsed.pages), len(parsed.text), entities, got.parts),
            got.size,
            dict(claim.tally.seconds),
            parsed.note,
        )

    async def discard(self, claim: Claim) -> None:
        """Removes the manifest of a version on which nobody works any more."""
        if await self.worklist.is_withdrawn(claim):
            await self.blobs.delete(_manifest_key(claim))

    async def _parsed(self, claim: Claim, media_type: str, limit_bytes: int) -> "_Got | None":
        """None for the content of the version that is live, and for a claim that was lost.

        Raises TooLarge above a limit that is not the highest.
        """
        body = await self._fetch(claim, limit_bytes)
        hashed = await aside(len(body), partial(content_hash, body, media_type))
        if hashed == claim.live_hash and claim.description == claim.live_description:
            await self.worklist.duplicate(claim)
            return None
        with span("parse", {"media_type": media_type, "bytes": len(body)}):
            parsed = await self.parser.parse(body, media_type)
        size = len(body)
        del body
        taken_in = await self.parts.take_in(claim, parsed)
        return None if taken_in is None else _Got(hashed, size, len(parsed.parts), taken_in)

    def _gate(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        if claim.text is not None or claim.key is None:
            return nullcontext()
        return self._plain if claim.media_type in (PLAIN_TEXT, MARKDOWN) else self._files

    async def _fetch(self, claim: Claim, limit_bytes: int) -> bytes:
        if claim.text is not None or claim.key is None:
            text = claim.text or ""
            body = await aside(len(text), text.encode)
        else:
            try:
                body = await self.blobs.get(claim.key, limit_bytes)
            except NoSuchObject:
                if claim.awaited_until is not None:
                    if datetime.now(UTC) < claim.awaited_until:
                        raise NotThereYet(claim.key) from None
                    raise Rejected("not_uploaded", _NOT_UPLOADED) from None
                words = (
                    f"There is no object {claim.key}. Put it there and retry, or upload it again."
                )
                raise Rejected("missing", words) from None
            except TooLarge:
                if limit_bytes < self.parts.max_bytes:
                    raise
                raise self._too_large() from None
        if body.isspace() or not body:
            raise Rejected("empty", "The document is empty. Upload one with text.")
        if len(body) > self.parts.max_bytes:
            raise self._too_large()
        return body

    def _too_large(self) -> Rejected:
        fault = too_large(self.parts.max_bytes)
        return Rejected(fault.code, fault.message)

    async def _write(self, key: str, claim: Claim, parsed: Parsed, chunks: list[Chunk]) -> int:
        vectors = await self.embedding.embed(claim, [chunk.embedded_text for chunk in chunks])
        read = None
        if self.entities:
            read = await self.entities.read(claim, parsed.title, chunks)
        model, dimension = self.embedding.model_id, self.embedding.dimension
        make = partial(
            manifest, claim, parsed, chunks, vectors, model=model, dimension=dimension, read=read
        )
        made = make() if len(chunks) <= CHUNKS_INLINE else await asyncio.to_thread(make)
        await self.blobs.put(key, made.body)
        return made.entities

    async def _chunks(self, claim: Claim, parsed: Parsed) -> list[Chunk]:
        asked = claim.description.chunking or claim.wished
        cut = partial(self.chunkings.chunks, parsed, asked)
        chunks = await aside(len(parsed.text), cut)
        if not chunks:
            raise Rejected("empty", "The document holds no text. Upload one with text.")
        if len(chunks) > CHUNKS_MAX:
            words = f"The document has more than {CHUNKS_MAX} passages; split it."
            raise Rejected("too_large", words)
        return chunks


def _manifest_key(claim: Claim) -> str:
    return manifest_key(claim.origin.tenant, claim.document_id, claim.ordinal)
