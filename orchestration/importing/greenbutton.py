"""Green Button: an Atom feed of the Energy Services Provider Interface (ESPI) with interval data.

Source: NAESB REQ.21, the schema espi.xsd, whose codes are given below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.errors import BadInputError
from orchestration.importing.aliases import Alias, Aliases
from orchestration.importing.canonical import Delivery, Reading

ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
# The tree of a file takes about ten times its size.
MAX_BYTES = 64 * 1024 * 1024

UNITS = {
    "29": "V", "5": "A", "31": "J", "38": "W", "42": "m3", "61": "VA", "63": "var", "71": "VAh", "72": "Wh",
    "73": "varh", "119": "ft3", "128": "US gal", "132": "Btu", "134": "l", "169": "therm",
}  # fmt: skip
FLOWS = {"1": "forward", "4": "net", "19": "reverse", "20": "total"}
QUALITIES = {
    "0": "valid", "7": "manually edited", "8": "estimated using reference day",
    "9": "estimated using linear interpolation", "10": "questionable", "11": "derived", "12": "projected",
    "13": "mixed", "14": "raw", "15": "normalized for weather", "16": "other", "17": "validated", "18": "verified",
    "19": "revenue-quality",
}  # fmt: skip
# accumulationBehaviour: use of an interval, or the level of a register at its end.
INTERVALS, REGISTERS = ("", "0", "4"), ("1", "2", "3")
METER_READING = re.compile(
    r"(?P<meter_reading>.*?UsagePoint/(?P<usage_point>[^/]+)/MeterReading/[^/]+)(/.*)?", re.ASCII
)
INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
MAX_POWER = 12


@dataclass(frozen=True)
class _ReadingType:
    power: int
    unit: str | None
    flow: str
    is_register: bool


@dataclass(frozen=True)
class _Entry:
    """A resource of the feed, with the paths that its links name."""

    place: str
    resource: Any
    links: dict[str, list[str]]

    @property
    def paths(self) -> list[str]:
        return [*self.links.get("self", []), *self.links.get("up", [])]


def read_green_button(path: Path, aliases: Aliases) -> Delivery:
    """Readings of a Green Button file.

    Raises BadInputError with file, entry and remedy; a file is read whole or not at all. A document type, with which
    entities begin, is refused.
    """
    feed = _parsed(path)
    entries = list(_entries(feed, path.name))
    types = {name: _reading_type(entry) for entry in entries if _kind(entry) == "ReadingType" for name in entry.paths}
    series = {
        entry.links["self"][0]: types[name]
        for entry in entries
        if _kind(entry) == "MeterReading" and entry.links.get("self")
        for name in entry.links.get("related", [])
        if name in types
    }
    if not any(_kind(entry) == "IntervalBlock" for entry in entries):
        raise BadInputError(f"{path.name}: holds no IntervalBlock; only interval data can be imported")
    owners: dict[Alias, str] = {}
    readings = [
        reading
        for entry in entries
        if _kind(entry) == "IntervalBlock"
        for reading in _block(entry, series, aliases, owners)
    ]
    return Delivery(_made_at(feed, path.name), readings)


def _parsed(path: Path) -> Any:
    # The parser is needed by this import alone.
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(f"{path.name}: has more than {MAX_BYTES} bytes; ask for shorter periods")
        feed = ElementTree.parse(path, forbid_dtd=True).getroot()
    except OSError as error:
        raise BadInputError(f"{path.name}: cannot be read ({error.strerror})") from error
    except DefusedXmlException as error:
        raise BadInputError(
            f"{path.name}: declares a document type or entities, which no Green Button file does"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadInputError(f"{path.name}: is not XML ({error}); fetch it again") from error
    if feed is None or feed.tag != ATOM + "feed":
        raise BadInputError(f"{path.name}: is no Atom feed; give the file that the utility's Green Button hands out")
    return feed


def _entries(feed: Any, file: str) -> Iterator[_Entry]:
    for number, entry in enumerate(feed.iter(ATOM + "entry"), start=1):
        links: dict[str, list[str]] = {}
        for link in entry.findall(ATOM + "link"):
            links.setdefault(link.get("rel", ""), []).append(link.get("href", "").rstrip("/"))
        content = entry.find(ATOM + "content")
        for resource in content if content is not None else ():
            yield _Entry(f"{file} entry {number}", resource, links)


def _kind(entry: _Entry) -> str:
    return str(entry.resource.tag).removeprefix(ESPI)


def _reading_type(entry: _Entry) -> _ReadingType:
    power = _text(entry.resource, "powerOfTenMultiplier") or "0"
    if not INTEGER.fullmatch(power) or abs(int(power)) > MAX_POWER:
        raise BadInputError(f"{entry.place}: powerOfTenMultiplier is {power[:40]!r}; it lies between -12 and 12")
    accumulation = _text(entry.resource, "accumulationBehaviour")
    if accumulation not in INTERVALS + REGISTERS:
        raise BadInputError(
            f"{entry.place}: accumulationBehaviour {accumulation[:40]!r} is neither use of intervals (4) nor a "
            "register (1, 2, 3); leave this reading type out"
        )
    unit, flow = _text(entry.resource, "uom"), _text(entry.resource, "flowDirection")
    return _ReadingType(
        int(power), UNITS.get(unit, f"uom {unit}") if unit else None, FLOWS.get(flow, flow), accumulation in REGISTERS
    )


def _block(
    entry: _Entry, series: dict[str, _ReadingType], aliases: Aliases, owners: dict[Alias, str]
) -> Iterator[Reading]:
    """Readings of an interval block. Two meter readings of one alias would be added up, so they are refused."""
    named = next(filter(None, map(METER_READING.fullmatch, entry.paths)), None)
    if named is None or named["meter_reading"] not in series:
        raise BadInputError(
            f"{entry.place}: its links lead to no MeterReading with a ReadingType in this file; fetch the whole feed"
        )
    kind = series[named["meter_reading"]]
    alias = aliases.find(named["usage_point"], kind.flow, entry.place)
    if owners.setdefault(alias, named["meter_reading"]) != named["meter_reading"]:
        raise BadInputError(
            f"{entry.place}: a second MeterReading of channel {kind.flow!r} for device {alias.device_id!r}, whose use "
            "would be counted twice; leave one of the two out"
        )
    for number, reading in enumerate(entry.resource.iter(ESPI + "IntervalReading"), start=1):
        yield _reading(reading, kind, alias, f"{entry.place} reading {number}")


def _reading(reading: Any, kind: _ReadingType, alias: Alias, place: str) -> Reading:
    period = reading.find(ESPI + "timePeriod")
    value, start, duration = (
        _text(reading, "value"),
        _text(period, "start") if period is not None else "",
        _text(period, "duration") if period is not None else "",
    )
    for name, text in (("value", value), ("timePeriod/start", start), ("timePeriod/duration", duration)):
        if not INTEGER.fullmatch(text):
            raise BadInputError(f"{place}: {name} is {text[:40]!r}; it must be a whole number")
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(start) + kind.is_register * int(duration))
    except OverflowError as error:
        raise BadInputError(f"{place}: timePeriod/start {start} is no time in seconds since 1970") from error
    codes = sorted(
        {_text(quality, "quality") for quality in reading.iter(ESPI + "ReadingQuality")},
        key=lambda code: (len(code), code),
    )
    flags = "+".join(QUALITIES.get(code, code) for code in codes if code)
    return Reading(alias, at, _shifted(value, kind.power), kind.unit, flags or None, int(duration))


def _shifted(value: str, power: int) -> str:
    """The integer times a power of ten, exactly: arithmetic of `decimal` would round to its context."""
    digits = tuple(map(int, value.lstrip("-")))
    return format(Decimal((value.startswith("-"), digits, power)), "f")


def _made_at(feed: Any, file: str) -> datetime:
    text = (feed.findtext(ATOM + "updated") or "").strip()
    try:
        made_at = datetime.fromisoformat(text)
    except ValueError:
        made_at = None
    if made_at is None or made_at.tzinfo is None:
        raise BadInputError(f"{file}: the feed's <updated> is {text[:40]!r}; it must be a time with its zone")
    return made_at


def _text(element: Any, name: str) -> str:
    return (element.findtext(ESPI + name) or "").strip()
