"""Events of archived months, for a trace and for a dispute: DuckDB over files whose digests are checked first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from upath import UPath

from orchestration.errors import BadInputError
from orchestration.retention.files import EVENTS, MissingFileError, checked, query

COLUMNS = tuple(EVENTS.names)
# By the period that bills, or by when it was; with who approved its purge, carried out or not.
FILES = """
select file.path, file.sha256, fold.month_start_at::date as month, done.purged_at, purge.purge_id,
    decided.decided_by, decided.reason, purge.proposed_by
from ledger.archived_files as file
inner join store.folds as fold on file.fold_no = fold.fold_no
inner join registry.tenants as tenant on file.tenant_no = tenant.tenant_no
left join lateral (
    select item.purge_no
    from ledger.purge_items as item
    inner join ledger.purge_decisions as decided on item.purge_no = decided.purge_no and decided.decision = 'approved'
    left join ledger.purges as done on item.purge_no = done.purge_no
    where item.file_no = file.file_no
    order by done.purged_at, item.purge_no desc
    limit 1
) as last on true
left join ledger.purge_proposals as purge on last.purge_no = purge.purge_no
left join ledger.purge_decisions as decided on last.purge_no = decided.purge_no
left join ledger.purges as done on last.purge_no = done.purge_no
where tenant.tenant_id = %(tenant)s and file.kind = 'events'
    and file.first_event_at < %(until)s and file.last_event_at >= %(since)s
order by file.path
"""
FOUND = """
select {columns} from read_parquet(?)
where device_id = ? and (? is null or metric = ?) and (? is null or period_id = ?)
    and event_at >= ? and event_at < ? and (? is null or disposition in ('billed', 'deferred', 'reopened'))
order by event_at, event_id
limit ?
"""
HOT = """
select {columns} from metering.int_told_events
where tenant_id = %(tenant)s and device_id = %(device)s and (%(metric)s::text is null or metric = %(metric)s)
    and event_at >= %(since)s and event_at < %(until)s
"""
DEVICE = """
select 1 from registry.devices inner join registry.tenants using (tenant_no) where tenant_id = %s and device_id = %s
"""
EVERY_EVENT = 2**62


@dataclass(frozen=True)
class Asked:
    """Whose events: of a device from an instant until another, of one metric or all, of one period or any."""

    tenant: str
    device: str
    since: datetime
    until: datetime
    metric: str | None = None
    billed_in: str | None = None
    billed_only: bool = False


def archived_events(
    session: psycopg.Connection, archive: UPath, asked: Asked, limit: int = EVERY_EVENT
) -> tuple[list[dict[str, Any]], list[str]]:
    """The first events by time, columns as in the files, and a sentence for each file that was purged.

    To be asked after the store: what leaves it between the two questions is then found twice, not missed.
    Raises ArchiveError where a file is missing or was changed.
    """
    events: list[dict[str, Any]] = []
    purged = []
    with session.cursor(row_factory=dict_row) as cursor:
        files = cursor.execute(FILES, vars(asked)).fetchall()
    for file in files:
        if file["purged_at"] is not None:
            purged.append(_purged(file))
            continue
        try:
            with checked(archive, file["path"], file["sha256"]) as copy:
                events += _found(str(copy), asked, limit)
        except MissingFileError:
            # A purge that was begun deletes files first.
            if file["purge_id"] is None:
                raise
            purged.append(_purged(file))
    return sorted(events, key=_by_time)[:limit], purged


def together(stored: list[dict[str, Any]], archived: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of the store and the archive by time, each once also where it left the one for the other meanwhile."""
    once = {(event["event_id"], event["device_ts"]): event for event in [*stored, *archived]}
    return sorted(once.values(), key=_by_time)


def device_events(session: psycopg.Connection, archive: UPath, asked: Asked) -> tuple[list[dict[str, Any]], list[str]]:
    """All events of a device in a time, whatever became of them, from the store and the archive alike.

    Raises BadInputError for an unknown device, ArchiveError for a file that is missing or was changed.
    """
    if session.execute(DEVICE, (asked.tenant, asked.device)).fetchone() is None:
        raise BadInputError(f"tenant {asked.tenant!r} has no device {asked.device!r}")
    with session.cursor(row_factory=dict_row) as cursor:
        stored = cursor.execute(HOT.format(columns=", ".join(COLUMNS)).encode(), vars(asked)).fetchall()
    archived, purged = archived_events(session, archive, asked)
    return together(stored, archived), purged


def _found(path: str, asked: Asked, limit: int) -> list[dict[str, Any]]:
    parameters = [
        path, asked.device, asked.metric, asked.metric, asked.billed_in, asked.billed_in, asked.since, asked.until,
        asked.billed_only or None, limit,
    ]  # fmt: skip
    rows = query(FOUND.format(columns=", ".join(COLUMNS)), parameters)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _purged(file: dict[str, Any]) -> str:
    when = f"on {file['purged_at']:%Y-%m-%d}" if file["purged_at"] else "and may be half deleted: run the purge again"
    return (
        f"events of {file['month']:%Y-%m} were purged {when} ({file['purge_id']}, proposed by {file['proposed_by']}, "
        f"approved by {file['decided_by']}: {file['reason']})"
    )


def _by_time(event: dict[str, Any]) -> tuple[datetime, str]:
    return event["event_at"], event["event_id"]
