"""NEM12, the interval data of Australia's electricity market: CSV records 100 to 900 in market time.

Source: AEMO, Meter Data File Format Specification NEM12 and NEM13.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from orchestration.errors import BadInputError
from orchestration.importing.aliases import Alias, Aliases
from orchestration.importing.canonical import Delivery, Reading

# Market time has no summer.
MARKET_TIME = timezone(timedelta(hours=10))
MINUTES_PER_DAY = 24 * 60
INTERVAL_MINUTES = ("5", "15", "30")
QUALITY = re.compile(r"[AEFNSV]\d{0,2}", re.ASCII)
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
NO_DATA, VARIABLE = "N", "V"
# Units are written in any case; these are their names elsewhere.
UNITS = {
    name.casefold(): name
    for name in ("MWh", "kWh", "Wh", "Mvarh", "kvarh", "varh", "MVAh", "kVAh", "VAh", "MW", "kW", "W", "V", "A")
}


@dataclass
class _Day:
    """Interval values of one channel and date, with quality and reason code for each."""

    place: str
    start: datetime
    values: list[str]
    quality: list[str]
    reason: list[str]


@dataclass
class _Reader:
    """What the records so far have said."""

    file: str
    aliases: Aliases
    place: str = ""
    made_at: datetime | None = None
    alias: Alias | None = None
    minutes: int = 0
    unit: str | None = None
    day: _Day | None = None
    is_ended: bool = False
    no_data_count: int = 0
    readings: list[Reading] = field(default_factory=list)

    def header(self, record: list[str]) -> None:
        """100: the file's kind and when it was made."""
        if self.made_at is not None:
            raise self.error("is a second header; import the files one by one")
        if record[1:2] != ["NEM12"]:
            raise self.error(f"names {_cell(record, 1)!r} and not NEM12; only interval data can be imported")
        self.made_at = self.moment(_cell(record, 2))

    def channel(self, record: list[str]) -> None:
        """200: the metering point, its channel (the NMI suffix), unit and interval length."""
        self.flush()
        if len(record) < 9:
            raise self.error(f"has {len(record)} fields, a channel has 9 or 10")
        if record[8].strip() not in INTERVAL_MINUTES:
            raise self.error(f"has the interval length {record[8]!r}; it must be one of {', '.join(INTERVAL_MINUTES)}")
        self.minutes = int(record[8])
        self.unit = UNITS.get(record[7].strip().casefold(), record[7].strip()) or None
        self.alias = self.aliases.find(record[1].strip(), record[4].strip(), self.place)

    def intervals(self, record: list[str]) -> None:
        """300: a date, its values, and their quality."""
        self.flush()
        if self.alias is None:
            raise self.error("has no channel (record 200) before it")
        count = MINUTES_PER_DAY // self.minutes
        if len(record) < count + 3:
            raise self.error(f"has {len(record)} fields; a date of {self.minutes} minutes has {count} values and more")
        values = [value.strip() for value in record[2 : 2 + count]]
        quality = self.quality(_cell(record, 2 + count))
        start = self.moment(_cell(record, 1) + "0000")
        self.day = _Day(self.place, start, values, [quality] * count, [_cell(record, 3 + count)] * count)

    def event(self, record: list[str]) -> None:
        """400: quality of a range of the date's intervals, first and last included, from 1."""
        if self.day is None:
            raise self.error("has no interval data (record 300) before it")
        first, last = _cell(record, 1), _cell(record, 2)
        count = len(self.day.values)
        if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= count):
            raise self.error(f"covers the intervals {first!r} to {last!r}; the date has 1 to {count}")
        for place in range(int(first) - 1, int(last)):
            self.day.quality[place] = self.quality(_cell(record, 3))
            self.day.reason[place] = _cell(record, 4)

    def ignore(self, record: list[str]) -> None:
        """500: an index reading or a service order; the intervals say the same use."""
        self.flush()

    def end(self, record: list[str]) -> None:
        """900: the file is complete."""
        self.flush()
        self.is_ended = True

    def flush(self) -> None:
        """The date's readings; an interval without data has none, for a zero would be a reading."""
        day, self.day = self.day, None
        if day is None or self.alias is None:
            return
        if any(quality.startswith(VARIABLE) for quality in day.quality):
            raise BadInputError(f"{day.place}: quality V, but records 400 do not cover every interval of the date")
        for index, (value, quality, reason) in enumerate(zip(day.values, day.quality, day.reason, strict=True)):
            if quality.startswith(NO_DATA):
                self.no_data_count += 1
                continue
            if not NUMBER.fullmatch(value):
                raise BadInputError(f"{day.place}: interval {index + 1} is {value[:40]!r}, which is no number")
            at = day.start + timedelta(minutes=index * self.minutes)
            self.readings.append(
                Reading(self.alias, at, value, self.unit, quality, self.minutes * 60, reason_code=reason or None)
            )

    def quality(self, text: str) -> str:
        """A quality flag with its method, as delivered."""
        if not QUALITY.fullmatch(text):
            raise self.error(f"has the quality {text[:40]!r}; it begins with one of A, E, F, N, S, V")
        return text

    def moment(self, text: str) -> datetime:
        """YYYYMMDDhhmm, with or without seconds, in market time."""
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%S" if len(text) == 14 else "%Y%m%d%H%M").replace(
                tzinfo=MARKET_TIME
            )
        except ValueError as error:
            raise self.error(f"has {text[:40]!r} where a date and time belong (YYYYMMDDhhmm)") from error

    def error(self, text: str) -> BadInputError:
        """A refusal of the record that is read."""
        return BadInputError(f"{self.place}: {text}")


def read_nem12(path: Path, aliases: Aliases) -> Delivery:
    """Readings of a NEM12 file, of the whole or of nothing. Raises BadInputError with file, record and remedy."""
    reader = _Reader(path.name, aliases)
    steps: dict[str, Callable[[list[str]], None]] = {
        "100": reader.header,
        "200": reader.channel,
        "300": reader.intervals,
        "400": reader.event,
        "500": reader.ignore,
        "900": reader.end,
    }
    for line, record in _records(path):
        reader.place = f"{path.name} line {line}"
        if reader.is_ended:
            raise reader.error("follows the end of the file (record 900)")
        step = steps.get(record[0].strip())
        if step is None:
            raise reader.error(f"begins with {record[0][:40]!r}; records of NEM12 are {', '.join(steps)}")
        if reader.made_at is None and step != reader.header:
            raise reader.error("comes before the header (record 100)")
        step(record)
    if reader.made_at is None or not reader.is_ended:
        raise BadInputError(f"{path.name}: has no end (record 900), so it may have been cut; fetch it again")
    return Delivery(reader.made_at, reader.readings, reader.no_data_count)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = csv.reader(file, strict=True)
            for record in records:
                if record:
                    yield records.line_num, record
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path.name}: cannot be read as a CSV in UTF-8 ({error})") from error


def _cell(record: list[str], position: int) -> str:
    return record[position].strip() if position < len(record) else ""
