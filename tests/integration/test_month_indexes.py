"""Indexes of months that are over, made too large as devices make them, and what a rebuild changes: their size."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from datetime import date
from typing import Any
from unittest import mock

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from orchestration import index_verbs, month_indexes
from orchestration.database import platform
from orchestration.database.connection import connect
from orchestration.errors import BadInputError, BusyError, MeterlineError
from orchestration.month_indexes import rebuild
from orchestration.settings import Settings
from orchestration.turns import turn
from tests.conftest import SHARDS
from tests.integration.crashing import ended, started, wait_until_alone
from tests.integration.test_gate_verbs import meterline
from tests.support import Pipeline

pytestmark = pytest.mark.skipif(SHARDS is not None, reason="nodes rebuild their own indexes")
FEBRUARY, MARCH = date(2019, 2, 1), date(2019, 3, 1)
SERIES, IN_A_BATCH, BATCHES = 1_000, 3, 50
# Each of the devices has measured a few more minutes: all over the key, a few rows at a time.
APPEND = """
insert into store.slim_events (
    msg_seq, device_ts, sent_ts, received_at, event_at, session_key, load_id, row_number, tenant_no, series_no,
    traits_no, period_no, timestamp_source, disposition, is_skew_candidate, quantity
)
select
    seq, measured.at, measured.at, measured.at, measured.at, 1, %(batch)s, seq, 1, series_no, 1, 1, 'd', 'b', false, seq
from generate_series(1, %(series)s) as series_no
cross join generate_series(%(batch)s * %(rows)s + 1, (%(batch)s + 1) * %(rows)s) as seq
cross join lateral (select %(month)s::timestamp at time zone 'UTC' + seq * interval '1 minute' as at) as measured
order by series_no, seq
"""
STATE = """
select count(*), md5(string_agg(event::text, '' order by tenant_no, series_no, msg_seq, device_ts))
from store.slim_events as event
"""
# How large the key's index is that PostgreSQL builds over the same rows.
TWIN = """
create temp table twin as
select tenant_no, series_no, msg_seq from store.slim_events
where device_ts >= '2019-02-01' and device_ts < '2019-03-01';
create unique index twin_key on twin (tenant_no, series_no, msg_seq)
"""
# What PostgreSQL calls the key of a month, after its columns.
KEY = "events_%s_tenant_no_series_no_msg_seq_idx"
KEY_OF_FEBRUARY = KEY % "201902"
FILE = f"select pg_relation_filenode('store.{KEY_OF_FEBRUARY}')"
INVALID = """
select member.relname from pg_index inner join pg_class as member on indexrelid = member.oid
where not indisvalid and indrelid = 'store.events_201902'::regclass
"""


def fill(settings: Settings, month: date) -> None:
    """150,000 events of a thousand devices, as fifty small loads bring them."""
    with connect(settings, "meterline_transform") as session:
        session.execute("select store.ensure_partitions(%s, %s)", (month, month))
    for batch in range(BATCHES):
        with connect(settings, "meterline_transform") as session:
            asked = {"batch": batch, "series": SERIES, "rows": IN_A_BATCH, "month": month}
            session.execute(APPEND, asked)


def one(settings: Settings, query: str) -> tuple[Any, ...]:
    with connect(settings) as session:
        row = session.execute(query.encode()).fetchone()
    assert row is not None
    return row


def key_bytes(settings: Settings, index: str = KEY_OF_FEBRUARY) -> int:
    return int(one(settings, f"select pg_relation_size('store.{index}')")[0])


@pytest.fixture
def bloated(fresh_database: Settings) -> Settings:
    """A platform with February 2019, brought by many small loads."""
    fill(fresh_database, FEBRUARY)
    return fresh_database


def test_an_index_becomes_as_small_as_one_that_was_never_appended_to(bloated: Settings) -> None:
    before, state = key_bytes(bloated), one(bloated, STATE)
    with connect(bloated) as session:
        session.execute(TWIN)
        fresh = session.execute("select pg_relation_size('twin_key')").fetchone()
    assert fresh is not None
    # 262 entries of 28 bytes in nine tenths of 8152: 31.3 bytes each, and the pages above. It took a third more.
    assert 31.3 <= fresh[0] / 150_000 < 32
    assert before > 1.3 * fresh[0]

    done = rebuild(bloated)

    assert [(one.month, one.name, one.entries, one.bytes_before, one.bytes_after) for one in done.rebuilt] == [
        (FEBRUARY, KEY_OF_FEBRUARY, 150_000, before, fresh[0])
    ]
    assert (done.dropped, done.stays) == ([], [])
    assert key_bytes(bloated) == fresh[0]
    assert one(bloated, STATE) == state
    assert state[0] == 150_000


def test_the_same_event_is_refused_as_before(bloated: Settings) -> None:
    rebuild(bloated)
    again = {"batch": 7, "series": SERIES, "rows": IN_A_BATCH, "month": FEBRUARY}
    with connect(bloated, "meterline_transform", autocommit=True) as session:
        assert session.execute(f"{APPEND} on conflict do nothing".encode(), again).rowcount == 0
        with pytest.raises(psycopg.errors.UniqueViolation, match=KEY_OF_FEBRUARY):
            session.execute(APPEND.encode(), again)


def test_what_was_rebuilt_is_left_alone(bloated: Settings) -> None:
    rebuild(bloated)
    file = one(bloated, FILE)
    done = rebuild(bloated)
    assert (done.rebuilt, done.dropped, done.stays) == ([], [], [])
    assert one(bloated, FILE) == file


def test_only_months_that_are_over_are_touched(bloated: Settings) -> None:
    current, last, before = one(
        bloated,
        "select month, (month - interval '1 month')::date, (month - interval '2 months')::date"
        " from (select date_trunc('month', now() at time zone 'UTC')::date as month) as now",
    )
    for month in (current, last, before):
        fill(bloated, month)
    assert [index.month for index in rebuild(bloated, FEBRUARY).rebuilt] == [FEBRUARY]
    for month in (current, last):
        with pytest.raises(BadInputError, match=f"{month:%Y-%m} still fills"):
            rebuild(bloated, month)
    with pytest.raises(BadInputError, match="no month 2018-05"):
        rebuild(bloated, date(2018, 5, 1))
    assert [index.month for index in rebuild(bloated).rebuilt] == [before]
    sizes = [key_bytes(bloated, KEY % f"{month:%Y%m}") for month in (before, last, current)]
    assert 1.3 * sizes[0] < sizes[1] == sizes[2]


# What keeps a concurrent rebuild waiting, and what is left of one that is ended then.
IN_THE_WAY = {
    "a reader": ("read committed", "select 1 from store.slim_events limit 1", f"{KEY_OF_FEBRUARY}_ccold"),
    "a snapshot": ("repeatable read", "select 1", f"{KEY_OF_FEBRUARY}_ccnew"),
    "a writer": ("read committed", "lock table store.events_201902 in row exclusive mode", f"{KEY_OF_FEBRUARY}_ccnew"),
}


def stopped_rebuild(settings: Settings, level: str, statement: str) -> None:
    """A rebuild that waits for somebody's transaction, and whose server process is ended."""
    with ExitStack() as sessions:
        other, watch = (sessions.enter_context(psycopg.connect(str(settings.database_url))) for _ in range(2))
        other.execute(f"begin isolation level {level}".encode())
        other.execute(statement.encode())
        worker = threading.Thread(target=rebuild_until_ended, args=(settings,))
        worker.start()
        watch.execute("select pg_terminate_backend(%s, 5000)", (session_behind(other, watch),))
        worker.join()


