"""What a meter counts is paid by somebody, to the last decimal, whoever moved when and however common use is shared.

All pay by day and night. When what is shared was used is computed here once more, from the readings and the moves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from orchestration.config.tables import SUPPORTED
from tests.support import Pipeline, instant, message

HOUSES = 16
NIGHTS = {
    "day": {"sequence": 1, "starts_time": "06:00", "ends_time": "22:00"},
    "night": {"sequence": 2},
}
MARCH = instant("2019-03-01")
MINUTES = 31 * 24 * 60
LAST_DECIMAL = Decimal(1).scaleb(-10)
# Who pays, device and hour, to what is paid for it and how much of that is estimated.
Slots = dict[tuple[str, str, datetime], tuple[Decimal, Decimal]]
SLOTS = """
select tenant.tenant_id, device.device_id, slot.slot_at, slot.quantity, slot.estimated_quantity
from billing.int_unit_slots as slot
inner join registry.tenants as tenant on slot.tenant_no = tenant.tenant_no
inner join registry.devices as device on slot.device_no = device.device_no
where slot.quantity <> 0
"""
BILLED = """
select tenant.tenant_id, line.part, line.quantity from billing.int_charge_lines as line
inner join registry.tenants as tenant using (tenant_no)
"""
SHARES = """
select share.property_id, share.local_date, share.unit_id, share.quantity, slot.slot_at, slot.quantity
from billing.int_common_shares as share
inner join billing.int_common_slots as slot using (view_no, metric_no, local_date, unit_id)
"""


@dataclass
class Unit:
    """A unit: its size, readings of its meter, and the minutes at which people move in and out by turns."""

    floor_area: Decimal
    occupants: int
    readings: dict[int, Decimal]
    moves: list[int | None]


def readings(chance: random.Random, most: int) -> dict[int, Decimal]:
    minutes = chance.sample(range(1, MINUTES), chance.randint(1, 6))
    return {minute: Decimal(chance.randint(0, most * 10**10)).scaleb(-10) for minute in minutes}


def unit(chance: random.Random) -> Unit:
    moves: list[int | None] = [None, *sorted(chance.sample(range(1, MINUTES), chance.randint(0, 4)))]
    # In and out by turns, from the beginning; whoever is there at last stays.
    moves += [None] if len(moves) % 2 else []
    area = Decimal(chance.randint(100, 20000)).scaleb(-2)
    return Unit(area, chance.randint(1, 5), readings(chance, 100), moves)


def at(minute: int) -> datetime:
    return MARCH + timedelta(minutes=minute)


def declare(pipeline: Pipeline, house: str, method: str, units: list[Unit]) -> None:
    tables = pipeline.configuration.tables
    tables["allocations"].append({"property_id": house, "metric": "energy", "method": method})
    pipeline.tenant(house, rate_card_id="nights")
    meter = {"tenant_id": house, "property_id": house}
    tables["devices"].append(meter | {"device_id": house, "meter_role": "master"})
    for number, unit in enumerate(units):
        name = f"{house}-{number}"
        tables["units"].append({"property_id": house, "unit_id": name, "floor_area": unit.floor_area})
        tables["devices"].append(meter | {"device_id": name, "meter_role": "sub", "unit_id": name})
        for begin, end in zip(unit.moves[::2], unit.moves[1::2], strict=True):
            tenant = f"{name}-{begin}"
            pipeline.tenant(tenant, rate_card_id="nights")
            row = {"occupancy_id": tenant, "tenant_id": tenant, "property_id": house, "unit_id": name}
            row |= {"occupants": unit.occupants, "starts_at": "2019-01-01" if begin is None else at(begin)}
            tables["occupancies"].append(row | {"ends_at": None if end is None else at(end)})


@dataclass
class Estate:
    """Houses whose March is closed: units by name, and by house and unit (empty: the master meter) the readings."""

    pipeline: Pipeline
    units: dict[str, Unit] = field(default_factory=dict)
    readings: dict[tuple[str, str], dict[int, Decimal]] = field(default_factory=dict)

    @property
    def houses(self) -> list[str]:
        """Names of houses, which are those of their landlords, too."""
        return [house for house, name in self.readings if not name]


@pytest.fixture(scope="module")
def estate(shared_pipeline: Pipeline) -> Estate:
    chance = random.Random(5)
    estate = Estate(shared_pipeline)
    timed = {"price_model": "time_of_use", "schedule": "nights"}
    shared_pipeline.configuration.rate_card("nights", *({"part": part, "unit_price": 1} for part in NIGHTS), **timed)
    rows = ({"schedule": "nights", "part": part} | hours for part, hours in NIGHTS.items())
    shared_pipeline.configuration.tables["time_of_use"] = list(rows)
    messages = []
    for number in range(HOUSES):
        house = f"h{number}"
        units = [unit(chance) for _ in range(chance.randint(1, 4))]
        declare(shared_pipeline, house, SUPPORTED["allocations.method"][number % 4], units)
        meters = {house: readings(chance, 400)} | {f"{house}-{n}": unit.readings for n, unit in enumerate(units)}
        estate.units |= {f"{house}-{n}": unit for n, unit in enumerate(units)}
        for device, read in meters.items():
            messages += [message(house, device, minute, use, at(minute)) for minute, use in read.items()]
            estate.readings[house, device if device != house else ""] = read
    shared_pipeline.land(*messages)
    shared_pipeline.process()
    # What was rated is looked at: the gates hold bills that are mostly estimated.
    shared_pipeline.close("2019-03", "2019-04-10")
    return estate


def test_all_bills_together_are_what_the_meters_counted(estate: Estate) -> None:
    counted = {key: sum(read.values(), Decimal(0)) for key, read in estate.readings.items()}
    # Every sub-meter's use is shared out between occupants and landlord.
    rated = "from billing.int_unit_usage where source = 'sub_meter'"
    shared = f"select property_id, unit_id, sum(quantity) {rated} group by 1, 2"
    expected = {key: use for key, use in counted.items() if key[1]}
    rows = estate.pipeline.rows
    assert {(house, name): use for house, name, use in rows(shared)} == expected
    # All rows of a house are what its master meter counted, and nobody is given a negative part of what is common.
    whole = "select property_id, sum(quantity) from billing.int_unit_usage group by 1"
    assert dict(rows(whole)) == {house: use for (house, name), use in counted.items() if not name}
    common = (
        "select count(*), min(quantity) >= 0 from billing.int_unit_usage where occupancy_id > '' and source = 'common'"
    )
    assert rows(common)[0][1]
    assert rows(common)[0][0] > HOUSES


def used_until(instant: datetime, began: datetime, read: datetime, use: Decimal) -> Decimal:
    """What of a use from one instant to another was before an instant, to the tenth decimal."""
    passed = Fraction(max(timedelta(0), min(instant, read) - began) / timedelta(microseconds=1))
    whole = Fraction((read - began) / timedelta(microseconds=1))
    exact = Fraction(use) * passed / whole
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(LAST_DECIMAL, ROUND_HALF_UP)


def slots_of(name: str, unit: Unit) -> Slots:
    """When what a unit's meter counted was used, and by whom: occupants until they moved, the landlord when read."""
    slots: Slots = defaultdict(lambda: (Decimal(0), Decimal(0)))

    def add(tenant: str, when: datetime, use: Decimal, is_whole: bool) -> None:
        key = (tenant, name, when.replace(minute=0, second=0, microsecond=0))
        slots[key] = (slots[key][0] + use, slots[key][1] + (0 if is_whole else use))

    began = None
    for minute, use in sorted(unit.readings.items()):
        read, left = at(minute), use
        for begin, end in zip(unit.moves[::2], unit.moves[1::2], strict=True):
            starts, ends = at(-MINUTES if begin is None else begin), at(2 * MINUTES if end is None else end)
            part = use if starts < read <= ends else Decimal(0)
            if began is not None:
                part = used_until(ends, began, read, use) - used_until(starts, began, read, use)
            add(f"{name}-{begin}", min(read, ends - timedelta(microseconds=1)), part, part == use)
            left -= part
        add(name.partition("-")[0], read, left, left in (0, use))
        began = read
    return {key: parts for key, parts in slots.items() if parts[0]}


