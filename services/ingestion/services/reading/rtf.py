"""RTF, which xberg reads right: letters of any code page, tables, hidden text, titles."""

import asyncio
import re

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.html import markdown_of
from services.ingestion.services.reading.office.packages import real_title

_NOTE = re.compile(r"(?m)^\[\^\d+\]:\s*|\[\^\d+\]")


def read_rtf(body: bytes) -> list[Parsed]:
    return asyncio.run(_read(body))


async def _read(body: bytes) -> list[Parsed]:
    import xberg

    source = xberg.ExtractInput(kind="bytes", bytes=body, mime_type="application/rtf")
    config = xberg.ExtractionConfig(use_cache=False, disable_ocr=True, output_format="html")
    result = await xberg.extract(source, config)
    if result.errors or not result.results:
        raise Rejected("unreadable", "The file is broken, or no RTF.")
    [document] = result.results
    text = _NOTE.sub("", markdown_of(document.content))
    return [Parsed(text, True, title=real_title(document.metadata.title))]
