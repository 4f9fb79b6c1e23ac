"""One landing file, one transaction: raw rows and their ledger entry, or nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import psycopg

from orchestration.database.connection import connect
from orchestration.ingest import copy_binary
from orchestration.ingest.landing import LandingFile
from orchestration.ingest.prepare import Preparer
from orchestration.ingest.readers import read_pieces
from orchestration.ingest.rows import OddRow, Piece, UnreadableFileError, clean
from orchestration.ingest.unread import unread_files
from orchestration.observability import signals
from orchestration.observability.instruments import FILES, FILES_WAITING
from orchestration.settings import Settings

LOG = logging.getLogger("meterline.ingest")
ROLE = "meterline_ingest"
# Files up to this size stay in memory while they are read, bigger ones go through a temporary file.
SPOOL_BYTES = 64 * 1024 * 1024
READ_BYTES = 1024 * 1024
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

LOCK = "select pg_advisory_lock(hashtext('meterline.load_files'))"
UNLOCK = "select pg_advisory_unlock(hashtext('meterline.load_files'))"
FIND_LOAD = (
    "select load_id, message_count from ledger.loads"
    " where region = %s and content_sha256 = %s and released_load_id is null"
)
INSERT_LOAD = (
    "insert into ledger.loads"
    " (region, content_sha256, source_file, received_date, byte_count, message_count, status)"
    " values (%s, %s, %s, %s, %s, 0, 'landed') returning load_id"
)
FINISH_LOAD = (
    "update ledger.loads set message_count = %s, first_received_at = %s, last_received_at = %s where load_id = %s"
)
MARK_UNREADABLE = "update ledger.loads set status = 'unreadable', detail = %s where load_id = %s"
LOWER_SOURCE_FILE = (
    "update ledger.loads set source_file = %(path)s"
    ' where %(load_id)s in (load_id, released_load_id) and source_file collate "C" > %(path)s'
)
RECORD_PATH = (
    "insert into ledger.paths (source_file, load_id, byte_count, fingerprint) values (%s, %s, %s, %s)"
    " on conflict (source_file) do update set load_id = excluded.load_id, byte_count = excluded.byte_count,"
    " fingerprint = excluded.fingerprint"
)
COPY_PLAIN = f"copy raw.messages ({', '.join(copy_binary.COLUMNS)}, quantity) from stdin (format binary)"
COPY_ODD = "copy raw.odd_messages (load_id, row_number, fields, raw_text) from stdin"
COPY_EXTRAS = "copy raw.extra_fields (load_id, row_number, fields) from stdin"

_ENCODER = json.JSONEncoder(ensure_ascii=False)

Outcome = Literal["landed", "unreadable", "seen", "failed"]


@dataclass(frozen=True)
class LoadResult:
    """What became of one file.

    `landed`: its rows are in raw; `unreadable`: noted in the ledger without rows; `seen`: the same bytes were loaded
    before; `failed`: the store did not hand the file over, nothing is noted and the next run tries again.
    """

    source_file: str
    region: str
    received_date: date
    outcome: Outcome
    load_id: int | None = None
    message_count: int = 0
    odd_count: int = 0
    byte_count: int = 0
    detail: str | None = None


@dataclass(frozen=True)
class LoadSummary:
    """Counts over several results."""

    file_counts: dict[str, int]
    message_count: int
    odd_count: int
    byte_count: int


@dataclass
class _Counts:
    message_count: int = 0
    odd_count: int = 0
    received_us: list[int] = field(default_factory=list)

    def add(self, received_us: npt.NDArray[Any], odd_count: int) -> None:
        self.message_count += len(received_us) + odd_count
        self.odd_count += odd_count
        if len(received_us):
            self.received_us += [int(np.min(received_us)), int(np.max(received_us))]

    def received_range(self) -> tuple[datetime | None, datetime | None]:
        """First and last receipt of the plain rows."""
        return _instant(min(self.received_us, default=None)), _instant(max(self.received_us, default=None))


@dataclass(frozen=True)
class _Content:
    stream: IO[bytes]
    sha256: str
    byte_count: int


def load_days(
    settings: Settings,
    first_day: date,
    last_day: date,
    progress: Callable[[LoadResult, int, int], None] | None = None,
) -> list[LoadResult]:
    """Load the files of the received days, both included, that were not loaded before; files known by stat are skipped.

    Ingestions wait for each other. `progress` is called after each file with its result, the number of files done and
    the number of files to do.
    """
    results: list[LoadResult] = []
    with connect(settings, ROLE, autocommit=True) as connection, _only_loader(connection):
        files = unread_files(connection, settings.landing, first_day, last_day)
        if not files:
            return results
        with closing(Preparer(connection)) as preparer:
            for file in files:
                results.append(_told(connection, preparer, file))
                signals.tell(FILES_WAITING, len(files) - len(results), {})
                if progress is not None:
                    progress(results[-1], len(results), len(files))
    return results


def _told(connection: psycopg.Connection, preparer: Preparer, file: LandingFile) -> LoadResult:
    """Load one file, as a line and a span of its own."""
    with signals.span("load", {"file.path": file.source_file, "file.size": file.byte_count}) as told:
        result = load_file(connection, preparer, file)
        about = {"meterline.region": file.region, "meterline.outcome": result.outcome}
        told.update(about, **{"meterline.load.id": result.load_id, "meterline.messages": result.message_count})
    signals.tell(FILES, 1, about | {"meterline.partition": file.received_date.isoformat()})
    LOG.info(
        "%s: %s", file.source_file, result.outcome,
        extra={
            "load_ids": [result.load_id] if result.load_id is not None else None, "region": file.region,
            "file": file.source_file, "outcome": result.outcome, "messages": result.message_count,
        },
    )  # fmt: skip
    return result


def summarise(results: Sequence[LoadResult]) -> LoadSummary:
    """Files per outcome, and the messages and bytes of those that landed."""
    landed = [result for result in results if result.outcome == "landed"]
    return LoadSummary(
        file_counts=dict(Counter(result.outcome for result in results)),
        message_count=sum(result.message_count for result in landed),
        odd_count=sum(result.odd_count for result in landed),
        byte_count=sum(result.byte_count for result in landed),
    )


def load_file(connection: psycopg.Connection, preparer: Preparer, file: LandingFile) -> LoadResult:
    """Load one file in one transaction; a file whose bytes were loaded before only has its path noted.

    `connection` must be in autocommit mode. An error leaves nothing behind.
    """
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as stream:
        try:
            content = _fetch(file, stream)
        except OSError as error:
            return LoadResult(file.source_file, file.region, file.received_date, "failed", detail=str(error))
        try:
            with connection.transaction():
                return _record(connection, preparer, file, content)
        except BaseException:
            preparer.forget()
            raise


@contextmanager
def _only_loader(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute(LOCK)
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(UNLOCK)


def _fetch(file: LandingFile, target: IO[bytes]) -> _Content:
    """The file's bytes, read once, in `target`. Raises OSError when the store refuses."""
    digest, byte_count = hashlib.sha256(), 0
    with file.open() as source:
        while chunk := source.read(READ_BYTES):
            digest.update(chunk)
            byte_count += len(chunk)
            target.write(chunk)
    target.seek(0)
    return _Content(target, digest.hexdigest(), byte_count)


