"""Texts of CSV cells to values and back: one normal form for everything that can be written in several ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationInfo

from orchestration.ingest.rows import FIELDS

# The precision of unit prices and quantities in the database: numeric(20, 10).
MAX_DECIMALS = 10
MAX_INTEGER_DIGITS = 10
MAX_SHOWN = 60

NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,18}(\.0*)?", re.ASCII)
NON_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CURRENCY = re.compile(r"[A-Z]{3}")
MONTH_DAY = re.compile(r"\d{2}-\d{2}", re.ASCII)
TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)
DAYS = ("all", "weekday", "weekend", "holiday", "1", "2", "3", "4", "5", "6", "7")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})([tT ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?\s?([zZ]|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
# The same forms that the metering quarantines (dbt_project/macros/rules/quarantine_reason.sql): MAC and EUI-64 with or
# without separators, IMEI.
HARDWARE = re.compile(
    r"([0-9a-f]{2}[:-]){5}([0-9a-f]{2}[:-]){0,2}[0-9a-f]{2}|([0-9a-f]{4}\.){2,3}[0-9a-f]{4}"
    r"|[0-9a-f]{12}|[0-9a-f]{16}|[0-9]{15}",
    re.IGNORECASE,
)


def shown(text: object) -> str:
    """A value for an error line: quoted, and cut where it is long."""
    plain = str(text)
    return repr(plain if len(plain) <= MAX_SHOWN else plain[:MAX_SHOWN] + "…")


def masked(device_id: str) -> str:
    """A device_id for an error line: of a hardware identifier the last four characters only, as in quarantine."""
    if HARDWARE.fullmatch(device_id):
        return repr("*" * (len(device_id) - 4) + device_id[-4:])
    return shown(device_id)


def text(value: str) -> str:
    """Free text, kept byte for byte. Raises ValueError for control characters."""
    if not value.isprintable() and CONTROL.search(value):
        raise ValueError(f"{shown(value)} contains a control character; remove it")
    return value


def device_alias(value: str) -> str:
    """A device_id. Raises ValueError for what identifies hardware and not a role in the platform."""
    if HARDWARE.fullmatch(value):
        raise ValueError(
            f"{masked(value)} looks like a hardware identifier (MAC, EUI-64, IMEI); use an alias of your own"
        )
    return text(value)


def mapped_field(value: str) -> str:
    """A field of a message that a source may call otherwise. Raises ValueError."""
    if value == "tenant_id":
        raise ValueError("'tenant_id' comes from the gateway, which knows whose device it is; it cannot be mapped")
    if value not in FIELDS:
        names = ", ".join(name for name in FIELDS if name != "tenant_id")
        raise ValueError(f"{shown(value)} is no field of a message; use one of {names}")
    return value


def source_field(value: str) -> str:
    """What a source calls a field. Raises ValueError for a field that messages have themselves."""
    if value in FIELDS:
        raise ValueError(f"{shown(value)} is a field of every message; only a name that messages do not have is mapped")
    return text(value)


def region(value: str) -> str:
    """A region. Raises ValueError where it could not be a folder `region=...` of the landing zone."""
    if "/" in value:
        raise ValueError(f"{shown(value)} contains '/'; a region names a folder of the landing zone")
    return text(value)


def currency(value: str) -> str:
    """ISO 4217's form. Raises ValueError."""
    if not CURRENCY.fullmatch(value.strip()):
        raise ValueError(f"{shown(value)} is not an ISO 4217 code; write three capital letters such as EUR")
    return value.strip()


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone(value: str) -> str:
    """An IANA zone. Raises ValueError."""
    if value.strip() not in _time_zones():
        raise ValueError(f"{shown(value)} is not a time zone; write an IANA name such as Europe/Madrid")
    return value.strip()


def number(
    *, least: int | None = 0, more_than: int | None = None, most: int | None = None, digits: int = MAX_INTEGER_DIGITS
) -> Callable[[Any], Decimal]:
    """A parser of finite decimals within bounds, exact, with at most 10 decimals and `digits` integer digits."""

    def parse(value: Any) -> Decimal:
        parsed = _decimal(str(value).strip(), digits)
        if more_than is not None and parsed <= more_than:
            raise ValueError(f"{shown(value)} must be greater than {more_than}")
        if least is not None and parsed < least:
            raise ValueError(f"{shown(value)} must be {least} or more")
        if most is not None and parsed > most:
            raise ValueError(f"{shown(value)} must be {most} or less")
        return parsed

    return parse


def _decimal(value: str, integer_digits: int) -> Decimal:
    if NON_FINITE.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a finite number")
    match = NUMBER.fullmatch(value)
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"{shown(value)} is not a number; write it as 1234.5")
    # By hand: arithmetic of `decimal` would round to its context.
    written = (match[2] + (match[3] or "")).lstrip("0")
    digits = written.rstrip("0")
    exponent = int(match[4] or 0) - len(match[3] or "") + len(written) - len(digits)
    if not digits:
        return Decimal(0)
    if -exponent > MAX_DECIMALS:
        raise ValueError(f"{shown(value)} has more than {MAX_DECIMALS} decimals")
    if len(digits) + exponent > integer_digits:
        raise ValueError(f"{shown(value)} has more than {integer_digits} integer digits")
    return Decimal((1 if match[1] == "-" else 0, tuple(map(int, digits)), exponent))


