"""The two gates of a close: which of the rated periods are published, and what holds the others."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from expectations import invoices, usage
from expectations.runner import Judgement, judge
from orchestration.errors import BusyError
from orchestration.gatekeeping import Verdicts, measures, record

DUE = "select * from governance.gate_usage order by period_id"
NEW = "select * from governance.gate_invoices where period_id <> all(%s) order by invoice"
CLEAR = """
insert into ledger.cleared_invoices (
    close_id, tenant_no, period_no, invoice_version, input_hash, total_amount, gate_run_id
)
select close_id, tenant_no, period_no, invoice_version, input_hash, total_amount, %(gate_run_id)s
from billing.int_new_invoices
where close_id = %(close_id)s and invoice_id || ':v' || invoice_version::text = any(%(cleared)s)
on conflict do nothing
"""
JUDGED = (
    "update ledger.close_requests set judged_at = statement_timestamp() where close_id = %s and finished_at is null"
)
UNPUBLISHED = """
select count(*)
from ledger.cleared_invoices as cleared
left join store.period_closes as closed using (close_id, tenant_no, period_no, invoice_version)
where cleared.close_id = %s and closed.close_id is null
"""
REPLACED = "another close or verify began before this one had published; close the month again"


@dataclass(frozen=True)
class CloseVerdicts:
    """What the usage gate said of the due periods, and the invoice gate of the invoices of those that passed it."""

    usage: Judgement
    periods: Verdicts
    invoices: Judgement
    new_invoices: Verdicts


def judge_close(session: psycopg.Connection, close_id: int) -> CloseVerdicts:
    """Judge what the close has rated and clear what passes; one transaction of `session`, repeatable.

    Raises BusyError when another close or proof has taken the place of this one.
    """
    if session.execute(JUDGED, (close_id,)).rowcount == 0:
        raise BusyError(REPLACED)
    occasion = f"close {close_id}"
    of_usage = judge(usage.GATE, measures(session, DUE))
    periods = record(session, of_usage, occasion)
    held = sorted({finding.subject for finding in periods.held})
    of_invoices = judge(invoices.GATE, measures(session, NEW, (held,)))
    new_invoices = record(session, of_invoices, occasion)
    cleared = [*new_invoices.passed, *new_invoices.overridden]
    session.execute(CLEAR, {"gate_run_id": new_invoices.gate_run_id, "close_id": close_id, "cleared": cleared})
    return CloseVerdicts(of_usage, periods, of_invoices, new_invoices)


def refuse_unpublished(session: psycopg.Connection, close_id: int) -> None:
    """Raise BusyError when invoices that the gates cleared were not published, because other work came between."""
    row = session.execute(UNPUBLISHED, (close_id,)).fetchone()
    if row is not None and row[0]:
        raise BusyError(REPLACED)
