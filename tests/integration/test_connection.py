"""Sessions beside each other: what one reads in another thread, and what ends it."""

from __future__ import annotations

import time

import psycopg
import pytest

from orchestration.database.connection import connect, reading_beside
from orchestration.settings import Settings

SLEEPERS = "select count(*) from pg_stat_activity where state = 'active' and query = 'select pg_sleep(600)'"


def test_a_session_is_read_beside_another(fresh_database: Settings) -> None:
    with connect(fresh_database) as session, connect(fresh_database) as other:
        with reading_beside(other, lambda beside: beside.execute("select 6 * 7").fetchone()) as read:
            here = session.execute("select pg_backend_pid()").fetchone()
            assert read.result() == (42,)
        assert here != other.execute("select pg_backend_pid()").fetchone()


def test_an_error_of_what_is_read_comes_with_the_result(fresh_database: Settings) -> None:
    with (
        connect(fresh_database) as other,
        reading_beside(other, lambda beside: beside.execute("select 1 / 0").fetchone()) as read,
    ):
        assert isinstance(read.exception(), psycopg.errors.DivisionByZero)


def interrupted_beside(watching: psycopg.Connection, asleep: psycopg.Connection) -> None:
    """Stop what is done beside a statement that takes ten minutes, once that has begun."""
    with reading_beside(asleep, lambda session: session.execute("select pg_sleep(600)")):
        while watching.execute(SLEEPERS).fetchone() == (0,):
            time.sleep(0.05)
        raise KeyboardInterrupt


def test_what_is_stopped_waits_for_no_statement_beside_it(fresh_database: Settings) -> None:
    with connect(fresh_database, autocommit=True) as watching, connect(fresh_database) as asleep:
        with pytest.raises(KeyboardInterrupt):
            interrupted_beside(watching, asleep)
        assert watching.execute(SLEEPERS).fetchone() == (0,)
        asleep.rollback()
