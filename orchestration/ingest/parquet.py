"""Parquet files to pieces of rows: types are kept where they lose nothing, and text columns stay dictionaries."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.ingest import json_text
from orchestration.ingest.rows import (
    FIELDS,
    KNOWN_FIELDS,
    Extras,
    OddRow,
    Piece,
    UnreadableFileError,
    extras_of,
    raw_text_of,
    value_of,
)

# What the pages of a file may unpack to. Text stays in dictionaries, so that memory follows this figure.
MAX_UNPACKED_BYTES = 4 * 1024**3
# Big enough that sorting a piece gives runs of a device's messages, small enough for 1 GB of memory.
PIECE_ROWS = 262_144
DESCRIBED_ROWS = 4096

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_INSTANT, GREATEST_INSTANT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
NANOSECONDS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def read_parquet(stream: IO[bytes]) -> Iterator[Piece]:
    """Rows of a Parquet file. Raises UnreadableFileError for one that is damaged or names a field twice."""
    try:
        file = _open(stream)
        first_row = 1
        for table in _tables(file):
            yield _piece(first_row, table)
            first_row += table.num_rows
    except (pa.ArrowException, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFileError(
            f"parquet: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error


def _open(stream: IO[bytes]) -> Any:
    metadata = pq.read_metadata(stream)
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    for field in FIELDS:
        if names.count(field) > 1:
            raise UnreadableFileError(f"parquet: the schema names {field} twice")
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if unpacked > MAX_UNPACKED_BYTES:
        raise UnreadableFileError(f"parquet: unpacks to more than {MAX_UNPACKED_BYTES} bytes")
    texts = [
        column.path
        for column in (metadata.schema.column(i) for i in range(metadata.num_columns))
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type == "STRING" and "." not in column.path
    ]
    stream.seek(0)
    return pq.ParquetFile(stream, read_dictionary=texts, page_checksum_verification=True)


def _tables(file: Any) -> Iterator[Any]:
    """Tables of PIECE_ROWS rows or a little more, however small the file's row groups are."""
    waiting: list[Any] = []
    for batch in file.iter_batches(batch_size=PIECE_ROWS):
        waiting.append(batch)
        if sum(part.num_rows for part in waiting) >= PIECE_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if any(batch.num_rows for batch in waiting):
        yield pa.Table.from_batches(waiting)


def _piece(first_row: int, table: Any) -> Piece:
    undecodable: set[int] = set()
    for position, name in enumerate(table.column_names):
        if isinstance(table.field(position).type, pa.BaseExtensionType):
            table = table.set_column(position, name, _stored(table.column(position)))
        if _is_text(table.field(position).type):
            column = _decodable(table.column(position), undecodable)
            table = table.set_column(position, name, column)
    columns = {name: _plain_column(name, table[name]) for name in FIELDS if name in table.column_names}
    if undecodable:
        # A row without its required fields cannot be plain.
        is_bad = pa.array([index in undecodable for index in range(table.num_rows)])
        columns = {name: pc.if_else(is_bad, None, _flat(column)) for name, column in columns.items()}
    if not columns:
        columns = {"tenant_id": pa.nulls(table.num_rows, pa.string())}
    describer = _Describer(first_row, table, undecodable)
    return Piece(first_row, pa.table(columns), describer, describer.extras)


def _plain_column(name: str, column: Any) -> Any:
    """The column as it is; attributes that are nested values become JSON text, small decimals wider ones."""
    kind = column.type
    if name == "attributes" and _is_object(kind):
        texts = [None if value is None else _object_text(value) for value in _values(column)]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_decimal(kind) and not pa.types.is_decimal256(kind):
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    return column


def _stored(column: Any) -> Any:
    """The column without its extension type: JSON is text here, a UUID its bytes."""
    return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)


def _decodable(column: Any, undecodable: set[int]) -> Any:
    """The text column; where a value is not UTF-8 its row is noted and its bad bytes become U+FFFD."""
    try:
        for chunk in column.chunks:
            (chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk).validate(full=True)
    except pa.ArrowInvalid:
        values = _flat(column).view(_binary_of(_flat(column).type)).to_pylist()
        undecodable.update(index for index, value in enumerate(values) if value is not None and not _is_utf8(value))
        return pa.chunked_array(
            [pa.array([v if v is None else v.decode(errors="replace") for v in values], pa.string())]
        )
    return column


def _flat(column: Any) -> Any:
    """One plain array of a chunked, perhaps dictionary-encoded column."""
    parts = [chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk for chunk in column.chunks]
    return pa.concat_arrays(parts)


