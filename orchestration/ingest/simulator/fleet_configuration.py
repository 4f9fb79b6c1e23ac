"""The configuration folder of a synthetic fleet: one contract a tenant, one rate card for all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration.ingest.landing_writer import store

METRIC, UNIT = "energy", "kWh"
TIME_ZONE = "Europe/London"
CARD = "fleet-card"


def device_id(index: int) -> str:
    """Alias of the device with this index from 0."""
    return f"dev-{index + 1:07d}"


def tenant_id(index: int) -> str:
    """Id of the tenant with this index from 0; devices are dealt to the tenants in turn."""
    return f"tenant-{index + 1:04d}"


def write_configuration(folder: Path, device_count: int, tenant_count: int, first_day: date, region: str) -> None:
    """Write the CSVs; contracts begin with the year before `first_day`'s. Raises BadInputError if others are there."""
    begins = datetime(first_day.year - 1, 1, 1, tzinfo=ZoneInfo(TIME_ZONE)).isoformat()
    tenants = [tenant_id(index) for index in range(tenant_count)]
    devices = ((device_id(n), tenants[n % tenant_count], "meter", "", begins, "") for n in range(device_count))
    card_from = f"{first_day.year - 1}-01-01"
    _write(
        folder,
        "tenants",
        "tenant_id,name,region,currency_code",
        [(tenant, tenant, region, "GBP") for tenant in tenants],
    )
    _write(
        folder,
        "contracts",
        "contract_id,tenant_id,starts_at,ends_at,time_zone,billing_cycle,anchor_day,late_policy,grace_hours,"
        "close_delay_minutes,clock_policy,rate_card_id,minimum_spend_amount,tax_percent",
        [
            (f"{tenant}-1", tenant, begins, "", TIME_ZONE, "monthly", 1, "grace", 72, 5, "corrected", CARD, "", 20)
            for tenant in tenants
        ],
    )
    _write(folder, "devices", "device_id,tenant_id,device_type,property_id,activated_at,retired_at", devices)
    _write(
        folder,
        "device_types",
        "device_type,max_clock_skew_seconds,sequence_conflict_policy,sequence_reuse_window_seconds,register_max",
        [("meter", 300, "quarantine", "", "")],
    )
    _write(folder, "metrics", "metric,unit,reading_type,aggregation", [(METRIC, UNIT, "delta", "sum")])
    _write_rate_card(folder, card_from)


def _write_rate_card(folder: Path, effective_from: str) -> None:
    _write(
        folder,
        "rate_cards",
        "rate_card_id,rate_card_version,effective_from_date,currency_code,metric,charge_basis,price_model,"
        "package_size,included_units,zero_quantity",
        [
            (CARD, 1, effective_from, "GBP", METRIC, "usage", "graduated", "", "", ""),
            (CARD, 1, effective_from, "GBP", METRIC, "active_devices", "volume", "", "", ""),
        ],
    )
    _write(
        folder,
        "rate_card_tiers",
        "rate_card_id,rate_card_version,metric,charge_basis,tier_number,up_to,unit_price,flat_fee",
        [
            (CARD, 1, METRIC, "usage", 1, 100_000, "0.1450", ""),
            (CARD, 1, METRIC, "usage", 2, 1_000_000, "0.1325", ""),
            (CARD, 1, METRIC, "usage", 3, "", "0.1210", ""),
            (CARD, 1, METRIC, "active_devices", 1, 1_000, "0.80", ""),
            (CARD, 1, METRIC, "active_devices", 2, "", "0.65", ""),
        ],
    )


def _write(folder: Path, table: str, header: str, rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    store(folder, f"{table}.csv", buffer.getvalue().encode())
