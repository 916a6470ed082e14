"""What it costs to find entities with a model: `python -m services.ingestion.estimate FILE`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from contracts.ingestion.media_types import media_type_of
from services.ingestion.bootstrap import chunkings_of
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.services.entities.asking import passages_of
from services.ingestion.services.entities.budget import Estimate, estimated
from services.ingestion.services.reading.parser import Parser
from services.ingestion.services.reading.titles import title_of
from services.ingestion.settings import IngestionSettings
from shared.bedrock import PriceList

_EPILOG = """The files are read and cut as ingestion does it; no model is called, nothing is stored.
Tokens are estimated at three bytes of UTF-8 each: somewhat more than English has.
Ingestion asks about the same passage once; here each file counts as new.
Above the cap (RAGOPS_ENTITY_TOKENS_MAX a document) rules find the entities, at no cost.

examples:
  python -m services.ingestion.estimate --model amazon.nova-lite-v1:0 handbook.pdf notes/*.md
  RAGOPS_ENTITY_MODEL=local.llm-v1 python -m services.ingestion.estimate handbook.pdf
"""
_LINE = "{:>7} {:>9} {:>10} {:>10} {:>11}  {}\n"


@dataclass
class _Sum:
    """Of the files read so far."""

    prices: PriceList
    model: str
    files: int = 0
    chunks: int = 0
    above_cap: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, name: str, chunks: int, one: Estimate) -> None:
        self.files += 1
        self.chunks += chunks
        self.above_cap += one.left_out
        self.input_tokens += one.input_tokens
        self.output_tokens += one.output_tokens
        self._write(chunks, one.left_out, one.input_tokens, one.output_tokens, name)

    def total(self) -> None:
        name = f"total of {self.files} files with {self.model}"
        self._write(self.chunks, self.above_cap, self.input_tokens, self.output_tokens, name)

    def _write(self, chunks: int, above_cap: int, read: int, written: int, name: str) -> None:
        cost: Decimal = self.prices.cost(self.model, read, written)
        sys.stdout.write(_LINE.format(chunks, above_cap, read, written, f"{cost:.4f}", name))
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.ingestion.estimate",
        description="Estimate what finding the entities of files with a model will cost.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--model", help="the model's id (default: RAGOPS_ENTITY_MODEL)")
    return parser


async def _estimate(files: Sequence[Path], settings: IngestionSettings, total: _Sum) -> int:
    """Writes a line for each file as it is read; how many could not be."""
    parser = Parser(1, settings.parse_timeout_s, memory_mb=settings.parser_memory_mb)
    failures = 0
    try:
        for path in files:
            try:
                chunks, one = await _one(path, parser, settings)
            except (Rejected, ParserCrashed, OSError) as error:
                why = error.message if isinstance(error, Rejected) else str(error)
                sys.stderr.write(f"{path}: {why}\n")
                failures += 1
            else:
                total.add(str(path), chunks, one)
    finally:
        await parser.close()
    return failures


async def _one(path: Path, parser: Parser, settings: IngestionSettings) -> tuple[int, Estimate]:
    body = await asyncio.to_thread(path.read_bytes)
    parsed = await parser.parse(body, media_type_of(path.name) or f"'{path.suffix}'")
    chunks = chunkings_of(settings).chunks(parsed)
    passages = dict.fromkeys(passages_of(title_of(parsed, path.name, {}), chunks))
    limits = settings.entity_tokens_max, settings.entity_answer_tokens
    return len(chunks), estimated(list(passages), *limits)


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    settings = IngestionSettings()
    model = given.model or settings.entity_model
    if not model:
        parser.error("which model? give --model, or set RAGOPS_ENTITY_MODEL")
    prices = PriceList(settings.prices)
    try:
        prices.check(model)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(_LINE.format("chunks", "above cap", "input", "output", "USD", "file"))
    total = _Sum(prices, model)
    failures = asyncio.run(_estimate(given.files, settings, total))
    total.total()
    return 1 if failures else 0


# The parser's child process imports this module under another name.
if __name__ == "__main__":
    raise SystemExit(main())
