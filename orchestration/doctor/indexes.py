"""Indexes of the event store that take more than they need, and what stopped rebuilds have left of them."""

from __future__ import annotations

from orchestration.doctor.examination import Finding, Subject, well, wrong

BLOATED = """
select to_char(month_start, 'YYYY-MM'), index_name, index_bytes, fresh_bytes, entry_count
from store.month_indexes
where is_bloated
order by index_bytes - fresh_bytes desc, index_name
"""
LEFT_OVER = """
select to_char(month_start, 'YYYY-MM'), index_name, index_bytes
from store.month_indexes
where is_left_over
order by month_start, index_name
"""
SHOWN = 10


def of_finished_months(subject: Subject) -> list[Finding]:
    """The greatest of them; of months that still fill it is as it must be. Each node knows its own."""
    if subject.settings.shards is not None:
        return [well("not known here: the event store lies on the nodes of this database")]
    bloated = subject.session.execute(BLOATED).fetchall()
    findings = [
        wrong(
            f"{name} of {month} takes {taken / entries:,.0f} bytes an event, {fresh / entries:,.0f} if it were fresh: "
            f"{(taken - fresh) / 2**20:,.0f} MB too many",
            f"`meterline reindex --month {month}`",
        )
        for month, name, taken, fresh, entries in bloated[:SHOWN]
    ]
    if len(bloated) > SHOWN:
        too_many = sum(taken - fresh for _, _, taken, fresh, _ in bloated[SHOWN:])
        text = f"{len(bloated) - SHOWN} more indexes take {too_many / 2**20:,.0f} MB too many"
        findings.append(wrong(text, "`meterline reindex`, or the schedule rebuild_indexes_weekly"))
    findings += [
        wrong(
            f"{name} of {month} is left of a rebuild that was stopped: {taken / 2**20:,.0f} MB that nobody reads",
            f"`meterline reindex --month {month}`, if none is at work",
        )
        for month, name, taken in subject.session.execute(LEFT_OVER).fetchall()
    ]
    return findings or [well("indexes of months that are over take what they need")]
