"""Turns as Parquet, and SQL over it. Needs the dependency group `training`."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from services.finetune_export.models.lake_turn import LakeTurn, place_of

_TIME = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.string())
# The columns' order is the file's. Infra's Glue table has the same.
_TYPES: dict[str, Any] = {
    "user": pa.string(),
    "turn_id": pa.string(),
    "conversation_id": pa.string(),
    "asked_at": _TIME,
    "completed_at": _TIME,
    "outcome": pa.string(),
    "model": pa.string(),
    "prompt_version": pa.string(),
    "arm": pa.string(),
    "cached": pa.string(),
    "stop_reason": pa.string(),
    "degraded": _TEXTS,
    "consent_to_training": pa.bool_(),
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "cost_usd": pa.decimal128(38, 12),
    "sources": pa.int32(),
    "documents": _TEXTS,
    "cut": _TEXTS,
    "question_length": pa.int32(),
    "answer_length": pa.int32(),
    "question_hash": pa.string(),
    "answer_hash": pa.string(),
    "rating": pa.string(),
    "reasons": _TEXTS,
    "corrected": pa.bool_(),
}
SCHEMA = pa.schema(list(_TYPES.items()))


def as_parquet(turns: Sequence[LakeTurn]) -> bytes:
    """The same turns are the same bytes, with one version of pyarrow."""
    columns = [
        pa.array([getattr(turn, name) for turn in turns], kind) for name, kind in _TYPES.items()
    ]
    out = io.BytesIO()
    pq.write_table(pa.table(columns, schema=SCHEMA), out, compression="zstd")
    return out.getvalue()


def answer(sql: str, parts: Iterable[tuple[str, bytes]]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns' names and the rows. The parts are the table `turns`, with `tenant` and `day`.

    SQL reaches nothing else: no file, no address. Raises ValueError when it cannot be run.
    """
    tables = [_with_place(key, pq.read_table(io.BytesIO(body))) for key, body in parts]
    place = [("tenant", pa.string()), ("day", pa.date32())]
    whole = pa.schema([*SCHEMA, *place])
    turns = pa.concat_tables(tables) if tables else whole.empty_table()
    with duckdb.connect(":memory:") as connection:
        connection.register("turns", turns)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            found = connection.execute(sql)
            return [column[0] for column in found.description or ()], found.fetchall()
        except duckdb.Error as error:
            raise ValueError(str(error)) from error


def _with_place(key: str, table: pa.Table) -> pa.Table:
    (tenant, day), count = place_of(key), table.num_rows
    table = table.append_column("tenant", pa.array([tenant] * count, pa.string()))
    return table.append_column("day", pa.array([day] * count, pa.date32()))
