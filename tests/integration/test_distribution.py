"""A database that is spread over machines: what lies where, and that its SQL says the same.

Whether it is metered and closed alike is for the whole suite to say, on a server with Citus (METERLINE_SHARDS).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration import month_indexes
from orchestration.database import distribution
from orchestration.database.connection import connect, database_environment
from orchestration.errors import BadInputError
from orchestration.settings import DBT_PROJECT, Settings
from tests.conftest import SHARDS
from tests.support import Pipeline

UNIQUE_WITHOUT_TENANT = """
select index.indrelid::regclass::text, index.indexrelid::regclass::text
from pg_index as index
where
    index.indrelid = any(%s::regclass[])
    and index.indisunique
    and not exists (
        select 1 from pg_attribute as part
        where part.attrelid = index.indrelid and part.attname = 'tenant_no' and part.attnum = any(index.indkey)
    )
"""
FOREIGN_KEYS = """
select made.conrelid::regclass::text, made.confrelid::regclass::text
from pg_constraint as made
where made.contype = 'f' and made.conrelid = any(%s::regclass[]) and made.confrelid <> made.conrelid
"""
needs_plain = pytest.mark.skipif(SHARDS is not None, reason="of a server without Citus")


def placed(name: str) -> bool:
    """Whether a table, named with its schema, lies on the nodes."""
    schema, _, _ = name.partition(".")
    return name in (*distribution.BY_TENANT, *distribution.ON_EVERY_NODE) or f"{schema}.*" in distribution.ON_EVERY_NODE


def read_by(project: Any, model: str) -> Iterator[str]:
    """The tables that a model reads, through others that are views."""
    for name in project.nodes[model].depends_on.nodes:
        if name in project.sources:
            source = project.sources[name]
            yield f"{source.schema}.{source.identifier}"
        elif name in project.nodes and project.nodes[name].config.materialized == "view":
            yield from read_by(project, name)


def test_what_a_load_is_metered_from_lies_where_it_is_metered(project):
    # The view of the events is of two tables that are placed; periods are made by the coordinator, for every node.
    reads = {
        (node.name, table)
        for name, node in project.nodes.items()
        if node.resource_type == "model" and node.schema in ("metering", "usage") and "load" in node.tags
        for table in read_by(project, name)
        if not placed(table) and table != "store.events" and node.name != "store_periods"
    }

    assert reads == set()


def test_nodes_can_keep_every_key_by_themselves(fresh_database):
    with connect(fresh_database) as session:
        tables = list(distribution.BY_TENANT)
        unique = session.execute(UNIQUE_WITHOUT_TENANT, (tables,)).fetchall()
        foreign = session.execute(FOREIGN_KEYS, (tables,)).fetchall()

    assert unique == []
    assert [named for named in foreign if not placed(named[1]) or named[1] in distribution.BY_TENANT] == []


@needs_plain
def test_a_server_without_citus_is_named_with_the_remedy(fresh_database):
    with connect(fresh_database, autocommit=True) as session:
        with pytest.raises(BadInputError, match=r"needs a server with Citus .* unset METERLINE_SHARDS"):
            distribution.apply(session, 4)

        assert distribution.apply(session, None) == []


@pytest.mark.parametrize("said", ["many", "0", "-1", "64001", "1.5"])
def test_a_number_of_shards_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv("METERLINE_SHARDS", said)

    with pytest.raises(BadInputError, match=f"METERLINE_SHARDS={said}: say into how many shards"):
        Settings.from_environment()


def test_indexes_of_nodes_are_left_to_them(fresh_database):
    with pytest.raises(BadInputError, match="the event store lies on the nodes of this database, and each of them"):
        month_indexes.rebuild(replace(fresh_database, shards=2))


def compiled(settings: Settings) -> dict[str, str]:
    """SQL of the models of a load, by name; by a dbt of its own, which keeps what it has compiled."""
    target = settings.home / "compiled"
    folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(target)]
    command = [str(Path(sys.executable).with_name("dbt")), "-q", "compile", *folders, "--log-path", str(target)]
    subprocess.run(
        [*command, "--select", "tag:load", "governance", "finance"],
        env=os.environ | database_environment(settings) | {"DO_NOT_TRACK": "1"},
        check=True,
        capture_output=True,
    )
    return {path.stem: path.read_text() for path in (target / "compiled").rglob("models/**/*.sql")}


@needs_plain
def test_what_is_put_otherwise_for_several_machines_is_still_sql_of_one(pipeline: Pipeline, tmp_path: Path):
    plain = compiled(pipeline.settings)
    spread = compiled(replace(pipeline.settings, home=tmp_path / "spread", shards=4))
    different = {name for name, query in spread.items() if query != plain[name]}

    assert {"int_contested_arrivals", "int_session_offsets", "store_events", "clock_health", "edits"} <= different
    with connect(pipeline.settings) as session:
        for name in sorted(different):
            try:
                session.execute(f"explain {spread[name]}".encode())
            except psycopg.Error as error:
                pytest.fail(f"{name}: {error}")
