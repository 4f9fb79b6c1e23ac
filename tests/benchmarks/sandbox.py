"""A platform of the benchmark's own, driven by the `meterline` command as a user drives it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import conninfo

from orchestration.config.load import load_configuration
from orchestration.database import embedded
from orchestration.database.connection import connect, sqlalchemy_url
from orchestration.settings import PROJECT_ROOT, Settings
from tests.benchmarks.measure import Cost, Server, run

METERLINE = str(Path(sys.executable).with_name("meterline"))
# What the shell says about another platform must not reach this one.
FOREIGN = ("METERLINE_", "PG", "DAGSTER", "DBT_")

BALANCE = """
select sum(message_count)::bigint, sum(stored_count)::bigint, sum(duplicate_count)::bigint,
    sum(quarantined_count)::bigint, sum(late_not_billed_count)::bigint
from governance.load_balance
"""
SIZES = """
select
    family,
    sum(pg_relation_size(relation, 'main'))::bigint,
    sum(pg_indexes_size(relation))::bigint,
    sum(pg_table_size(relation) - pg_relation_size(relation, 'main'))::bigint
from (
    select
        relation.oid::regclass as relation,
        case
            when space.nspname = 'raw' then 'raw'
            when relation.relname like 'events%' or relation.relname = 'series' then 'events'
            when relation.relname like 'usage%' then 'usage'
            else 'other'
        end as family
    from pg_class as relation
    inner join pg_namespace as space on relation.relnamespace = space.oid
    where relation.relkind = 'r' and space.nspname in ('raw', 'store')
) as measured
group by family
"""
USAGE = """
copy (select tenant_id, device_id, metric, bucket_start_at, quantity, event_count from {}) to stdout (format csv)
"""
INVOICED = "copy (select tenant_id, subtotal_amount from finance.invoices) to stdout (format csv)"


class Delivered(Protocol):
    """What lies ready for the platform."""

    landing: Path
    config: Path


@dataclass(frozen=True)
class Size:
    """Bytes of some tables; `toast` includes free-space and visibility maps."""

    heap: int
    index: int
    toast: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.heap + self.index + self.toast


class Sandbox:
    """A home folder with an embedded server, a deployed project and the configuration of a fleet."""

    def __init__(self, home: Path, day: Delivered) -> None:
        """Take the place; nothing is started."""
        self.home: Path = home
        self.day: Any = day
        self.settings = Settings(home, None, str(day.landing), str(day.config))
        self.server: Server | None = None

    def prepare(self) -> Cost:
        """Deploy the project on a new server and load the configuration; what the deployment cost."""
        cost = self.meterline("env")
        self.server = Server(self.home / "postgres")
        load_configuration(self.settings)
        return cost

    def meterline(self, *arguments: str, landing: Path | None = None) -> Cost:
        """Run the command as a process of its own; its output is kept in the home's `output.txt`."""
        self.home.mkdir(parents=True, exist_ok=True)
        return run([METERLINE, *arguments], self.environment(landing), self.home / "output.txt", self.server)

    def environment(self, landing: Path | None = None) -> dict[str, str]:
        """The environment of this platform's commands, with another landing zone where one is given."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        ours = {
            "METERLINE_HOME": str(self.home),
            "METERLINE_LANDING": str(landing or self.day.landing),
            "METERLINE_CONFIG": str(self.day.config),
        }
        return inherited | ours

    def exported(self) -> dict[str, str]:
        """The variables by which other programs find this platform."""
        self.meterline("env")
        lines = shlex.split((self.home / "output.txt").read_text())
        return dict(word.split("=", 1) for word in lines if "=" in word)

    def dagster_runs(self) -> dict[str, str]:
        """Status of every run that Dagster knows, by its id."""
        with psycopg.connect(self.url("postgres")) as session:
            return dict(session.execute("select run_id, status from dagster.runs").fetchall())

    def keep_state(self) -> None:
        """Remember the database as it is now."""
        with self._maintenance() as session:
            session.execute("drop database if exists kept")
            session.execute("create database kept template postgres strategy file_copy")

    def restore_state(self) -> None:
        """Make the database what it was when it was kept, with nothing left to write in the background."""
        with self._maintenance() as session:
            session.execute("drop database postgres with (force)")
            session.execute("create database postgres template kept strategy file_copy")
            session.execute("checkpoint")

    @contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url("template1"), autocommit=True) as session:
            yield session

    def new_database(self, name: str) -> str:
        """URL of another, empty database on the same server."""
        with self._maintenance() as session:
            session.execute(f"drop database if exists {name}".encode())
            session.execute(f"create database {name} template template0".encode())
        return self.url(name)

    def url(self, database: str) -> str:
        """URL of a database of the server."""
        return conninfo.make_conninfo(embedded.start(self.home), dbname=database)

    def balance(self) -> dict[str, int]:
        """What became of every message."""
        names = ("messages", "stored", "duplicates", "quarantined", "late")
        with connect(self.settings) as session:
            row = session.execute(BALANCE).fetchone()
        assert row is not None
        return dict(zip(names, row, strict=True))

    def sizes(self) -> dict[str, Size]:
        """Bytes of the raw tables, the event store, the rollups and what else the store has."""
        with connect(self.settings) as session:
            return {family: Size(*parts) for family, *parts in session.execute(SIZES.encode())}

    def wal_position(self) -> int:
        """Bytes of write-ahead log since the server was made."""
        with connect(self.settings) as session:
            row = session.execute("select pg_current_wal_lsn() - '0/0'").fetchone()
        assert row is not None
        return int(row[0])

    def export(self, query: str, target: Path) -> Path:
        """Write what finance may copy as CSV."""
        with (
            connect(self.settings, "meterline_finance") as session,
            session.cursor().copy(query.encode()) as rows,
            target.open("wb") as file,
        ):
            file.writelines(rows)
        return target

    def model_seconds(self, step: str = "load") -> list[tuple[str, float]]:
        """Seconds of every model and check of the last dbt run of the step, longest first."""
        results = json.loads((self.home / "dbt" / step / "run_results.json").read_text())
        # Kind, project, name, and of a test a digest; of what was built in another lane than the first, which.
        names = [node["unique_id"].split(".") for node in results["results"]]
        shown = [f"{name[2]} {name[-1] if name[-1].startswith('lane_') else ''}".strip() for name in names]
        seconds = zip(shown, (float(node["execution_time"]) for node in results["results"]), strict=True)
        return sorted(seconds, key=lambda pair: -pair[1])

    def dbt_seconds(self, step: str = "load") -> float:
        """Seconds from the first to the last model of the last dbt run."""
        return float(json.loads((self.home / "dbt" / step / "run_results.json").read_text())["elapsed_time"])

    def step_seconds(self) -> list[tuple[str, float]]:
        """Seconds of every step of the last Dagster run, in their order."""
        # Dagster takes seconds to import, so only a profile pays for it.
        from dagster import DagsterInstance

        os.environ["METERLINE_DAGSTER_URL"] = sqlalchemy_url(self.settings, "dagster")
        with DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            record = instance.get_run_records(limit=1)[0]
            steps: list[Any] = instance.get_run_step_stats(record.dagster_run.run_id)
        timed = sorted((step.start_time, step.step_key, step.end_time - step.start_time) for step in steps)
        return [(key, seconds) for _, key, seconds in timed]

    def stop(self) -> None:
        """Stop the server."""
        embedded.stop(self.home)


def child_environment() -> dict[str, str]:
    """The environment of a contender that is run as a module of this checkout."""
    return os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
