"""The quarantine desk: what is refused and why, one refused row as it came, and its release by a named person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from orchestration.errors import BadInputError
from orchestration.turns import refuse_while_busy

REASONS = "select reason, is_releasable, remedy from ledger.refusal_remedies order by reason"
MATCHING = """
where
    (%(reason)s::text is null or reason = %(reason)s)
    and (%(tenant_id)s::text is null or tenant_id = %(tenant_id)s)
    and (%(file)s::text is null or source_file = %(file)s)
    and (%(first_day)s::date is null or received_date >= %(first_day)s)
    and (%(last_day)s::date is null or received_date <= %(last_day)s)
"""
COUNTS = f"""
select reason, tenant_id, source_file, received_date, message_count, is_releasable, remedy
from governance.quarantine_counts
{MATCHING}
order by received_date, source_file collate "C", reason, tenant_id
"""
STAYING = f"""
select reason, remedy, sum(message_count)::bigint as message_count
from governance.quarantine_counts
{MATCHING} and not is_releasable
group by reason, remedy
order by reason
"""
ROW = """
select refused.*, known.is_releasable, known.remedy
from finance.quarantined_messages as refused
inner join ledger.refusal_remedies as known using (reason)
where refused.source_file = %s and refused.source_row is not distinct from %s
"""
RELEASE = """
select source_file, sum(row_count)::bigint
from ledger.release_quarantined(
    %(reason)s, %(tenant_id)s, %(file)s, %(row)s, %(first_day)s, %(last_day)s, %(by)s, %(because)s
)
group by source_file
order by source_file collate "C"
"""


@dataclass(frozen=True)
class Filter:
    """Which refused rows: by reason, tenant, landing file, row of it, and UTC days of receipt; None: any."""

    reason: str | None = None
    tenant_id: str | None = None
    file: str | None = None
    row: int | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class Released:
    """Released rows by landing file, and those that stay, by reason with what to do about them."""

    files: list[tuple[str, int]]
    staying: list[tuple[str, str, int]]

    @property
    def row_count(self) -> int:
        """Rows that the next run meters again."""
        return sum(count for _, count in self.files)


def counts(session: psycopg.Connection, asked: Filter) -> list[dict[str, Any]]:
    """Refused messages by reason, tenant, landing file and received day. Raises BadInputError for an unknown reason."""
    _known(session, asked.reason)
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(COUNTS.encode(), asdict(asked)).fetchall()


def row(session: psycopg.Connection, file: str, row_number: int | None) -> dict[str, Any]:
    """One refused row as it came, with its reason and remedy; without a number the file itself, if it is unreadable."""
    with session.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(ROW.encode(), (file, row_number)).fetchone()
    if found is None:
        what = file if row_number is None else f"row {row_number} of {file}"
        raise BadInputError(f"{what} is not in quarantine; `meterline quarantine list` shows what is")
    return found


def release(session: psycopg.Connection, asked: Filter, by: str, because: str) -> Released:
    """Bring the rows again under the configuration of now, in one transaction; the next run meters them.

    Raises BadInputError when person or reason are missing, or when the reason asked for is none that a configuration
    mends; BusyError while another run is metering or closing.
    """
    if not (by.strip() and because.strip()):
        raise BadInputError("a release is a named person's decision: give --by NAME and --because TEXT")
    remedy = _known(session, asked.reason)
    if remedy is not None:
        raise BadInputError(f"{asked.reason} cannot be released: {remedy}")
    refuse_while_busy(session)
    parameters = asdict(asked) | {"by": by, "because": because}
    files = session.execute(RELEASE.encode(), parameters).fetchall()
    staying = session.execute(STAYING.encode(), parameters).fetchall() if asked.row is None else []
    return Released(files, staying)


def _known(session: psycopg.Connection, reason: str | None) -> str | None:
    """What to do instead where rows of this reason cannot be released. Raises BadInputError for an unknown reason."""
    reasons: Sequence[tuple[str, bool, str]] = session.execute(REASONS.encode()).fetchall()
    if reason is None:
        return None
    for name, is_releasable, remedy in reasons:
        if name == reason:
            return None if is_releasable else remedy
    raise BadInputError(f"there is no reason {reason!r}; the reasons are {', '.join(name for name, _, _ in reasons)}")
