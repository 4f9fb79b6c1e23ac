"""Files of the archive: Parquet, one per tenant, month and kind, below a folder of their region.

Written by pyarrow and read by DuckDB, so that no reading rests on the library that wrote.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from orchestration.errors import MeterlineError

INSTANT = pa.timestamp("us", tz="UTC")
QUANTITY = pa.decimal128(20, 10)
EVENTS = pa.schema(
    {
        "event_id": pa.string(), "tenant_id": pa.string(), "device_id": pa.string(), "metric": pa.string(),
        "quantity": QUANTITY, "edited_quantity": QUANTITY, "disposition": pa.string(), "period_id": pa.string(),
        "event_at": INSTANT, "received_at": INSTANT, "device_ts": INSTANT, "sent_ts": INSTANT,
        "timestamp_source": pa.string(), "clock_offset_seconds": pa.decimal128(20, 6), "is_skew_candidate": pa.bool_(),
        "seq_epoch": pa.int64(), "msg_seq": pa.int64(), "session_id": pa.string(), "unit": pa.string(),
        "quality": pa.string(), "attributes": pa.string(), "region": pa.string(), "source_file": pa.string(),
        "source_row": pa.int32(),
    }
)  # fmt: skip
MINUTES = pa.schema(
    {
        "tenant_id": pa.string(), "device_id": pa.string(), "metric": pa.string(), "bucket_start_at": INSTANT,
        "period_id": pa.string(), "quantity": pa.decimal128(30, 10), "event_count": pa.int32(),
        "last_event_at": INSTANT, "region": pa.string(),
    }
)  # fmt: skip
SCHEMAS = {"events": EVENTS, "minutes": MINUTES}
READ_BACK = {
    "events": "select count(*), sum(quantity), min(event_at), max(event_at) from read_parquet(?)",
    "minutes": "select count(*), sum(quantity), min(bucket_start_at), max(last_event_at) from read_parquet(?)",
}
CHUNK_BYTES = 1024 * 1024
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.")
# A file system takes 255 bytes.
LONGEST_FOLDER = 200


class ArchiveError(MeterlineError):
    """A file of the archive is not there, or is not the one that was recorded; the message names it."""


class MissingFileError(ArchiveError):
    """A file of the archive is not there."""


@dataclass(frozen=True)
class ArchivedFile:
    """What was read back from a file: its place below the archive, rows, bytes, digest and least and greatest time."""

    tenant_id: str
    kind: str
    region: str
    path: str
    row_count: int
    byte_count: int
    sha256: str
    quantity_sum: Decimal
    first_event_at: datetime
    last_event_at: datetime


def path_of(region: str, month: str, tenant_id: str, kind: str) -> str:
    """Where a file lies below the archive; no two tenants share a folder, also where capitals make no difference."""
    return f"region={_folder(region)}/month={month}/tenant={_folder(tenant_id)}/{kind}.parquet"


def _folder(name: str) -> str:
    """A name of which all but small letters, digits and a few signs is percent-encoded; a long one ends in a digest."""
    encoded = "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in name.encode())
    if len(encoded) <= LONGEST_FOLDER:
        return encoded
    return f"{encoded[: LONGEST_FOLDER - 65]}-{hashlib.sha256(name.encode()).hexdigest()}"


@contextmanager
def writer_of(archive: UPath, path: str, kind: str) -> Iterator[Any]:
    """A writer of rows, given as tuples in the order of the schema; on disk for good when it is left."""
    place = archive / path
    _make_folders(archive, place)
    with place.open("wb") as stream:
        with pq.ParquetWriter(stream, SCHEMAS[kind], compression="zstd") as writer:
            yield lambda rows: writer.write_table(_table(rows, kind))
        stream.flush()
        # Objects of a store are whole once they are closed; what a disk has not taken, a power cut takes away.
        if _is_here(place):
            os.fsync(stream.fileno())
    if _is_here(place):
        _sync_folder(Path(place.path).parent)


def _make_folders(archive: UPath, place: UPath) -> None:
    """The folders of a file; on a disk each is in the one above for good, also what a run that died has made."""
    is_new = not archive.exists()
    place.parent.mkdir(parents=True, exist_ok=True)
    if not _is_here(place):
        return
    root = Path(archive.path)
    for folder in Path(place.path).parent.parents:
        _sync_folder(folder)
        if folder == (root.parent if is_new else root):
            return


def read_back(archive: UPath, path: str, tenant_id: str, kind: str, region: str) -> ArchivedFile:
    """What a file that was written holds, by reading it again."""
    with local_copy(archive / path) as (copy, sha256):
        rows, quantity, first, last = query(READ_BACK[kind], [str(copy)])[0]
        return ArchivedFile(
            tenant_id, kind, region, path, rows, copy.stat().st_size, sha256, quantity, first, last
        )  # fmt: skip


@contextmanager
def local_copy(place: UPath) -> Iterator[tuple[Path, str]]:
    """The file on this machine with the digest of its bytes. Raises MissingFileError where there is none."""
    digest = hashlib.sha256()
    is_here = _is_here(place)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as copied:
        try:
            with place.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    if not is_here:
                        copied.write(chunk)
        except FileNotFoundError as error:
            raise MissingFileError(f"archived file {place} is missing; restore it from a backup") from error
        copied.flush()
        yield (Path(place.path) if is_here else Path(copied.name)), digest.hexdigest()


@contextmanager
def checked(archive: UPath, path: str, sha256: str) -> Iterator[Path]:
    """A recorded file to read. Raises MissingFileError where there is none, ArchiveError where it was changed."""
    with local_copy(archive / path) as (copy, found):
        if found != sha256:
            raise ArchiveError(
                f"archived file {archive / path} was changed: its SHA-256 is {found}, recorded was {sha256}; "
                "restore it from a backup"
            )
        yield copy


def query(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows of a query of DuckDB over files of this machine; instants in UTC."""
    # It takes a while to import, and few verbs look into the archive.
    import duckdb

    settings: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(config=settings) as session:
        table: Any = session.sql(statement, params=parameters).to_arrow_table()
    names = range(table.num_columns)
    return list(zip(*(_utc(table.column(n)).to_pylist() for n in names), strict=True))


def _is_here(place: UPath) -> bool:
    return place.protocol in ("", "file", "local")


def _utc(column: Any) -> Any:
    return column.cast(INSTANT) if pa.types.is_timestamp(column.type) else column


def _table(rows: Sequence[Sequence[Any]], kind: str) -> Any:
    schema = SCHEMAS[kind]
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
