"""Room: on the disks, in the tables, in the log of the server, and in the numbers of its transactions."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import sql

from orchestration.doctor.examination import Finding, Subject, unseen, well, wrong

# Only a superuser or who may read all settings is told the directory.
DATA_DIRECTORY = """
select
    case when has_parameter then current_setting('data_directory') end,
    coalesce(inet_server_addr() = inet_client_addr(), true)
from (select pg_has_role(session_user, 'pg_read_all_settings', 'usage') as has_parameter) as allowed
"""
DATABASE = "select pg_size_pretty(pg_database_size(current_database()))"
# The greatest by the pages that vacuum counted, so that only these few are looked at.
GREATEST = """
select format('%s.%s', place.nspname, greatest.relname), pg_size_pretty(pg_total_relation_size(greatest.oid))
from (
    select oid, relname, relnamespace
    from pg_catalog.pg_class
    where relkind in ('r', 'm')
    order by relpages desc
    limit 3
) as greatest
inner join pg_catalog.pg_namespace as place on greatest.relnamespace = place.oid
order by pg_total_relation_size(greatest.oid) desc
"""
DEAD = """
select schemaname, relname, n_dead_tup, n_live_tup
from pg_catalog.pg_stat_user_tables
where n_dead_tup >= %s and n_dead_tup >= %s * (n_dead_tup + n_live_tup)
order by n_dead_tup desc
limit 10
"""
OLDEST = """
select datname, greatest(age(datfrozenxid), mxid_age(datminmxid))
from pg_catalog.pg_database
order by 2 desc
limit 1
"""
SLOTS = """
select slot_name, pg_wal_lsn_diff(
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn
)::bigint as kept
from pg_catalog.pg_replication_slots
where not active and restart_lsn is not null
order by kept desc
"""
ARCHIVER = """
select last_failed_wal, failed_count, to_char(last_failed_time at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
from pg_catalog.pg_stat_archiver
where last_failed_time is not null and (last_archived_time is null or last_failed_time > last_archived_time)
"""


def home(subject: Subject) -> list[Finding]:
    """The platform's own folder."""
    return [_room(subject, "METERLINE_HOME", subject.settings.home)]


def artifacts(subject: Subject) -> list[Finding]:
    """What models leave, where that is a folder of this machine."""
    url = subject.settings.artifacts_url
    place = urlsplit(url) if url else None
    if place is not None and place.scheme not in ("", "file"):
        return [well(f"in a store of its own, {place.scheme}://{place.hostname or ''}")]
    return [_room(subject, "METERLINE_ARTIFACTS", Path(str(subject.settings.artifacts.path)))]


def data_directory(subject: Subject) -> list[Finding]:
    """The server's directory, where it is on this machine."""
    folder, is_local = subject.session.execute(DATA_DIRECTORY).fetchone() or (None, False)
    if not is_local:
        return [well("the server is on another machine: watch its disk there")]
    if folder is None:
        text = "the login may not read where the server keeps its data"
        return [unseen(text, f"grant pg_monitor to {subject.login}")]
    if not Path(folder).parent.exists():
        return [well(f"{folder} is not of this machine: watch its disk where the server runs")]
    return [_room(subject, "the server's data directory", Path(folder))]


def size(subject: Subject) -> list[Finding]:
    """How much there is, for who plans ahead; no size is wrong by itself."""
    ((total,),) = subject.session.execute(DATABASE).fetchall()
    greatest = ", ".join(f"{name} {pretty}" for name, pretty in subject.session.execute(GREATEST).fetchall())
    return [well(f"{total}; most of it in {greatest}")]


def dead_rows(subject: Subject) -> list[Finding]:
    """Tables that vacuum does not keep up with."""
    limits = subject.limits
    rows = subject.session.execute(DEAD, (limits.dead_rows, limits.dead_share)).fetchall()
    return [
        wrong(
            f"{schema}.{table}: {dead:,} dead rows beside {alive:,}",
            f"vacuum (analyze) {sql.Identifier(schema, table).as_string()}",
        )
        for schema, table, dead, alive in rows
    ] or [well(f"no table has {limits.dead_rows:,} dead rows that are {limits.dead_share:.0%} of it")]


def transactions(subject: Subject) -> list[Finding]:
    """How far the oldest transaction is that some row still names; at two billion the server takes no writes."""
    ((database, age),) = subject.session.execute(OLDEST).fetchall()
    text = f"the oldest of {database} is {age:,} transactions back, of two billion"
    if age <= subject.limits.transaction_age:
        return [well(text)]
    end = "end old transactions (pg_stat_activity, pg_prepared_xacts, idle slots)"
    return [wrong(text, f"{end}, then `vacuumdb --freeze {database}`")]


def kept_log(subject: Subject) -> list[Finding]:
    """What the server's log is kept for: slots that nobody reads, and an archive that does not take it."""
    slots = subject.session.execute(SLOTS).fetchall()
    findings = [
        wrong(
            f"slot {slot} is read by nobody and keeps {kept / 2**20:,.0f} MB of the server's log",
            f"start what reads it, or: select pg_drop_replication_slot({sql.Literal(slot).as_string()})",
        )
        for slot, kept in slots
        if kept >= subject.limits.kept_wal_bytes
    ]
    findings += [
        wrong(
            f"the archive has not taken {file} ({count} failures, the last at {at} UTC): the log piles up, and a "
            "restore ends before it",
            "mend archive_command or the archive's disk; the server's log has its words",
        )
        for file, count, at in subject.session.execute(ARCHIVER).fetchall()
    ]
    return findings or [well(f"{len(slots)} idle slots; the archive, if any, takes what there is")]


def _room(subject: Subject, what: str, folder: Path) -> Finding:
    """A folder that is not there yet has the room of the one it would be in."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage, limits = shutil.disk_usage(there), subject.limits
    text = f"{usage.free / 2**30:,.1f} GB of {usage.total / 2**30:,.0f} GB free at {folder}"
    if usage.free >= min(max(limits.free_bytes, limits.free_share * usage.total), limits.ample_bytes):
        return well(text)
    return wrong(text, f"make room: give {what} a larger disk, or remove what is not the platform's")