def whole(*, least: int = 0, most: int = 1_000_000) -> Callable[[Any], int]:
    """A parser of whole numbers within bounds."""

    def parse(value: Any) -> int:
        plain = str(value).strip()
        if not INTEGER.fullmatch(plain):
            raise ValueError(f"{shown(value)} is not a whole number")
        parsed = int(plain.split(".")[0])
        if not least <= parsed <= most:
            raise ValueError(f"{shown(value)} must lie between {least} and {most}")
        return parsed

    return parse


def calendar_date(value: Any) -> date:
    """`YYYY-MM-DD`. Raises ValueError."""
    plain = str(value).strip()
    try:
        if DATE.fullmatch(plain):
            return date.fromisoformat(plain)
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not a date; write it as 2019-02-01")


def month_day(value: str) -> str:
    """`MM-DD`, a day that some year has. Raises ValueError."""
    plain = value.strip()
    try:
        if MONTH_DAY.fullmatch(plain):
            date.fromisoformat(f"2000-{plain}")
            return plain
    except ValueError:
        pass
    raise ValueError(f"{shown(value)} is not a day of the year; write month and day as 06-01")


def time_of_day(value: str) -> str:
    """`HH:MM` up to 24:00. Raises ValueError."""
    if not TIME_OF_DAY.fullmatch(value.strip()):
        raise ValueError(f"{shown(value)} is not a time of day; write it as 16:00 (24:00 is the end of the day)")
    return value.strip()


def days(value: str) -> str:
    """Kinds of day, one or more words. Raises ValueError for a word that names none."""
    words = value.split()
    for word in words:
        if word not in DAYS:
            raise ValueError(
                f"{shown(word)} is no kind of day; write all, weekday, weekend, holiday or numbers from 1 (Monday) to "
                "7 (Sunday), several with a space between them"
            )
    return " ".join(sorted(set(words), key=DAYS.index))


def months(value: str) -> str:
    """Numbers of months, one or more. Raises ValueError."""
    words = value.split()
    if not words or any(not (word.isascii() and word.isdigit() and 1 <= int(word) <= 12) for word in words):
        raise ValueError(f"{shown(value)} are no months; write numbers from 1 to 12 with a space between them")
    return " ".join(str(month) for month in sorted({int(word) for word in words}))


def instant(value: Any, info: ValidationInfo) -> datetime:
    """ISO 8601 to an instant in UTC; without an offset it is local time in the zone of the row's contract.

    That zone is the row's own column `time_zone`, or for other tables the validation context's for the row's tenant.
    A local time that occurs twice is the first; one that does not exist moves forward by the gap (RULES 12).
    Raises ValueError when it is none, or has no offset where no zone is known.
    """
    plain = str(value).strip()
    match = INSTANT.fullmatch(plain)
    if match is not None and bool(match[2]) >= bool(match[3]):
        zone = None if match[3] else _local_zone(value, info)
        try:
            return _utc(plain, zone)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"{shown(value)} is not an instant; write it as 2019-02-01 (local) or 2019-02-01T00:00:00+01:00")


@lru_cache(maxsize=10_000)
def _utc(iso: str, local_zone: str | None) -> datetime:
    moment = datetime.fromisoformat(iso)
    return (moment if local_zone is None else moment.replace(tzinfo=ZoneInfo(local_zone))).astimezone(UTC)


def _local_zone(value: Any, info: ValidationInfo) -> str:
    if info.context is None or "time_zone" in info.data:
        # A contract; where its zone is bad, that is the error to tell.
        return str(info.data.get("time_zone", "UTC"))
    zones: dict[str, str | None] = info.context
    tenant_id = info.data.get("tenant_id")
    # Where the tenant is unknown or has no contract, nothing is billed by this instant.
    zone = zones.get(tenant_id, "UTC") if tenant_id is not None else "UTC"
    if zone is None:
        raise ValueError(
            f"{shown(value)} has no offset and the contracts of tenant {shown(tenant_id)} have different time zones; "
            "write it with an offset, as 2019-02-01T00:00:00+01:00"
        )
    return zone


def normal_text(value: object) -> str:
    """What is stored and hashed: the one text that PostgreSQL casts to this value, empty for none."""
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def named(row: object, columns: Sequence[str]) -> str:
    """A row by the columns of its key, for a message; names that only tell some rows apart are left out where empty."""
    cells = ((column, getattr(row, column)) for column in columns)
    told = ((column, value) for column, value in cells if value is not None or column not in ("charge", "part"))
    return ", ".join(f"{column} {_written(value)}" for column, value in told)


def _written(value: object) -> str:
    return "(empty)" if value is None else shown(value) if isinstance(value, str) else str(value)
