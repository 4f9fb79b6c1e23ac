"""Fixtures shared by all tests: a PostgreSQL server, and migrated databases and whole platforms on it."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql

from orchestration.database import distribution, embedded, migrations
from orchestration.dbt import deployed_sha256
from orchestration.dbt_runs import parsed_project
from orchestration.settings import Settings

# What helpers assert is told with its values, as in a test.
pytest.register_assert_rewrite("tests.support", "tests.integration", "tests.property")

from tests.support import Pipeline, run_dbt  # noqa: E402

# Every run of dbt makes a great many objects, and few of them wait for a collection.
gc.set_threshold(100_000, 50, 50)

# Of a server with Citus: METERLINE_SHARDS spreads every database of the tests that is not empty.
SHARDS = Settings.from_environment().shards
# In how many lanes every test meters, however few messages there are.
LANES = int(os.environ.get("METERLINE_TEST_LANES") or 1)

WriteConfiguration = Callable[..., Path]
NewPipeline = Callable[..., Pipeline]

# One tenant with two meters, billed per kWh, and monthly per active device.
CONFIGURATION = {
    "tenants": "tenant_id,name,region,currency_code\nacme,Acme,eu,EUR\n",
    "contracts": "contract_id,tenant_id,starts_at,time_zone,rate_card_id\nacme-1,acme,2019-01-01,Europe/Madrid,basic\n",
    "devices": "device_id,tenant_id\nmeter-1,acme\nmeter-2,acme\n",
    "metrics": "metric,unit\nenergy,kWh\n",
    "rate_cards": (
        "rate_card_id,currency_code,metric,charge_basis,price_model\n"
        "basic,EUR,energy,,graduated\nbasic,EUR,,active_devices,per_unit\n"
    ),
    "rate_card_tiers": (
        "rate_card_id,metric,charge_basis,tier_number,up_to,unit_price\n"
        "basic,energy,,1,100,0.25\nbasic,energy,,2,,0.20\nbasic,,active_devices,1,,1.50\n"
    ),
}


@pytest.fixture
def write_configuration(tmp_path: Path) -> WriteConfiguration:
    """A function that writes a small valid configuration folder; keywords replace or add whole files (None: none)."""

    def write(**files: str | None) -> Path:
        folder = tmp_path / "config"
        folder.mkdir(exist_ok=True)
        for name, text in {**CONFIGURATION, **files}.items():
            (folder / f"{name}.csv").unlink(missing_ok=True)
            if text is not None:
                (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        return folder

    return write


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
        url = embedded.start(home)
        with psycopg.connect(url, autocommit=True) as connection:
            # What was written survives a killed server all the same; only the machine itself may not fail.
            for setting in ("fsync", "full_page_writes"):
                connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
            connection.execute("select pg_reload_conf()")
        yield url
    finally:
        embedded.stop(home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """Name of a migrated database to copy."""
    with _database(server_url, template=None) as name:
        with psycopg.connect(_url(server_url, name), autocommit=True) as connection:
            migrations.apply(connection)
            distribution.apply(connection, SHARDS)
        yield name


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    """URL of a database in which nothing is, dropped after the test."""
    with _database(server_url, template=None) as name:
        yield _url(server_url, name)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The dbt project, parsed."""
    return parsed_project(Settings(tmp_path_factory.mktemp("parsed"), None, None, None))


@pytest.fixture
def fresh_database(server_url: str, template_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a platform whose database is migrated and empty, and is dropped after the test."""
    with _database(server_url, template=template_database) as name:
        yield _platform(tmp_path, _url(server_url, name))


@pytest.fixture(scope="session")
def deployed_template(
    server_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Name of a database to copy in which the relations of the dbt project are built."""
    with _database(server_url, template=template_database) as name:
        settings = _platform(tmp_path_factory.mktemp("deployed"), _url(server_url, name))
        run_dbt(settings, "run")
        with psycopg.connect(_url(server_url, name)) as connection:
            connection.execute("insert into ledger.deployments (sha256) values (%s)", (deployed_sha256(settings),))
        yield name


@pytest.fixture
def new_pipeline(server_url: str, deployed_template: str, tmp_path: Path) -> Iterator[NewPipeline]:
    """A function that makes a platform with nothing in it; its database is dropped after the test.

    `like` copies another platform as it stands, database and all; `landing` and `config` are folders to read.
    """
    with ExitStack() as databases:

        def make(like: Pipeline | None = None, landing: Path | None = None, config: Path | None = None) -> Pipeline:
            template = deployed_template if like is None else like.database
            name = databases.enter_context(_database(server_url, template=template))
            home = tmp_path / name
            home.mkdir()
            folders = [None if folder is None else str(folder) for folder in (landing, config)]
            made = Pipeline(_platform(home, _url(server_url, name), *folders))
            if like is not None:
                made.continue_as(like)
            return made

        yield make


@pytest.fixture
def pipeline(new_pipeline: NewPipeline) -> Pipeline:
    """A platform with nothing in it."""
    return new_pipeline()


@pytest.fixture(scope="module")
def shared_pipeline(
    server_url: str, deployed_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """A platform that the tests of a module share, for tests that only look at it."""
    with _database(server_url, template=deployed_template) as name:
        yield Pipeline(_platform(tmp_path_factory.mktemp(name), _url(server_url, name)))


def _platform(home: Path, url: str, landing: str | None = None, config: str | None = None) -> Settings:
    return Settings(home, url, landing, config, shards=SHARDS, lanes=LANES)


@contextmanager
def _database(server_url: str, template: str | None) -> Iterator[str]:
    name = f"meterline_test_{secrets.token_hex(6)}"
    identifiers = [sql.Identifier(name), sql.Identifier(template or "template1")]
    with psycopg.connect(server_url, autocommit=True) as connection:
        if SHARDS is not None:
            # The extension keeps a worker of its own in a database, and what is in use is not copied.
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = %s and backend_type <> 'client backend'",
                (template,),
            )
        connection.execute(sql.SQL("create database {} template {}").format(*identifiers))
    if SHARDS is not None and template is not None:
        with psycopg.connect(_url(server_url, name), autocommit=True) as connection:
            distribution.apply(connection, SHARDS)
    try:
        yield name
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(identifiers[0]))


def _url(server_url: str, name: str) -> str:
    return conninfo.make_conninfo(server_url, dbname=name)
