"""A closed month out of the event store into files, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg
from upath import UPath

from orchestration import progress
from orchestration.errors import BadInputError, NotYetError
from orchestration.invoicing import Signed
from orchestration.refusals import refusals
from orchestration.retention.files import SCHEMAS, ArchivedFile, path_of, read_back, writer_of

# By their partitions, oldest first.
MONTHS = """
select to_date(right(relation.relname, 6), 'YYYYMM') as month
from pg_catalog.pg_inherits as inherited
inner join pg_catalog.pg_class as relation on inherited.inhrelid = relation.oid
where inherited.inhparent = 'store.slim_events'::regclass and relation.relname ~ '^events_[0-9]{6}$'
    and to_date(right(relation.relname, 6), 'YYYYMM') <= %s
order by month
"""
BEGIN = "select store.begin_archive(%s, %s, %s)"
FINISH = "select store.finish_archive(%s, %s)"
# Which time this month leaves the store: late messages make a partition of it anew.
ORDINAL = """
select count(*) from store.folds
where month_start_at = (select month_start_at from store.folds where fold_no = %s)
"""
SOURCES = {"events": "metering.int_events_to_archive", "minutes": "metering.int_minutes_to_archive"}
# Tenants one after the other; within a file what a dispute asks for lies together.
ORDERS = {
    "events": 'device_id collate "C", metric collate "C", event_at, event_id collate "C"',
    "minutes": 'device_id collate "C", metric collate "C", bucket_start_at, period_id collate "C"',
}
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Archived:
    """A month that left the store: its files, and the digest of the list of them that the audit log has."""

    month: date
    files: list[ArchivedFile]
    manifest_sha256: str


def stored_months(session: psycopg.Connection, last: date) -> list[date]:
    """First days of the months of the event store up to one, oldest first."""
    return [month for (month,) in session.execute(MONTHS, (last,)).fetchall()]


def archive_month(session: psycopg.Connection, archive: UPath, month: date, signed: Signed) -> Archived:
    """Write a month's files, read them back, then take the month out of the store in the same transaction.

    What fails leaves the store as it was, and no file; a run that dies, files that the next one writes over. `session`
    commits on leaving it. Raises NotYetError where the month may not leave, BadInputError where its files do not hold
    all of it, BusyError while another run is metering or closing.
    """
    try:
        with refusals():
            fold = _one(session, BEGIN, (month, signed.by, signed.reason))
    except BadInputError as error:
        raise NotYetError(str(error)) from error
    ordinal = _one(session, ORDINAL, (fold,))
    name = f"{month:%Y-%m}" + (f".{ordinal}" if ordinal > 1 else "")
    begun: list[str] = []
    try:
        files = [file for kind in SOURCES for file in _write(session, archive, name, kind, begun)]
        return Archived(month, files, record(session, fold, files))
    except Exception:
        _remove(archive, begun)
        raise


def record(session: psycopg.Connection, fold: int, files: list[ArchivedFile]) -> str:
    """Let the database compare the files with the store and take the month out of it; returns the manifest's digest."""
    with refusals():
        return str(_one(session, FINISH, (fold, json.dumps([asdict(file) for file in files], default=str))))


def _remove(archive: UPath, paths: list[str]) -> None:
    """Remove what nothing has recorded; what cannot be removed is written over by the next run."""
    for path in paths:
        with suppress(Exception):
            (archive / path).unlink(missing_ok=True)


def _write(
    session: psycopg.Connection, archive: UPath, month: str, kind: str, begun: list[str]
) -> Iterator[ArchivedFile]:
    """The files of a kind, each read back; `begun` gets the path of each before it is there."""
    show = progress.report(f"writing {kind}")
    for done, ((region, tenant_id), batches) in enumerate(groupby(_batches(session, kind), key=itemgetter(0))):
        show(done, 0)
        path = path_of(region, month, tenant_id, kind)
        begun.append(path)
        with writer_of(archive, path, kind) as write:
            for _, rows in batches:
                write(rows)
        yield read_back(archive, path, tenant_id, kind, region)


def _batches(session: psycopg.Connection, kind: str) -> Iterator[tuple[tuple[str, str], list[tuple[Any, ...]]]]:
    """Rows in the order of the files, in batches of one tenant's, each with region and tenant."""
    columns = SCHEMAS[kind].names
    select = f"""
        select {", ".join(columns)} from {SOURCES[kind]}
        order by region collate "C", tenant_id collate "C", {ORDERS[kind]}
    """
    whose = itemgetter(columns.index("region"), columns.index("tenant_id"))
    with session.cursor(name=f"archived_{kind}") as cursor:
        cursor.execute(select.encode())
        while rows := cursor.fetchmany(BATCH_ROWS):
            for tenant, of_one in groupby(rows, key=whose):
                yield tenant, list(of_one)


def _one(session: psycopg.Connection, statement: str, parameters: tuple[Any, ...]) -> Any:
    row = session.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
