"""Bytes of a landing file to pieces of rows: containers, lines, JSON and CSV. Parquet has a module of its own."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain, islice
from typing import IO, Any

import pyarrow as pa

from orchestration.ingest import json_text
from orchestration.ingest.json_text import Number
from orchestration.ingest.parquet import read_parquet
from orchestration.ingest.rows import (
    FIELDS,
    KNOWN_FIELDS,
    MAX_LINE_BYTES,
    Extras,
    OddRow,
    Piece,
    UnreadableFileError,
    extras_of,
    is_encodable,
    raw_text_of,
    value_of,
)

MAX_DECOMPRESSED_BYTES = 4 * 1024**3
CHUNK_BYTES = 1024 * 1024
# Rows of text formats are kept as Python objects until their piece is done, so the pieces are small.
TEXT_PIECE_ROWS = 50_000

CLOUD_EVENTS_VERSION = "1.0"
# Where the envelope of a CloudEvent says what `data` may leave out (RULES 25).
CLOUD_EVENT_FIELDS = {
    "subject": "device_id",
    "time": "device_ts",
    "type": "metric",
    "tenantid": "tenant_id",
    "receivedat": "received_at",
    "sessionid": "session_id",
    "sequence": "msg_seq",
}
# Other members of the envelope are kept under names of their own, as HTTP carries them.
CLOUD_EVENT_PREFIX = "ce-"
CLOUD_EVENT_BODY = frozenset({"specversion", "data", "data_base64"})

_UTF8_MARK = b"\xef\xbb\xbf"
_EMPTY_ROW: tuple[str | None, ...] = (None,) * len(FIELDS)


def read_pieces(file_name: str, stream: IO[bytes]) -> Iterator[Piece]:
    """Rows of a landing file, in order; the format follows from the name. A file of zero bytes has no rows.

    Raises UnreadableFileError, possibly after some pieces, when the container cannot be read.
    """
    if not stream.read(1):
        return
    stream.seek(0)
    if file_name.endswith(".parquet"):
        yield from read_parquet(stream)
        return
    chunks = _decompressed(stream) if file_name.endswith(".gz") else iter(lambda: stream.read(CHUNK_BYTES), b"")
    lines = _lines(chunks)
    yield from (read_json_lines if file_name.removesuffix(".gz").endswith(".jsonl") else read_csv)(lines)


def _decompressed(stream: IO[bytes]) -> Iterator[bytes]:
    """Chunks of a gzip stream. A truncated, damaged or exploding one raises UnreadableFileError."""
    total = 0
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                total += len(chunk)
                if total > MAX_DECOMPRESSED_BYTES:
                    raise UnreadableFileError(f"gzip: unpacks to more than {MAX_DECOMPRESSED_BYTES} bytes")
                yield chunk
    except (EOFError, OSError, zlib.error) as error:
        raise UnreadableFileError(f"gzip: {error}") from error


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines without their line feed. Of one longer than MAX_LINE_BYTES, that much and one byte is kept."""
    tail = next(chunks, b"").removeprefix(_UTF8_MARK)
    for chunk in chain((b"",), chunks):
        *complete, tail = (tail + chunk).split(b"\n")
        for line in complete:
            yield line[: MAX_LINE_BYTES + 1]
        tail = tail[: MAX_LINE_BYTES + 1]
    if tail:
        yield tail


# --- JSON lines ------------------------------------------------------------------------------------------------------


def read_json_lines(lines: Iterator[bytes]) -> Iterator[Piece]:
    """One object a line; blank lines are not rows."""
    filled = (line for line in lines if line.strip())
    first_row = 1
    while piece := list(islice(filled, TEXT_PIECE_ROWS)):
        with_extras: list[int] = []
        table = _table(_json_row(index, line, with_extras) for index, line in enumerate(piece))
        yield Piece(first_row, table, _JsonDescriber(first_row, piece), partial(_json_extras, piece, with_extras))
        first_row += len(piece)


