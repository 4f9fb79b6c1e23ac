"""What was received and is not billed by yet: files, loads, days, periods, and copies of the database."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from orchestration import closing
from orchestration.doctor.examination import NO_DAGSTER, Finding, Subject, well, wrong
from orchestration.ingest.landing import days_with_files, last_complete_day
from orchestration.ingest.unread import unread_files

WINDOW = timedelta(days=31)
RECEIVED = "select max(last_received_at), max(last_received_at) filter (where status = 'applied') from ledger.loads"
# Days that a run has noted as done, of those whose files are not as that run read them.
DONE_BEFORE = """
select distinct partition
from dagster.event_logs
where asset_key = '["raw", "messages"]' and dagster_event_type = 'ASSET_MATERIALIZATION' and partition = any(%s)
"""
# Whatever brings in files by itself: without it a silent landing zone is nobody's fault.
INTAKE = """
select name
from unnest(array['process_yesterday', 'new_landing_files']) as name
where exists (
    select 1 from dagster.instigators
    where status = 'RUNNING' and position('"' || name || '"' in instigator_body) > 0
)
"""
STANDBYS = """
select coalesce(application_name, ''), coalesce(client_addr::text, 'this machine'), coalesce(replay_lag, interval '0')
from pg_catalog.pg_stat_replication
where state is not null
order by replay_lag desc nulls last
"""


@dataclass(frozen=True)
class Unread:
    """Unread files by received day, and the first day that there was time to look at (None: there are none)."""

    counts: Counter[date]
    seen_from: date | None
    first: date | None

    @property
    def caveat(self) -> str:
        """Says so where not every day was looked at."""
        return "" if self.seen_from == self.first else f"; days before {self.seen_from} were not looked at"

    @property
    def remedy(self) -> str:
        """The days, and no others."""
        return f"`meterline process --from {min(self.counts)} --to {max(self.counts)}`"


def unread(subject: Subject) -> Unread:
    """Files of complete days that no run has read as they are, newest first for as long as the limit says."""
    landing, until = subject.settings.landing, time.monotonic() + subject.limits.landing_seconds
    present = days_with_files(landing)
    counts: Counter[date] = Counter()
    if present is None:
        return Unread(counts, None, None)
    first, last = present[0], min(present[1], last_complete_day())
    seen_from = last + timedelta(days=1)
    while seen_from > first and time.monotonic() < until:
        window = (max(first, seen_from - WINDOW), seen_from - timedelta(days=1))
        counts.update(file.received_date for file in unread_files(subject.session, landing, *window))
        seen_from = window[0]
    return Unread(counts, seen_from, first)


def landing_files(subject: Subject) -> list[Finding]:
    """Files that lie there and that no run has read."""
    found = unread(subject)
    if found.first is None:
        return [well("the landing zone is empty")]
    if not found.counts:
        return [well(f"every file of a complete day was read{found.caveat}")]
    text = f"{found.counts.total():,} files of {len(found.counts)} days, from {min(found.counts)} on, were not read"
    return [wrong(text + found.caveat, found.remedy)]


def received_days(subject: Subject) -> list[Finding]:
    """Partitions that were done, and whose files have come or changed since."""
    if not subject.has("dagster.event_logs"):
        return [NO_DAGSTER]
    found = unread(subject)
    days = [day.isoformat() for day in sorted(found.counts)]
    stale = sorted(row[0] for row in subject.session.execute(DONE_BEFORE, (days,)).fetchall()) if days else []
    if not stale:
        return [well(f"no day has files that are newer than its last run{found.caveat}")]
    text = f"{len(stale)} days have files that are newer than their last run: {', '.join(stale[:5])}"
    return [wrong(text, f"`meterline process --from {stale[0]} --to {stale[-1]}`")]


def loads(subject: Subject) -> list[Finding]:
    """Files in the ledger that no run has metered, or no gate has judged."""
    count, example = subject.session.execute(closing.UNAPPLIED).fetchone() or (0, None)
    if not count:
        return [well("everything that was loaded is metered and judged")]
    return [wrong(f"{count:,} loads are not metered and judged; one is {example}", "`meterline process`")]


def periods(subject: Subject) -> list[Finding]:
    """Periods that may close by what was received, and have not been closed."""
    overdue = subject.session.execute(closing.OVERDUE).fetchall()
    return [
        wrong(
            f"{count:,} periods that end in {month:%Y-%m} may close since {since:%Y-%m-%d %H:%M} UTC; one is {example}",
            f"`meterline close --period {month:%Y-%m}`",
        )
        for month, count, since, example in overdue
    ] or [well("no period is due")]


def reception(subject: Subject) -> list[Finding]:
    """How old the newest message is; silence is a fault where a schedule or sensor should bring files in."""
    received, metered = subject.session.execute(RECEIVED).fetchone() or (None, None)
    if received is None:
        return [well("no message has been received yet")]
    text = f"newest message received {_ago(subject, received)}, newest metered {_ago(subject, metered)}"
    intake = []
    if subject.has("dagster.instigators"):
        intake = [row[0] for row in subject.session.execute(INTAKE).fetchall()]
    if not intake:
        return [well(f"{text}; neither schedule nor sensor brings files in by itself")]
    if subject.now - received <= subject.limits.reception:
        return [well(text)]
    return [wrong(f"{text}, although {' and '.join(intake)} is on", "look at what delivers to METERLINE_LANDING")]


def standbys(subject: Subject) -> list[Finding]:
    """How far copies of the database are behind."""
    rows = subject.session.execute(STANDBYS).fetchall()
    late = [row for row in rows if row[2] > subject.limits.replication_lag]
    return [
        wrong(f"standby {name} at {address} is {lag} behind", "look at its log, its disk and the network between")
        for name, address, lag in late
    ] or [well(f"{len(rows)} standbys, none of them more than {subject.limits.replication_lag} behind")]


def _ago(subject: Subject, moment: datetime | None) -> str:
    if moment is None:
        return "never"
    hours = (subject.now - moment.astimezone(UTC)).total_seconds() / 3600
    return f"{moment:%Y-%m-%d %H:%M} UTC ({f'{hours:.0f} hours' if hours < 72 else f'{hours / 24:,.0f} days'} ago)"
