"""Rates as lists of rate elements (the form in which Southern California Edison's EV rates are published for tests)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.errors import BadInputError
from orchestration.importing.tariff import CardName, CsvRow, Season, Tariff, price, seasons, text_of

# Of the form's days 0 is Sunday; of ours 7 is.
EVERY_DAY = set(range(7))


def read_sce(path: Path, name: CardName) -> Tariff:
    """Rate elements as charges of a card. Raises BadInputError with file, field and remedy."""
    tariff = Tariff(name)
    try:
        elements = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        if not isinstance(elements, list):
            raise BadInputError("is no list of rate elements")
        for element in elements:
            _element(tariff, element)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path.name}: is not readable as a list of rate elements ({error!r})") from error
    except BadInputError as error:
        raise BadInputError(f"{path.name}: {error}") from error
    return tariff


def _element(tariff: Tariff, element: dict[str, Any]) -> None:
    kind, components = element["rateElementType"], element["rateComponents"]
    charge = str(element.get("name", kind)).lower()
    if kind == "FixedPerMonth":
        _only(components, {"name", "charge"}, kind)
        fee = sum((price(component["charge"], f"{kind}.charge") for component in components), Decimal(0))
        tariff.charge(charge, "flat")
        tariff.tier(charge, "usage", 1, flat_fee=text_of(fee))
    elif kind == "Demand":
        _only(components, {"name", "charge", "demandPeriod"}, kind)
        for component in components:
            if component.get("demandPeriod", "monthly") != "monthly":
                raise BadInputError(f"field demandPeriod: {component['demandPeriod']!r} is not supported; use monthly")
        rate = sum((price(component["charge"], f"{kind}.charge") for component in components), Decimal(0))
        # A demand that costs nothing makes no line.
        if rate:
            tariff.charge(charge, "per_unit", "peak_demand", demand_minutes=tariff.name.demand_minutes or "60")
            tariff.tier(charge, "peak_demand", 1, unit_price=text_of(rate))
    elif kind == "EnergyTimeOfUse":
        _time_of_use(tariff, charge, components)
    else:
        raise BadInputError(f"field rateElementType: {kind!r} is not supported")


def _time_of_use(tariff: Tariff, charge: str, components: Sequence[dict[str, Any]]) -> None:
    known = {"name", "charge", "months", "daysOfWeek", "hourStarts", "exceptForDays"}
    _only(components, known, "EnergyTimeOfUse")
    rows: list[CsvRow] = []
    for component in components:
        if component.get("exceptForDays"):
            raise BadInputError("field exceptForDays is not supported; name the days in a calendar of holidays.csv")
        for season in _runs_of_months(component["months"]):
            for span in _spans(component["hourStarts"]):
                rows.append(season.columns | _days(component["daysOfWeek"]) | span | {"part": component["name"]})
    tariff.charge(charge, "time_of_use", schedule=tariff.schedule(charge, rows))
    for component in components:
        unit_price = text_of(price(component["charge"], "EnergyTimeOfUse.charge"))
        tariff.tier(charge, "usage", 1, part=component["name"], unit_price=unit_price)


def _only(components: Sequence[dict[str, Any]], known: set[str], kind: str) -> None:
    for component in components:
        for field, value in component.items():
            if field not in known and value:
                raise BadInputError(f"field {kind}.{field} is not supported; take it out to bill the rate without it")


def _runs_of_months(months: Sequence[int]) -> list[Season]:
    member = {month: month - 1 in months for month in range(1, 13)}
    return [season for season, is_in in seasons(member) if is_in]


def _days(days: Sequence[int]) -> CsvRow:
    if set(days) == EVERY_DAY:
        return {}
    return {"days": " ".join(str(day or 7) for day in sorted(days, key=lambda day: day or 7))}


def _spans(hours: Sequence[int]) -> list[CsvRow]:
    starts = sorted(hour for hour in set(hours) if hour - 1 not in hours)
    ends = sorted(hour + 1 for hour in set(hours) if hour + 1 not in hours)
    return [
        {"starts_time": f"{start:02}:00", "ends_time": f"{end:02}:00"} for start, end in zip(starts, ends, strict=True)
    ]