def _parse_line(line: bytes) -> dict[str, Any] | None:
    """Fields of a line, those of a CloudEvent mapped; None where it does not parse."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        members = json_text.parse_object(line.decode())
    except UnicodeDecodeError:
        return None
    if members is not None and members.get("specversion") == CLOUD_EVENTS_VERSION:
        return _from_cloud_event(members)
    return members


def _from_cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """The one place where CloudEvents 1.0 becomes a message: `data` first, the envelope fills in."""
    data = event.get("data")
    if data is None and isinstance(encoded := event.get("data_base64"), str):
        data = _decoded(encoded)
    fields: dict[str, Any] = dict(data) if isinstance(data, dict) else {}
    for attribute, value in event.items():
        field = CLOUD_EVENT_FIELDS.get(attribute)
        if field is not None and fields.get(field) in (None, ""):
            fields[field] = value
        elif attribute not in CLOUD_EVENT_BODY:
            fields[CLOUD_EVENT_PREFIX + attribute] = value
    return fields


def _decoded(text: str) -> dict[str, Any] | None:
    """The JSON object that an event carries as bytes; None for any other content."""
    try:
        return json_text.parse_object(base64.b64decode(text, validate=True).decode())
    except ValueError:
        return None


def _json_extras(lines: list[bytes], indexes: list[int]) -> Iterator[tuple[int, Extras]]:
    for index in indexes:
        members = _parse_line(lines[index]) or {}
        unknown = ((name, value) for name, value in members.items() if name not in KNOWN_FIELDS and value is not None)
        if extras := extras_of((name, _described(value)) for name, value in unknown):
            yield index, extras


def _json_row(index: int, line: bytes, with_extras: list[int]) -> tuple[str | None, ...]:
    """Texts of a line's fields; all None where one has a type that is not its own. Notes a line that has others."""
    members = _parse_line(line)
    if members is None:
        return _EMPTY_ROW
    if not members.keys() <= KNOWN_FIELDS:
        with_extras.append(index)
    values = tuple(map(members.get, FIELDS))
    if not _are_expected(tuple(map(type, values))):
        return _EMPTY_ROW
    if values[-1] is not None:
        attributes = json_text.canonical(values[-1])
        if attributes is None:
            return _EMPTY_ROW
        values = (*values[:-1], attributes)
    if b"\\u" in line and not all(value is None or is_encodable(value) for value in values):
        return _EMPTY_ROW
    return values


@lru_cache(maxsize=4096)
def _are_expected(types: tuple[type, ...]) -> bool:
    """Whether the JSON types of FIELDS are the plain ones: text, a number also where one is meant, an object."""
    expected: dict[str, tuple[type, ...]] = {
        "msg_seq": (Number, str),
        "seq_epoch": (Number, str),
        "quantity": (Number, str),
        "attributes": (dict,),
    }
    return all(
        kind is type(None) or kind in expected.get(field, (str,)) for field, kind in zip(FIELDS, types, strict=True)
    )


class _JsonDescriber:
    def __init__(self, first_row: int, lines: list[bytes]) -> None:
        self._first_row = first_row
        self._lines = lines

    def __call__(self, indexes: Sequence[int]) -> Iterator[OddRow]:
        for index in indexes:
            line = self._lines[index]
            members = _parse_line(line)
            fields = None
            if members is not None:
                fields = {f: _described(members[f]) for f in FIELDS if members.get(f) is not None}
            yield OddRow(self._first_row + index, fields, raw_text_of(line.decode(errors="replace").rstrip("\r")))


def _described(value: Any) -> dict[str, str]:
    if isinstance(value, Number):
        return value_of("number", str(value))
    if isinstance(value, str):
        return value_of("text", value)
    if isinstance(value, dict) and (text := json_text.canonical(value)) is not None:
        return value_of("object", text)
    return value_of("other", json_text.canonical(value) or json_text.loose(value))


# --- CSV -------------------------------------------------------------------------------------------------------------


class _RecordTooLongError(Exception):
    """A record passed MAX_LINE_BYTES; the parser starts afresh on the next line."""


