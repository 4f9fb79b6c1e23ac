"""Databases of earlier releases: what they hold is what the new release reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.database import migrations
from orchestration.database.guarded import APPEND_ONLY
from orchestration.errors import BadInputError

# Two devices of one tenant and one of another, one of them with two epochs, over two months; one event came late.
WIDE_EVENTS = """
insert into store.high_water (tenant_no, device_no, metric_no, seq_epoch, msg_seq)
values (1, 1, 1, 0, 9), (1, 1, 1, 5000000000, 2), (1, 2, 2, 0, 1), (7, 3, 1, 0, 4);
select store.ensure_partitions('2026-02-01', '2026-03-01');
insert into store.events (
    msg_seq, seq_epoch, device_ts, sent_ts, received_at, event_at, session_key, load_id, row_number, tenant_no,
    device_no, traits_no, period_no, metric_no, timestamp_source, disposition, is_skew_candidate, quantity
)
values
(9, 0, '2026-02-27T10:00:00Z', '-infinity', '2026-02-27T10:00:01Z', '2026-02-27T10:00:00Z', 0, 1, 1, 1, 1, 0, 4, 1,
 'd', 'b', false, 1.25),
(2, 5000000000, '2026-02-28T23:59:59Z', '2026-03-01T00:00:00Z', '2026-03-01T00:00:01Z', '2026-03-01T00:00:00Z',
 -77, 1, 2, 1, 1, 3, 4, 1, 'c', 'b', true, 0.0000000001),
(1, 0, '2026-03-01T00:00:00Z', '-infinity', '2026-03-09T00:00:00Z', '2026-03-01T00:00:00Z', 0, 2, 1, 1, 2, 0, 5, 2,
 'd', 'n', false, -3),
(4, 0, '2026-03-02T00:00:00Z', '-infinity', '2026-03-02T00:00:00Z', '2026-03-02T00:00:00Z', 0, 2, 2, 7, 3, 0, 6, 1,
 's', 'd', false, 1234567890.5)
"""
# The first month has gone, the second one may not.
STOP = """
create function public.stop() returns event_trigger language plpgsql as $$
begin
    if exists (select 1 from pg_event_trigger_dropped_objects() where object_identity = 'store.wide_202603') then
        raise 'stopped by the test';
    end if;
end $$;
create event trigger stop on sql_drop execute function public.stop();
"""
# A device gave number 4 three times in February and two times in March, number 5 once; another one number 4 once.
REUSED_NUMBERS = """
insert into store.series (tenant_no, series_no, device_no, metric_no, seq_epoch)
values (1, 1, 11, 5, 0), (1, 2, 12, 5, 0);
select store.ensure_partitions('2026-02-01', '2026-03-01');
insert into store.slim_events (
    msg_seq, device_ts, sent_ts, received_at, event_at, session_key, load_id, row_number, tenant_no, series_no,
    traits_no, period_no, timestamp_source, disposition, is_skew_candidate, quantity
)
select
    msg_seq, at, at, at, at, 0, 1, row_number() over (order by at, series_no), 1, series_no, 0, 4, 'd', 'b', false, 1.25
from (
    values
    (1, 4, timestamptz '2026-02-03T10:00:00Z'), (1, 4, '2026-02-09T10:00:00Z'), (1, 4, '2026-02-20T10:00:00Z'),
    (1, 5, '2026-02-20T10:00:00Z'), (2, 4, '2026-02-20T10:00:00Z'),
    (1, 4, '2026-03-01T00:00:00Z'), (1, 4, '2026-03-09T10:00:00Z')
) as given (series_no, msg_seq, at)
"""
STOP_AT_THE_KEY_OF_MARCH = """
create function public.stop() returns event_trigger language plpgsql as $$
begin
    if exists (
        select 1 from pg_event_trigger_ddl_commands() where object_identity like 'store.events_202603_%msg_seq_idx'
    ) then
        raise 'stopped by the test';
    end if;
