"""OpenEI's Utility Rate Database (URDB) form, version 3 and later: a rate as charges of a card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.errors import BadInputError
from orchestration.importing.tariff import MONTHS, CardName, CsvRow, Tariff, price, seasons, text_of

Ladder = list[tuple[Decimal | None, Decimal]]
# From such a bound on a tier counts as unbounded: files write 1e38 or the like where they mean none.
UNBOUNDED = Decimal(10) ** 8
HOURS = 24
DAYS = 365

# What says about a rate whom it is for, and does not enter a bill.
INFORMATION = {
    "label", "uri", "sector", "servicetype", "eiaid", "name", "utility", "approved", "is_default", "startdate",
    "enddate", "latest_update", "supersedes", "source", "sourceparent", "description", "basicinformationcomments",
    "country", "peakkwcapacitymin", "peakkwcapacitymax", "peakkwcapacityhistory", "peakkwhusagemin", "peakkwhusagemax",
    "peakkwhusagehistory", "voltageminimum", "voltagemaximum", "voltagecategory", "phasewiring", "demandattrs",
    "demandcomments", "energyattrs", "energycomments", "fixedattrs", "revisions", "rateid", "version", "usenetmetering",
    "dgrules", "tariff_type", "_id", "readonly", "uristring",
}  # fmt: skip
UNITS = {
    "energyratestructure": {"kWh"}, "demandratestructure": {"kW"}, "flatdemandstructure": {"kW"},
    "demandrateunit": {"kW"}, "demandunits": {"kW"}, "flatdemandunit": {"kW"},
}  # fmt: skip
TIER = {"max", "rate", "adj", "sell", "unit"}
NET_METERING = "Net Metering"
HANDLED = {
    "energyratestructure", "energyweekdayschedule", "energyweekendschedule", "demandratestructure",
    "demandweekdayschedule", "demandweekendschedule", "flatdemandstructure", "flatdemandmonths",
    "fixedchargefirstmeter", "fixedchargeunits", "fixedmonthlycharge", "mincharge", "minchargeunits",
    "minmonthlycharge", "annualmincharge", "fueladjustmentsmonthly", "demandwindow", "demandratchetpercentage",
    "lookbackpercent", "lookbackmonths", "lookbackrange", "demandrateunit", "demandunits", "flatdemandunit",
    "realtimepricing",
}  # fmt: skip


def read_urdb(path: Path, name: CardName) -> Tariff:
    """A rate of the URDB as charges of a card. Raises BadInputError with file, field and remedy."""
    try:
        rate = _Rate(_one_rate(path), name)
        rate.read()
    except BadInputError as error:
        raise BadInputError(f"{path.name}: {error}") from error
    return rate.tariff


def _one_rate(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise BadInputError(f"is not readable as JSON ({error})") from error
    items = content.get("items", [content]) if isinstance(content, dict) else content
    if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
        raise BadInputError("holds no single rate; write one rate into a file, as the URDB hands it out")
    return {str(name).lower(): value for name, value in items[0].items() if value is not None}


class _Rate:
    """One rate; what is read of it gathers in `tariff`."""

    def __init__(self, fields: dict[str, Any], name: CardName) -> None:
        self.tariff = Tariff(name)
        self._fields = fields
        self._name = name

    def read(self) -> None:
        """All charges. Raises BadInputError with the field that cannot be billed."""
        self._refuse_unknown()
        if not {"energyratestructure", "realtimepricing"} & self._fields.keys():
            raise BadInputError("field energyratestructure is missing; a rate without prices cannot be billed")
        self._fixed()
        self._minimum()
        self._energy()
        self._fuel_adjustments()
        self._demand()
        self._flat_demand()

    def _refuse_unknown(self) -> None:
        for field, value in self._fields.items():
            is_silent = value in (0, "", [], {}, False) or (isinstance(value, list) and not any(_flat(value)))
            # What is text or yes and no describes; a number or a list may be a price.
            is_price = isinstance(value, int | float | Decimal | list | dict) and not isinstance(value, bool)
            if is_price and not is_silent and field not in INFORMATION and field not in HANDLED:
                raise BadInputError(f"field {field} is not supported; take it out to bill the rate without it")
        currency = self._fields.get("currency") or self._name.currency_code
        if str(currency).upper() != self._name.currency_code:
            raise BadInputError(f"field currency: {currency!r} is not {self._name.currency_code}; say --currency")
        for field, units in UNITS.items():
            unit = self._fields.get(field)
            if isinstance(unit, str) and unit not in units:
                raise BadInputError(f"field {field}: {unit!r} is not supported; use {', '.join(sorted(units))}")

    def _fixed(self) -> None:
        field = "fixedchargefirstmeter" if "fixedchargefirstmeter" in self._fields else "fixedmonthlycharge"
        if field not in self._fields:
            return
        fee = _not_below_0(price(self._fields[field], field), field)
        monthly = price(self._fields.get("fixedmonthlycharge", fee), "fixedmonthlycharge")
        if field == "fixedchargefirstmeter" and monthly and monthly != fee:
            raise BadInputError(f"field fixedmonthlycharge: {monthly} is not {field}; leave one of them")
        unit = self._fields.get("fixedchargeunits", "$/month") if field == "fixedchargefirstmeter" else "$/month"
        if unit == "$/day":
            self.tariff.charge("fixed", "per_unit", "days")
            self.tariff.tier("fixed", "days", 1, unit_price=text_of(fee))
        elif unit == "$/month" or not fee:
            self.tariff.charge("fixed", "flat")
            self.tariff.tier("fixed", "usage", 1, flat_fee=text_of(fee))
        else:
            raise BadInputError(
                f"field fixedchargeunits: {unit!r} is not supported, for a month has no agreed share of it; write the "
                "fee per month ($/month) or per day ($/day)"
            )

    def _minimum(self) -> None:
        unit = self._fields.get("minchargeunits", "$/month")
        columns = {"$/month": "minimum_spend_amount", "$/year": "annual_minimum_amount"}
        if price(self._fields.get("mincharge", 0), "mincharge") and unit not in columns:
            raise BadInputError(f"field minchargeunits: {unit!r} is not supported; use $/month or $/year")
        fields = {"mincharge": columns.get(unit, ""), "minmonthlycharge": "minimum_spend_amount"}
        terms = {
            column: text_of(_not_below_0(price(self._fields[field], field), field))
            for field, column in (fields | {"annualmincharge": "annual_minimum_amount"}).items()
            if price(self._fields.get(field, 0), field)
        }
        if terms:
            self.tariff.terms(**terms)

    def _energy(self) -> None:
        columns = {"net_metric": self._name.export_metric} if self._nets() else {}
        if "realtimepricing" in self._fields:
            self._hourly_prices(columns)
            return
        structure = self._structure("energyratestructure")
        self._sell("energyratestructure")
        self._timed("energy", "usage", structure, self._hours("energy", len(structure)), columns)

    def _hourly_prices(self, columns: CsvRow) -> None:
        """A price for each hour of a year by the local clock, as a schedule whose parts are called by their price."""
        written = self._fields["realtimepricing"]
        values = written.split(",") if isinstance(written, str) else written
        if not isinstance(values, list) or len(values) != DAYS * HOURS:
            raise BadInputError(
                f"field realtimepricing: {DAYS * HOURS} prices are expected, one for each hour of a year"
            )
        field = "realtimepricing"
        prices = [text_of(_not_below_0(price(str(value).strip(), field), field)) for value in values]
        schedule = self.tariff.schedule("energy", _rows_of_hours(prices))
        self.tariff.charge("energy", "time_of_use", schedule=schedule, **columns)
        for amount in sorted(set(prices), key=Decimal):
            self.tariff.tier("energy", "usage", 1, part=amount, unit_price=amount)
        # A month has hundreds of lines of a few cents each, whose roundings would add up.
        self.tariff.terms(is_total_from_unrounded="true")

    def _nets(self) -> bool:
        """Whether what is fed in is taken off what is used, as net metering does."""
        rules = self._fields.get("dgrules") or NET_METERING
        if self._name.export_metric and rules != NET_METERING:
            raise BadInputError(
                f"field dgrules: {rules!r} is not supported for what is fed in; leave --export-metric out to bill what "
                "is used"
            )
        return bool(self._name.export_metric) and (
            self._fields.get("usenetmetering") is not False or "dgrules" in self._fields
        )

    def _sell(self, field: str) -> None:
        sells = [tier for period in self._fields[field] for tier in period if tier.get("sell")]
        if sells and self._name.export_metric and not self._nets():
            raise BadInputError(f"field {field}.sell is not supported; only net metering of what is fed in is")
        if sells and not self._name.export_metric:
            self.tariff.notes.append("sell rates were left out: no --export-metric names what is fed in")

    def _fuel_adjustments(self) -> None:
        field = "fueladjustmentsmonthly"
        if not self._fields.get(field):
            return
        amounts = [_not_below_0(price(amount, field), field) for amount in self._twelve(field)]
        if not any(amounts):
            return
        distinct = list(dict.fromkeys(amounts))
        periods = [distinct.index(amount) for amount in amounts]
        self._timed("fuel adjustment", "usage", [[(None, amount)] for amount in distinct], _all_day(periods), {})

    def _demand(self) -> None:
        if not self._fields.get("demandratestructure"):
            return
        structure = self._structure("demandratestructure")
        hours = self._hours("demand", len(structure))
        self._timed("demand", "peak_demand", structure, hours, self._demand_columns() | self._ratchet())

    def _flat_demand(self) -> None:
        if not self._fields.get("flatdemandstructure"):
            return
        structure = self._structure("flatdemandstructure")
        field = "flatdemandmonths"
        months = [_period(month, field, "flatdemandstructure", len(structure)) for month in self._twelve(field)]
        columns = self._demand_columns() | self._ratchet()
        self._timed("flat demand", "peak_demand", structure, _all_day(months), columns)

    def _demand_columns(self) -> CsvRow:
        window = str(self._fields.get("demandwindow", "")) or "60"
        minutes = self._name.demand_minutes or window.split(".")[0]
        if minutes not in {"15", "30", "60"}:
            raise BadInputError(f"field demandwindow: {window!r} is not supported; use 15, 30 or 60 minutes")
        return {"demand_minutes": minutes}

    def _ratchet(self) -> CsvRow:
        field = "lookbackpercent"
        share = _not_below_0(price(self._fields.get(field, 0), field), field)
        if not share and self._fields.get("demandratchetpercentage"):
            field = "demandratchetpercentage"
            ratchets = [_not_below_0(price(percentage, field), field) for percentage in self._twelve(field)]
            if len(set(ratchets)) > 1:
                raise BadInputError(f"field {field}: one percentage for all months is supported")
            share = ratchets[0]
        if not share:
            return {}
        if share > 100:
            raise BadInputError(f"field {field}: {share} percent is more than all of a peak; use at most 100")
        # The form's own examples are fractions; hand-made files write percent.
        percent = share * 100 if share <= 1 else share
        flags = self._twelve("lookbackmonths") if self._fields.get("lookbackmonths") else [1] * 12
        months = [month for month in MONTHS if flags[month - 1]]
        columns = {
            "ratchet_percent": text_of(percent.normalize() + 0),
            "ratchet_periods": str(self._look_back()),
        }
        return columns | ({"ratchet_months": " ".join(map(str, months))} if len(months) < 12 else {})

    def _look_back(self) -> int:
        value = self._fields.get("lookbackrange") or 11
        if price(value, "lookbackrange") not in range(1, 25):
            raise BadInputError(f"field lookbackrange: {value!r} is not supported; use 1 to 24 months")
        return int(value)

    def _structure(self, field: str) -> list[Ladder]:
        structure = self._fields[field]
        if not isinstance(structure, list) or not all(isinstance(period, list) and period for period in structure):
            raise BadInputError(f"field {field}: a list of periods, each a list of tiers, is expected")
        if not all(isinstance(tier, dict) for period in structure for tier in period):
            raise BadInputError(f"field {field}: a tier is an object with a rate, and a max where it is bounded")
        return [self._ladder(period, field) for period in structure]

    @staticmethod
    def _ladder(period: Sequence[Mapping[str, Any]], field: str) -> Ladder:
        ladder: Ladder = []
        for number, tier in enumerate(period, start=1):
            _refuse_tier(tier, field)
            rate = _not_below_0(
                price(tier.get("rate") or 0, f"{field}.rate") + price(tier.get("adj") or 0, f"{field}.adj"),
                f"{field}.rate",
            )
            bound = _bound(tier, field)
            if bound is None:
                # A tier above a bound that no use reaches is never entered; above no bound there is none.
                if number < len(period) and tier.get("max") is None:
                    raise BadInputError(f"field {field}.max: tier {number} has no bound, but another tier follows")
                ladder.append((None, rate))
                break
            if number == len(period):
                raise BadInputError(f"field {field}.max: {bound} bounds the last tier, above which nothing has a price")
            if bound <= (ladder[-1][0] or 0 if ladder else 0):
                raise BadInputError(f"field {field}.max: {bound} is not above the bound before; bounds ascend from 0")
            ladder.append((bound, rate))
        return ladder

    def _twelve(self, field: str) -> list[Any]:
        value = self._fields.get(field)
        if not isinstance(value, list) or len(value) != 12:
            raise BadInputError(f"field {field} is missing or has not 12 months; a rate needs it for its prices")
        return value

    def _hours(self, kind: str, period_count: int) -> dict[str, list[list[int]]]:
        """Periods by kind of day, month and hour. A rate of one period needs no schedule."""
        fields = {"weekday": f"{kind}weekdayschedule", "weekend": f"{kind}weekendschedule"}
        if period_count == 1 and not any(field in self._fields for field in fields.values()):
            return _all_day([0] * 12)
        hours: dict[str, list[list[int]]] = {}
        for day, field in fields.items():
            months = self._twelve(field)
            if not all(isinstance(month, list) and len(month) == HOURS for month in months):
                raise BadInputError(f"field {field}: a month has not 24 hours")
            hours[day] = [
                [_period(period, field, f"{kind}ratestructure", period_count) for period in month] for month in months
            ]
        return hours

    def _timed(
        self, charge: str, basis: str, structure: list[Ladder], hours: dict[str, list[list[int]]], columns: CsvRow
    ) -> None:
        """A charge that costs by the clock where it has several periods, and the same at all times where it has one."""
        used = sorted({period for months in hours.values() for month in months for period in month})
        if len(used) == 1:
            ladder = structure[used[0]]
            self.tariff.charge(charge, "per_unit" if len(ladder) == 1 else "graduated", basis, **columns)
            self._tiers(charge, basis, ladder, "")
            return
        schedule = self.tariff.schedule(charge, _rows(hours))
        is_tiered = any(len(structure[period]) > 1 for period in used)
        if is_tiered and basis == "usage":
            columns = columns | {"tier_meaning": self._tier_meaning(charge, [structure[period] for period in used])}
        self.tariff.charge(charge, "time_of_use", basis, schedule=schedule, **columns)
        for period in used:
            self._tiers(charge, basis, structure[period], f"period {period}")

    def _tiers(self, charge: str, basis: str, ladder: Ladder, part: str) -> None:
        for number, (up_to, rate) in enumerate(ladder, start=1):
            bound = "" if up_to is None else text_of(up_to)
            self.tariff.tier(charge, basis, number, part=part, up_to=bound, unit_price=text_of(rate))

    def _tier_meaning(self, charge: str, ladders: Sequence[Ladder]) -> str:
        """Parts with the same bounds share one ladder of the month's use; others each have their own."""
        is_shared = len({tuple(bound for bound, _ in ladder) for ladder in ladders}) == 1
        meaning = self._name.tier_meaning or ("month_end" if is_shared else "per_part")
        if meaning != "per_part" and not is_shared:
            raise BadInputError(
                f"field {charge}ratestructure: periods have tiers of their own; use --tier-meaning per_part"
            )
        self.tariff.notes.append(f"{charge}: tiers and time of use meet as {meaning} (--tier-meaning says otherwise)")
        return "" if meaning == "per_part" else meaning