def test_what_a_meter_counted_was_used_when_it_was_read_or_before_a_move(estate: Estate) -> None:
    expected: Slots = {}
    for name, unit in estate.units.items():
        expected |= slots_of(name, unit)
    slots = {(tenant, device, slot): parts for tenant, device, slot, *parts in estate.pipeline.rows(SLOTS)}
    assert {key: tuple(parts) for key, parts in slots.items() if key[1] in estate.units} == expected


def days_of(estate: Estate, house: str) -> dict[datetime, dict[datetime, Decimal]]:
    """By day and hour, what a house's master meter counted more than its sub-meters."""
    days: dict[datetime, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (other, name), read in estate.readings.items():
        for minute, use in read.items() if other == house else ():
            hour = at(minute - minute % 60)
            days[hour.replace(hour=0)][hour] += -use if name else use
    return days


def test_common_use_was_when_the_master_counted_it(estate: Estate) -> None:
    # A share lies in the hours in which the master counted more, as they counted it, to a step of the last decimal.
    shares: dict[tuple[str, datetime, str], dict[datetime, Decimal]] = defaultdict(dict)
    whole = {}
    for house, date, unit_id, share, slot, part in estate.pipeline.rows(SHARES):
        day = instant(str(date))
        shares[house, day, unit_id][slot] = part
        whole[house, day, unit_id] = share
    assert len(shares) > HOUSES
    for (house, day, unit_id), parts in shares.items():
        more = {hour: Fraction(use) for hour, use in days_of(estate, house)[day].items() if use > 0}
        share = whole[house, day, unit_id]
        assert parts.keys() == more.keys()
        assert sum(parts.values()) == share
        for hour, use in more.items():
            assert abs(Fraction(parts[hour]) - Fraction(share) * use / sum(more.values())) <= Fraction(LAST_DECIMAL)


def test_the_landlord_has_what_others_leave_of_a_house_set_off_over_its_month(estate: Estate) -> None:
    left: dict[str, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for house in estate.houses:
        for hours in days_of(estate, house).values():
            left[house] |= hours
    for house, _, _, _, slot, part in estate.pipeline.rows(SHARES):
        left[house][slot] -= part
    for name, unit in estate.units.items():
        for (tenant, _, slot), (use, _) in slots_of(name, unit).items():
            left[name.partition("-")[0]][slot] += use if tenant in estate.houses else 0
    kept: dict[str, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for tenant, _, slot, part, _ in estate.pipeline.rows(SLOTS):
        if tenant in estate.houses:
            kept[tenant][slot] += part
    # In the hours of the sign of the whole, as they have it, to a step of the last decimal.
    for house, hours in left.items():
        total = sum(hours.values())
        alike = {hour: Fraction(use) for hour, use in hours.items() if use * total > 0}
        assert sum(kept[house].values()) == total
        assert {hour for hour, part in kept[house].items() if part != 0} <= alike.keys()
        for hour, use in alike.items():
            part = kept[house][hour]
            assert part * total >= 0
            assert abs(Fraction(part) - Fraction(total) * use / sum(alike.values())) <= Fraction(LAST_DECIMAL)


def test_the_bills_of_a_house_are_what_its_meters_counted(estate: Estate) -> None:
    billed: dict[str, dict[bool, Decimal]] = {house: {True: Decimal(0), False: Decimal(0)} for house in estate.houses}
    for tenant, _, quantity in estate.pipeline.rows(BILLED):
        billed[tenant.partition("-")[0]][tenant in estate.houses] += quantity
    # Nobody is billed less than nothing: where occupants have more than the master counted, its tenant has none.
    counted = {house: sum(read.values()) for (house, name), read in estate.readings.items() if not name}
    exact = {house for house, bills in billed.items() if bills[False] <= counted[house]}
    assert {house: sum(bills.values()) for house, bills in billed.items() if house in exact} == {
        house: use for house, use in counted.items() if house in exact
    }
    assert [billed[house][True] for house in estate.houses if house not in exact] == [0] * (HOUSES - len(exact))
    assert HOUSES / 2 < len(exact) < HOUSES


def test_a_bill_has_by_part_what_was_used_in_it(estate: Estate) -> None:
    used: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for tenant, _, slot, part, _ in estate.pipeline.rows(SLOTS):
        used[tenant, "day" if 6 <= slot.hour < 22 else "night"] += part
    lines = {(tenant, part): quantity for tenant, part, quantity in estate.pipeline.rows(BILLED)}
    # Below zero nothing is billed.
    assert lines == {key: use for key, use in used.items() if use > 0}
    assert len(lines) > HOUSES
