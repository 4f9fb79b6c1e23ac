"""What is at work, or was and left its place occupied: statements, the turn, runs, and the daemon that starts them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from orchestration.doctor.examination import NO_DAGSTER, Finding, Limits, Subject, unseen, well, wrong
from orchestration.reports import run_url

# What a session is doing may only be seen by who may see all statistics; its words are shown to nobody.
MAY_SEE = "select pg_has_role(session_user, 'pg_read_all_stats', 'usage')"
SESSIONS = """
select format('session %%s (%%s, %%s)', pid, usename, coalesce(nullif(application_name, ''), 'unnamed')), pid,
    coalesce(state, ''), %(now)s - coalesce(query_start, backend_start),
    %(now)s - coalesce(state_change, backend_start), pg_blocking_pids(pid)
from pg_catalog.pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
order by query_start
"""
# The lock of orchestration.turns: a number of four bytes, which takes the place of one of eight.
HOLDER = """
select session.pid, session.application_name, %(now)s - session.backend_start
from pg_catalog.pg_locks as held
inner join pg_catalog.pg_stat_activity as session using (pid)
where
    held.locktype = 'advisory' and held.granted and held.objsubid = 1
    and held.database = (select oid from pg_catalog.pg_database where datname = current_database())
    and ((held.classid::bigint << 32) | held.objid::bigint) = hashtext('meterline.process')::bigint
"""
LAST_SIGN = """
select bool_or(state = 'active'), %(now)s - max(state_change)
from pg_catalog.pg_stat_activity
where
    datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
    and application_name like 'meterline%%'
"""
# Runs that say they are at work; the log of each is looked up by its index.
RUNS = """
select run.run_id, run.pipeline_name, run.status, %(now)s at time zone 'UTC' - coalesce(
    (
        select event.timestamp from dagster.event_logs as event
        where event.run_id = run.run_id
        order by event.id desc
        limit 1
    ),
    run.create_timestamp
) as silent_for
from dagster.runs as run
where run.status in ('STARTING', 'STARTED', 'CANCELING', 'QUEUED')
order by run.id
"""
QUEUED = "QUEUED"
SWITCHED_ON = "select count(*) from dagster.instigators where status = 'RUNNING'"
HEARTBEAT = "select %(now)s at time zone 'UTC' - max(timestamp) from dagster.daemon_heartbeats"


class Activity(NamedTuple):
    """A session: how it is called, since when it is at its statement or idle, and whom it waits for."""

    who: str
    pid: int
    state: str
    since: timedelta
    idle: timedelta
    blockers: list[int]


def statements(subject: Subject) -> list[Finding]:
    """Statements that take very long, wait for each other, or were begun and left open."""
    if not _may_see(subject):
        return [_not_allowed(subject)]
    sessions = subject.session.execute(SESSIONS, {"now": subject.now}).fetchall()
    found = [_trouble(subject.limits, Activity(*row)) for row in sessions]
    return [finding for finding in found if finding is not None] or [well("no statement hangs or takes long")]


def _trouble(limits: Limits, session: Activity) -> Finding | None:
    """What is wrong with a session, if anything."""
    who, pid, state, since, idle, blockers = session
    if blockers and since >= limits.waiting:
        text = f"{who} waits for session {', '.join(map(str, blockers))}"
        return wrong(text, f"select pg_terminate_backend({blockers[0]}), if that one hangs")
    if state == "active" and since >= limits.statement:
        return wrong(
            f"{who} is at one statement for {_span(since)}", f"select pg_cancel_backend({pid}), if nobody needs it"
        )
    if state.startswith("idle in transaction") and idle >= limits.silence:
        return wrong(f"{who} left a transaction open {_span(idle)} ago", f"select pg_terminate_backend({pid})")
    return None


def turn(subject: Subject) -> list[Finding]:
    """Who has the turn of metering and closing, and whether anything still works for it."""
    if not _may_see(subject):
        return [_not_allowed(subject)]
    holder = subject.session.execute(HOLDER, {"now": subject.now}).fetchone()
    if holder is None:
        return [well("nobody is metering or closing")]
    pid, application, since = holder
    working, silent = subject.session.execute(LAST_SIGN, {"now": subject.now}).fetchone() or (False, None)
    text = f"session {pid} ({application or 'unnamed'}) has the turn for {_span(since)}"
    if working or silent is None or silent < subject.limits.silence:
        return [well(text)]
    return [
        wrong(
            f"{text}, and nothing has worked for it for {_span(silent)}: its process is gone, or cut off",
            f"select pg_terminate_backend({pid}), then run what was running again",
        )
    ]


def runs(subject: Subject) -> list[Finding]:
    """Runs that say they work, or wait, and have not been heard of."""
    if not subject.has("dagster.runs"):
        return [NO_DAGSTER]
    rows = subject.session.execute(RUNS, {"now": subject.now}).fetchall()
    working, silent = subject.session.execute(LAST_SIGN, {"now": subject.now}).fetchone() or (False, None)
    is_quiet = not working and (silent is None or silent >= subject.limits.silence)
    silent_rows = [row for row in rows if row[3] >= subject.limits.silence]
    stuck = [row for row in silent_rows if row[2] != QUEUED and is_quiet]
    # A run waits its turn for as long as another is at work.
    if all(row in stuck for row in rows if row[2] != QUEUED):
        stuck += [row for row in silent_rows if row[2] == QUEUED]
    return [_stuck(*row) for row in stuck] or [well(f"{len(rows)} runs at work or in the queue")]


def _stuck(run_id: str, job: str, status: str, silent_for: timedelta) -> Finding:
    remedy = f"{run_url(run_id)}: terminate it (force it), then run the same again"
    if status == QUEUED:
        remedy = "start the daemon (`meterline up`), and end what it waits for"
    return wrong(f"run {run_id[:8]} of {job} is {status.lower()} and silent for {_span(silent_for)}", remedy)


def daemon(subject: Subject) -> list[Finding]:
    """Whether somebody is there to start what schedules and sensors ask for."""
    if not subject.has("dagster.instigators"):
        return [NO_DAGSTER]
    ((count,),) = subject.session.execute(SWITCHED_ON).fetchall()
    ((silent,),) = subject.session.execute(HEARTBEAT, {"now": subject.now}).fetchall()
    if not count:
        return [well("no schedule or sensor is switched on")]
    if silent is not None and silent <= subject.limits.heartbeat:
        return [well(f"{count} schedules and sensors are on, and the daemon lives")]
    since = "was never started" if silent is None else f"is silent for {_span(silent)}"
    return [wrong(f"{count} schedules and sensors are on, but the daemon {since}", "`meterline up`")]


def _may_see(subject: Subject) -> bool:
    ((may,),) = subject.session.execute(MAY_SEE).fetchall()
    return bool(may)


def _not_allowed(subject: Subject) -> Finding:
    text = "the login may not see what other sessions do"
    return unseen(text, f"grant pg_monitor to {subject.login}")


def _span(span: object) -> str:
    """To the second: nobody waits for less."""
    return str(span).split(".", maxsplit=1)[0]
