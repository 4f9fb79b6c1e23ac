"""Indexes of months that are over in the event store: those larger than they need be are built anew.

`store.month_indexes` says which. They are rebuilt concurrently, so that nobody who reads waits. That runs in no
transaction, hence in no function that would lend its rights: a session works as the owner for it. And it runs in the
turn of metering and closing: beside it an `insert ... on conflict`, which is what loads do, may fail.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from orchestration import progress, turns
from orchestration.database.connection import connect
from orchestration.errors import BadInputError, BusyError
from orchestration.settings import Settings

# The privilege to maintain, which PostgreSQL has from 17 on, lets nobody drop what a stopped rebuild has left.
OWNER = "meterline_owner"
# A rebuild takes as long as it takes; for another's transaction it waits this long, because loads wait for it.
LIMITS = "set statement_timeout = 0; set lock_timeout = '1min'"
PATIENCE_SECONDS = 60.0
IS_OVER = "select bool_or(is_over) from store.month_indexes where month_start = %s"
# With the months that were never counted.
MONTHS = """
select month_start
from store.month_indexes
where is_over and (month_start = %(month)s or %(month)s::date is null)
group by month_start
having bool_or(is_bloated) or bool_or(is_left_over) or bool_and(entry_count is null)
order by month_start
"""
UNCOUNTED = """
select table_name
from store.month_indexes
where month_start = %s
group by table_name
having bool_and(entry_count is null)
"""
LEFT_OVER = "select index_name from store.month_indexes where month_start = %s and is_left_over order by index_name"
BLOATED = """
select month_start as month, index_name as name, entry_count as entries, index_bytes as bytes_before
from store.month_indexes
where month_start = %s and is_bloated
order by index_name
"""
SIZE = "select pg_relation_size(%s::regclass)"


@dataclass
class Rebuilt:
    """An index of a month, about how many entries it has, and its bytes before and after."""

    month: date
    name: str
    entries: int
    bytes_before: int
    bytes_after: int = 0


@dataclass
class Outcome:
    """What was rebuilt, which indexes of stopped rebuilds were dropped, and which months stay as they are, and why."""

    rebuilt: list[Rebuilt] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)


def rebuild(settings: Settings, month: date | None = None) -> Outcome:
    """Rebuild what is larger than it need be, of one month or of all that are over, oldest first.

    The turn is given back after each month. Stopped at any moment, it loses no index that anybody reads: what it leaves
    is dropped by the next one. Raises BadInputError for a month that is not there or not over, where the event store
    lies on several nodes, and where the login may not work as the owner; a psycopg.Error where the server cannot go on,
    as without room on its disk.
    """
    if settings.shards is not None:
        raise BadInputError(
            "the event store lies on the nodes of this database, and each of them rebuilds its own: there, "
            "`reindex index concurrently` the keys of the parts of store.events_YYYYMM"
        )
    outcome = Outcome()
    try:
        with connect(settings, OWNER, autocommit=True) as session:
            session.execute(LIMITS)
            if month is not None:
                _refuse_unless_over(session, month)
            _rebuild_months(session, month, outcome)
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadInputError(
            f"indexes are rebuilt by who may work as {OWNER}: use the login that prepares the database, "
            f"or `grant {OWNER}` to this one"
        ) from error
    return outcome


def _refuse_unless_over(session: psycopg.Connection, month: date) -> None:
    row = session.execute(IS_OVER, (month,)).fetchone()
    if row is None or row[0] is None:
        raise BadInputError(f"the event store has no month {month:%Y-%m}")
    if not row[0]:
        raise BadInputError(f"{month:%Y-%m} still fills: wait until it is neither the current month nor the last (UTC)")


def _rebuild_months(session: psycopg.Connection, month: date | None, outcome: Outcome) -> None:
    months = [start for (start,) in session.execute(MONTHS, {"month": month}).fetchall()]
    show = progress.report("months")
    for done, start in enumerate(months):
        show(done, len(months))
        try:
            with turns.taken(session, PATIENCE_SECONDS):
                _rebuild_month(session, start, outcome)
        except BusyError as error:
            outcome.stays.append(f"from {start:%Y-%m} on nothing was rebuilt: {error}")
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            outcome.stays.append(
                f"{start:%Y-%m} stays: a transaction that began before has not ended for a minute; "
                "`meterline doctor` shows what is at work"
            )


def _rebuild_month(session: psycopg.Connection, month: date, outcome: Outcome) -> None:
    outcome.dropped += _drop_left_over(session, month)
    for (table,) in session.execute(UNCOUNTED, (month,)).fetchall():
        session.execute(_on("analyze {}", table))
    with session.cursor(row_factory=class_row(Rebuilt)) as cursor:
        bloated = cursor.execute(BLOATED, (month,)).fetchall()
    for index in bloated:
        try:
            session.execute(_on("reindex index concurrently {}", index.name))
        except psycopg.Error:
            # At once where it can be: it takes room, and may be written with every event.
            with suppress(psycopg.Error):
                _drop_left_over(session, month)
            raise
        index.bytes_after = _size(session, index.name)
        outcome.rebuilt.append(index)


def _drop_left_over(session: psycopg.Connection, month: date) -> list[str]:
    """Drop what stopped rebuilds have left of a month; returns the names."""
    names = [name for (name,) in session.execute(LEFT_OVER, (month,)).fetchall()]
    for name in names:
        session.execute(_on("drop index concurrently if exists {}", name))
    return names


def _size(session: psycopg.Connection, name: str) -> int:
    row = session.execute(SIZE, (sql.Identifier("store", name).as_string(),)).fetchone()
    assert row is not None
    return int(row[0])


def _on(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier("store", name))