def _refuse_tier(tier: Mapping[str, Any], field: str) -> None:
    unit = tier.get("unit")
    if unit is not None and str(unit) not in UNITS[field]:
        raise BadInputError(f"field {field}.unit: {unit!r} is not supported; use {', '.join(sorted(UNITS[field]))}")
    # What is text describes; another number may be a price.
    for name, value in tier.items():
        if name not in TIER and value and not isinstance(value, str):
            raise BadInputError(f"field {field}.{name} is not supported; take it out to bill the rate without it")


def _bound(tier: Mapping[str, Any], field: str) -> Decimal | None:
    bound = tier.get("max")
    if bound is None or (isinstance(bound, int | Decimal) and bound >= UNBOUNDED):
        return None
    return price(bound, f"{field}.max")


def _period(value: Any, field: str, structure: str, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value not in range(count):
        raise BadInputError(f"field {field}: {value!s} is no period of {structure}")
    return int(value)


def _not_below_0(amount: Decimal, field: str) -> Decimal:
    if amount < 0:
        raise BadInputError(f"field {field}: {amount} is below 0, which no price may be; take it off another one")
    return amount


def _flat(value: object) -> list[object]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, list) else [value]


def _all_day(periods: Sequence[int]) -> dict[str, list[list[int]]]:
    months = [[period] * HOURS for period in periods]
    return {"weekday": months, "weekend": months}


