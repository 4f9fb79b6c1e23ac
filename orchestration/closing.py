"""What a close needs before dbt rates it: which periods are due, and whether anything stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg

from orchestration.errors import BadInputError, BusyError, GateFailedError

UNAPPLIED = """
select count(*), min(source_file)
from ledger.loads
where status in ('landed', 'accepted', 'claimed') or (status = 'applied' and events_judged_at is null)
"""
PERIODS = """
select
    tenant.tenant_id || ':' || period.period_start_date::text as period_id,
    period.boundary_at,
    coalesce(%(as_of)s, watermark.received_until_at) as as_of
from metering.int_billing_periods as period
inner join registry.tenants as tenant on period.tenant_no = tenant.tenant_no
left join billing.int_tenant_watermarks as watermark on period.tenant_no = watermark.tenant_no
where period.last_local_month = %(month)s
order by period.boundary_at, period_id
"""
# As many as the store has: to cut the periods anew, as a close does, takes long where loads wait to be dated.
OVERDUE = """
select
    period.last_local_month,
    count(*),
    min(period.boundary_at),
    min(tenant.tenant_id || ':' || period.period_start_date::text)
from store.periods as period
inner join registry.tenants as tenant on period.tenant_no = tenant.tenant_no
inner join billing.int_tenant_watermarks as watermark on period.tenant_no = watermark.tenant_no
where
    period.boundary_at <= watermark.received_until_at
    and not exists (
        select 1
        from store.period_closes as closed
        where closed.tenant_no = period.tenant_no and closed.period_no = period.period_no
    )
group by period.last_local_month
order by period.last_local_month
"""
# What a request names that is about no single month.
NO_MONTH = date(1970, 1, 1)
TO_THE_SECOND = "%Y-%m-%dT%H:%M:%SZ"
REQUEST = """
insert into ledger.close_requests (
    kind, period_month, as_of, rate_card_id, rate_card_version, against_version, config_load_id, last_load_id
)
select
    %s, %s, %s, %s, %s, %s, (select max(config_load_id) from config.loads),
    coalesce((select max(load_id) from ledger.loads), 0)
returning close_id
"""
# The one that was rated, not one that was asked for meanwhile.
OPEN_REQUEST = """
select asked.close_id
from billing.int_close_request as rated
inner join ledger.close_requests as asked using (close_id)
where asked.kind = 'close' and asked.finished_at is null
"""


@dataclass(frozen=True)
class WaitingPeriod:
    """A period that may not close yet: when it may, and the instant it was judged by (None: nothing was received)."""

    period_id: str
    boundary_at: datetime
    as_of: datetime | None

    def __str__(self) -> str:
        """As a sentence for the user."""
        judged = f"as of {self.as_of:{TO_THE_SECOND}}" if self.as_of else "because nothing was received"
        return f"{self.period_id} is not due {judged}: it may close from {self.boundary_at:{TO_THE_SECOND}}"


@dataclass(frozen=True)
class DuePeriods:
    """Periods of one local month: those that may close, and the others."""

    due: list[str]
    waiting: list[WaitingPeriod]


def parse_month(text: str, option: str = "--period") -> date:
    """`YYYY-MM` to the month's first day. Raises BadInputError."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError as error:
        raise BadInputError(f"{option} {text!r} is not a month; write it as 2019-02") from error


def parse_instant(text: str, option: str = "--as-of") -> datetime:
    """ISO 8601 with a zone (a bare date is midnight UTC) to an instant. Raises BadInputError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"{option} {text!r} is not an instant; write it as 2019-03-04T00:00:00Z") from error
    if instant.tzinfo is None:
        if len(text) > 10:
            raise BadInputError(f"{option} {text!r} has no zone; write it as {text}Z or with an offset")
        instant = instant.replace(tzinfo=UTC)
    return instant


def due_periods(session: psycopg.Connection, month: date, as_of: datetime | None) -> DuePeriods:
    """Periods whose last instant lies in the local month, told apart by their boundary.

    `as_of` None means the landing watermark: the end of the last received day of the tenant's region.
    Periods are cut as far as the newest request asks, so the request comes first.
    Raises BadInputError when there are no such periods, or when none of them is due.
    """
    rows = session.execute(PERIODS, {"month": month, "as_of": as_of}).fetchall()
    if not rows:
        raise BadInputError(f"no contract of contracts.csv has a billing period that ends in {month:%Y-%m}")
    judged = [WaitingPeriod(*row) for row in rows]
    due = [period.period_id for period in judged if period.as_of is not None and period.boundary_at <= period.as_of]
    waiting = [period for period in judged if period.period_id not in set(due)]
    if not due:
        raise BadInputError(str(waiting[0]))
    return DuePeriods(due, waiting)


def refuse_unapplied(session: psycopg.Connection) -> None:
    """Raise GateFailedError while loads wait to be metered: a close must see all that was received."""
    count, example = session.execute(UNAPPLIED).fetchone() or (0, None)
    if count:
        raise GateFailedError(
            f"check all_loads_applied: {count} load(s) are not metered and judged yet (one is {example}); "
            "run `meterline process` for their days first"
        )


# After the one that replaces it was asked for: by that it is known from one that came to its end.
ABANDON = (
    "update ledger.close_requests set finished_at = statement_timestamp() where finished_at is null and close_id < %s"
)


@dataclass(frozen=True)
class Candidate:
    """A version of a rate card to simulate, and the one to compare it with (None: the one in force)."""

    rate_card_id: str
    version: int
    against: int | None = None


def request(
    session: psycopg.Connection, kind: str, month: date, as_of: datetime | None, candidate: Candidate | None = None
) -> int:
    """Record the work for the billing models and return its close_id; it finishes requests that were abandoned."""
    simulated = (candidate.rate_card_id, candidate.version, candidate.against) if candidate else (None, None, None)
    row = session.execute(REQUEST, (kind, month, as_of, *simulated)).fetchone()
    assert row is not None
    session.execute(ABANDON, row)
    return int(row[0])


def open_request(session: psycopg.Connection) -> int:
    """The close that is being worked on. Raises BusyError when it was finished or replaced meanwhile."""
    row = session.execute(OPEN_REQUEST).fetchone()
    if row is None:
        raise BusyError("the close was finished or replaced by other work; close the month again")
    return int(row[0])