end $$;
create event trigger stop on ddl_command_end execute function public.stop();
"""
OF_WHICH_SERIES = """
select to_char(event.device_ts at time zone 'UTC', 'MM-DD'), event.msg_seq, series.device_no, series.run_no, series_no
from store.slim_events as event
inner join store.series using (tenant_no, series_no)
order by event.device_ts, series.device_no, event.msg_seq
"""
KEYS = """
select indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
where
    indisunique and indisvalid
    and indrelid in (select inhrelid from pg_inherits where inhparent = 'store.slim_events'::regclass)
order by 1
"""
EVENTS = """
select tenant_no, device_no, metric_no, seq_epoch, msg_seq, device_ts, sent_ts::text, received_at, event_at,
    session_key, load_id, row_number, traits_no, period_no, timestamp_source, disposition, is_skew_candidate,
    quantity::text
from store.events order by load_id, row_number
"""
# Guards of tables that lie in the earlier, by the table; months of the event store among them.
GUARDED = """
select place.nspname || '.' || relation.relname
from pg_trigger as guard
inner join pg_class as relation on guard.tgrelid = relation.oid
inner join pg_namespace as place on relation.relnamespace = place.oid
where guard.tgname = 'append_only' and guard.tgenabled = 'A'
"""


@pytest.fixture
def earlier(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A database of the release before the store became slim, with events of two months."""
    with psycopg.connect(empty_database, autocommit=True) as database:
        _prepare_as_of(database, "0039", tmp_path, monkeypatch)
        database.execute(WIDE_EVENTS)
        yield database


def test_events_of_an_earlier_release_are_kept_to_the_last_digit(earlier: psycopg.Connection) -> None:
    before = _rows(earlier, EVENTS)
    assert len(before) == 4

    migrations.apply(earlier)

    assert _rows(earlier, EVENTS) == before
    numbers = "select tenant_no, series_no, device_no, metric_no, seq_epoch from store.series order by 1, 2"
    assert _rows(earlier, numbers) == [(1, 1, 1, 1, 0), (1, 2, 1, 1, 5000000000), (1, 3, 2, 2, 0), (7, 1, 3, 1, 0)]
    guarded = {name for (name,) in _rows(earlier, GUARDED)}
    assert guarded == {*APPEND_ONLY, "store.events_202602", "store.events_202603"}
    assert _rows(earlier, "select to_regclass('store.wide_events')") == [(None,)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        earlier.execute("insert into store.slim_events select * from store.slim_events")


def test_an_event_that_a_killed_run_left_without_its_mark_is_kept(earlier: psycopg.Connection) -> None:
    before = _rows(earlier, EVENTS)
    earlier.execute("delete from store.high_water where device_no = 2")

    migrations.apply(earlier)

    assert _rows(earlier, EVENTS) == before


def test_an_upgrade_that_was_stopped_goes_on_with_the_month_that_it_was_at(earlier: psycopg.Connection) -> None:
    before = _rows(earlier, EVENTS)
    earlier.execute(STOP)
    with pytest.raises(psycopg.errors.RaiseException, match="stopped by the test"):
        migrations.apply(earlier)
    waiting = migrations.state(earlier).missing
    assert waiting[0] == "0041_narrow_events.sql"
    assert _rows(earlier, EVENTS) == before
    assert _rows(earlier, "select count(*) from store.slim_events") == [(2,)]

    earlier.execute("drop event trigger stop")
    assert migrations.apply(earlier) == waiting

    assert _rows(earlier, EVENTS) == before


def test_views_on_the_store_read_all_of_it_at_once_and_stay(earlier: psycopg.Connection) -> None:
    # Two names in scope, so that the definition says of each column whose it is.
    state = "select events.quantity, loads.region from store.events left join ledger.loads using (load_id)"
    earlier.execute(f"create view public.state with (security_invoker=true) as {state}".encode())
    earlier.execute("create view public.report as select sum(quantity) as quantity from public.state")
    earlier.execute("grant select on store.events to public")

    migrations.apply(earlier)

    # 1.25 + 0.0000000001 - 3 + 1234567890.5
    assert _rows(earlier, "select quantity::text from public.report") == [("1234567888.7500000001",)]
    options = "select reloptions from pg_class where relname = 'state'"
    assert _rows(earlier, options) == [(["security_invoker=true"],)]
    assert _rows(earlier, "select has_table_privilege('public', 'store.events', 'select')") == [(True,)]


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("create materialized view public.kept as select quantity from store.events", "materialized view public.kept"),
        ("create view public.of_march as select quantity from store.events_202603", "view public.of_march"),
        ("create publication told for table store.events", "publication of store.events"),
        (
            "create function public.counted() returns bigint begin atomic select count(*) from store.events; end",
            r"function public.counted\(\)",
        ),
        (
            "create view public.places as select tableoid from store.events",
            "view public.places of postgres: .*tableoid",
        ),
    ],
)
def test_what_cannot_be_made_again_is_named_before_anything_changes(
    earlier: psycopg.Connection, made: str, named: str
) -> None:
    earlier.execute(made.encode())

    with pytest.raises(BadInputError, match=rf"{named}.*; drop that, upgrade"):
        migrations.apply(earlier)

    assert "0040_slim_events.sql" in migrations.state(earlier).missing


