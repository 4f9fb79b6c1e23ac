"""One invoice line back to the sensor message: line, devices, events, file and row, as tables for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from orchestration.errors import BadInputError

INVOICE = """
select invoice_id, invoice_version, tenant_id, period_id, period_start_at, period_end_at, currency_code,
    subtotal_amount, tax_amount, prepaid_amount, total_amount, is_tax_included, status, invoice_number
from finance.invoices
where invoice_id = %s
order by invoice_version desc
limit 1
"""
MOVES = """
select to_status, actor, reason, moved_at
from finance.invoice_transitions
where invoice_id = %s and invoice_version = %s
order by transition_no
"""
LINES = """
select line_number, line_type, description, quantity, unit_price, amount, metric, charge_basis, rate_card_id,
    rate_card_version, price_model, tier_number
from finance.invoice_lines
where invoice_id = %s and invoice_version = %s
order by line_number
"""
DEVICES = """
select device.device_id, metric.metric, usage.quantity, usage.event_count, usage.first_event_at, usage.last_event_at,
    owner.tenant_id as metered_for
from store.closed_usage as usage
inner join metering.int_named_periods as period on usage.period_no = period.period_no
inner join registry.devices as device on usage.device_no = device.device_no
inner join registry.tenants as owner on device.tenant_no = owner.tenant_no
inner join registry.metrics as metric on usage.metric_no = metric.metric_no
where period.period_id = %s and usage.invoice_version = %s and (%s::text is null or metric.metric = %s)
order by usage.quantity desc, device.device_id
limit %s
"""
EVENTS = """
select event.event_id, event.quantity,
    (
        select edited.quantity
        from finance.edits as edited
        where edited.event_id = event.event_id and edited.is_counted
        order by edited.decided_at desc
        limit 1
    ) as edited_quantity,
    (
        select calibration.multiplier
        from finance.calibrations as calibration
        where (calibration.tenant_id, calibration.device_id, calibration.metric)
            = (event.tenant_id, event.device_id, event.metric)
            and event.event_at >= calibration.starts_at
            and (calibration.ends_at is null or event.event_at < calibration.ends_at)
    ) as multiplier,
    event.event_at, event.received_at, event.timestamp_source,
    event.source_file, event.source_row,
    (
        select extra.fields
        from ledger.loads as load
        inner join metering.int_extra_fields as extra
            on load.load_id = extra.load_id and extra.row_number = event.source_row
        where load.source_file = event.source_file
        limit 1
    ) as extra_fields
from finance.billing_events as event
where event.tenant_id = %(metered_for)s and event.device_id = %(device_id)s and event.metric = %(metric)s
    and case
        when %(metered_for)s = %(tenant_id)s then event.period_id = %(period_id)s
        else event.event_at between coalesce(%(first_event_at)s, %(period_start_at)s)
            and coalesce(%(last_event_at)s, %(period_end_at)s - interval '1 microsecond')
    end
order by event.event_at, event.event_id
limit %(limit)s
"""


@dataclass(frozen=True)
class Trace:
    """An invoice and, for one line, what stands behind it; every table is a list of column-to-value rows."""

    invoice: dict[str, Any]
    moves: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    line: dict[str, Any] | None
    devices: list[dict[str, Any]]
    events: list[dict[str, Any]]


def trace(session: psycopg.Connection, invoice_id: str, line_number: int | None, limit: int = 5) -> Trace:
    """Follow an invoice, and one of its lines, back to the events; `limit` bounds devices and events shown.

    Raises BadInputError when there is no such invoice or line.
    """
    invoices = _rows(session, INVOICE, (invoice_id,))
    if not invoices:
        raise BadInputError(f"no invoice {invoice_id!r}; finance.invoices lists them")
    invoice = invoices[0]
    version = (invoice_id, invoice["invoice_version"])
    moves, lines = _rows(session, MOVES, version), _rows(session, LINES, version)
    if line_number is None:
        return Trace(invoice, moves, lines, None, [], [])
    line = next((row for row in lines if row["line_number"] == line_number), None)
    if line is None:
        raise BadInputError(f"invoice {invoice_id} has lines 1 to {len(lines)}, not {line_number}")
    metric = line["metric"]
    devices = _rows(session, DEVICES, (invoice["period_id"], invoice["invoice_version"], metric, metric, limit))
    events = []
    if devices:
        # The meter of a unit is its landlord's; of a part of what is common all readings of the month are behind it.
        told = {name: invoice[name] for name in ("tenant_id", "period_id", "period_start_at", "period_end_at")}
        events = _rows(session, EVENTS, devices[0] | told | {"limit": limit})
    return Trace(invoice, moves, lines, line, devices, events)


def _rows(
    session: psycopg.Connection, query: str, parameters: tuple[Any, ...] | dict[str, Any]
) -> list[dict[str, Any]]:
    with session.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return list(cursor.execute(query.encode(), parameters).fetchall())