def _binary_of(text_type: Any) -> Any:
    return pa.large_binary() if pa.types.is_large_string(text_type) else pa.binary()


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_object(kind: Any) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind))


# --- rows of doubtful form -------------------------------------------------------------------------------------------


class _Describer:
    def __init__(self, first_row: int, table: Any, undecodable: set[int]) -> None:
        self._first_row = first_row
        self._table = table
        self._undecodable = undecodable
        self._known = [
            (position, name, _description(name, table.field(position).type))
            for position, name in enumerate(table.column_names)
            if name in FIELDS
        ]

    def extras(self) -> Iterator[tuple[int, Extras]]:
        """Index and values of the rows that have any in columns that are no field of a message."""
        names = [name for name in self._table.column_names if name not in KNOWN_FIELDS]
        if not names:
            return
        unknown = self._table.select(names)
        descriptions = [_description(field.name, field.type) for field in unknown.schema]
        for start in range(0, unknown.num_rows, DESCRIBED_ROWS):
            columns = [_values(column) for column in unknown.slice(start, DESCRIBED_ROWS).columns]
            for index, values in enumerate(zip(*columns, strict=True), start=start):
                present = zip(names, descriptions, values, strict=True)
                if extras := extras_of((name, describe(v)) for name, describe, v in present if v is not None):
                    yield index, extras

    def __call__(self, indexes: Sequence[int]) -> Iterator[OddRow]:
        for start in range(0, len(indexes), DESCRIBED_ROWS):
            some = list(indexes[start : start + DESCRIBED_ROWS])
            rows = self._table.take(pa.array(some, pa.int64()))
            columns = [_values(column) for column in rows.columns]
            for index, values in zip(some, zip(*columns, strict=True), strict=True):
                yield self._describe(index, values)

    def _describe(self, index: int, values: tuple[Any, ...]) -> OddRow:
        raw = _ENCODER.encode(dict(zip(self._table.column_names, values, strict=True)))
        fields = None
        if index not in self._undecodable:
            fields = {
                name: describe(values[position])
                for position, name, describe in self._known
                if values[position] is not None
            }
        return OddRow(self._first_row + index, fields, raw_text_of(raw))


def _values(column: Any) -> list[Any]:
    """Values of a column as Python ones that JSON can show; decimals and instants as text."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return [None if v is None else _iso(v, kind) for v in column.cast(pa.int64()).to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        # Dates and times outside Python's calendar; they are of no type that a field may have.
        return ["not shown"] * len(column)
    if pa.types.is_decimal(kind):
        return [None if v is None else format(v, "f") for v in values]
    if pa.types.is_floating(kind):
        return [v if v is None or math.isfinite(v) else repr(v) for v in values]
    if pa.types.is_map(kind):
        return [v if v is None else dict(v) for v in values]
    return values


def _description(name: str, kind: Any) -> Callable[[Any], dict[str, str]]:
    """How values of a column of this type are described."""
    if name == "attributes" and (_is_text(kind) or _is_object(kind)):
        return _described_attributes
    if _is_text(kind):
        return partial(value_of, "text")
    if pa.types.is_timestamp(kind):
        return partial(value_of, "text" if kind.tz else "local")
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return lambda value: value_of("number", str(value))
    if pa.types.is_floating(kind):
        return lambda value: value_of("float", str(value))
    return lambda value: value_of("other", _ENCODER.encode(value))


def _described_attributes(value: Any) -> dict[str, str]:
    text = json_text.canonical_object(value) if isinstance(value, str) else _object_text(value)
    if text is not None:
        return value_of("object", text)
    return value_of("text", value) if isinstance(value, str) else value_of("other", _ENCODER.encode(value))


def _object_text(value: Any) -> str | None:
    """Canonical JSON of a struct or map; a struct's null member is an absent one. None where there is no such text."""
    members = {name: member for name, member in dict(value).items() if member is not None}
    text = json.dumps(members, ensure_ascii=False, default=_exact_text)
    return json_text.canonical_object(text)


def _exact_text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _iso(count: int, kind: Any) -> str:
    """ISO 8601 text of a timestamp, all digits kept; in UTC where the type has a zone.

    Python's calendar ends where PostgreSQL's text form of four-digit years does. What lies beyond is shown as its end:
    still out of every range, and so still quarantined for that.
    """
    micros, nanos = divmod(count * NANOSECONDS_PER_UNIT[kind.unit], 1000)
    try:
        instant = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        instant, nanos = (LEAST_INSTANT if count < 0 else GREATEST_INSTANT), 0
    text = instant.replace(tzinfo=None).isoformat()
    if nanos:
        text = f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond:06d}{nanos:03d}"
    return f"{text}+00:00" if kind.tz else text