def test_a_move_whose_end_nobody_heard_of_is_made_again(earlier: psycopg.Connection) -> None:
    before = _rows(earlier, EVENTS)
    migrations.apply(earlier)
    earlier.execute("delete from meterline.migrations where name = '0041_narrow_events.sql'")

    assert migrations.apply(earlier) == ["0041_narrow_events.sql"]

    assert _rows(earlier, EVENTS) == before


def test_a_number_that_was_given_again_in_a_month_gets_a_series_of_its_own(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as database:
        _prepare_as_of(database, "0044", tmp_path, monkeypatch)
        database.execute(REUSED_NUMBERS)
        before = _rows(database, EVENTS)
        database.execute(STOP_AT_THE_KEY_OF_MARCH)
        with pytest.raises(psycopg.errors.RaiseException, match="stopped by the test"):
            migrations.apply(database)
        assert _rows(database, EVENTS) == before
        database.execute("drop event trigger stop")

        assert migrations.apply(database) == [
            "0046_event_keys.sql",
            "0047_looks_by_load.sql",
            "0048_guards.sql",
            "0049_summaries.sql",
            "0050_rate_decisions.sql",
            "0051_purges.sql",
        ]

        assert _rows(database, EVENTS) == before
        assert _rows(database, OF_WHICH_SERIES) == [
            ("02-03", 4, 11, 1, 1),
            ("02-09", 4, 11, 2, 3),
            ("02-20", 4, 11, 3, 4),
            ("02-20", 5, 11, 1, 1),
            ("02-20", 4, 12, 1, 2),
            ("03-01", 4, 11, 1, 1),
            ("03-09", 4, 11, 2, 3),
        ]
        # Those were all keys of the months, and what is made from here on has the same.
        database.execute("select store.ensure_partitions('2026-04-01', '2026-04-01')")
        months = ["events_202602", "events_202603", "events_202604"]
        assert _rows(database, KEYS) == [
            (
                f"store.{month}",
                f"CREATE UNIQUE INDEX {month}_tenant_no_series_no_msg_seq_idx ON store.{month}"
                " USING btree (tenant_no, series_no, msg_seq)",
            )
            for month in months
        ]
        guarded = {name for (name,) in _rows(database, GUARDED)}
        assert {f"store.{month}" for month in months} <= guarded
        with pytest.raises(psycopg.errors.UniqueViolation):
            database.execute("insert into store.slim_events select * from store.slim_events")


def test_a_database_of_a_newer_release_is_refused(earlier: psycopg.Connection) -> None:
    earlier.execute("insert into meterline.migrations (name, sha256) values ('9999_of_tomorrow.sql', '')")
    with pytest.raises(BadInputError, match=r"a newer release prepared this database \(it has 9999_of_tomorrow.sql\)"):
        migrations.apply(earlier)
    assert "0040_slim_events.sql" in migrations.state(earlier).missing


def _prepare_as_of(database: psycopg.Connection, last: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply the migrations up to the one with this number, as the release did that ended with it."""
    for path in migrations.FOLDER.glob("*.sql"):
        if path.name[:4] <= last:
            shutil.copy(path, folder)
    with monkeypatch.context() as release:
        release.setattr(migrations, "FOLDER", folder)
        migrations.apply(database)


def _rows(database: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()
