"""What the parser's process costs: small files of all kinds, against the readers called bare."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from contracts.ingestion.media_types import KNOWN
from services.ingestion.services.reading.parser import Parser, open_parser
from services.ingestion.services.reading.readers import read
from services.ingestion.services.working.ingest import FILES_AT_ONCE
from tests.bench.figures import Figure
from tests.integration.ingestion.files import all_kinds, docx, drawn, pdf_of, xlsx

FILES = 1_000
ROUNDS = 3
RATIO_LIMIT = 0.8
MORE_LIMIT_MS = 5.0
# Plain text is read without the process, and pictures by another program.
LEFT_OUT = {"txt", "log", "md", "markdown", "png", "jpg", "jpeg", "tif", "tiff"}
File = tuple[bytes, str]


async def measure() -> list[Figure]:
    kinds = [(body, KNOWN[kind]) for kind, body in all_kinds().items() if kind not in LEFT_OUT]
    kinds += [(body, KNOWN[kind]) for kind, body in _longer().items()] * 2
    files = [kinds[n % len(kinds)] for n in range(FILES)]
    async with open_parser(1, 30.0) as parser:
        # A reader runs in a thread here: that of RTF has a loop of its own.
        await asyncio.to_thread(_bare, kinds)
        await _together(parser, kinds)
        bare, pooled, single = [], [], []
        for _ in range(ROUNDS):
            bare.append(await asyncio.to_thread(_bare, files))
            pooled.append(await _timed(_together, parser, files))
            single.append(await _timed(_one_by_one, parser, files))
    alone, pool, each = map(statistics.median, (bare, pooled, single))
    more = (each - alone) / FILES * 1000
    detail = f"{FILES / pool:.0f} against {FILES / alone:.0f} files/s"
    one = f"{each / FILES * 1000:.1f} against {alone / FILES * 1000:.1f} ms, one after the other"
    return [
        Figure("parser's process / bare readers", alone / pool, RATIO_LIMIT, "", True, detail),
        Figure("what the process adds to a file", more, MORE_LIMIT_MS, "ms", False, one),
    ]


def _longer() -> dict[str, bytes]:
    """Some pages of text or rows each, as most files of an office have."""
    lines = [f"Line {n} says what a hotel in town {n} may cost, and who pays." for n in range(120)]
    rows = [[f"Town {n}", str(90 + n), str(n % 7)] for n in range(200)]
    pages = [drawn(*((60, 750 - 16 * n, 10, one) for n, one in enumerate(lines[:40])))] * 3
    cells = "".join(
        f'<row r="{n + 1}">'
        + "".join(f'<c t="inlineStr"><is><t>{c}</t></is></c>' for c in row)
        + "</row>"
        for n, row in enumerate(rows)
    )
    return {
        "pdf": pdf_of(pages),
        "docx": docx("".join(f"<w:p><w:r><w:t>{one}</w:t></w:r></w:p>" for one in lines)),
        "html": "".join(f"<p>{one}</p>" for one in lines).encode(),
        "csv": "\n".join(",".join(row) for row in rows).encode(),
        "xlsx": xlsx({"Towns": f"<sheetData>{cells}</sheetData>"}),
    }


def _bare(files: Sequence[File]) -> float:
    began = time.perf_counter()
    for body, media_type in files:
        read(body, media_type)
    return time.perf_counter() - began


async def _timed(
    work: Callable[[Parser, Sequence[File]], Awaitable[None]],
    parser: Parser,
    files: Sequence[File],
) -> float:
    began = time.perf_counter()
    await work(parser, files)
    return time.perf_counter() - began


async def _one_by_one(parser: Parser, files: Sequence[File]) -> None:
    for body, media_type in files:
        await parser.parse(body, media_type)


async def _together(parser: Parser, files: Sequence[File]) -> None:
    """As many at once as ingestion has in work."""
    places = asyncio.Semaphore(FILES_AT_ONCE)

    async def one(body: bytes, media_type: str) -> None:
        async with places:
            await parser.parse(body, media_type)

    await asyncio.gather(*(one(*file) for file in files))