class _RecordLines:
    """Feeds the CSV parser line by line and remembers what belongs to the record it is reading."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.start_record()

    def start_record(self) -> None:
        self.text: list[str] = []
        self.is_utf8 = True
        self._byte_count = 0

    def __iter__(self) -> _RecordLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="replace")
            self.is_utf8 = False
        self.text.append(text)
        self._byte_count += len(line)
        if self._byte_count > MAX_LINE_BYTES:
            raise _RecordTooLongError
        return text + "\n"


# A record that was parsed, or the text of one that was not.
_Record = list[str] | str


def read_csv(lines: Iterator[bytes]) -> Iterator[Piece]:
    """Records under a header line; blank lines are not rows.

    Raises UnreadableFileError for a header that cannot be read or names a field twice.
    """
    records = _csv_records(lines)
    header = next(records, None)
    if header is None:
        return
    if isinstance(header, str):
        raise UnreadableFileError("csv: the header line does not parse")
    for field in FIELDS:
        if header.count(field) > 1:
            raise UnreadableFileError(f"csv: the header names {field} twice")
    first_row = 1
    while piece := list(islice(records, TEXT_PIECE_ROWS)):
        describer = _CsvDescriber(first_row, header, piece)
        yield Piece(first_row, _csv_table(header, piece), describer, describer.extras)
        first_row += len(piece)


def _csv_records(lines: Iterator[bytes]) -> Iterator[_Record]:
    """The header, then the records; one with another number of values than the header is not parsed."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    source = _RecordLines(lines)
    parser = csv.reader(source, strict=True)
    width = None
    while True:
        source.start_record()
        try:
            record = next(parser)
        except StopIteration:
            return
        except (csv.Error, _RecordTooLongError):
            yield "\n".join(source.text)
            continue
        if not record:
            continue
        width = width or len(record)
        yield record if source.is_utf8 and len(record) == width else "\n".join(source.text)


def _csv_table(header: list[str], records: list[_Record]) -> pa.Table:
    position = {name: index for index, name in enumerate(header)}
    places = [position.get(field) for field in FIELDS]
    return _table(
        _EMPTY_ROW
        if isinstance(record, str)
        else tuple(None if place is None else record[place] or None for place in places)
        for record in records
    )


class _CsvDescriber:
    def __init__(self, first_row: int, header: list[str], records: list[_Record]) -> None:
        self._first_row = first_row
        self._records = records
        self._header = header
        # A name that repeats would hide a value in the raw text.
        self._names = [name if header.count(name) == 1 else f"{name}#{n}" for n, name in enumerate(header, start=1)]
        self._unknown = [(n, name) for n, name in enumerate(self._names) if header[n] not in KNOWN_FIELDS]

    def extras(self) -> Iterator[tuple[int, Extras]]:
        """Index and values of the rows that have any in columns that are no field of a message."""
        if not self._unknown:
            return
        for index, record in enumerate(self._records):
            if not isinstance(record, str):
                values = ((name, value_of("text", record[n])) for n, name in self._unknown if record[n])
                if extras := extras_of(values):
                    yield index, extras

    def __call__(self, indexes: Sequence[int]) -> Iterator[OddRow]:
        for index in indexes:
            record = self._records[index]
            row_number = self._first_row + index
            if isinstance(record, str):
                yield OddRow(row_number, None, raw_text_of(record.rstrip("\r")))
                continue
            values = dict(zip(self._header, record, strict=True))
            fields = {field: _described_text(field, values[field]) for field in FIELDS if values.get(field)}
            raw = json.dumps(dict(zip(self._names, record, strict=True)), ensure_ascii=False)
            yield OddRow(row_number, fields, raw_text_of(raw))


def _described_text(field: str, text: str) -> dict[str, str]:
    """A value of a format that knows only text, where attributes are written as JSON."""
    attributes = json_text.canonical_object(text) if field == "attributes" else None
    return value_of("text", text) if attributes is None else value_of("object", attributes)


def _table(rows: Iterator[tuple[str | None, ...]]) -> pa.Table:
    """Text columns for all of FIELDS."""
    columns = zip(*rows, strict=True)
    return pa.table({field: pa.array(column, pa.string()) for field, column in zip(FIELDS, columns, strict=True)})
