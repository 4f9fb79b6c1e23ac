"""Fixtures shared by all tests: a PostgreSQL server, and migrated databases on it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from orchestration.database import embedded, migrations
from orchestration.settings import Settings


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """URL of a server on which tests may create databases: METERLINE_TEST_DATABASE_URL, or an embedded one."""
    configured = os.environ.get("METERLINE_TEST_DATABASE_URL")
    if configured:
        yield configured
        return
    # Not under pytest's own folder: a socket's path is short, and the server's user must be able to enter.
    home = Path(tempfile.mkdtemp(prefix="meterline-test-"))
    home.chmod(0o755)
    try:
        yield embedded.start(home)
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """Name of a migrated database to copy."""
    with _database(server_url, template=None) as name:
        with psycopg.connect(_url(server_url, name), autocommit=True) as connection:
            migrations.apply(connection)
        yield name


@pytest.fixture
def fresh_database(server_url: str, template_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a platform whose database is migrated and empty, and is dropped after the test."""
    with _database(server_url, template=template_database) as name:
        yield Settings(home=tmp_path, database_url=_url(server_url, name), landing_url=None, config_url=None)


@contextmanager
def _database(server_url: str, template: str | None) -> Iterator[str]:
    name = f"meterline_test_{secrets.token_hex(6)}"
    identifiers = [sql.Identifier(name), sql.Identifier(template or "template1")]
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template {}").format(*identifiers))
    try:
        yield name
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifiers[0]))


def _url(server_url: str, name: str) -> str:
    return conninfo.make_conninfo(server_url, dbname=name)
