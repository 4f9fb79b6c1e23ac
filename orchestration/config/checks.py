"""Rules that need more than one cell: keys, references between tables, contracts in time, tiers of a price."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.config.measures import check_measures
from orchestration.config.prices import check_prices
from orchestration.config.problems import Problems
from orchestration.config.reading import Cells
from orchestration.config.spend_checks import check_credits, check_discounts, check_terms
from orchestration.config.split_by_date import check_split_by_date
from orchestration.config.submetering import Submetering
from orchestration.config.tables import (
    SUPPORTED,
    Allocation,
    Budget,
    Calendar,
    Calibration,
    Contract,
    Credit,
    Device,
    DeviceType,
    Discount,
    FieldMapping,
    Holiday,
    LoadProfile,
    Metric,
    Occupancy,
    PeriodOverride,
    Property,
    RateCard,
    RateCardTerms,
    RateCardTier,
    RegisterExchange,
    RetentionClass,
    Row,
    Source,
    Tax,
    Tenant,
    TimeOfUse,
    Unit,
    UnitConversion,
)
from orchestration.config.time_of_use import check_schedules, check_use_of_schedules
from orchestration.config.values import masked, named, shown

ChargeKey = tuple[str | None, str, str | None]


@dataclass
class Rows:
    """Rows with the lines on which they begin, of every table but devices, whose rows may be millions."""

    tenants: list[tuple[int, Tenant]] = field(default_factory=list)
    calendars: list[tuple[int, Calendar]] = field(default_factory=list)
    retention_classes: list[tuple[int, RetentionClass]] = field(default_factory=list)
    contracts: list[tuple[int, Contract]] = field(default_factory=list)
    device_types: list[tuple[int, DeviceType]] = field(default_factory=list)
    metrics: list[tuple[int, Metric]] = field(default_factory=list)
    rate_cards: list[tuple[int, RateCard]] = field(default_factory=list)
    rate_card_tiers: list[tuple[int, RateCardTier]] = field(default_factory=list)
    time_of_use: list[tuple[int, TimeOfUse]] = field(default_factory=list)
    holidays: list[tuple[int, Holiday]] = field(default_factory=list)
    rate_card_terms: list[tuple[int, RateCardTerms]] = field(default_factory=list)
    discounts: list[tuple[int, Discount]] = field(default_factory=list)
    taxes: list[tuple[int, Tax]] = field(default_factory=list)
    credits: list[tuple[int, Credit]] = field(default_factory=list)
    budgets: list[tuple[int, Budget]] = field(default_factory=list)
    period_overrides: list[tuple[int, PeriodOverride]] = field(default_factory=list)
    field_mappings: list[tuple[int, FieldMapping]] = field(default_factory=list)
    unit_conversions: list[tuple[int, UnitConversion]] = field(default_factory=list)
    sources: list[tuple[int, Source]] = field(default_factory=list)
    load_profiles: list[tuple[int, LoadProfile]] = field(default_factory=list)
    properties: list[tuple[int, Property]] = field(default_factory=list)
    register_exchanges: list[tuple[int, RegisterExchange]] = field(default_factory=list)
    calibrations: list[tuple[int, Calibration]] = field(default_factory=list)
    units: list[tuple[int, Unit]] = field(default_factory=list)
    occupancies: list[tuple[int, Occupancy]] = field(default_factory=list)
    allocations: list[tuple[int, Allocation]] = field(default_factory=list)

    def time_zones(self) -> dict[str, str | None]:
        """Zone by tenant_id; None for a tenant whose contracts disagree."""
        zones: dict[str, str | None] = {}
        for _, contract in self.contracts:
            known = zones.setdefault(contract.tenant_id, contract.time_zone)
            if known != contract.time_zone:
                zones[contract.tenant_id] = None
        return zones


class Checks:
    """The rules over one folder's rows; what they find goes to `problems`, doubts that stop nobody to `warnings`."""

    def __init__(self, rows: Rows, problems: Problems) -> None:
        """Take the rows read so far; nothing is checked yet."""
        self.warnings: list[str] = []
        self._rows = rows
        self._problems = problems
        # A row that was refused by itself is missing here: what refers to it is not wrong.
        self._broken = {
            name
            for name in (
                "tenants",
                "calendars",
                "device_types",
                "metrics",
                "rate_cards",
                "load_profiles",
                "time_of_use",
                "taxes",
                "retention_classes",
            )
            if problems.of(f"{name}.csv")
        }
        self._tenants = {tenant.tenant_id: tenant for _, tenant in rows.tenants}
        self._metrics = {metric.metric for _, metric in rows.metrics}
        self._device_types = {device_type.device_type for _, device_type in rows.device_types}
        self._undeclared_types: set[str] = set()
        self._device_keys = array("q")
        self._time_zones = rows.time_zones()
        self._property_zones: dict[str, set[str | None]] = defaultdict(set)
        self._submetering = Submetering(rows, problems)
        self._unseen = {(budget.tenant_id, budget.device_id): line for line, budget in rows.budgets if budget.device_id}

    def all_but_devices(self) -> None:
        """Check everything that needs no device."""
        for name in vars(self._rows):
            self._refuse_duplicates(f"{name}.csv", getattr(self._rows, name))
        self._refer("contracts.csv", self._rows.contracts, "tenant_id", "tenants", self._tenants)
        self._refer("period_overrides.csv", self._rows.period_overrides, "tenant_id", "tenants", self._tenants)
        self._refer("rate_cards.csv", self._rows.rate_cards, "metric", "metrics", self._metrics)
        self._refer("register_exchanges.csv", self._rows.register_exchanges, "tenant_id", "tenants", self._tenants)
        registers = {metric.metric for _, metric in self._rows.metrics if metric.reading_type == "cumulative"}
        self._exchanges(registers)
        self._refer("calibrations.csv", self._rows.calibrations, "tenant_id", "tenants", self._tenants)
        self._refer("calibrations.csv", self._rows.calibrations, "metric", "metrics", self._metrics)
        self._calibrations(registers)
        self._budgets()
        self._refer("field_mappings.csv", self._rows.field_mappings, "tenant_id", "tenants", self._tenants)
        self._refer("sources.csv", self._rows.sources, "tenant_id", "tenants", self._tenants)
        self._refer("unit_conversions.csv", self._rows.unit_conversions, "metric", "metrics", self._metrics)
        for line, conversion in self._rows.unit_conversions:
            self._conversion(line, conversion)
        cards = {card.rate_card_id for _, card in self._rows.rate_cards}
        self._refer("contracts.csv", self._rows.contracts, "rate_card_id", "rate_cards", cards)
        profiles = {weight.load_profile for _, weight in self._rows.load_profiles}
        self._refer("contracts.csv", self._rows.contracts, "load_profile", "load_profiles", profiles)
        kept = {row.retention_class for _, row in self._rows.retention_classes}
        self._refer("contracts.csv", self._rows.contracts, "retention_class", "retention_classes", kept)
        self._load_profiles()
        check_schedules(self._rows.time_of_use, self._rows.holidays, self._problems)
        schedules = {row.schedule for _, row in self._rows.time_of_use}
        self._refer("rate_cards.csv", self._rows.rate_cards, "schedule", "time_of_use", schedules)
        self._refer("rate_cards.csv", self._rows.rate_cards, "net_metric", "metrics", self._metrics)
        check_use_of_schedules(self._rows, self._problems)
        check_measures(self._rows, self._problems)
        self._spend_terms(cards)
        calendars = self._calendars()
        for line, contract in self._rows.contracts:
            self._contract(line, contract)
            self._cycle(line, contract, calendars)
        self._contracts_in_time()
        self._currencies()
        self._first_versions()
        for line, metric in self._rows.metrics:
            self._metric(line, metric)
        self._versions()
        self._releases()
        check_split_by_date(self._rows, self._problems)
        self._dropped_charges()
        check_prices(self._rows.rate_cards, self._rows.rate_card_tiers, self._broken, self._problems)
        self._refer("occupancies.csv", self._rows.occupancies, "tenant_id", "tenants", self._tenants)
        for column in ("metric", "charged_metric"):
            self._refer("allocations.csv", self._rows.allocations, column, "metrics", self._metrics)
        self._submetering.check()

    def device(self, line: int, device: Device) -> None:
        """Check one device against the other tables, and remember its key."""
        if device.tenant_id not in self._tenants and "tenants" not in self._broken:
            self._not_there("devices.csv", line, "tenant_id", device.tenant_id, "tenants")
        if device.device_type is not None and device.device_type not in self._device_types:
            self._undeclared_types.add(device.device_type)
        if device.meter_role is not None:
            self._meter(line, device)
        if device.unit_id is not None or device.meter_role is not None:
            self._submetering.device(line, device)
        self._unseen.pop((device.tenant_id, device.device_id), None)
        self._device_keys.append(hash((device.tenant_id, device.device_id)))

    def _meter(self, line: int, device: Device) -> None:
        if device.property_id is None:
            text = f"is empty, but meter_role is {shown(device.meter_role or '')}; name the property that it measures"
            self._problems.add("devices.csv", text, line=line, column="property_id")
        else:
            self._property_zones[device.property_id].add(self._time_zones.get(device.tenant_id))

    def finish_devices(self, read_again: Callable[[], Iterable[Cells]]) -> None:
        """Refuse budgets of no device, and devices that are declared twice.

        Eight bytes a device tell which may be; only those are read again.
        """
        if self._undeclared_types and self._rows.device_types and "device_types" not in self._broken:
            names = ", ".join(shown(name) for name in sorted(self._undeclared_types)[:5])
            self.warnings.append(f"devices.csv: device types {names} are not in device_types.csv and have its defaults")
        for (tenant_id, _), line in self._unseen.items():
            text = f"is no device of tenant {shown(tenant_id)} in devices.csv; add it there, or leave it empty for all"
            self._problems.add("budgets.csv", text, line=line, column="device_id")
        sharers = self._submetering.sharers()
        for line, budget in self._rows.budgets:
            if budget.device_id is None and budget.tenant_id in sharers:
                text = f"is empty, but use of tenant {shown(budget.tenant_id)} is shared among units; name a device"
                self._problems.add("budgets.csv", text, line=line, column="device_id")
        apart = sorted(name for name, zones in self._property_zones.items() if len(zones) > 1 or None in zones)
        if apart:
            names = ", ".join(shown(name) for name in apart[:5])
            self.warnings.append(
                f"devices.csv: the meters of property {names} belong to contracts of different time zones, so that "
                "their local days are not compared"
            )
        hashes = np.sort(np.frombuffer(self._device_keys, dtype=np.int64)) if self._device_keys else np.empty(0)
        suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if not suspects:
            return
        first_lines: dict[tuple[str, str], int] = {}
        for line, cells in read_again():
            key = (cells.get("tenant_id", ""), cells.get("device_id", ""))
            if hash(key) in suspects and first_lines.setdefault(key, line) != line:
                name = f"tenant_id {shown(key[0])}, device_id {masked(key[1])}"
                self._twice("devices.csv", line, name, first_lines[key])

    def _refuse_duplicates(self, file: str, rows: Sequence[tuple[int, Row]]) -> None:
        first_lines: dict[tuple[object, ...], int] = {}
        for line, row in rows:
            key = tuple(getattr(row, column) for column in row.key)
            first = first_lines.setdefault(key, line)
            if first != line:
                self._twice(file, line, named(row, row.key), first)

    def _twice(self, file: str, line: int, name: str, first: int) -> None:
        self._problems.add(file, f"{name} is already on line {first}; remove one of the two", line=line)

    def _refer(
        self, file: str, rows: Sequence[tuple[int, Row]], column: str, target: str, known: Iterable[str]
    ) -> None:
        if target in self._broken:
            return
        known = set(known)
        for line, row in rows:
            value = getattr(row, column)
            if value is not None and value not in known:
                self._not_there(file, line, column, value, target)

    def _not_there(self, file: str, line: int, column: str, value: str, target: str) -> None:
        text = f"{shown(value)} is not in {target}.csv; add it there or correct it here"
        self._problems.add(file, text, line=line, column=column)

    def _contract(self, line: int, contract: Contract) -> None:
        if contract.ends_at is not None and contract.ends_at <= contract.starts_at:
            text = f"{contract.ends_at.isoformat()} is not after starts_at {contract.starts_at.isoformat()}"
            self._problems.add("contracts.csv", text + "; correct one of them", line=line, column="ends_at")
        if contract.billing_cycle == "weekly" and contract.anchor_day > 7:
            text = f"'{contract.anchor_day}' is no day of the week; write 1 (Monday) to 7 (Sunday)"
            self._problems.add("contracts.csv", text, line=line, column="anchor_day")
        if contract.estimation == "profile" and contract.load_profile is None:
            text = "is empty, but estimation is 'profile'; name a profile of load_profiles.csv"
            self._problems.add("contracts.csv", text, line=line, column="load_profile")

    def _spend_terms(self, cards: set[str]) -> None:
        jurisdictions = {tax.jurisdiction for _, tax in self._rows.taxes}
        self._refer("contracts.csv", self._rows.contracts, "tax_jurisdiction", "taxes", jurisdictions)
        self._refer("discounts.csv", self._rows.discounts, "tenant_id", "tenants", self._tenants)
        self._refer("discounts.csv", self._rows.discounts, "rate_card_id", "rate_cards", cards)
        self._refer("discounts.csv", self._rows.discounts, "metric", "metrics", self._metrics)
        self._refer("credits.csv", self._rows.credits, "tenant_id", "tenants", self._tenants)
        versions = {(card.rate_card_id, card.rate_card_version) for _, card in self._rows.rate_cards}
        check_terms(
            self._problems,
            self._rows.rate_card_terms,
            self._rows.contracts,
            None if "rate_cards" in self._broken else versions,
        )
        check_discounts(self._problems, self._rows.discounts)
        currencies = {name: tenant.currency_code for name, tenant in self._tenants.items()}
        check_credits(self._problems, self._rows.credits, currencies)

    def _budgets(self) -> None:
        self._refer("budgets.csv", self._rows.budgets, "tenant_id", "tenants", self._tenants)
        self._refer("budgets.csv", self._rows.budgets, "metric", "metrics", self._metrics)
        aggregations = {metric.metric: metric.aggregation for _, metric in self._rows.metrics}
        for line, budget in self._rows.budgets:
            how = aggregations.get(budget.metric, "sum")
            if how != "sum":
                text = f"{shown(budget.metric)} has the aggregation {shown(how)}, so its use does not grow towards a "
                text += "budget; name a metric that adds up"
                self._problems.add("budgets.csv", text, line=line, column="metric")

    def _calendars(self) -> dict[str, list[date]]:
        """Dates by calendar; of two rows in the wrong order one is a slip of the pen."""
        dates: dict[str, list[date]] = defaultdict(list)
        first_lines: dict[str, int] = {}
        for line, row in self._rows.calendars:
            known, text, column = dates[row.calendar], "", "period_start_date"
            first_lines.setdefault(row.calendar, line)
            if row.calendar in SUPPORTED["contracts.billing_cycle"]:
                text, column = f"{shown(row.calendar)} is the name of a billing cycle; choose another", "calendar"
            elif known and row.period_start_date < known[-1]:
                text = f"{row.period_start_date} is before {known[-1]}, the date above it in the same calendar"
                text += "; write the dates in order"
            if text:
                self._problems.add("calendars.csv", text, line=line, column=column)
            known.append(row.period_start_date)
        for calendar, known in dates.items():
            if len(known) == 1:
                text = f"calendar {shown(calendar)} has one date and so no period; add the date on which it ends"
                self._problems.add("calendars.csv", text, line=first_lines[calendar])
        return dates

    def _cycle(self, line: int, contract: Contract, calendars: dict[str, list[date]]) -> None:
        """A contract's billing cycle is one of ours, or a calendar that holds all of the contract."""
        cycle, text, column = contract.billing_cycle, "", "billing_cycle"
        if cycle in SUPPORTED["contracts.billing_cycle"] or "calendars" in self._broken:
            return
        if cycle not in calendars:
            ours = " nor ".join(SUPPORTED["contracts.billing_cycle"])
            text = f"{shown(cycle)} is neither {ours} nor a calendar of calendars.csv; add it there or correct it here"
        elif _local_date(contract) < calendars[cycle][0]:
            text = f"begins on {_local_date(contract)}, before calendar {shown(cycle)} does ({calendars[cycle][0]})"
            text, column = text + "; add earlier dates to calendars.csv", "starts_at"
        elif _local_date(contract) >= calendars[cycle][-1]:
            text = f"begins on {_local_date(contract)}, when calendar {shown(cycle)} has ended ({calendars[cycle][-1]})"
            text, column = text + "; add later dates to calendars.csv", "starts_at"
        elif contract.ends_at is not None and _last_local_date(contract) >= calendars[cycle][-1]:
            text = f"is after the last date of calendar {shown(cycle)} ({calendars[cycle][-1]})"
            text, column = text + "; add later dates to calendars.csv", "ends_at"
        elif contract.anchor_day != 1:
            text, column = "has no meaning beside a calendar; leave it empty", "anchor_day"
        if text:
            self._problems.add("contracts.csv", text, line=line, column=column)

    def _exchanges(self, registers: set[str]) -> None:
        for line, exchange in self._rows.register_exchanges:
            if exchange.metric not in registers and "metrics" not in self._broken:
                text = f"{shown(exchange.metric)} is no cumulative metric of metrics.csv; only a register is exchanged"
                self._problems.add("register_exchanges.csv", text, line=line, column="metric")

    def _calibrations(self, registers: set[str]) -> None:
        meters: dict[tuple[str, str, str], list[tuple[int, Calibration]]] = defaultdict(list)
        for line, row in self._rows.calibrations:
            meters[row.tenant_id, row.device_id, row.metric].append((line, row))
            if row.offset_quantity and row.metric in registers:
                text = (
                    f"is {row.offset_quantity}, but an offset has no part in a difference of readings; leave it empty"
                )
                self._problems.add("calibrations.csv", text, line=line, column="offset_quantity")
            if row.ends_at is not None and row.ends_at <= row.starts_at:
                text = f"{row.ends_at.isoformat()} is not after starts_at {row.starts_at.isoformat()}"
                self._problems.add("calibrations.csv", text, line=line, column="ends_at")
        for calibrations in meters.values():
            calibrations.sort(key=lambda numbered: (numbered[1].starts_at, numbered[0]))
            for (line, row), (later_line, later) in pairwise(calibrations):
                if row.ends_at is None or row.ends_at > later.starts_at:
                    begins = later.starts_at.isoformat()
                    text = f"overlaps line {line} of the same meter; give that row an ends_at of {begins}"
                    self._problems.add("calibrations.csv", text, line=later_line, column="starts_at")

    def _load_profiles(self) -> None:
        hours: dict[str, set[tuple[str, int]]] = defaultdict(set)
        lines: dict[str, int] = {}
        for line, weight in self._rows.load_profiles:
            hours[weight.load_profile].add((weight.day_type, weight.local_hour))
            lines.setdefault(weight.load_profile, line)
        for name, present in hours.items():
            missing = sorted({(day, hour) for day in ("weekend", "workday") for hour in range(24)} - present)
            if missing:
                day, hour = missing[0]
                others = f"(and {len(missing) - 1} more)"
                text = f"{shown(name)} has no weight for {day} hour {hour} {others}; a profile has 48"
                self._problems.add("load_profiles.csv", text, line=lines[name], column="load_profile")

    def _contracts_in_time(self) -> None:
        by_tenant: dict[str, list[tuple[int, Contract]]] = defaultdict(list)
        for line, contract in self._rows.contracts:
            by_tenant[contract.tenant_id].append((line, contract))
        for contracts in by_tenant.values():
            contracts.sort(key=lambda numbered: (numbered[1].starts_at, numbered[0]))
            last_line, last = contracts[0]
            for line, contract in contracts[1:]:
                self._follows(line, contract, last_line, last)
                if last.ends_at is not None and (contract.ends_at is None or contract.ends_at > last.ends_at):
                    last_line, last = line, contract

    def _follows(self, line: int, contract: Contract, before_line: int, before: Contract) -> None:
        name = f"contract {shown(contract.contract_id)} begins at {contract.starts_at.isoformat()}"
        if before.ends_at is None or before.ends_at > contract.starts_at:
            ends = "has no ends_at" if before.ends_at is None else f"ends at {before.ends_at.isoformat()}"
            text = (
                f"{name}, but contract {shown(before.contract_id)} (line {before_line}) of the same tenant {ends}; "
                "contracts of a tenant may not overlap, so end that one first"
            )
            self._problems.add("contracts.csv", text, line=line, column="starts_at")
        elif _local_date(contract) == _local_date(before):
            # period_id is the tenant and this date: two periods would have one name.
            text = f"{name}, on the same local date as contract {shown(before.contract_id)} (line {before_line})"
            self._problems.add("contracts.csv", text + "; begin it a day later", line=line, column="starts_at")

    def _currencies(self) -> None:
        billed: dict[str, dict[str, Contract]] = defaultdict(dict)
        for _, contract in self._rows.contracts:
            tenant = self._tenants.get(contract.tenant_id)
            if tenant is not None:
                billed[contract.rate_card_id].setdefault(tenant.currency_code, contract)
        for line, card in self._rows.rate_cards:
            for currency_code, contract in billed[card.rate_card_id].items():
                if currency_code != card.currency_code:
                    text = (
                        f"{shown(card.currency_code)} is not {shown(currency_code)}, the currency of tenant "
                        f"{shown(contract.tenant_id)} (contract {shown(contract.contract_id)}); use another card"
                    )
                    self._problems.add("rate_cards.csv", text, line=line, column="currency_code")

    def _first_versions(self) -> None:
        first: dict[str, date] = {}
        for _, card in self._rows.rate_cards:
            # A version that is staged may never come into force.
            if card.release == "dated":
                effective = card.effective_from_date
                first[card.rate_card_id] = min(first.get(card.rate_card_id, effective), effective)
        for line, contract in self._rows.contracts:
            if first.get(contract.rate_card_id, date.min) > _local_date(contract):
                self.warnings.append(
                    f"contracts.csv line {line}: rate card {shown(contract.rate_card_id)} has no version before "
                    f"{first[contract.rate_card_id]}, so periods that begin earlier have no price"
                )

    def _metric(self, line: int, metric: Metric) -> None:
        if metric.reading_type == "gauge" and metric.aggregation == "sum":
            self.warnings.append(
                f"metrics.csv line {line}: {shown(metric.metric)} adds up the levels of a gauge, so its use depends on "
                "how often a device reports; max, min or latest do not"
            )

    def _conversion(self, line: int, conversion: UnitConversion) -> None:
        declared = next((metric for _, metric in self._rows.metrics if metric.metric == conversion.metric), None)
        if declared is None:
            return
        if declared.unit is None or declared.unit == conversion.unit:
            own = "has no unit" if declared.unit is None else f"is in {shown(declared.unit)} itself"
            text = f"metric {shown(conversion.metric)} {own}; remove the row or correct metrics.csv"
            self._problems.add("unit_conversions.csv", text, line=line, column="unit")
        if conversion.offset_quantity and declared.reading_type != "gauge":
            text = (
                f"a {declared.reading_type} metric adds up differences, which have no offset; leave it empty "
                "(only a gauge, such as a temperature, has one)"
            )
            self._problems.add("unit_conversions.csv", text, line=line, column="offset_quantity")

    def _versions(self) -> None:
        """A version of a card comes into force as a whole, and replaces the one before as a whole."""
        dates: dict[tuple[str, int], tuple[int, date]] = {}
        versions: dict[tuple[str, date], tuple[int, int]] = {}
        for line, card in self._rows.rate_cards:
            effective, version, text = card.effective_from_date, card.rate_card_version, ""
            date_line, first_date = dates.setdefault((card.rate_card_id, version), (line, effective))
            version_line, first_version = line, version
            if card.release == "dated":
                version_line, first_version = versions.setdefault((card.rate_card_id, effective), (line, version))
            if effective != first_date:
                text = f"{effective} is not {first_date}, the date of the same version on line {date_line}"
                text += "; a version comes into force as a whole, so give its rows one date"
            elif version != first_version and card.release == "dated":
                text = f"{effective} is already the date of version {first_version} (line {version_line})"
                text += "; only one version of a card can be in force, so give it a later date"
            if text:
                self._problems.add("rate_cards.csv", text, line=line, column="effective_from_date")

    def _releases(self) -> None:
        """A version is released as a whole, and one that is staged must be able to take the place of those before."""
        releases: dict[tuple[str, int], tuple[int, str]] = {}
        for line, card in self._rows.rate_cards:
            first_line, release = releases.setdefault((card.rate_card_id, card.rate_card_version), (line, card.release))
            if card.release != release:
                text = f"{shown(card.release)} is not {shown(release)}, the release of the same version on line "
                text += f"{first_line}; a version is released as a whole, so give its rows one"
                self._problems.add("rate_cards.csv", text, line=line, column="release")
            before = [
                other.effective_from_date
                for _, other in self._rows.rate_cards
                if card.release == "staged"
                and other.rate_card_id == card.rate_card_id
                and other.rate_card_version < card.rate_card_version
            ]
            if before and card.effective_from_date < max(before):
                text = f"{card.effective_from_date} is before {max(before)}, the date of a version before, which would "
                text += "go on pricing once this one is promoted; write that date or a later one"
                self._problems.add("rate_cards.csv", text, line=line, column="effective_from_date")

    def _dropped_charges(self) -> None:
        charges: dict[str, dict[tuple[date, int], dict[ChargeKey, RateCard]]] = defaultdict(lambda: defaultdict(dict))
        for _, card in self._rows.rate_cards:
            version = (card.effective_from_date, card.rate_card_version)
            charges[card.rate_card_id][version][card.metric, card.charge_basis, card.charge] = card
        for rate_card_id, versions in charges.items():
            for before, after in pairwise(sorted(versions)):
                for key in sorted(versions[before].keys() - versions[after].keys(), key=str):
                    charge = named(versions[before][key], ("metric", "charge_basis", "charge"))
                    self.warnings.append(
                        f"rate_cards.csv: version {after[1]} of {shown(rate_card_id)} has no charge for {charge}, "
                        f"which version {before[1]} had; from {after[0]} on it is not billed"
                    )


def _local_date(contract: Contract) -> date:
    begins: datetime = contract.starts_at.astimezone(ZoneInfo(contract.time_zone))
    return begins.date()


def _last_local_date(contract: Contract) -> date:
    assert contract.ends_at is not None
    last: datetime = (contract.ends_at - timedelta(microseconds=1)).astimezone(ZoneInfo(contract.time_zone))
    return last.date()
