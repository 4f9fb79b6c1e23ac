"""The server's settings, compared with those that the platform's own server has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from psycopg import sql

from orchestration.database.embedded import SERVER_SETTINGS
from orchestration.database.migrations import MINIMUM_SERVER_VERSION
from orchestration.doctor.examination import Finding, Subject, unseen, well, wrong

# A session's own value says nothing: what counts is with which one it begins.
SETTINGS = "select name, reset_val, unit, context, enumvals from pg_catalog.pg_settings where name = any(%s)"
# Above `alter system`, by which it could not be mended: for the database, or for whoever logs in.
OVERRIDES = """
select split_part(entry, '=', 1), setrole <> 0, setdatabase <> 0
from pg_catalog.pg_db_role_setting
cross join unnest(setconfig) as entry
where
    setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    and setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user))
order by setrole, setdatabase
"""
CONNECTIONS = """
select
    (select sum(numbackends)::integer from pg_catalog.pg_stat_database),
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
"""
UNITS = {
    "B": 1, "kB": 2**10, "8kB": 2**13, "MB": 2**20, "GB": 2**30, "TB": 2**40,
    "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400,
}  # fmt: skip
WRITTEN_QUANTITY = re.compile(r"([0-9.]+)\s*([A-Za-z]*)")
WHOLE_NUMBER = re.compile(r"0*[1-9][0-9]{0,5}")
# Of the configuration of Dagster, see orchestration.database.platform.
RUNS_AT_ONCE = 4
CONNECTIONS_OF_A_RUN = 6
CONNECTIONS_BESIDE_RUNS = 20


@dataclass(frozen=True)
class Expected:
    """What a setting should be: `least`, `most`, or one of `values`; the first that the server offers is the remedy."""

    kind: str
    values: tuple[str, ...]
    why: str


def like_ours(kind: str, name: str, why: str) -> Expected:
    """As in the platform's own server."""
    return Expected(kind, (SERVER_SETTINGS[name],), why)


DURABLE = {
    "fsync": Expected("values", ("on",), "a machine that fails may leave a database that nobody can read"),
    "full_page_writes": Expected("values", ("on",), "a machine that fails may leave pages that are half written"),
    "synchronous_commit": Expected(
        "values", ("on", "remote_apply", "remote_write", "local"),
        "a server that fails may forget the last fractions of a second, invoices that were told as issued too",
    ),
    "data_checksums": Expected("values", ("on",), "a page that the disk damaged is billed by as it is"),
}  # fmt: skip
WORKING = {
    "autovacuum": Expected("values", ("on",), "tables grow, plans go wrong and transaction numbers run out"),
    "track_counts": Expected("values", ("on",), "autovacuum does not know where to work"),
    "jit": like_ours("values", "jit", "plans are compiled for longer than they run"),
    "shared_buffers": like_ours("least", "shared_buffers", "keys of the event store do not stay in memory"),
    # Less than ours: a server that many people query gives it to each of their sorts as well.
    "work_mem": Expected("least", ("64MB",), "sorts and joins of a load go to the disk"),
    "maintenance_work_mem": like_ours("least", "maintenance_work_mem", "indexes and vacuum take several passes"),
    "max_wal_size": like_ours("least", "max_wal_size", "a load is interrupted by checkpoints, and writes pages twice"),
    "checkpoint_timeout": like_ours("least", "checkpoint_timeout", "pages are written whole after each checkpoint"),
    "wal_compression": Expected(
        "values", ("lz4", "zstd", "off"), "compressing whole pages of the log takes longer than writing them"
    ),
    "random_page_cost": like_ours("most", "random_page_cost", "indexes on SSDs are passed over for whole tables"),
    "TimeZone": Expected(
        "values", ("UTC", "Etc/UTC", "GMT"), "whoever reads the tables by hand sees instants in another zone"
    ),
}


def version(subject: Subject) -> list[Finding]:
    """New enough, and able to write what the platform writes."""
    number = subject.session.info.server_version
    shown = subject.session.info.parameter_status("server_version") or str(number)
    if number < MINIMUM_SERVER_VERSION:
        return [wrong(f"PostgreSQL {shown}", "upgrade the server to PostgreSQL 15 or newer (pg_upgrade)")]
    encoding = subject.session.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        remedy = "create a database with `encoding 'UTF8' template template0`, and restore into it"
        return [wrong(f"the database is in {encoding}, which cannot hold every identifier", remedy)]
    (standby,) = subject.session.execute("select pg_is_in_recovery()").fetchone() or (False,)
    if standby:
        return [wrong("the server is a standby, or still recovers: it takes no writes", "select pg_promote()")]
    return [well(f"PostgreSQL {shown}")]


