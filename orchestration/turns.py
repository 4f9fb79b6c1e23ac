"""Whose turn it is: metering and closing write the same tables, so one run at a time does either."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from orchestration.database.connection import connect
from orchestration.errors import BusyError
from orchestration.settings import Settings

# Assets of a pool are the work of one run at a time, whoever launches them: a job, a backfill, a selection in the UI
# (which has no tags of a job). The limit is in the instance's configuration.
BOOKS = "books"
MODELS = "models"
DOCUMENTATION = "documentation"
POOLS = (BOOKS, MODELS, DOCUMENTATION)
# The tag by which runs of jobs wait for each other: those with the same value.
LOCK = "meterline/lock"

# Taken for as long as dbt works, by a session of its own: dbt closes its connections between models.
TAKE = "select pg_try_advisory_lock(hashtext('meterline.process'))"
GIVE_BACK = "select pg_advisory_unlock(hashtext('meterline.process'))"
IS_FREE = "select pg_try_advisory_xact_lock(hashtext('meterline.process'))"
# Tells dbt that the run which started it holds the lock.
HELD = "METERLINE_TURN"
PAUSE_SECONDS = 1.0


@contextmanager
def turn(settings: Settings) -> Iterator[None]:
    """Hold the lock of metering and closing while dbt works. Raises BusyError where another run holds it.

    The database gives the lock back when this process ends, however it ends.
    """
    with connect(settings, "meterline_transform", autocommit=True) as session, taken(session):
        os.environ[HELD] = "1"
        try:
            yield
        finally:
            del os.environ[HELD]


@contextmanager
def taken(session: psycopg.Connection, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock in a session that commits by itself, for as long as the server works for it: the end of this
    process does not end a statement of it.

    It is asked for until `patience_seconds` are over, because a batch of `follow` soon is. Raises BusyError where
    another run still holds it.
    """
    _take(session, time.monotonic() + patience_seconds)
    try:
        yield
    finally:
        # The server ends a session some time after its client has left: the next verb would find it at work.
        with suppress(psycopg.OperationalError):
            session.execute(GIVE_BACK)


def _take(session: psycopg.Connection, until: float) -> None:
    """By asking again: a statement that waits is one that a concurrent rebuild of an index waits for."""
    while True:
        try:
            _raise_if_busy(session, TAKE)
            return
        except BusyError:
            if time.monotonic() >= until:
                raise
        time.sleep(PAUSE_SECONDS)


def refuse_while_busy(session: psycopg.Connection) -> None:
    """Raise BusyError while another run is metering or closing. `session` must be in a transaction that ends soon."""
    _raise_if_busy(session, IS_FREE)


def _raise_if_busy(session: psycopg.Connection, query: str) -> None:
    row = session.execute(query.encode()).fetchone()
    if row is not None and not row[0]:
        raise BusyError(
            "another run is metering or closing; wait for it (the UI shows it) or stop it, then run this again"
        )
