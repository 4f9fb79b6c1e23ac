"""What goes wrong in the demo, and with whom: outages, wrong clocks, a reboot. Instants are true time in UTC.

Every instant lies well inside an hour, so that no reading is taken while a session changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_HOUR_AT = datetime(2019, 2, 1, tzinfo=UTC)
# Everything is received before this instant, so that the last received day is complete.
LAST_RECEIPT_BEFORE = datetime(2019, 4, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Outage:
    """Devices without a connection: they keep their readings and deliver them within minutes on a new session."""

    devices: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    is_beyond_grace: bool = False


@dataclass(frozen=True)
class WrongClock:
    """A device whose clock is ahead of the truth by `error` (behind where it is negative)."""

    device_id: str
    starts_at: datetime
    ends_at: datetime
    error: timedelta


@dataclass(frozen=True)
class Reboot:
    """From `at` on a device counts its messages from 1 again, in the next epoch."""

    device_id: str
    at: datetime


def _at(month: int, day: int, hour: int) -> datetime:
    return datetime(2019, month, day, hour, 20, tzinfo=UTC)


OUTAGES = (
    Outage(("b0-elec", "b5-gas", "b26-elec", "b97-elec", "b112-gas"), _at(2, 12, 6), _at(2, 14, 18)),
    # Over the end of February, yet delivered within every contract's grace.
    Outage(("b2-elec", "b36-gas", "b57-elec", "b72-gas", "b101-elec"), _at(2, 27, 4), _at(3, 1, 16)),
    # February's boundaries lie between 3 and 4 March: what these kept of February is late.
    Outage(
        ("b9-elec", "b13-gas", "b28-elec", "b48-elec", "b83-gas", "b109-gas"),
        _at(2, 26, 18),
        _at(3, 5, 9),
        is_beyond_grace=True,
    ),
    Outage(
        ("b30-gas", "b65-gas", "b73-elec", "b94-elec", "b116-elec"), _at(2, 26, 7), _at(3, 7, 13), is_beyond_grace=True
    ),
)

_LOST_ITS_BATTERY_AT = _at(2, 22, 10)
WRONG_CLOCKS = (
    WrongClock("b19-elec", FIRST_HOUR_AT, LAST_RECEIPT_BEFORE, timedelta(minutes=40)),
    WrongClock("b44-elec", _at(2, 10, 9), _at(3, 12, 15), timedelta(hours=-26)),
    # Just beyond the tolerance of 300 s.
    WrongClock("b78-elec", _at(2, 24, 11), _at(3, 3, 10), timedelta(minutes=7)),
    WrongClock("b86-gas", _LOST_ITS_BATTERY_AT, _at(3, 6, 12), datetime(1970, 1, 1, tzinfo=UTC) - _LOST_ITS_BATTERY_AT),
    # Under a contract that dates by the server's clock.
    WrongClock("b114-elec", _at(2, 20, 8), _at(3, 10, 17), timedelta(hours=3)),
)

REBOOTS = (Reboot("b62-elec", _at(3, 10, 14)),)