def session_behind(other: psycopg.Connection, watch: psycopg.Connection) -> int:
    """The server process of a rebuild, once it waits for `other`: before that it may wait for a vacuum."""
    waiting = "select pid from pg_stat_activity where query like 'reindex%%' and %s = any (pg_blocking_pids(pid))"
    until = time.monotonic() + 30
    while (found := watch.execute(waiting, (other.info.backend_pid,)).fetchone()) is None:
        assert time.monotonic() < until, "the rebuild does not wait"
        watch.rollback()
        time.sleep(0.05)
    watch.rollback()
    return int(found[0])


def rebuild_until_ended(settings: Settings) -> None:
    with pytest.raises(psycopg.OperationalError):
        rebuild(settings)


@pytest.mark.parametrize("who", IN_THE_WAY)
def test_what_a_stopped_rebuild_leaves_is_dropped_by_the_next(bloated: Settings, who: str) -> None:
    state = one(bloated, STATE)
    level, statement, left = IN_THE_WAY[who]
    stopped_rebuild(bloated, level, statement)
    assert one(bloated, INVALID) == (left,)
    assert one(bloated, STATE) == state

    done = rebuild(bloated)

    assert done.dropped == [left]
    # Where only the old index was left to be dropped, the new one is in its place already.
    assert len(done.rebuilt) == (0 if left.endswith("_ccold") else 1)
    assert one(bloated, f"select count(*) from ({INVALID}) as invalid") == (0,)
    assert key_bytes(bloated) < 41 * 150_000
    assert one(bloated, STATE) == state


