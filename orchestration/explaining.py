"""Why an invoice is what it is: each line in numbers, and the bridge from the invoice before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from orchestration.errors import BadInputError

INVOICE = """
select invoice.invoice_id, invoice.invoice_version, invoice.currency_code, invoice.total_amount, period.last_local_month
from finance.invoices as invoice
inner join metering.int_named_periods as period on invoice.period_id = period.period_id
where invoice.invoice_id = %s
order by invoice.invoice_version desc
limit 1
"""
LINES = """
select line_number, explanation, amount
from finance.invoice_line_explanations
where invoice_id = %s and invoice_version = %s
order by line_number
"""
SUMMARY = """
select explanation, previous_invoice_id
from finance.invoice_change_summaries
where invoice_id = %s and invoice_version = %s
order by previous_invoice_version desc
limit 1
"""
CHANGES = """
select change_no as change, component, concat_ws(' ', metric, charge, part, 'tier ' || tier_number::text) as line,
    line_type, device_id, amount
from finance.invoice_changes
where invoice_id = %s and invoice_version = %s
order by change_no
limit %s
"""
COMPONENTS = """
select component, count(*) as changes, sum(amount) as amount
from finance.invoice_changes
where invoice_id = %s and invoice_version = %s
group by component
order by min(change_no)
"""
EXPLAINED = """
select summary.invoice_id, summary.difference_amount, summary.currency_code, summary.explanation
from finance.invoice_change_summaries as summary
inner join finance.invoices as invoice using (invoice_id, invoice_version)
inner join metering.int_named_periods as period on invoice.period_id = period.period_id
where period.last_local_month = %s
order by abs(summary.difference_amount) desc, summary.invoice_id collate "C"
limit %s
"""


@dataclass(frozen=True)
class Explanation:
    """The newest version of an invoice: its lines, and what it differs by from the invoice before, if there is one.

    `changes` are the first so many; `components` sum all of them.
    """

    invoice_id: str
    invoice_version: int
    month: date
    lines: list[dict[str, Any]]
    summary: str | None
    components: list[dict[str, Any]]
    changes: list[dict[str, Any]]


def explain(session: psycopg.Connection, invoice_id: str, limit: int = 20) -> Explanation:
    """What finance reads about the newest version of an invoice. Raises BadInputError when there is no such invoice."""
    with session.cursor(row_factory=dict_row) as cursor:
        invoice = cursor.execute(INVOICE, (invoice_id,)).fetchone()
        if invoice is None:
            raise BadInputError(f"no invoice {invoice_id!r}; finance.invoices lists them")
        key = (invoice_id, invoice["invoice_version"])
        summary = cursor.execute(SUMMARY, key).fetchone()
        return Explanation(
            invoice_id,
            invoice["invoice_version"],
            invoice["last_local_month"],
            cursor.execute(LINES, key).fetchall(),
            None if summary is None else summary["explanation"],
            cursor.execute(COMPONENTS, key).fetchall(),
            cursor.execute(CHANGES, (*key, limit)).fetchall(),
        )


def explained(session: psycopg.Connection, month: date, limit: int = 20) -> list[tuple[Any, ...]]:
    """(invoice_id, difference, currency, words) of the month's invoices, the greatest difference first."""
    return session.execute(EXPLAINED, (month, limit)).fetchall()