def _rows(hours: Mapping[str, Sequence[Sequence[int]]]) -> list[CsvRow]:
    """Rows of time_of_use.csv: months with the same days are a season, hours with the same period a span."""
    days = {month: tuple(tuple(hours[kind][month - 1]) for kind in ("weekday", "weekend")) for month in MONTHS}
    rows: list[CsvRow] = []
    for season, (weekday, weekend) in seasons(days):
        kinds = [("", weekday)] if weekday == weekend else [("weekday", weekday), ("weekend", weekend)]
        for kind, day in kinds:
            starts = [hour for hour in range(HOURS) if hour == 0 or day[hour] != day[hour - 1]]
            for start, end in zip(starts, [*starts[1:], HOURS], strict=True):
                part = {"part": f"period {day[start]}"}
                rows.append(season.columns | {"days": kind} | _span(start, end) | part)
    return rows


def _rows_of_hours(prices: Sequence[str]) -> list[CsvRow]:
    """A day after the other; 29 February, which the year of the prices does not have, is as the 28th."""
    rows: list[CsvRow] = []
    for number in range(DAYS):
        first = date(2001, 1, 1) + timedelta(days=number)
        day = prices[number * HOURS : (number + 1) * HOURS]
        last = "02-29" if (first.month, first.day) == (2, 28) else first.strftime("%m-%d")
        starts = [hour for hour in range(HOURS) if hour == 0 or day[hour] != day[hour - 1]]
        for start, end in zip(starts, [*starts[1:], HOURS], strict=True):
            season = {"season_start": first.strftime("%m-%d"), "season_end": last}
            rows.append(season | _span(start, end) | {"part": day[start]})
    return rows


def _span(start: int, end: int) -> CsvRow:
    if (start, end) == (0, HOURS):
        return {}
    return {"starts_time": f"{start:02}:00", "ends_time": f"{end:02}:00"}
