"""The checked folder into `config.*`: one load, one transaction; new names get their numbers in `registry.*`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from orchestration.config.folder import CheckedFolder, CheckedTable, checked_folder
from orchestration.config.immutability import refuse_forbidden_changes
from orchestration.config.problems import Problems
from orchestration.config.rederivation import TOLERANCES, append_load, find_touched
from orchestration.database.connection import connect
from orchestration.settings import Settings

ROLE = "meterline_ingest"
COPY_BYTES = 1 << 20

LOCK = "select pg_advisory_xact_lock(hashtext('meterline.configuration'))"
NEWEST = "select config_load_id, content_sha256 from config.loads order by config_load_id desc limit 1"
BEGIN_LOAD = "insert into config.loads (content_sha256) values (%s) returning config_load_id"
APPEND_TO_AUDIT = "select audit.append('configuration', 'configuration_loaded', %s)"
UNKNOWN_ZONES = """
select file, line, time_zone
from (
    select 'contracts.csv' as file, line, time_zone from new_contracts
    union all
    select 'sources.csv' as file, line, time_zone from new_sources
) as written
where time_zone not in (select name from pg_catalog.pg_timezone_names)
order by file, line
"""

# Incoming rows, and how they differ from the rows in force.
STAGE = """
create temporary table {new} (line integer not null, {definitions}, row_sha256 text not null) on commit drop;
create temporary view {fresh} as
    select new.* from {new} as new
    where not exists (
        select from {kept} as kept where kept.row_sha256 = new.row_sha256 and kept.valid_to_load is null
    );
create temporary view {gone} as
    select kept.* from {kept} as kept
    where kept.valid_to_load is null
        and not exists (select from {new} as new where new.row_sha256 = kept.row_sha256);
"""
COPY = "copy {new} (line, {columns}, row_sha256) from stdin (null '')"
COUNTS = """
select
    count(*) filter (where gone.is_row is null),
    count(*) filter (where gone.is_row and fresh.is_row),
    count(*) filter (where fresh.is_row is null)
