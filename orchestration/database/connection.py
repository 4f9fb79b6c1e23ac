"""Connections: the URL of the platform's database, and sessions that work as one of its roles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlencode

import psycopg
from psycopg import conninfo, sql

from orchestration.database import embedded
from orchestration.errors import BadInputError
from orchestration.settings import SHARDS_VARIABLE, Settings

CONNECT_TIMEOUT_SECONDS = 15
T = TypeVar("T")


@lru_cache(maxsize=8)
def database_url(settings: Settings) -> str:
    """libpq URL of the platform's database; starts the embedded server where none is configured."""
    if settings.database_url is None:
        return embedded.start(settings.home)
    try:
        conninfo.conninfo_to_dict(settings.database_url)
    except psycopg.ProgrammingError as error:
        raise BadInputError(f"METERLINE_DATABASE_URL is not a PostgreSQL URL: {str(error).strip()}") from error
    return settings.database_url


@contextmanager
def connect(settings: Settings, role: str | None = None, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """Open a session, in UTC, as `role` where one is given (`SET ROLE`), and close it.

    The transaction is committed on a clean exit and rolled back on an error.
    Raises BadInputError when the database cannot be reached.
    """
    url = database_url(settings)
    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS, application_name="meterline"
        )
    except psycopg.OperationalError as error:
        raise BadInputError(
            f"cannot connect to METERLINE_DATABASE_URL: {str(error).strip().splitlines()[0]}"
        ) from error
    with connection:
        connection.execute("set time zone 'UTC'")
        if role is not None:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        connection.autocommit = autocommit
        yield connection


@contextmanager
def reading_beside(session: psycopg.Connection, read: Callable[[psycopg.Connection], T]) -> Iterator[Future[T]]:
    """Read through a session of its own in another thread, beside what is done within; the result is awaited there.

    Where that fails or is stopped, the statement that still runs is ended, and nobody waits for it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reading-beside") as pool:
        result = pool.submit(read, session)
        try:
            yield result
        except BaseException:
            with suppress(psycopg.Error):
                session.cancel_safe()
            raise


def database_environment(settings: Settings) -> dict[str, str]:
    """Variables by which other programs (dbt's profile, psql) find the database, and know how it is spread."""
    parts = conninfo.conninfo_to_dict(database_url(settings))
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    found = {variable: str(parts[key]) for key, variable in names.items() if parts.get(key)}
    return found | {SHARDS_VARIABLE: str(settings.shards or "")}


def sqlalchemy_url(settings: Settings, schema: str, driver: str = "psycopg2", role: str | None = None) -> str:
    """URL for a library that keeps its own tables in `schema`, and works as `role` where one is given.

    Dagster listens to notifications with psycopg2 only.
    """
    parts = conninfo.conninfo_to_dict(database_url(settings))
    query = {key: str(value) for key, value in parts.items() if key not in ("dbname",) and value}
    query["options"] = f"-csearch_path={schema}" + (f" -crole={role}" if role else "")
    return f"postgresql+{driver}:///{parts.get('dbname', 'postgres')}?{urlencode(query)}"


def export(environment: Mapping[str, str]) -> None:
    """Set variables for this process and its children."""
    os.environ.update(environment)
