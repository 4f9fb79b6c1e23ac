"""One invoice line back to the sensor message: line, devices, events, file and row, as tables for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from upath import UPath

from orchestration.errors import BadInputError
from orchestration.retention.reading import Asked, archived_events, together

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
STORED = """
select event_id, device_ts, quantity, event_at, received_at, timestamp_source, source_file, source_row
from finance.billing_events
where tenant_id = %(metered_for)s and device_id = %(device_id)s and metric = %(metric)s
    and case
        when %(metered_for)s = %(tenant_id)s then period_id = %(period_id)s
        else event_at >= %(since)s and event_at < %(until)s
    end
order by event_at, event_id
limit %(limit)s
"""
# Of the store and of the archive: in one order, with what is known beside them.
EVENTS = """
with told as (
    select event_id, %(metered_for)s as tenant_id, %(device_id)s as device_id, %(metric)s as metric, quantity,
        edited_quantity, event_at, received_at, timestamp_source, source_file, source_row
    from jsonb_to_recordset(%(events)s) as found (
        event_id text, quantity numeric(20, 10), edited_quantity numeric, event_at timestamptz, received_at timestamptz,
        timestamp_source text, source_file text, source_row integer
    )
)

select event.event_id, event.quantity,
    coalesce(event.edited_quantity, (
        select edited.quantity
        from finance.edits as edited
        where edited.event_id = event.event_id and edited.is_counted
        order by edited.decided_at desc
        limit 1
    )) as edited_quantity,
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
from told as event
order by event.event_at, event.event_id
"""


@dataclass(frozen=True)
class Trace:
    """An invoice and, for one line, what stands behind it; every table is a list of column-to-value rows.

    `purged` has a sentence for each part of its events that is kept no longer.
    """

    invoice: dict[str, Any]
    moves: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    line: dict[str, Any] | None
    devices: list[dict[str, Any]]
    events: list[dict[str, Any]]
    purged: list[str] = field(default_factory=list)


def trace(
    session: psycopg.Connection, archive: UPath, invoice_id: str, line_number: int | None, limit: int = 5
) -> Trace:
    """Follow an invoice, and one of its lines, back to the events; `limit` bounds devices and events shown.

    Raises BadInputError when there is no such invoice or line, ArchiveError when a file of the archive that has its
    events is missing or was changed.
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
    if not devices:
        return Trace(invoice, moves, lines, line, [], [])
    events, purged = _events(session, archive, invoice, devices[0], limit)
    return Trace(invoice, moves, lines, line, devices, events, purged)


def _events(
    session: psycopg.Connection, archive: UPath, invoice: dict[str, Any], device: dict[str, Any], limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """The first events of a device behind a line, in the store or archived, and what of them was purged."""
    # The meter of a unit is its landlord's; of a part of what is common all readings of the month are behind it.
    is_own = device["metered_for"] == invoice["tenant_id"]
    since = device["first_event_at"] or invoice["period_start_at"]
    last = device["last_event_at"] or invoice["period_end_at"] - timedelta(microseconds=1)
    asked = Asked(
        device["metered_for"], device["device_id"], since, last + timedelta(microseconds=1), device["metric"],
        invoice["period_id"] if is_own else None, billed_only=True,
    )  # fmt: skip
    told = {name: invoice[name] for name in ("tenant_id", "period_id")} | {"since": since, "until": asked.until}
    stored = _rows(session, STORED, device | told | {"limit": limit})
    archived, purged = archived_events(session, archive, asked, limit)
    events = json.dumps(together(stored, archived)[:limit], default=str)
    return _rows(session, EVENTS, device | {"events": events}), purged


def _rows(
    session: psycopg.Connection, query: str, parameters: tuple[Any, ...] | dict[str, Any]
) -> list[dict[str, Any]]:
    with session.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return list(cursor.execute(query.encode(), parameters).fetchall())
