"""What a meter counts is paid by somebody, to the last decimal, whoever moved when and however common use is shared."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from orchestration.config.tables import SUPPORTED
from tests.support import Pipeline, instant, message

HOUSES = 16
MARCH = instant("2019-03-01")
MINUTES = 31 * 24 * 60


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
    meter = {"tenant_id": "estate", "property_id": house}
    tables["devices"].append(meter | {"device_id": house, "meter_role": "master"})
    for number, unit in enumerate(units):
        name = f"{house}-{number}"
        tables["units"].append({"property_id": house, "unit_id": name, "floor_area": unit.floor_area})
        tables["devices"].append(meter | {"device_id": name, "meter_role": "sub", "unit_id": name})
        for begin, end in zip(unit.moves[::2], unit.moves[1::2], strict=True):
            tenant = f"{name}-{begin}"
            pipeline.tenant(tenant)
            row = {"occupancy_id": tenant, "tenant_id": tenant, "property_id": house, "unit_id": name}
            row |= {"occupants": unit.occupants, "starts_at": "2019-01-01" if begin is None else at(begin)}
            tables["occupancies"].append(row | {"ends_at": None if end is None else at(end)})


def test_all_bills_together_are_what_the_meters_counted(pipeline: Pipeline) -> None:
    chance = random.Random(5)
    counted: dict[tuple[str, str], Decimal] = {}
    messages = []
    pipeline.tenant("estate")
    for number in range(HOUSES):
        house = f"h{number}"
        units = [unit(chance) for _ in range(chance.randint(1, 4))]
        declare(pipeline, house, SUPPORTED["allocations.method"][number % 4], units)
        meters = {house: readings(chance, 400)} | {f"{house}-{n}": unit.readings for n, unit in enumerate(units)}
        for device, read in meters.items():
            messages += [message("estate", device, minute, use, at(minute)) for minute, use in read.items()]
            counted[house, device if device != house else ""] = sum(read.values(), Decimal(0))
    pipeline.land(*messages)
    pipeline.process()
    pipeline.close("2019-03", "2019-04-10")

    # As rated: the gates hold bills that are mostly estimated. Every sub-meter's use is shared out between occupants
    # and landlord.
    rated = "from billing.int_unit_usage where source = 'sub_meter'"
    shared = f"select property_id, unit_id, sum(quantity) {rated} group by 1, 2"
    expected = {key: use for key, use in counted.items() if key[1]}
    assert {(house, name): use for house, name, use in pipeline.rows(shared)} == expected
    # All rows of a house are what its master meter counted, and nobody is given a negative part of what is common.
    whole = "select property_id, sum(quantity) from billing.int_unit_usage group by 1"
    assert dict(pipeline.rows(whole)) == {house: use for (house, name), use in counted.items() if not name}
    common = (
        "select count(*), min(quantity) >= 0 from billing.int_unit_usage where occupancy_id > '' and source = 'common'"
    )
    assert pipeline.rows(common)[0][1]
    assert pipeline.rows(common)[0][0] > HOUSES
