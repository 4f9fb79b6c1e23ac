"""Published bills of tariffs through the platform: hourly loads as telemetry, twelve closes, lines of invoices."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.errors import BadInputError
from orchestration.importing.sce import read_sce
from orchestration.importing.tariff import CardName, Tariff
from orchestration.importing.urdb import read_urdb
from tests.support import Pipeline

HOURS = 8760
# The simulated houses know no daylight saving; neither does Arizona. Their year begins on a Monday.
HOUSE_ZONE, HOUSE_YEAR = "America/Phoenix", 2007
EXPORT = "fed_in"
HALF_A_CENT = Decimal("0.005")
# A load is delivered whole once its year is over; what is measured in time must not be late for that.
GRACE_HOURS = 24 * 800
LINES = """
select charge_basis, line_type, quantity, unit_price, amount from finance.invoice_lines where invoice_id like %s
"""


@dataclass(frozen=True)
class Load:
    """Hourly use from the first hour of a local year, and what is fed in where it is netted."""

    quantities: list[Decimal]
    fed_in: list[Decimal] | None = None
    time_zone: str = HOUSE_ZONE
    year: int = HOUSE_YEAR

    def instants(self) -> Iterator[datetime]:
        """The hours that follow the first local midnight of the year, whatever the clocks do."""
        first = datetime(self.year, 1, 1, tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)
        return (first + timedelta(hours=hour) for hour in range(len(self.quantities)))


@dataclass(frozen=True)
class Case:
    """A published bill: what a tariff makes of a load, by component of the bill."""

    name: str
    tariff_file: str
    load: str
    expected: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True)
class Outcome:
    """One component: what was published, what its lines recompute to, and what they bill in whole cents."""

    case: str
    component: str
    expected: Decimal
    recomputed: Decimal
    billed: Decimal
    lines: int
    tolerance: Decimal

    @property
    def holds(self) -> bool:
        """Whether it is within the tolerance of its source, and what is billed within half a cent more a line."""
        return (
            abs(self.recomputed - self.expected) <= self.tolerance
            and abs(self.billed - self.expected) <= self.tolerance + self.lines * HALF_A_CENT
        )


def read_cases(folder: Path) -> list[Case]:
    """The cases of expected_bills.csv."""
    with (folder / "expected_bills.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = dict.fromkeys(row["case"] for row in rows)
    cases = []
    for name in names:
        own = [row for row in rows if row["case"] == name]
        expected = tuple((row["component"], Decimal(row["expected"]), Decimal(row["tolerance"])) for row in own)
        cases.append(Case(name, own[0]["tariff_file"], own[0]["load"], expected))
    return cases


def read_load(folder: Path, case: Case) -> Load:
    """The load that a case describes in words. Raises BadInputError for words that say none."""
    forms: tuple[tuple[str, Callable[[re.Match[str]], Load]], ...] = (
        (
            r"(\S+\.csv\.gz): (.+?\]) with (.+?\]) net metered",
            lambda m: Load(_column(folder / m[1], m[2]), _column(folder / m[1], m[3])),
        ),
        (r"(\S+\.csv\.gz): (.+?\])", lambda m: Load(_column(folder / m[1], m[2]))),
        (
            r"daily profile in (\S+) repeated .* starting (\d{4})-01-01 00:00 (\S+)",
            lambda m: Load(_profile(folder / m[1], case.name), None, m[3], int(m[2])),
        ),
        (r"([\d,.]+) kWh/yr", lambda m: Load([Decimal(m[1].replace(",", "")) / HOURS] * HOURS)),
        (r"(?:constant|flat)[^\d]*([\d,.]+) kW\b", lambda m: Load([Decimal(m[1].replace(",", ""))] * HOURS)),
    )  # fmt: skip
    for pattern, make in forms:
        if match := re.match(pattern, case.load):
            return make(match)
    raise BadInputError(f"{case.name}: no load is known that is described as {case.load!r}")


def _column(path: Path, name: str) -> list[Decimal]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [Decimal(row[name]) for row in csv.DictReader(file)]


def _profile(path: Path, name: str) -> list[Decimal]:
    day = json.loads(path.read_text(), parse_float=Decimal)[name]
    return [Decimal(day[hour % 24]) for hour in range(HOURS)]


def read_tariff(folder: Path, case: Case, load: Load) -> Tariff:
    """The tariff of a case, whose card is called as the case."""
    name = CardName(case.name, export_metric=EXPORT if load.fed_in else "")
    path = folder / case.tariff_file
    return read_sce(path, name) if path.parent.name == "sce" else read_urdb(path, name)


def run_cases(pipeline: Pipeline, folder: Path, cases: list[Case]) -> list[Outcome]:
    """Deliver, process and close a year of every case, all as tenants of the same runs."""
    loads = {case.name: read_load(folder, case) for case in cases}
    tables = pipeline.configuration.tables
    pipeline.configuration.metric(EXPORT, unit="kWh")
    for case in cases:
        load = loads[case.name]
        for table, rows in read_tariff(folder, case, load).tables.items():
            tables.setdefault(table, []).extend(rows)
        pipeline.tenant(
            case.name, "meter", rate_card_id=case.name, time_zone=load.time_zone, starts_at=f"{load.year}-01-01",
            ends_at=f"{load.year + 1}-01-01", grace_hours=GRACE_HOURS,
        )  # fmt: skip
        tables["tenants"][-1]["currency_code"] = "USD"
    years = sorted({load.year for load in loads.values()})
    for year in years:
        day = f"{year + 1}-01-05"
        pipeline.land_bytes(f"{year}.parquet", _telemetry(loads, year, day), day)
    pipeline.process()
    for year in years:
        for month in range(1, 13):
            pipeline.close(f"{year}-{month:02}", f"{year + 4}-01-01")
    return [outcome for case in cases for outcome in _outcomes(pipeline, case)]


def _telemetry(loads: dict[str, Load], year: int, day: str) -> bytes:
    """All loads of a year as one landing file, received when the year was over by meters whose clocks are right."""
    columns: dict[str, list[Any]] = {name: [] for name in ("tenant_id", "metric", "msg_seq", "quantity", "device_ts")}
    for tenant, load in loads.items():
        if load.year != year:
            continue
        series = [("energy", load.quantities)] + ([(EXPORT, load.fed_in)] if load.fed_in else [])
        for metric, quantities in series:
            for number, (instant, quantity) in enumerate(zip(load.instants(), quantities, strict=True), start=1):
                for column, value in zip(
                    columns.values(), (tenant, metric, number, f"{quantity:.10f}", instant), strict=True
                ):
                    column.append(value)
    received = [datetime.fromisoformat(day).replace(tzinfo=UTC)] * len(columns["tenant_id"])
    instants = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "tenant_id": columns["tenant_id"],
            "device_id": ["meter"] * len(received),
            "metric": columns["metric"],
            "msg_seq": pa.array(columns["msg_seq"], pa.int64()),
            "quantity": columns["quantity"],
            "device_ts": pa.array(columns["device_ts"], instants),
            "sent_ts": pa.array(received, instants),
            "received_at": pa.array(received, instants),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _outcomes(pipeline: Pipeline, case: Case) -> Iterator[Outcome]:
    sums: dict[str, tuple[Decimal, Decimal, int]] = {}
    nothing = (Decimal(0), Decimal(0), 0)
    for basis, line_type, quantity, unit_price, amount in pipeline.rows(LINES, f"INV-{case.name}-%"):
        exact = amount if unit_price is None else quantity * unit_price
        for component in {_component(basis, line_type), "total"}:
            recomputed, billed, lines = sums.get(component, nothing)
            sums[component] = (recomputed + exact, billed + amount, lines + 1)
    for component, expected, tolerance in case.expected:
        yield Outcome(case.name, component, expected, *sums.get(component.split(" ")[0], nothing), tolerance)


def _component(charge_basis: str | None, line_type: str) -> str:
    """Of a bill: fixed are fees, days and what a minimum asks for; demand are peaks; the rest is energy."""
    if line_type in {"flat_fee", "minimum_spend"} or charge_basis == "days":
        return "fixed"
    return "demand" if charge_basis == "peak_demand" else "energy"
