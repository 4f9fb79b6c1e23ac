"""Who takes part in the demo: the devices of its configuration, and the real readings that they report."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from orchestration.settings import DBT_PROJECT

CONFIG = DBT_PROJECT / "config"
SAMPLE_READINGS = Path(__file__).resolve().parent.parent / "sample_readings"
METRIC_OF_DEVICE_TYPE = {"electricity-meter": "electricity", "gas-meter": "gas"}

# Start of the metered hour in UTC, and kWh in that hour.
Reading = tuple[datetime, Decimal]


@dataclass(frozen=True)
class Device:
    """A meter of the demo; `zone` and `contract_starts_at` are its tenant's contract's."""

    device_id: str
    tenant_id: str
    region: str
    building: str
    metric: str
    unit: str
    zone: ZoneInfo
    contract_starts_at: datetime

    @property
    def states_sent_ts(self) -> bool:
        """Whether its firmware says when it publishes; that of the gas meters does not."""
        return self.metric == "electricity"


def read_devices() -> list[Device]:
    """The devices of the demo's configuration, in its order."""
    regions = {row["tenant_id"]: row["region"] for row in _rows("tenants")}
    contracts = {row["tenant_id"]: row for row in _rows("contracts")}
    units = {row["metric"]: row["unit"] for row in _rows("metrics")}
    return [
        Device(
            device_id=row["device_id"],
            tenant_id=row["tenant_id"],
            region=regions[row["tenant_id"]],
            building=row["property_id"],
            metric=METRIC_OF_DEVICE_TYPE[row["device_type"]],
            unit=units[METRIC_OF_DEVICE_TYPE[row["device_type"]]],
            zone=ZoneInfo(contracts[row["tenant_id"]]["time_zone"]),
            contract_starts_at=datetime.fromisoformat(contracts[row["tenant_id"]]["starts_at"]),
        )
        for row in _rows("devices")
    ]


def read_readings(metric: str) -> dict[str, list[Reading]]:
    """The shipped readings of a metric by building, in time order."""
    readings: dict[str, list[Reading]] = defaultdict(list)
    columns = pq.read_table(SAMPLE_READINGS / f"{metric}.parquet").to_pydict()
    for building, hour_at, kwh in zip(columns["building"], columns["datetime"], columns["kwh"], strict=True):
        readings[building].append((hour_at, kwh))
    return readings


def _rows(table: str) -> list[dict[str, str]]:
    with (CONFIG / f"{table}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
