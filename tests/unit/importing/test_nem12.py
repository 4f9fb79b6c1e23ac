"""NEM12 files, written by hand after AEMO's specification of the format; no meter of theirs exists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.aliases import Aliases, read_aliases
from orchestration.importing.nem12 import read_nem12

HEADER = "100,NEM12,202405020930,MDP1,RETAILER1"
CHANNEL = "200,NEM1201009,E1E2,1,E1,N1,01009,KWH,30,20240601"
END = "900"


@pytest.fixture
def aliases(tmp_path: Path) -> Aliases:
    path = tmp_path / "aliases.csv"
    path.write_text("identifier,channel,device_id,metric\nNEM1201009,E1,meter-1,energy\nNEM1201009,B1,meter-1,export\n")
    return read_aliases(path)


def day(values: list[str], quality: str = "A", date: str = "20240501", reason: str = "") -> str:
    return ",".join(["300", date, *values, quality, reason, "", "20240502092011", "20240502093000"])


def half_hours(first: str = "1.111") -> list[str]:
    return [first] + ["0.5"] * 47


def written(tmp_path: Path, *records: str) -> Path:
    path = tmp_path / "may.csv"
    path.write_text("\n".join(records) + "\n")
    return path


def test_intervals_begin_at_midnight_of_market_time(tmp_path: Path, aliases: Aliases) -> None:
    # 1 May 2024 00:00 at +10:00 is 30 April 14:00 in UTC; the file was made on 2 May 09:30 there.
    delivery = read_nem12(written(tmp_path, HEADER, CHANNEL, day(half_hours()), END), aliases)
    first, last = delivery.readings[0], delivery.readings[-1]
    assert delivery.made_at == datetime(2024, 5, 1, 23, 30, tzinfo=UTC)
    assert (first.at, first.quantity, first.unit) == (datetime(2024, 4, 30, 14, tzinfo=UTC), "1.111", "kWh")
    assert (last.at, last.quantity) == (datetime(2024, 5, 1, 13, 30, tzinfo=UTC), "0.5")
    assert (first.alias.device_id, first.alias.metric, first.quality, first.interval_seconds) == (
        "meter-1", "energy", "A", 1800,
    )  # fmt: skip
    assert len(delivery.readings) == 48


@pytest.mark.parametrize(("minutes", "count"), [(5, 288), (15, 96), (30, 48)])
def test_a_date_has_as_many_values_as_its_interval_length_says(
    tmp_path: Path, aliases: Aliases, minutes: int, count: int
) -> None:
    channel = CHANNEL.replace(",30,", f",{minutes},")
    delivery = read_nem12(written(tmp_path, HEADER, channel, day(["1"] * count), END), aliases)
    steps = {b.at - a.at for a, b in zip(delivery.readings, delivery.readings[1:], strict=False)}
    assert len(delivery.readings) == count
    assert [step.total_seconds() for step in steps] == [minutes * 60]


def test_quality_of_ranges_and_intervals_without_data(tmp_path: Path, aliases: Aliases) -> None:
    # Intervals 1-20 actual, 21-24 final substitutes by method 14 for reason 32, 25-48 no data.
    ranges = ("400,1,20,A,,", "400,21,24,F14,32,", "400,25,48,N,,")
    delivery = read_nem12(written(tmp_path, HEADER, CHANNEL, day(half_hours(), "V"), *ranges, END), aliases)
    assert [reading.quality for reading in delivery.readings] == ["A"] * 20 + ["F14"] * 4
    assert [reading.reason_code for reading in delivery.readings] == [None] * 20 + ["32"] * 4
    assert delivery.no_data_count == 24


def test_channels_days_and_index_readings(tmp_path: Path, aliases: Aliases) -> None:
    other = CHANNEL.replace(",E1,N1", ",B1,N1").replace("KWH", "Wh")
    index = "500,O,S01009,20240502000000,001123.5"
    records = (day(half_hours()), day(half_hours("2"), "E52", "20240502"), index, other, day(half_hours("7")))
    delivery = read_nem12(written(tmp_path, HEADER, CHANNEL, *records, END), aliases)
    found = [(r.at.day, r.quantity, r.alias.metric, r.unit, r.quality) for r in delivery.readings[::48]]
    assert found == [
        (1, "1.111", "energy", "kWh", "A"),
        (2, "2", "energy", "kWh", "E52"),
        (1, "7", "export", "Wh", "A"),
    ]


@pytest.mark.parametrize(
    ("records", "line"),
    [
        ((CHANNEL,), "may.csv line 1: comes before the header"),
        (("100,NEM13,202405020930,A,B",), "may.csv line 1: names 'NEM13' and not NEM12"),
        (("100,NEM12,yesterday,A,B",), "may.csv line 1: has 'yesterday' where a date and time belong"),
        ((HEADER, CHANNEL, day(half_hours())), "may.csv: has no end"),
        ((HEADER, END, CHANNEL), "may.csv line 3: follows the end"),
        ((HEADER, HEADER), "may.csv line 2: is a second header"),
        ((HEADER, day(half_hours())), "may.csv line 2: has no channel"),
        ((HEADER, "200,NEM1201009"), "may.csv line 2: has 2 fields"),
        ((HEADER, CHANNEL.replace(",30,", ",60,")), "may.csv line 2: has the interval length '60'"),
        ((HEADER, CHANNEL, "300,20240501,1,2,3,A"), "may.csv line 3: has 6 fields; a date of 30 minutes has 48"),
        ((HEADER, CHANNEL, day(["x"] + ["1"] * 47), END), "may.csv line 3: interval 1 is 'x'"),
        ((HEADER, CHANNEL, day(half_hours(), "Q"), END), "may.csv line 3: has the quality 'Q'"),
        ((HEADER, CHANNEL, day(half_hours(), "V"), "400,1,47,A,,", END), "may.csv line 3: quality V, but records 400"),
        ((HEADER, CHANNEL, day(half_hours(), "V"), "400,1,49,A,,", END), "may.csv line 4: covers the intervals '1'"),
        ((HEADER, "400,1,2,A"), "may.csv line 2: has no interval data"),
        ((HEADER, "700,1"), "may.csv line 2: begins with '700'"),
        (("100," + '"NEM12',), "may.csv: cannot be read as a CSV"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, aliases: Aliases, records: tuple[str, ...], line: str) -> None:
    with pytest.raises(BadInputError) as refusal:
        read_nem12(written(tmp_path, *records), aliases)
    assert str(refusal.value).startswith(line)


def test_a_metering_point_without_alias_is_refused_and_not_named(tmp_path: Path, aliases: Aliases) -> None:
    with pytest.raises(BadInputError) as refusal:
        read_nem12(written(tmp_path, HEADER, CHANNEL.replace("NEM1201009", "NEM1201234")), aliases)
    assert "channel 'E1' of metering point ******1234 is not in" in str(refusal.value)
    assert "NEM120" not in str(refusal.value)