def _record(connection: psycopg.Connection, preparer: Preparer, file: LandingFile, content: _Content) -> LoadResult:
    result = LoadResult(file.source_file, file.region, file.received_date, "seen", byte_count=content.byte_count)
    found = connection.execute(FIND_LOAD, (file.region, content.sha256)).fetchone()
    if found is not None:
        load_id, message_count = found
        _record_path(connection, file, load_id)
        connection.execute(LOWER_SOURCE_FILE, {"path": file.source_file, "load_id": load_id})
        return replace(result, load_id=load_id, message_count=message_count)
    values = (file.region, content.sha256, file.source_file, file.received_date, content.byte_count)
    load_id = _value(connection.execute(INSERT_LOAD, values))
    _record_path(connection, file, load_id)
    try:
        with connection.transaction():
            counts = _copy_rows(connection, preparer, file, content.stream, load_id)
    except UnreadableFileError as error:
        preparer.forget()
        detail = clean(str(error))
        connection.execute(MARK_UNREADABLE, (detail, load_id))
        return replace(result, outcome="unreadable", load_id=load_id, detail=detail)
    connection.execute(FINISH_LOAD, (counts.message_count, *counts.received_range(), load_id))
    return replace(
        result,
        outcome="landed",
        load_id=load_id,
        message_count=counts.message_count,
        odd_count=counts.odd_count,
    )


def _record_path(connection: psycopg.Connection, file: LandingFile, load_id: int) -> None:
    connection.execute(RECORD_PATH, (file.source_file, load_id, file.byte_count, file.fingerprint))


def _copy_rows(
    connection: psycopg.Connection, preparer: Preparer, file: LandingFile, stream: IO[bytes], load_id: int
) -> _Counts:
    counts = _Counts()
    with closing(preparer.ahead(read_pieces(file.source_file, stream))) as ready:
        for piece, prepared in ready:
            counts.add(prepared.columns["received_at"], len(prepared.odd_indexes))
            with connection.cursor() as cursor:
                _copy_plain(cursor, prepared.columns, load_id)
                if prepared.odd_indexes:
                    _copy_odd(cursor, piece.describe(prepared.odd_indexes), load_id)
                _copy_extras(cursor, piece, load_id)
            del piece, prepared
    return counts


def _copy_plain(cursor: psycopg.Cursor, columns: copy_binary.Columns, load_id: int) -> None:
    with cursor.copy(COPY_PLAIN) as copy:
        for chunk in copy_binary.encode(columns, load_id):
            copy.write(chunk)


def _copy_odd(cursor: psycopg.Cursor, rows: Iterator[OddRow], load_id: int) -> None:
    with cursor.copy(COPY_ODD) as copy:
        for row in rows:
            fields = None if row.fields is None else _ENCODER.encode(row.fields)
            copy.write_row((load_id, row.row_number, fields, row.raw_text))


def _copy_extras(cursor: psycopg.Cursor, piece: Piece, load_id: int) -> None:
    rows = piece.extras()
    first = next(rows, None)
    if first is None:
        return
    with cursor.copy(COPY_EXTRAS) as copy:
        for index, fields in chain((first,), rows):
            copy.write_row((load_id, piece.first_row + index, _ENCODER.encode(fields)))


def _instant(microseconds: int | None) -> datetime | None:
    """A count of microseconds since 2000 as a time."""
    return None if microseconds is None else POSTGRES_EPOCH + timedelta(microseconds=microseconds)


def _value(cursor: psycopg.Cursor) -> int:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("the statement returned no row")
    return int(row[0])
