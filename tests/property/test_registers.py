"""Registers: random meters, loaded in random pieces and order, against the rules written down once more in Python.

Every history is a device; all of them go through the same runs of the platform, because a run costs the same for one
and for a hundred:

    METERLINE_REGISTERS=3000 METERLINE_SEED=7 pytest tests/property/test_registers.py
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from tests.property.drawing import examples
from tests.support import Message, Pipeline, instant, message, stamp

REGISTERS = int(os.environ.get("METERLINE_REGISTERS", "90"))
SEED = int(os.environ.get("METERLINE_SEED", "2019"))
ROUNDS = 3
POLICIES = ("grace", "defer", "reopen")
MODULUS, LIMIT = Decimal(1000), Decimal(20)
TYPES = {"plain": (None, None), "rolls": (MODULUS, None), "limited": (MODULUS, LIMIT)}
# February's boundary is 24 hours of grace later, for the other policies at once.
BOUNDARIES = {"grace": instant("2019-03-02"), "defer": instant("2019-03-01"), "reopen": instant("2019-03-01")}
MARCH = instant("2019-03-01")


@dataclass(frozen=True)
class Reading:
    """What a meter showed and when it was received; `seq` tells readings of one instant apart."""

    seq: int
    read_at: datetime
    received_at: datetime
    shown: Decimal
    is_exchange: bool
    turn: int


@dataclass(frozen=True)
class Meter:
    """A device with its readings and the exchanges that somebody declared."""

    policy: str
    device_type: str
    readings: tuple[Reading, ...]
    exchanges: tuple[datetime, ...]


STEPS = st.sampled_from(
    [Decimal(step) for step in ("0.25", "0", "1", "3", "15", "40", "300", "700", "-1", "-2.5", "-15", "-300", "-900")]
)
HOUR = timedelta(hours=1)


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    """A meter around the end of February."""
    shown = Decimal(draw(st.integers(0, 999)))
    read_at = MARCH - draw(st.integers(0, 96)) * HOUR
    count = draw(st.integers(1, 14))
    has_second = draw(st.booleans())
    numbers = draw(st.one_of(st.just(list(range(count))), st.just(list(range(count))), st.permutations(range(count))))
    # A second register on the device, read in turn with the first, which both go on a little.
    other = (shown + 450) % MODULUS
    readings = []
    for seq in numbers:
        if has_second and draw(st.integers(0, 9)) < 9:
            shown, other = other + draw(st.integers(0, 2)), shown
        else:
            shown += draw(STEPS)
        shown %= MODULUS
        read_at += draw(st.sampled_from([HOUR, HOUR / 2, HOUR, timedelta(0), HOUR, 9 * HOUR]))
        received_at = read_at + draw(st.sampled_from([timedelta(seconds=1)] * 4 + [20 * HOUR, 80 * HOUR]))
        is_exchange = draw(st.integers(0, 14)) == 7
        readings.append(Reading(seq, read_at, received_at, shown, is_exchange, draw(st.integers(0, ROUNDS - 1))))
    exchanges = draw(st.lists(st.integers(-96, 40), max_size=1))
    return Meter(
        draw(st.sampled_from(POLICIES)),
        draw(st.sampled_from(sorted(TYPES))),
        tuple(readings),
        tuple(MARCH + hours * HOUR for hours in exchanges),
    )


def drawn() -> list[Meter]:
    """As many meters as are asked for, the same for the same seed."""
    return examples(meters(), REGISTERS, SEED)


def expected_uses(meter: Meter) -> dict[int, tuple[Decimal, str | None]]:
    """Use and flag of every billed reading, by the words of the rules."""
    modulus, limit = TYPES[meter.device_type]
    boundary = BOUNDARIES[meter.policy]
    uses: dict[int, tuple[Decimal, str | None]] = {}
    meters_readings: list[Decimal] = []  # of the meter that hangs there now
    mark, mark_at, last_at, is_interleaved = Decimal(0), MARCH, MARCH, False
    for reading in sorted(meter.readings, key=lambda reading: (reading.read_at, reading.seq)):
        if reading.read_at < MARCH and reading.received_at >= boundary and meter.policy != "reopen":
            if meter.policy == "defer":
                uses[reading.seq] = (Decimal(0), "deferred")
            continue
        declared = any(last_at < exchange <= reading.read_at for exchange in meter.exchanges)
        if not meters_readings or reading.is_exchange or declared:
            uses[reading.seq] = (Decimal(0), "exchange" if meters_readings else "first")
            meters_readings, is_interleaved = [reading.shown], False
            mark, mark_at, last_at = reading.shown, reading.read_at, reading.read_at
            continue
        last_at = reading.read_at
        meters_readings.append(reading.shown)
        is_interleaved = is_interleaved or alternates(meters_readings)
        use, flag = reading.shown - mark, None
        if use < 0 and modulus is not None and modulus + use <= modulus / 2:
            use, flag = modulus + use, "rollover"
        if is_interleaved:
            use, flag = Decimal(0), "interleaved"
        elif use < 0:
            use, flag = Decimal(0), "reverse"
        elif limit is not None and use > limit * Decimal((reading.read_at - mark_at) / timedelta(seconds=1)) / 3600:
            use, flag = Decimal(0), "jump"
        else:
            mark, mark_at = reading.shown, reading.read_at
        uses[reading.seq] = (use, flag)
    return uses


def alternates(shown: list[Decimal]) -> bool:
    """Whether the last five readings go low, high, low, high, low, a hundred times further than either height moves."""
    if len(shown) < 5:
        return False
    low_1, high_1, low_2, high_2, low_3 = shown[-5:]
    moved = (low_2 - low_1, low_3 - low_2, high_2 - high_1)
    return (
        all(step >= 0 for step in moved)
        and (high_2 > high_1 or low_3 > low_2)
        and high_1 - low_2 > 100 * moved[0]
        and high_2 - low_3 > 100 * max(moved[1:])
        and high_1 > low_1
        and high_2 > low_2
    )


@pytest.mark.timeout(600 + 5 * REGISTERS)
def test_registers_bill_what_the_rules_say_in_any_order_of_loading(pipeline: Pipeline) -> None:
    fleet = {f"m-{number}": meter for number, meter in enumerate(drawn())}
    configure(pipeline, fleet)
    for turn in range(ROUNDS):
        pipeline.land(*(row for name, meter in fleet.items() for row in rows_of(name, meter, turn)))
        pipeline.process()

    found: dict[str, dict[int, tuple[Decimal, str | None]]] = defaultdict(dict)
    uses = "select device_id, msg_seq, quantity, flag from store.register_uses join registry.devices using (device_no)"
    for device, seq, quantity, flag in pipeline.rows(uses):
        found[device][seq] = (quantity, flag)
    flags = set()
    for name, meter in fleet.items():
        expected = expected_uses(meter)
        assert found[name] == expected, f"METERLINE_SEED={SEED}: {meter}"
        flags |= {flag for _, flag in expected.values()}
    assert flags == {None, "first", "exchange", "rollover", "reverse", "jump", "interleaved", "deferred"}

    totals = dict(pipeline.rows("select device_id, sum(quantity) from finance.device_usage group by 1"))
    expected_totals = {name: [use for use, _ in expected_uses(meter).values()] for name, meter in fleet.items()}
    assert totals == {name: sum(uses) for name, uses in expected_totals.items() if uses}
    assert pipeline.prove() == {}
    pipeline.audit()


def configure(pipeline: Pipeline, fleet: dict[str, Meter]) -> None:
    """A tenant per late policy, its meters, and the declared exchanges."""
    tables = pipeline.configuration.tables
    tables["metrics"][0] |= {"reading_type": "cumulative"}
    tables["device_types"] += [
        {"device_type": name, "register_max": modulus, "max_use_per_hour": limit}
        for name, (modulus, limit) in TYPES.items()
    ]
    for policy in POLICIES:
        pipeline.tenant(policy, late_policy=policy, grace_hours=24, clock_policy="device")
    tables["devices"] += [
        {"tenant_id": meter.policy, "device_id": name, "device_type": meter.device_type}
        for name, meter in fleet.items()
    ]
    tables["register_exchanges"] = [
        {"tenant_id": meter.policy, "device_id": name, "metric": "energy", "exchanged_at": stamp(exchange)}
        for name, meter in fleet.items()
        for exchange in meter.exchanges
    ]


def rows_of(name: str, meter: Meter, turn: int) -> list[Message]:
    """What is loaded of a meter in this turn."""
    return [
        message(
            meter.policy, name, reading.seq, reading.shown, reading.read_at, reading.received_at,
            quality="exchange" if reading.is_exchange else "good",
        )
        for reading in meter.readings
        if reading.turn == turn
    ]  # fmt: skip
