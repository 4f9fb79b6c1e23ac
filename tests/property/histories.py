"""Random histories: a contract, what was delivered under it, and several ways to cut that into files and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.property.drawing import examples
from tests.support import Message, instant, message, stamp

# In how many runs of the platform a history arrives.
ROUNDS = 3
# Twins deliver the same rows, cut otherwise; the third one delivers some of them again in files of their own.
EXACT_TWINS = ("left", "right")
TWINS = (*EXACT_TWINS, "again")

# What a contract may say. A policy that the platform learns is another entry here, and in the oracle.
LATE_POLICIES = ["grace", "defer", "reopen"]
CLOCK_POLICIES = ["corrected", "corrected", "server", "hybrid", "device"]
CYCLES = [("monthly", 1), ("monthly", 1), ("monthly", 15), ("monthly", 31), ("weekly", 1), ("weekly", 7)]
ZONES = ["UTC", "Europe/London", "Europe/Madrid", "America/New_York", "America/Havana", "Asia/Kathmandu"]
METRICS = {"energy": "sum", "hits": "count", "peak": "max", "low": "min", "level": "latest"}
UNIT = "kWh"
# The runs in which a file lies in the landing zone: one of them, or, under another name, two.
ROUNDS_OF_A_FILE = [(0,), (1,), (2,), (0, 2)]
FILES_PER_DAY_AND_ROUND = 2

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

# Where rules change their mind: ends of months in several zones, clock changes, boundaries of grace, ends of UTC days.
PIVOTS = [
    instant(text)
    for text in (
        "2019-02-28T23:00", "2019-03-01T00:00", "2019-03-01T05:00", "2019-03-10T05:00", "2019-03-10T07:00",
        "2019-03-15T00:00", "2019-03-31T01:00", "2019-03-31T22:00", "2019-03-31T23:00", "2019-04-01T00:00",
        "2019-04-01T04:00", "2019-04-03T22:00", "2019-04-03T23:00", "2019-04-04T00:00",
    )
]  # fmt: skip
CONTRACTS = st.builds(
    lambda cycle, **terms: {"billing_cycle": cycle[0], "anchor_day": cycle[1], **terms},
    st.sampled_from(CYCLES),
    time_zone=st.sampled_from(ZONES),
    clock_policy=st.sampled_from(CLOCK_POLICIES),
    late_policy=st.sampled_from(LATE_POLICIES),
    grace_hours=st.sampled_from([0, 24, 72]),
    close_delay_minutes=st.sampled_from([0, 5, 1440]),
    starts_at=st.sampled_from(["2019-01-01", "2019-01-01", "2019-01-01", "2019-03-01", "2019-03-31"]),
    ends_at=st.sampled_from(["", "", "", "2019-04-01"]),
)
JITTERS = st.one_of(
    st.sampled_from([timedelta(0), -MICROSECOND, MICROSECOND, -SECOND]),
    st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds)),
)
SKEWS = st.sampled_from([timedelta(0)] * 4 + [300 * SECOND, -300 * SECOND, 301 * SECOND, 2 * HOUR, -2 * HOUR])
LIVE = [timedelta(0), SECOND, SECOND, SECOND, 299 * SECOND, 300 * SECOND, 301 * SECOND]
BUFFERED = [HOUR, 26 * HOUR, 60 * HOUR, 72 * HOUR, 80 * HOUR, 120 * HOUR, 240 * HOUR]
# Amounts stay below what the gates compare with earlier ones: holds are no part of a history.
QUANTITIES = st.sampled_from(["0", "1", "1.0", "1.5", "2", "3", "0.0000000001", "31.4159265359"])
BAD_QUANTITIES = st.sampled_from(["-1", "NaN"])
# `level` has no price, so it may have the largest quantity there is.
LARGEST = "9999999999.9999999999"
# A stamp further ahead is held by a gate, where a contract trusts the device whatever it says.
FARTHEST_AHEAD = 20 * HOUR


@dataclass(frozen=True)
class Place:
    """A landing file, which histories share: its day's folder, its number there, and the runs in which it appears."""

    folder_day: str
    number: int
    rounds: tuple[int, ...]


