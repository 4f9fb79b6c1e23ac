"""The end of what is kept: holds that stop it, purges that one person proposes and another approves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from upath import UPath

from orchestration.invoicing import Signed
from orchestration.refusals import refusals

HOLD = "select store.place_hold(%s, %s, %s, %s, %s)"
LIFT = "select store.lift_hold(%s, %s, %s)"
PROPOSE = "select store.propose_purge(%s, %s)"
DECIDE = "select store.decide_purge(%s, %s, %s, %s)"
FILES = "select store.files_to_purge(%s)"
CARRY_OUT = "select store.carry_out_purge(%s)"
ITEMS = """
select tenant.tenant_id, item.kind as kept_data, coalesce(item.received_date, fold.month_start_at::date) as first_date,
    item.row_count, item.retention_class, item.kept_until_at
from ledger.purge_items as item
inner join ledger.purge_proposals as purge on item.purge_no = purge.purge_no
inner join registry.tenants as tenant on item.tenant_no = tenant.tenant_no
left join ledger.archived_files as file on item.file_no = file.file_no
left join store.folds as fold on file.fold_no = fold.fold_no
where purge.purge_id = %s
order by item.item_no
"""
DONE = """
select done.delivery_count, done.minute_count, done.file_count
from ledger.purges as done
inner join ledger.purge_proposals as purge on done.purge_no = purge.purge_no
where purge.purge_id = %s
"""


@dataclass(frozen=True)
class Purged:
    """What a purge deleted."""

    deliveries: int
    minutes: int
    files: int


def hold(
    session: psycopg.Connection, tenant: str, since: datetime | None, until: datetime | None, signed: Signed
) -> int:
    """Stop every purge of what a tenant's messages of a time left; returns the hold's number. Raises BadInputError."""
    return int(_one(session, HOLD, tenant, since, until, signed.by, signed.reason))


def lift(session: psycopg.Connection, number: int, signed: Signed) -> None:
    """End a hold. Raises BadInputError."""
    _one(session, LIFT, number, signed.by, signed.reason)


def propose(session: psycopg.Connection, signed: Signed) -> str:
    """Record everything that is due as a proposal; returns its identifier. Raises BadInputError where nothing is."""
    return str(_one(session, PROPOSE, signed.by, signed.reason))


def items(session: psycopg.Connection, purge_id: str) -> list[dict[str, Any]]:
    """What a purge deletes, one row per part."""
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ITEMS, (purge_id,)).fetchall()


def decide(session: psycopg.Connection, purge_id: str, decision: str, signed: Signed) -> None:
    """Approve or reject a purge, or withdraw an approved one; nothing is deleted yet. Raises BadInputError."""
    _one(session, DECIDE, purge_id, decision, signed.by, signed.reason)


def carry_out(session: psycopg.Connection, archive: UPath, purge_id: str) -> Purged:
    """Delete what an approved purge lists: its files, then its rows, then it is on record.

    A file that a run which died has deleted before is no error. No hold is recorded meanwhile. Raises BadInputError.
    """
    with refusals():
        paths = [str(path) for (path,) in session.execute(FILES, (purge_id,)).fetchall()]
    for path in paths:
        (archive / path).unlink(missing_ok=True)
    return _record(session, purge_id)


def _record(session: psycopg.Connection, purge_id: str) -> Purged:
    _one(session, CARRY_OUT, purge_id)
    row = session.execute(DONE, (purge_id,)).fetchone()
    assert row is not None
    return Purged(*row)


def _one(session: psycopg.Connection, statement: str, *parameters: Any) -> Any:
    with refusals():
        row = session.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return row[0]
