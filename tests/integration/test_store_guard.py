"""What the database itself refuses, whoever asks: nobody edits what invoices stand on."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from orchestration.database.connection import connect
from orchestration.database.guarded import APPEND_ONLY, GUARDS
from orchestration.settings import Settings
from tests.conftest import SHARDS
from tests.support import Pipeline, message

CHANGES = {
    "update": "update {table} set {column} = {column}",
    "delete": "delete from {table}",
    "truncate": "truncate {table} cascade",
}


@pytest.fixture(scope="module")
def closed(shared_pipeline: Pipeline) -> Pipeline:
    shared_pipeline.tenant("acme", "m-1")
    shared_pipeline.land(
        message("acme", "m-1", 1, 10, "2019-02-28T12:00"), message("acme", "m-1", 2, 20, "2019-03-05T12:00")
    )
    shared_pipeline.process()
    shared_pipeline.close("2019-02", "2019-03-04")
    return shared_pipeline


def attempt(pipeline: Pipeline, role: str | None, statement: str) -> None:
    with connect(pipeline.settings, role) as session:
        session.execute(statement.encode())


def first_column(pipeline: Pipeline, table: str) -> str:
    """First column that a statement may set: an identity is refused before the table's guard is asked."""
    schema, name = table.split(".")
    rows = pipeline.rows(
        "select column_name from information_schema.columns"
        f" where table_schema = '{schema}' and table_name = '{name}' and is_identity = 'NO'"
        " order by ordinal_position limit 1"
    )
    return str(rows[0][0])


def test_the_list_of_what_may_only_grow_is_what_migrations_guard(fresh_database: Settings) -> None:
    with connect(fresh_database) as session:
        guarded = session.execute(
            """
            select place.nspname || '.' || relation.relname, guard.tgname
            from pg_trigger as guard
            inner join pg_class as relation on guard.tgrelid = relation.oid
            inner join pg_namespace as place on relation.relnamespace = place.oid
            where guard.tgenabled = 'A'
            """
        ).fetchall()
    assert sorted(guarded) == sorted(GUARDS)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", [*APPEND_ONLY, "store.events_201902"])
@pytest.mark.parametrize("role", ["meterline_transform", "meterline_ingest", None])
def test_history_cannot_be_changed(closed: Pipeline, role: str | None, table: str, change: str) -> None:
    """`None` is the login itself, the embedded server's superuser: the triggers stop even it."""
    statement = CHANGES[change].format(table=table, column=first_column(closed, table))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(closed, role, statement)


@pytest.mark.parametrize(
    ("role", "table"),
    [("meterline_transform", "store.slim_events"), (None, "store.slim_events"), (None, "store.events_201902")],
)
def test_the_same_event_cannot_be_inserted_twice(closed: Pipeline, role: str | None, table: str) -> None:
    columns = ", ".join(
        row[0]
        for row in closed.rows(
            "select column_name from information_schema.columns"
            " where table_schema = 'store' and table_name = 'slim_events' order by ordinal_position"
        )
    )
    february = f"select {columns} from store.slim_events where device_ts < '2019-03-01T00:00:00Z'"
    with pytest.raises(psycopg.errors.UniqueViolation):
        attempt(closed, role, f"insert into {table} ({columns}) {february}")


# What models leave, and what their gate says of it; nothing of it is an amount.
SCORING = {
    "store.feature_snapshots",
    "store.model_versions",
    "store.scores",
    "store.score_candidates",
    "ledger.gate_runs",
    "ledger.gate_verdicts",
    "ledger.gate_findings",
}


@pytest.mark.parametrize(
    ("role", "may_write"), [("meterline_finance", set()), ("meterline_auditor", set()), ("meterline_score", SCORING)]
)
def test_readers_can_only_read(closed: Pipeline, role: str, may_write: set[str]) -> None:
    with connect(closed.settings, role) as session:
        assert session.execute("select count(*) from finance.invoices").fetchone() == (1,)
        writable = session.execute(
            """
            select place.nspname || '.' || relation.relname
            from pg_class as relation
            inner join pg_namespace as place on relation.relnamespace = place.oid
            where place.nspname in ('config', 'registry', 'raw', 'ledger', 'store', 'audit', 'finance')
                and relation.relkind in ('r', 'p', 'v')
                and has_table_privilege(relation.oid, 'insert, update, delete, truncate')
            """
        ).fetchall()
    assert {name for (name,) in writable} == may_write


@pytest.mark.skipif(SHARDS is not None, reason="nodes ask each other as the roles")
def test_no_role_of_the_platform_can_log_in(closed: Pipeline) -> None:
    assert closed.rows("select count(*) from pg_roles where rolname like 'meterline%' and rolcanlogin") == [(0,)]


def test_no_role_of_the_platform_has_a_password(closed: Pipeline) -> None:
    holders = closed.rows("select rolname from pg_authid where rolpassword is not null")
    assert [name for (name,) in holders if name.startswith("meterline")] == []


def test_owners_are_the_role_that_cannot_log_in(closed: Pipeline) -> None:
    names = sql.SQL(", ").join(sql.Literal(table) for table in APPEND_ONLY).as_string()
    owners = closed.rows(
        "select distinct pg_get_userbyid(relowner) from pg_class"
        f" where oid in (select name::regclass from unnest(array[{names}]) as name)"
    )
    assert owners == [("meterline_owner",)]
