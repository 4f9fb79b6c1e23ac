"""Schema migrations: numbered SQL files, each applied once, in order, in a transaction of its own.

A file that moves more than may lie there twice commits as it goes, and says so in its first line. It is one statement,
and one that may be begun anew wherever it was stopped.
"""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import psycopg

from orchestration.errors import BadInputError, MeterlineError

FOLDER = Path(__file__).parent / "migrations"
MINIMUM_SERVER_VERSION = 150000
LOCK = "select pg_advisory_lock(hashtext('meterline.migrations'))"
UNLOCK = "select pg_advisory_unlock(hashtext('meterline.migrations'))"
COMMITS_AS_IT_GOES = "-- Commits as it goes."


def apply(connection: psycopg.Connection) -> list[str]:
    """Apply the migrations that this database has not had; returns their names.

    `connection` must be in autocommit mode and may create schemas and roles. Concurrent callers wait for each other.
    Raises BadInputError for a server that is too old, a database that a newer release prepared, a login that may not do
    this or objects of others in the way, MeterlineError when an applied file has been edited.
    """
    if connection.info.server_version < MINIMUM_SERVER_VERSION:
        raise BadInputError(f"PostgreSQL 15 or newer is needed, this is {connection.info.server_version // 10000}")
    connection.execute(LOCK)
    # One that moves a store may take longer than any limit for statements of every day.
    connection.execute("set statement_timeout = 0; set lock_timeout = 0")
    try:
        done = _applied(connection)
        _refuse_newer(done)
        return [path.name for path in sorted(FOLDER.glob("*.sql")) if _apply_one(connection, path, done)]
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadInputError(
            f"the login of METERLINE_DATABASE_URL may not prepare the database ({str(error).splitlines()[0]}); "
            "let a login with CREATEROLE that owns the database run `meterline gates show` once"
        ) from error
    except psycopg.errors.DependentObjectsStillExist as error:
        raise BadInputError(
            f"the upgrade cannot replace what something of your own reads ({error.diag.message_detail}); "
            "drop that, upgrade, and make it again"
        ) from error
    finally:
        connection.execute("reset role; reset statement_timeout; reset lock_timeout")
        connection.execute(UNLOCK)


@dataclass(frozen=True)
class State:
    """Migrations by name: those this database has yet to have, those edited since, those only a newer release knows."""

    missing: list[str]
    edited: list[str]
    unknown: list[str]


def state(connection: psycopg.Connection) -> State:
    """What a database has of the migrations; reads only. Fails with UndefinedTable where it never had any."""
    done: dict[str, str] = dict(connection.execute("select name, sha256 from meterline.migrations").fetchall())
    ours = {path.name: _digest(path.read_text()) for path in sorted(FOLDER.glob("*.sql"))}
    return State(
        [name for name in ours if name not in done],
        [name for name, digest in ours.items() if done.get(name, digest) != digest],
        sorted(set(done) - set(ours)),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _applied(connection: psycopg.Connection) -> dict[str, str]:
    row = connection.execute("select to_regclass('meterline.migrations') is not null").fetchone()
    if not (row and row[0]):
        with connection.transaction():
            connection.execute("create schema if not exists meterline")
            connection.execute(
                "create table meterline.migrations (name text primary key, sha256 text not null,"
                " applied_at timestamptz not null default clock_timestamp())"
            )
            connection.execute("grant usage on schema meterline to public")
    return dict(connection.execute("select name, sha256 from meterline.migrations").fetchall())


def _refuse_newer(done: dict[str, str]) -> None:
    """What this release does not know, its models would read and fill wrongly."""
    if newer := sorted(set(done) - {path.name for path in FOLDER.glob("*.sql")}):
        raise BadInputError(
            f"a newer release prepared this database (it has {newer[-1]}): use that release, or one after it"
        )


def _apply_one(connection: psycopg.Connection, path: Path, done: dict[str, str]) -> bool:
    text = path.read_text()
    digest = _digest(text)
    if path.name in done:
        if done[path.name] != digest:
            raise MeterlineError(f"{path.name} was edited after it was applied to this database; write a new migration")
        return False
    with nullcontext() if text.startswith(COMMITS_AS_IT_GOES) else connection.transaction():
        connection.execute(text.encode())
        connection.execute("insert into meterline.migrations (name, sha256) values (%s, %s)", (path.name, digest))
    return True