def durability(subject: Subject) -> list[Finding]:
    """What is committed stays."""
    return _compared(subject, DURABLE)


def workload(subject: Subject) -> list[Finding]:
    """Settings that loads and closes were measured with."""
    return _compared(subject, WORKING)


def connections(subject: Subject) -> list[Finding]:
    """Enough for the runs that Dagster may start at once, and not nearly used up."""
    given = os.environ.get("METERLINE_DBT_THREADS") or "2"
    if not WHOLE_NUMBER.fullmatch(given):
        remedy = "set METERLINE_DBT_THREADS to how many models may be built at once, or leave it out for 2"
        return [wrong(f"METERLINE_DBT_THREADS is {given!r}, and no whole number from 1 on", remedy)]
    threads = max(int(given), subject.settings.lanes)
    needed = RUNS_AT_ONCE * (CONNECTIONS_OF_A_RUN + threads) + CONNECTIONS_BESIDE_RUNS
    used, limit = subject.session.execute(CONNECTIONS).fetchone() or (0, 0)
    remedy = f"alter system set max_connections = {max(needed * 2, 100)}; then restart the server"
    if limit < needed:
        return [wrong(f"max_connections leaves {limit}, and {RUNS_AT_ONCE} runs at once may need {needed}", remedy)]
    if used > limit * subject.limits.connection_share:
        return [wrong(f"{used} of {limit} connections are in use", f"end what is idle, or: {remedy}")]
    return [well(f"{used} of {limit} in use")]


def _compared(subject: Subject, expected: dict[str, Expected]) -> list[Finding]:
    """What differs, each with its statement; one line where nothing does."""
    overrides = {name: scope for name, *scope in subject.session.execute(OVERRIDES).fetchall()}
    rows = {row[0]: row[1:] for row in subject.session.execute(SETTINGS, (list(expected),)).fetchall()}
    findings = []
    for name, wanted in expected.items():
        if name not in rows:
            findings.append(unseen(f"{name} cannot be read", "grant pg_read_all_settings to this login"))
            continue
        value, unit, context, offered = rows[name]
        if _fits(wanted, value, unit):
            continue
        text = f"{name} is {_shown(value, unit)}: {wanted.why}"
        remedy = next(mended for mended in wanted.values if offered is None or mended in offered)
        findings.append(wrong(text, _remedy(subject, name, remedy, context, overrides.get(name))))
    return findings or [well(", ".join(f"{name} {_shown(*rows[name][:2])}" for name in expected))]


def _fits(wanted: Expected, value: str, unit: str | None) -> bool:
    if wanted.kind == "values":
        return value in wanted.values
    has, asked = _number(f"{value} {unit or ''}", unit), _number(wanted.values[0], unit)
    return has >= asked if wanted.kind == "least" else has <= asked


def _number(text: str, unit: str | None) -> float:
    """A quantity in bytes or seconds. `8kB` as a unit counts pages."""
    if unit == "8kB" and text.endswith("8kB"):
        return float(text.split(maxsplit=1)[0]) * UNITS[unit]
    found = WRITTEN_QUANTITY.fullmatch(text.strip())
    assert found is not None, text
    return float(found[1]) * (UNITS[found[2]] if found[2] else 1)


def _shown(value: str, unit: str | None) -> str:
    """As a person would write it in the configuration."""
    number = _number(f"{value} {unit}", unit) if unit else 0.0
    for larger in ("GB", "MB", "kB") if unit and unit.endswith("B") else ("h", "min", "s") if unit else ():
        if number >= UNITS[larger] and number % UNITS[larger] == 0:
            return f"{int(number / UNITS[larger])}{larger}"
    return f"{value}{unit or ''}"


def _remedy(subject: Subject, name: str, value: str, context: str, override: list[bool] | None) -> str:
    if name == "data_checksums":
        return "stop the server, then `pg_checksums --enable --pgdata DATA_DIRECTORY`"
    if override is not None:
        of_role, of_database = override
        database = sql.Identifier(subject.session.info.dbname).as_string()
        if of_database and not of_role:
            return f"alter database {database} reset {name}"
        role = subject.login if of_role else "all"
        return f"alter role {role}{f' in database {database}' if of_database else ''} reset {name}"
    then = "then restart the server" if context == "postmaster" else "select pg_reload_conf();"
    return f"alter system set {name} = '{value}'; {then}"
