"""What a close needs before dbt rates it: which periods are due, and whether anything stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg

from orchestration.errors import BadInputError, GateFailedError

UNAPPLIED = """
select count(*), min(source_file) from ledger.loads where status in ('landed', 'accepted', 'claimed')
"""
WATERMARK = "select min(received_until_at) from usage.int_watermarks"
PERIODS = """
select period.period_id, period.boundary_at
from metering.int_named_periods as period
where period.last_local_month = %s
order by period.boundary_at, period.period_id
"""
REQUEST = """
insert into ledger.close_requests (kind, period_month, as_of, config_load_id, last_load_id)
select %s, %s, %s, (select max(config_load_id) from config.loads), coalesce((select max(load_id) from ledger.loads), 0)
returning close_id
"""


@dataclass(frozen=True)
class DuePeriods:
    """Periods of one local month as of an instant: those that may close, and when the others may."""

    as_of: datetime
    due: list[str]
    not_due: dict[str, datetime]


def parse_month(text: str) -> date:
    """`YYYY-MM` to the month's first day. Raises BadInputError."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError as error:
        raise BadInputError(f"--period {text!r} is not a month; write it as 2019-02") from error


def parse_instant(text: str) -> datetime:
    """ISO 8601 with a zone (a bare date is midnight UTC) to an instant. Raises BadInputError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"--as-of {text!r} is not an instant; write it as 2019-03-04T00:00:00Z") from error
    if instant.tzinfo is None:
        if len(text) > 10:
            raise BadInputError(f"--as-of {text!r} has no zone; write it as {text}Z or with an offset")
        instant = instant.replace(tzinfo=UTC)
    return instant


def due_periods(session: psycopg.Connection, month: date, as_of: datetime | None) -> DuePeriods:
    """Periods whose last instant lies in the local month, told apart by their boundary.

    `as_of` None means the landing watermark: the end of the last received day of the region that is furthest behind.
    Raises BadInputError when there are no such periods or nothing was ever received.
    """
    if as_of is None:
        row = session.execute(WATERMARK).fetchone()
        if row is None or row[0] is None:
            raise BadInputError("nothing was received yet; run `meterline process` first, or give --as-of")
        as_of = row[0]
    assert as_of is not None
    rows = session.execute(PERIODS, (month,)).fetchall()
    if not rows:
        raise BadInputError(f"no contract has a billing period that ends in {month:%Y-%m} within what was received")
    return DuePeriods(
        as_of=as_of,
        due=[period for period, boundary in rows if boundary <= as_of],
        not_due={period: boundary for period, boundary in rows if boundary > as_of},
    )


def refuse_unapplied(session: psycopg.Connection) -> None:
    """Raise GateFailedError while loads wait to be metered: a close must see all that was received."""
    count, example = session.execute(UNAPPLIED).fetchone() or (0, None)
    if count:
        raise GateFailedError(
            f"check all_loads_applied: {count} load(s) are not metered yet (one is {example}); "
            "run `meterline process` for their days first"
        )


def request(session: psycopg.Connection, kind: str, month: date, as_of: datetime) -> int:
    """Record the work for the billing models and return its close_id. Abandoned requests are finished first."""
    session.execute("update ledger.close_requests set finished_at = clock_timestamp() where finished_at is null")
    row = session.execute(REQUEST, (kind, month, as_of)).fetchone()
    assert row is not None
    return int(row[0])