@dataclass(frozen=True)
class History:
    """A contract, what was delivered, and for each twin which arrival lies where, in this order."""

    contract: dict[str, Any]
    arrivals: list[Message]
    deliveries: dict[str, list[tuple[int, Place]]]

    def without(self, dropped: int) -> History:
        """The same history with one arrival less."""
        deliveries = {
            twin: [(row - (row > dropped), place) for row, place in of_twin if row != dropped]
            for twin, of_twin in self.deliveries.items()
        }
        return History(self.contract, [row for index, row in enumerate(self.arrivals) if index != dropped], deliveries)

    def __str__(self) -> str:
        """As a scenario to read."""
        lines = ["contract " + ", ".join(f"{name}={value}" for name, value in self.contract.items() if value)]
        for index, row in enumerate(self.arrivals):
            lines.append(f"  {index}: " + " ".join(f"{name}={value}" for name, value in row.items() if value != ""))
        for twin, deliveries in self.deliveries.items():
            lines.append(f"{twin}:")
            lines += [f"  {row} in {place}" for row, place in deliveries]
        return "\n".join(lines)


@st.composite
def deliveries(draw: st.DrawFn) -> list[Message]:
    """What two devices delivered: first arrivals, redeliveries, contradictions; each with a receipt time of its own."""
    skews = {session: draw(SKEWS) for session in (None, "s1", "s2")}
    rows: list[Message] = []
    taken = set()
    for _ in range(draw(st.integers(1, 24))):
        session = draw(st.sampled_from([None, "s1", "s1", "s2"]))
        happened_at = draw(st.sampled_from(PIVOTS)) + draw(JITTERS)
        was_buffered = draw(st.booleans())
        received_at = happened_at + draw(st.sampled_from(BUFFERED if was_buffered else LIVE))
        while received_at in taken:
            received_at += MICROSECOND
        taken.add(received_at)
        metric = draw(st.sampled_from([*METRICS, "energy", "energy"]))
        row = message(
            "",
            draw(st.sampled_from(["m-1", "m-2"])),
            draw(st.integers(1, 6)),
            draw(BAD_QUANTITIES if draw(st.integers(0, 19)) == 19 else QUANTITIES),
            happened_at + skews[session],
            received_at,
            metric=metric,
            seq_epoch=draw(st.sampled_from([0, 0, 0, 1])),
            unit=draw(st.sampled_from(["", "", "", "", UNIT, UNIT, UNIT, "MWh"])),
        )
        if metric == "level" and draw(st.booleans()):
            row["quantity"] = LARGEST
        if session is not None:
            row["session_id"] = session
        if was_buffered or draw(st.booleans()):
            row["sent_ts"] = stamp(
                received_at - draw(st.sampled_from([timedelta(0), SECOND, SECOND, HOUR])) + skews[session]
            )
        if rows and draw(st.integers(0, 2)) == 0:
            # The measurement of an earlier row again: as it was, or contradicting it.
            same = ["device_id", "msg_seq", "metric", "seq_epoch", "device_ts", "quantity", "unit"]
            contradicted = draw(st.sampled_from([None, None, "quantity", "device_ts"]))
            model = draw(st.sampled_from(rows))
            row |= {name: model[name] for name in same if name != contradicted}
            if row["metric"] != "level" and row["quantity"] == LARGEST:
                row["quantity"] = "2"
            if instant(row["device_ts"]) > received_at + FARTHEST_AHEAD:
                row["device_ts"] = stamp(happened_at)
        rows.append(row)
        if draw(st.integers(0, 9)) == 0:
            rows.append(row)  # byte for byte again: a tie that changes nothing
    return rows


@st.composite
def places(draw: st.DrawFn, arrivals: list[Message]) -> list[tuple[int, Place]]:
    """Every row in exactly one file; a folder is at most a day away from the receipt of its rows."""
    placed = []
    for index in draw(st.permutations(range(len(arrivals)))):
        day = instant(str(arrivals[index]["received_at"])[:10]) + timedelta(
            days=draw(st.sampled_from([0, 0, 0, -1, 1]))
        )
        number, rounds = draw(st.integers(0, FILES_PER_DAY_AND_ROUND - 1)), draw(st.sampled_from(ROUNDS_OF_A_FILE))
        placed.append((index, Place(day.date().isoformat(), number, rounds)))
    return placed


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history and its twins."""
    arrivals = draw(deliveries())
    placed = {twin: draw(places(arrivals)) for twin in EXACT_TWINS}
    repeated = draw(places(arrivals))
    placed["again"] = draw(places(arrivals)) + repeated[: draw(st.integers(1, len(repeated)))]
    return History(draw(CONTRACTS), arrivals, placed)


def drawn(count: int, first_seed: int) -> list[History]:
    """`count` histories, the same for the same seed."""
    return examples(histories(), count, first_seed)
