"""A version from claim to manifest: fetch, parse, chunk, embed, write."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from contracts.ingestion.manifest import manifest_key
from contracts.ingestion.media_types import MARKDOWN, PLAIN_TEXT
from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Chunk, Parsed
from services.ingestion.models.version import Announcement, Claim, Counts, Result
from services.ingestion.services.chunking.chunking import chunks_of
from services.ingestion.services.content import aside, content_hash, too_large
from services.ingestion.services.entities.reading import ReadEntities
from services.ingestion.services.ports import Worklist
from services.ingestion.services.reading.parser import Parser, only
from services.ingestion.services.reading.titles import title_of
from services.ingestion.services.working.embedding import Embed
from services.ingestion.services.working.manifest import manifest
from shared.errors import NoSuchObject, TooLarge
from shared.observability import span
from shared.ports import Blobs

# Files lie whole in memory until they are parsed; plain text does not wait behind the parser.
FILES_AT_ONCE = 4
PLAIN_FILES_AT_ONCE = 8
# A chunk's names and its line take some 0.7 ms.
CHUNKS_INLINE = 10
CHUNKS_MAX = 20_000


@dataclass
class Ingest:
    """Every step can be done again: another worker finishes the version of one that died."""

    worklist: Worklist
    blobs: Blobs
    parser: Parser
    embedding: Embed
    max_bytes: int
    entities: ReadEntities | None = None
    _files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))
    _plain: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(PLAIN_FILES_AT_ONCE)
    )

    async def ingest(self, claim: Claim) -> Announcement | None:
        """What to announce; None when there is nothing new, or when the claim was lost.

        Raises Rejected, ParserCrashed, Unavailable.
        """
        media_type = claim.media_type or ""
        async with self._gate(claim):
            body = await self._fetch(claim)
            hashed = await aside(len(body), partial(content_hash, body, media_type))
            if hashed == claim.live_hash and claim.description == claim.live_description:
                await self.worklist.duplicate(claim)
                return None
            with span("parse", {"media_type": media_type, "bytes": len(body)}):
                parsed = only(await self.parser.parse(body, media_type))
            del body
        parsed = replace(parsed, title=title_of(parsed, claim.name, claim.description.metadata))
        chunks = await _chunks(parsed)
        key = manifest_key(claim.origin.tenant, claim.document_id, claim.ordinal)
        entities = await self._write(key, claim, parsed, chunks)
        result = Result(
            hashed,
            key,
            media_type,
            self.embedding.model_id,
            self.embedding.dimension,
            Counts(len(chunks), len(parsed.pages), len(parsed.text), entities),
        )
        announcement = await self.worklist.finish(claim, result)
        if announcement is None and await self.worklist.is_withdrawn(claim):
            await self.blobs.delete(key)
        return announcement

    def _gate(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        if claim.key is None:
            return nullcontext()
        return self._plain if claim.media_type in (PLAIN_TEXT, MARKDOWN) else self._files

    async def _fetch(self, claim: Claim) -> bytes:
        if claim.key is None:
            text = claim.text or ""
            body = await aside(len(text), text.encode)
        else:
            try:
                body = await self.blobs.get(claim.key, self.max_bytes)
            except NoSuchObject:
                words = f"There is no object {claim.key}; put it there and send the message again."
                raise Rejected("missing", words) from None
            except TooLarge:
                raise self._too_large() from None
        if body.isspace() or not body:
            raise Rejected("empty", "The document is empty.")
        if len(body) > self.max_bytes:
            raise self._too_large()
        return body

    def _too_large(self) -> Rejected:
        fault = too_large(self.max_bytes)
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


async def _chunks(parsed: Parsed) -> list[Chunk]:
    chunks = await aside(len(parsed.text), partial(chunks_of, parsed))
    if not chunks:
        raise Rejected("empty", "The document holds no text; scanned pages cannot be read yet.")
    if len(chunks) > CHUNKS_MAX:
        raise Rejected("too_large", f"The document has more than {CHUNKS_MAX} passages; split it.")
    return chunks
