"""Rules of units, who occupies them, and how the common use of a property is shared."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Protocol

from orchestration.config.prices import BY_EVENT, DEVICE_ATTRIBUTES, OWN_MEASURES
from orchestration.config.problems import Problems
from orchestration.config.tables import Allocation, Contract, Device, Metric, Occupancy, RateCard, Unit
from orchestration.config.values import shown

# What of a charge has no meaning for a meter whose use is shared, by column, and how a refusal calls it: a message is
# no one's alone, use that is shared by time or by day has no peak, and nothing says whose it is what a house feeds in.
NOT_SHARED = {
    **dict.fromkeys(BY_EVENT, "a charge by single messages"),
    "demand_minutes": "a charge for a peak",
    "net_metric": "a charge net of another metric",
}


class Rows(Protocol):
    """What of a folder these checks read, with the lines on which rows begin."""

    units: list[tuple[int, Unit]]
    occupancies: list[tuple[int, Occupancy]]
    allocations: list[tuple[int, Allocation]]
    contracts: list[tuple[int, Contract]]
    metrics: list[tuple[int, Metric]]
    rate_cards: list[tuple[int, RateCard]]


class Submetering:
    """The rules of units.csv, occupancies.csv, allocations.csv and of the meters of units."""

    def __init__(self, rows: Rows, problems: Problems) -> None:
        """Take the rows; nothing is checked yet."""
        self._units, self._occupancies, self._allocations = rows.units, rows.occupancies, rows.allocations
        self._contracts: dict[str, list[tuple[int, Contract]]] = defaultdict(list)
        for line, contract in rows.contracts:
            self._contracts[contract.tenant_id].append((line, contract))
        self._cards: dict[str, list[tuple[int, RateCard]]] = defaultdict(list)
        for line, card in rows.rate_cards:
            self._cards[card.rate_card_id].append((line, card))
        self._refused_cards: set[int] = set()
        self._sums = {metric.metric for _, metric in rows.metrics if metric.aggregation == "sum"}
        self._declared = {metric.metric for _, metric in rows.metrics}
        self._problems = problems
        self._is_broken = bool(problems.of("units.csv"))
        self._known = {(unit.property_id, unit.unit_id) for _, unit in rows.units}
        self._allocated = {allocation.property_id for _, allocation in rows.allocations}
        self._landlords: set[str] = set()

    def check(self) -> None:
        """Check everything that needs no device."""
        for line, row in self._occupancies:
            self._occupancy(line, row)
        self._one_at_a_time()
        for line, allocation in self._allocations:
            self._allocation(line, allocation)
        for tenant_id in sorted({row.tenant_id for _, row in self._occupancies}):
            self._charges(tenant_id, "occupies a unit")

    def device(self, line: int, device: Device) -> None:
        """Check a meter of a unit or property."""
        if device.unit_id is not None:
            text, column = "", "unit_id"
            if device.meter_role != "sub":
                text, column = (
                    f"is not 'sub', but the meter is that of unit {shown(device.unit_id)}; write sub",
                    "meter_role",
                )
            elif (device.property_id, device.unit_id) not in self._known and not self._is_broken:
                text = f"{shown(device.unit_id)} of property {shown(device.property_id or '')} is not in units.csv"
                text += "; add it there or correct it here"
            if text:
                self._problems.add("devices.csv", text, line=line, column=column)
        if device.unit_id is not None or (device.meter_role == "master" and device.property_id in self._allocated):
            if device.tenant_id not in self._landlords:
                self._landlord(device.tenant_id)
            self._landlords.add(device.tenant_id)

    def sharers(self) -> set[str]:
        """Tenants whose use is shared with others: who occupies a unit, and whose meters those of units are."""
        return self._landlords | {row.tenant_id for _, row in self._occupancies}

    def _landlord(self, tenant_id: str) -> None:
        """What a meter's contract may not do while others pay for what the meter counts."""
        self._charges(tenant_id, "has meters of units")
        for line, contract in self._contracts[tenant_id]:
            text, column = "", ""
            if contract.late_policy == "defer":
                column, text = "late_policy", "is 'defer', but use of a unit is billed when it was used"
                text += "; write grace or reopen"
            elif contract.estimation != "none":
                column, text = "estimation", f"is {shown(contract.estimation)}, but hours that a meter of a unit missed"
                text += " are not estimated; write none"
            if text:
                text = f"{text} (tenant {shown(tenant_id)} has meters of units)"
                self._problems.add("contracts.csv", text, line=line, column=column)

    def _charges(self, tenant_id: str, who: str) -> None:
        """A charge that looks at messages would not find those of a shared meter, or would bill them twice.

        When use was is known of every part of it, so prices by the time of day or by date are for all.
        """
        for _, contract in self._contracts[tenant_id]:
            for line, card in self._cards[contract.rate_card_id]:
                refused = {column: what for column, what in NOT_SHARED.items() if getattr(card, column) is not None}
                if card.attribute is not None and card.attribute not in DEVICE_ATTRIBUTES:
                    refused["attribute"] = "a charge by single messages"
                if card.charge_basis == "peak_demand":
                    refused["charge_basis"] = "a charge for a peak"
                elif card.charge_basis in OWN_MEASURES:
                    refused["charge_basis"] = "a charge by single messages"
                for column, what in refused.items() if line not in self._refused_cards else ():
                    text = f"{what} is not supported for tenant {shown(tenant_id)}, who {who}"
                    text += "; leave it empty or give the contract another card"
                    self._problems.add("rate_cards.csv", text, line=line, column=column)
                if refused:
                    self._refused_cards.add(line)

    def _occupancy(self, line: int, row: Occupancy) -> None:
        if (row.property_id, row.unit_id) not in self._known and not self._is_broken:
            text = f"{shown(row.unit_id)} of property {shown(row.property_id)} is not in units.csv"
            self._add(line, text + "; add it there or correct it here", "unit_id")
        if row.ends_at is not None and row.ends_at <= row.starts_at:
            text = f"{row.ends_at.isoformat()} is not after starts_at {row.starts_at.isoformat()}"
            self._add(line, text + "; correct one of them", "ends_at")
        elif row.tenant_id in self._contracts:
            self._covered(line, row)

    def _covered(self, line: int, row: Occupancy) -> None:
        """Somebody must pay at every instant: contracts of the tenant follow each other through the occupancy."""
        covered_until: datetime | None = row.starts_at
        for _, contract in sorted(self._contracts[row.tenant_id], key=lambda numbered: numbered[1].starts_at):
            if covered_until is not None and contract.starts_at <= covered_until:
                ends = contract.ends_at
                covered_until = None if ends is None else max(covered_until, ends)
        if covered_until is None or (row.ends_at is not None and covered_until >= row.ends_at):
            return
        column = "starts_at" if covered_until == row.starts_at else "ends_at"
        text = (
            f"tenant {shown(row.tenant_id)} has no contract from {covered_until.isoformat()} on, but occupies the unit "
            "then; add a contract or shorten the occupancy"
        )
        self._add(line, text, column)

    def _one_at_a_time(self) -> None:
        units: dict[tuple[str, str], list[tuple[int, Occupancy]]] = defaultdict(list)
        for line, row in self._occupancies:
            units[row.property_id, row.unit_id].append((line, row))
        for occupancies in units.values():
            occupancies.sort(key=lambda numbered: (numbered[1].starts_at, numbered[0]))
            for (line, row), (later_line, later) in pairwise(occupancies):
                if row.ends_at is None or row.ends_at > later.starts_at:
                    text = f"overlaps line {line} of the same unit; give that row an ends_at of "
                    text += f"{later.starts_at.isoformat()} or earlier"
                    self._add(later_line, text, "starts_at")

    def _allocation(self, line: int, row: Allocation) -> None:
        units = [(unit_line, unit) for unit_line, unit in self._units if unit.property_id == row.property_id]
        for column, metric in (("metric", row.metric), ("charged_metric", row.charged_metric)):
            if metric in self._declared and metric not in self._sums:
                text = f"{shown(metric or '')} is not added up (aggregation sum); only a sum can be shared"
                self._problems.add("allocations.csv", text, line=line, column=column)
        if not units and not self._is_broken:
            text = f"{shown(row.property_id)} has no unit in units.csv; add its units there or correct it here"
            self._problems.add("allocations.csv", text, line=line, column="property_id")
        for unit_line, unit in units if row.method == "floor_area" else ():
            if unit.floor_area is None:
                text = f"is empty, but allocations.csv line {line} shares {shown(row.metric)} by it; write the area"
                self._problems.add("units.csv", text, line=unit_line, column="floor_area")

    def _add(self, line: int, text: str, column: str) -> None:
        self._problems.add("occupancies.csv", text, line=line, column=column)