from (select true as is_row, {key} from {fresh}) as fresh
full join (select true as is_row, {key} from {gone}) as gone using ({key_names})
"""
# Asked first and then named: a table that lies on every node is not changed by what only this session has.
GONE = "select coalesce(array_agg(row_sha256), '{{}}') from {gone}"
END_GONE = """
update {kept} set valid_to_load = %(config_load_id)s
where valid_to_load is null and row_sha256 = any(%(gone)s)
"""
INSERT_FRESH = """
with staged as materialized (select {columns}, row_sha256 from {fresh})
insert into {kept} ({columns}, row_sha256, valid_from_load)
select {columns}, row_sha256, %(config_load_id)s from staged
"""

# `where not exists` and not `on conflict`: that would burn a number for every name that is known already.
REGISTER: tuple[LiteralString, ...] = (
    """
    with unknown as materialized (
        select new.tenant_id from new_tenants as new
        where not exists (select from registry.tenants as known where known.tenant_id = new.tenant_id)
    )
    insert into registry.tenants (tenant_id) select tenant_id from unknown order by tenant_id collate "C"
    """,
    """
    with unknown as materialized (
        select new.metric from new_metrics as new
        where not exists (select from registry.metrics as known where known.metric = new.metric)
    )
    insert into registry.metrics (metric) select metric from unknown order by metric collate "C"
    """,
    """
    with unknown as materialized (
        select tenant.tenant_no, new.device_id
        from new_devices as new
        inner join registry.tenants as tenant using (tenant_id)
        where not exists (
            select from registry.devices as known
            where known.tenant_no = tenant.tenant_no and known.device_id = new.device_id
        )
    )
    insert into registry.devices (tenant_no, device_id)
    select tenant_no, device_id from unknown order by tenant_no, device_id collate "C"
    """,
)


@dataclass(frozen=True)
class RowCounts:
    """Rows of one table that a load added, changed (same key, other content) and removed."""

    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class ConfigLoad:
    """The configuration in force after a load; `counts` by table, empty where nothing was new."""

    config_load_id: int
    content_sha256: str
    is_new: bool
    counts: dict[str, RowCounts] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    rederived_tenants: int = 0
    """Tenants whose stored events the next metering run derives again."""


def load_configuration(settings: Settings) -> ConfigLoad:
    """Check the CSVs of `settings.config_folder` and make them the configuration in force.

    A folder whose content is that of the newest load adds nothing. All or nothing, in one transaction; concurrent
    loads take turns. A change that concerns stored events of open periods is appended to the ledger of loads, for the
    next metering run. Raises BadInputError with a line for every error in the folder and every change that closed
    periods or metered telemetry forbid.
    """
    with checked_folder(settings.config_folder) as folder, connect(settings, ROLE) as connection:
        connection.execute(LOCK)
        newest = connection.execute(NEWEST).fetchone()
        if newest is not None and newest[1] == folder.content_sha256:
            return ConfigLoad(newest[0], folder.content_sha256, is_new=False, warnings=folder.warnings)
        _refuse(connection, folder)
        find_touched(connection)
        return _apply(connection, folder)


def check_configuration(settings: Settings, path: Path) -> tuple[str, ...]:
    """Check a folder as a load would and load nothing of it; returns its warnings. Raises BadInputError like a load."""
    with checked_folder(path) as folder, connect(settings, ROLE) as connection:
        _refuse(connection, folder)
        connection.rollback()
        return folder.warnings


def _refuse(connection: psycopg.Connection, folder: CheckedFolder) -> None:
    """Compare the folder with what is in force. Raises BadInputError for what the database does not allow."""
    for checked in folder.tables:
        _stage(connection, checked)
    _refuse_unknown_zones(connection)
    connection.execute(TOLERANCES)
    refuse_forbidden_changes(connection)


def _stage(connection: psycopg.Connection, checked: CheckedTable) -> None:
    names = _names(checked)
    for statement in STAGE.split(";"):
        if statement.strip():
            connection.execute(sql.SQL(statement).format(**names))
    with connection.cursor().copy(sql.SQL(COPY).format(**names)) as copy, checked.path.open("rb") as rows:
        while piece := rows.read(COPY_BYTES):
            copy.write(piece)
    connection.execute(sql.SQL("analyze {new}").format(**names))


def _names(checked: CheckedTable) -> dict[str, sql.Composable]:
    table, columns = checked.table, checked.table.columns
    return {
        "kept": sql.Identifier("config", table.name),
        "new": sql.Identifier(f"new_{table.name}"),
        "fresh": sql.Identifier(f"fresh_{table.name}"),
        "gone": sql.Identifier(f"gone_{table.name}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "definitions": sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns),
        # An empty key column, a charge over all metrics, is a value of its own.
        "key": sql.SQL(", ").join(
            sql.SQL("coalesce({name}, '') as {name}").format(name=sql.Identifier(name)) for name in table.model.key
        ),
        "key_names": sql.SQL(", ").join(map(sql.Identifier, table.model.key)),
    }


def _refuse_unknown_zones(connection: psycopg.Connection) -> None:
    """Python's zones may be newer than the server's, which computes the periods."""
    problems = Problems()
    for file, line, zone in connection.execute(UNKNOWN_ZONES):
        text = f"'{zone}' is not known to the PostgreSQL server; update its time zone data or use an equal zone"
        problems.add(file, text, line=line, column="time_zone")
    problems.raise_if_any()


def _apply(connection: psycopg.Connection, folder: CheckedFolder) -> ConfigLoad:
    row = connection.execute(BEGIN_LOAD, (folder.content_sha256,)).fetchone()
    assert row is not None
    counts = {checked.table.name: _apply_table(connection, checked, row[0]) for checked in folder.tables}
    for statement in REGISTER:
        connection.execute(statement)
    tenants = append_load(connection, row[0], folder.content_sha256)
    load = ConfigLoad(
        row[0],
        folder.content_sha256,
        is_new=True,
        counts=counts,
        warnings=folder.warnings,
        rederived_tenants=tenants,
    )
    connection.execute(APPEND_TO_AUDIT, (_audit_payload(load),))
    return load


def _apply_table(connection: psycopg.Connection, checked: CheckedTable, config_load_id: int) -> RowCounts:
    names = _names(checked)
    row = connection.execute(sql.SQL(COUNTS).format(**names)).fetchone()
    assert row is not None
    gone = connection.execute(sql.SQL(GONE).format(**names)).fetchone()
    assert gone is not None
    if gone[0]:
        connection.execute(sql.SQL(END_GONE).format(**names), {"config_load_id": config_load_id, "gone": gone[0]})
    connection.execute(sql.SQL(INSERT_FRESH).format(**names), {"config_load_id": config_load_id})
    return RowCounts(*row)


def _audit_payload(load: ConfigLoad) -> str:
    tables = {name: vars(counts) for name, counts in load.counts.items()}
    payload = {"config_load_id": load.config_load_id, "content_sha256": load.content_sha256, "tables": tables}
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
