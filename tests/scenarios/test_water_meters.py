"""Real household water meters: what became of every rollover, exchange, reverse flow, jump and second register.

Needs the hourly registers of DAIAD trial A, swm_trialA.parquet and swm_trialA_extended.parquet (CC BY-SA 4.0):

    METERLINE_WATER_METERS=FOLDER pytest -m heavy -s tests/scenarios/test_water_meters.py
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.support import Pipeline

FOLDER = os.environ.get("METERLINE_WATER_METERS", "")
MADRID = ZoneInfo("Europe/Madrid")
RECEIVED_AT = datetime(2017, 5, 20, 12, tzinfo=UTC)
FLAGS = """
select device_id, coalesce(flag, 'billed'), count(*), sum(quantity)
from store.register_uses join registry.devices using (device_no) group by 1, 2
"""
# What each reading that was set aside would have billed as a plain difference to the reading before.
EFFECTS = """
select flag, count(*), count(distinct device_no), trim_scale(sum(greatest(difference, 0)))::text,
    trim_scale(sum(quantity))::text
from (
    select *, reading - lag(reading) over (partition by device_no order by event_at, seq_epoch, msg_seq) as difference
    from store.register_uses
) as used
where flag is not null group by flag order by flag
"""


def readings() -> pd.DataFrame:
    """Readings with their instant: of the repeated hour the first, unless the household was read after that before."""
    files = [pd.read_parquet(Path(FOLDER) / f"swm_trialA{part}.parquet") for part in ("", "_extended")]
    table = pd.concat(files, ignore_index=True)
    local = pd.to_datetime(table["datetime"], format="%d/%m/%Y %H:%M:%S").dt.to_pydatetime()
    instants, latest = [], dict[str, datetime]()
    for household, clock in zip(table["user_key"], local, strict=True):
        instant = clock.replace(tzinfo=MADRID).astimezone(UTC)
        if household in latest and instant <= latest[household]:
            instant = clock.replace(tzinfo=MADRID, fold=1).astimezone(UTC)
        latest[household] = instant
        instants.append(instant)
    return table.assign(read_at=instants, msg_seq=table.groupby("user_key").cumcount())


@pytest.mark.heavy
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not FOLDER, reason="METERLINE_WATER_METERS names no folder")
def test_household_registers_bill_last_minus_first_wherever_they_are_sane(pipeline: Pipeline) -> None:
    table = readings()
    pipeline.configuration.tables["metrics"][0] |= {"unit": "l", "reading_type": "cumulative"}
    # A household connection delivers two cubic metres an hour at most.
    pipeline.configuration.tables["device_types"].append({"device_type": "water", "max_use_per_hour": 2000})
    pipeline.tenant(
        "utility", *table["user_key"].unique(), device_type="water", time_zone="Europe/Madrid", starts_at="2016-01-01",
        clock_policy="device", grace_hours=20000,
    )  # fmt: skip
    rows = pd.DataFrame(
        {
            "tenant_id": "utility",
            "device_id": table["user_key"],
            "metric": "energy",
            "msg_seq": table["msg_seq"],
            "quantity": table["meter_reading"],
            "device_ts": pd.to_datetime(pd.Series(table["read_at"])),
            "received_at": pd.Timestamp(RECEIVED_AT),
        }
    )
    path = Path(pipeline.land_bytes("readings.parquet", b"", RECEIVED_AT.date().isoformat()))
    rows.to_parquet(Path(str(pipeline.settings.landing)) / path, index=False)
    pipeline.process()

    # Every reading is kept, those of the repeated hour with the same clock time and register, too.
    assert pipeline.refused() == []
    assert pipeline.rows("select count(*) from finance.billing_events") == [(len(table),)]

    table["shown"] = table["meter_reading"].astype(float)
    in_order = table.sort_values(["user_key", "read_at", "msg_seq"]).groupby("user_key")["shown"]
    span, height = in_order.last() - in_order.first(), in_order.max() - in_order.first()
    flags = pd.DataFrame(pipeline.rows(FLAGS), columns=["device", "flag", "count", "use"])
    used = flags.groupby("device")["use"].sum().astype(float)
    found = flags.groupby("device")["flag"].agg(set)
    for device, names in found.items():
        odd = names - {"billed", "first"}
        if not odd:
            assert used[device] == span[device], device
        elif odd == {"reverse"}:
            assert used[device] == height[device], device
    sane = sum(names <= {"billed", "first"} for names in found)
    print(f"{len(table)} readings of {len(found)} households, {sane} of them without a flag")
    print("flag, readings, households, rise over the reading before (l), billed (l)")
    for row in pipeline.rows(EFFECTS):
        print(*row, sep=", ")
    assert "interleaved" in set(flags["flag"])
