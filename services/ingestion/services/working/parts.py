"""Documents inside of a document: each is stored and taken in as one of its own."""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import PurePosixPath

from contracts.envelope import derived_id
from contracts.ingestion.document import document_id
from contracts.topology import UPLOADS_PREFIX
from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed, Part
from services.ingestion.models.version import Claim, Description, Intake
from services.ingestion.services.content import too_large
from services.ingestion.services.intake.intake import NAME_MAX
from services.ingestion.services.ports import Intakes
from shared.ports import Blobs

# How deep documents may lie in each other, and what one may hold in all, at all depths together.
DEPTH_MAX = 4
INSIDE_MAX = 1_000
INSIDE_BYTES_MAX = 512 * 1024 * 1024
AT_ONCE = 8


@dataclass(frozen=True)
class TakeInParts:
    """`work` wakes this process's worker. Doing it again takes nothing in twice."""

    intakes: Intakes
    blobs: Blobs
    work: asyncio.Event
    max_bytes: int

    async def take_in(self, claim: Claim, parsed: Parsed) -> Parsed | None:
        """The document without its parts; None when the claim was lost.

        Raises Rejected for more than a document may hold.
        """
        if not parsed.parts:
            return parsed
        await self._check(claim, parsed)
        offered = {_key(claim, part): (part, self._offer(claim, part)) for part in parsed.parts}
        places = asyncio.Semaphore(AT_ONCE)

        async def store(key: str, part: Part) -> None:
            async with places:
                await self.blobs.put(key, part.body)

        await asyncio.gather(*(store(key, part) for key, (part, _) in offered.items()))
        verdicts = await self.intakes.take_in_parts(claim, [one for _, one in offered.values()])
        # Another claim's objects are in use for parts that were known.
        for key, verdict in zip(offered, verdicts or ["known"] * len(offered), strict=True):
            if verdict != "new":
                await self.blobs.delete(key)
        if verdicts is None:
            return None
        self.work.set()
        refused = [
            offered[key][0].name
            for key, verdict in zip(offered, verdicts, strict=True)
            if verdict == "refused"
        ]
        words = "; ".join(f"{name} was not read: another document has its name" for name in refused)
        note = " ".join(filter(None, (parsed.note, words and f"{words}.")))
        return replace(parsed, parts=(), note=note)

    async def _check(self, claim: Claim, parsed: Parsed) -> None:
        depth = len(claim.parents) + 1
        if depth > DEPTH_MAX:
            words = f"Files may lie {DEPTH_MAX} deep in other files; send this one by itself."
            raise Rejected("too_complex", words)
        documents = len(parsed.parts)
        size = sum(len(part.body) for part in parsed.parts)
        if claim.parents:
            others = await self.intakes.inside(claim.parents[-1])
            documents, size = documents + others[0], size + others[1]
        if documents > INSIDE_MAX or size > INSIDE_BYTES_MAX:
            raise Rejected(
                "too_complex",
                f"A file may hold {INSIDE_MAX} files and {INSIDE_BYTES_MAX // 1024**2} MB in all,"
                " those in its archives and mails included; split it.",
            )

    def _offer(self, claim: Claim, part: Part) -> Intake:
        name = part_name(claim.name, part.name)
        told = claim.description
        metadata = {key: value for key, value in told.metadata.items() if key != "title"}
        return Intake(
            replace(
                claim.origin,
                message_id=derived_id("part", claim.document_id, claim.ordinal, part.name),
            ),
            document_id(claim.origin.tenant, name),
            name,
            Description(told.tags, metadata, told.visibility),
            media_type=part.media_type,
            key=_key(claim, part),
            fault=too_large(self.max_bytes) if len(part.body) > self.max_bytes else None,
            parents=(claim.document_id, *claim.parents),
            parent_ordinal=claim.ordinal,
            size=len(part.body),
            source="part",
            parent_before=claim.live_description,
        )


def _key(claim: Claim, part: Part) -> str:
    """Each claim has its own: who lost one removes nothing of the next one's."""
    folder = f"{UPLOADS_PREFIX}{claim.origin.tenant}/{claim.claim}"
    return f"{folder}/{derived_id(claim.document_id, part.name)}"


def part_name(parent: str, member: str) -> str:
    """`parent/member`; where that is too long, a sign of the path stands for its folders."""
    whole = f"{parent}/{member}"
    if len(whole) <= NAME_MAX:
        return whole
    path = PurePosixPath(member)
    sign = sha256(whole.encode()).hexdigest()[:12]
    ending = path.suffix[:16]
    short = f"/{sign}-{path.stem[: 120 - len(ending)]}{ending}"
    return f"{parent[: NAME_MAX - len(short)]}{short}"