def test_the_server_keeps_the_turn_of_a_killed_process_until_it_is_done(bloated: Settings) -> None:
    """A load beside what it still builds could fail."""
    platform, state = Pipeline(bloated), one(bloated, STATE)
    with ExitStack() as sessions:
        other, watch = (sessions.enter_context(psycopg.connect(str(bloated.database_url))) for _ in range(2))
        other.execute("begin isolation level repeatable read; select 1")
        child = started(lambda killed: rebuild(killed.settings), platform)
        session_behind(other, watch)
        os.kill(child, signal.SIGKILL)
        ended(child)
        with pytest.raises(BusyError), turn(bloated):
            pytest.fail("two have the turn at once")
    wait_until_alone(platform)
    assert one(bloated, f"select count(*) from ({INVALID}) as invalid") == (0,)
    assert key_bytes(bloated) < 41 * 150_000
    with turn(bloated):
        assert one(bloated, STATE) == state
    assert rebuild(bloated).rebuilt == []


def test_while_another_run_has_the_turn_nothing_is_rebuilt(bloated: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_indexes, "PATIENCE_SECONDS", 0.0)
    file = one(bloated, FILE)
    with turn(bloated):
        done = rebuild(bloated)
    assert done.rebuilt == []
    (sentence,) = done.stays
    assert sentence.startswith("from 2019-02 on nothing was rebuilt: another run is metering or closing")
    assert one(bloated, FILE) == file


def test_it_waits_for_a_turn_that_is_soon_over(bloated: Settings) -> None:
    taken = threading.Event()

    def load() -> None:
        with turn(bloated):
            taken.set()
            time.sleep(1.5)

    other = threading.Thread(target=load)
    other.start()
    taken.wait(30)
    done = rebuild(bloated)
    other.join()
    assert (len(done.rebuilt), done.stays) == (1, [])


def test_a_month_stays_while_somebody_reads_for_long(bloated: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_indexes, "LIMITS", "set lock_timeout = '200ms'")
    fill(bloated, MARCH)
    with psycopg.connect(str(bloated.database_url)) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1")
        done = rebuild(bloated)
    assert done.rebuilt == []
    assert [sentence.partition(":")[0] for sentence in done.stays] == ["2019-02 stays", "2019-03 stays"]
    # Nothing is left of it, and the turn was given back.
    assert one(bloated, f"select count(*) from ({INVALID}) as invalid") == (0,)
    with turn(bloated):
        pass
    assert [index.month for index in rebuild(bloated).rebuilt] == [FEBRUARY, MARCH]


def test_a_login_that_may_not_work_as_the_owner_is_told_so(bloated: Settings) -> None:
    with psycopg.connect(str(bloated.database_url), autocommit=True) as session:
        session.execute("create role clerk login password 'sesame'; grant meterline_transform to clerk")
        try:
            url = make_conninfo(str(bloated.database_url), user="clerk", password="sesame")
            with pytest.raises(BadInputError, match="by who may work as meterline_owner"):
                rebuild(Settings(bloated.home, url, None, None))
        finally:
            session.execute("drop role clerk")


def test_the_command_says_what_it_gained(pipeline: Pipeline) -> None:
    fill(pipeline.settings, FEBRUARY)
    before = key_bytes(pipeline.settings)
    first = meterline(pipeline, "reindex")
    assert first.returncode == 0, first.stdout + first.stderr
    after = key_bytes(pipeline.settings)
    assert f"{before:,}" in first.stdout
    assert f"{before - after:,} bytes less" in first.stdout
    again = meterline(pipeline, "reindex", "--month", "2019-02")
    assert "no index of a month that is over takes more than it needs" in again.stdout
    assert pipeline.rows("select count(*) from dagster.runs where pipeline_name = 'rebuild_indexes'") == [(2,)]

    wrong = meterline(pipeline, "reindex", "--month", "spring")
    assert (wrong.returncode, "'spring' is not a month" in wrong.stderr) == (2, True)
    missing = meterline(pipeline, "reindex", "--month", "2018-05")
    assert (missing.returncode, "the event store has no month 2018-05" in missing.stderr) == (2, True)


def test_the_command_fails_where_a_month_stays(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_indexes, "PATIENCE_SECONDS", 0.0)
    fill(pipeline.settings, FEBRUARY)
    with mock.patch.dict(os.environ, pipeline.environment()):
        platform.ready(pipeline.settings)
        with turn(pipeline.settings), pytest.raises(MeterlineError, match="from 2019-02 on nothing was rebuilt"):
            index_verbs.reindex("")
