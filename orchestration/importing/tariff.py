"""A tariff of another form as rows of a configuration folder: what an import writes, and how it is added."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orchestration.config.folder import checked_folder
from orchestration.config.problems import Problems
from orchestration.config.tables import TABLES, TimeOfUse
from orchestration.config.time_of_use import check_schedules
from orchestration.errors import BadInputError

CsvRow = dict[str, str]
# What a price may have in the database.
PRICE_STEP = Decimal("1e-10")
MONTHS = range(1, 13)
LAST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class CardName:
    """What the imported rows are called: the version of a card, what it measures and in which currency."""

    rate_card_id: str
    rate_card_version: int = 1
    effective_from_date: str = ""
    currency_code: str = "USD"
    metric: str = "energy"
    export_metric: str = ""
    tier_meaning: str = ""
    demand_minutes: str = ""


@dataclass
class Tariff:
    """Rows by table, in the columns of the CSVs; `notes` say what a person should know about the import."""

    name: CardName
    tables: dict[str, list[CsvRow]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def charge(self, charge: str, price_model: str, charge_basis: str = "usage", **columns: str) -> None:
        """Add a charge of the card."""
        version = {"effective_from_date": self.name.effective_from_date, "currency_code": self.name.currency_code}
        self._add("rate_cards", self._key(charge, charge_basis) | version | {"price_model": price_model} | columns)

    def tier(self, charge: str, charge_basis: str, number: int, **columns: str) -> None:
        """Add a tier of a charge."""
        self._add("rate_card_tiers", self._key(charge, charge_basis) | {"tier_number": str(number)} | columns)

    def schedule(self, charge: str, rows: Sequence[CsvRow]) -> str:
        """Add a schedule for a charge; returns its name."""
        schedule = f"{self.name.rate_card_id} v{self.name.rate_card_version} {charge}"
        for number, row in enumerate(rows, start=1):
            self._add("time_of_use", {"schedule": schedule, "sequence": str(number)} | row)
        return schedule

    def terms(self, **columns: str) -> None:
        """Add terms of the whole card."""
        card = {"rate_card_id": self.name.rate_card_id, "rate_card_version": str(self.name.rate_card_version)}
        known = self.tables.pop("rate_card_terms", [card])[0]
        self._add("rate_card_terms", known | columns)

    def _key(self, charge: str, charge_basis: str) -> CsvRow:
        return {
            "rate_card_id": self.name.rate_card_id,
            "rate_card_version": str(self.name.rate_card_version),
            "metric": self.name.metric,
            "charge_basis": charge_basis,
            "charge": charge,
        }

    def _add(self, table: str, row: CsvRow) -> None:
        self.tables.setdefault(table, []).append({column: text for column, text in row.items() if text})


def price(value: Any, field_name: str) -> Decimal:
    """A JSON number as an exact price, rounded to the ten decimals that a price has. Raises BadInputError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadInputError(f"field {field_name}: {value!r} is not a number")
    try:
        # The shortest text of a float is the number that the file shows.
        exact = Decimal(str(value))
        if exact.is_nan():
            raise BadInputError(f"field {field_name}: {value!r} is not a number")
        return exact.quantize(PRICE_STEP, ROUND_HALF_UP).normalize() + 0
    except ArithmeticError as error:
        raise BadInputError(f"field {field_name}: {value!r} is not a number") from error


def text_of(number: Decimal) -> str:
    """A number as a CSV shows it."""
    return format(number, "f")


@dataclass(frozen=True)
class Season:
    """Months that follow one another, by their numbers; `last` before `first` goes over New Year."""

    first: int
    last: int

    @property
    def columns(self) -> CsvRow:
        """As columns of time_of_use.csv; a whole year needs none."""
        if self.last % 12 + 1 == self.first:
            return {}
        return {"season_start": f"{self.first:02}-01", "season_end": f"{self.last:02}-{LAST_DAYS[self.last - 1]}"}


def seasons(values: Mapping[int, Any]) -> Iterator[tuple[Season, Any]]:
    """Runs of months with the same value, December and January joined; `values` holds all twelve."""
    starts = [month for month in MONTHS if values[month] != values[(month - 2) % 12 + 1]] or [1]
    for start, following in zip(starts, [*starts[1:], starts[0]], strict=True):
        yield Season(start, (following - 2) % 12 + 1), values[start]


# --- into a folder ---------------------------------------------------------------------------------------------------


def add_to_folder(tariff: Tariff, folder: Path) -> list[str]:
    """Add the rows to the CSVs of `folder`; returns the names of those that changed, none where all was there.

    The folder is checked as a whole before anything of it is written, where it is one that can be loaded; otherwise
    the rows by themselves. Raises BadInputError when they are not valid, or when the version is there with other rows.
    """
    with tempfile.TemporaryDirectory(prefix="meterline-tariff-") as scratch:
        copy = Path(scratch)
        for path in folder.glob("*.csv"):
            shutil.copy(path, copy)
        changed = [name for name, rows in tariff.tables.items() if _merge(copy / f"{name}.csv", name, rows)]
        _check(copy, tariff)
        folder.mkdir(parents=True, exist_ok=True)
        for name in changed:
            shutil.copy(copy / f"{name}.csv", folder / f"{name}.csv")
    return [f"{name}.csv" for name in changed]


def _merge(path: Path, table: str, rows: Sequence[CsvRow]) -> bool:
    owner = ("schedule",) if table == "time_of_use" else ("rate_card_id", "rate_card_version")
    columns, kept = _read(path)
    owners = {tuple(row.get(column, "") for column in owner) for row in rows}
    known = [row for row in kept if tuple(row.get(column) or _default(column) for column in owner) in owners]
    if known:
        if _as_set(known) == _as_set(rows):
            return False
        name = ", ".join(" ".join(key) for key in sorted(owners))
        raise BadInputError(f"{path.name}: {name} is there with other rows; import it as another --version")
    columns += [column for row in rows for column in row if column not in columns]
    columns = list(dict.fromkeys(columns))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])
    return True


def _read(path: Path) -> tuple[list[str], list[CsvRow]]:
    if not path.is_file():
        return [], []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def _default(column: str) -> str:
    return "1" if column == "rate_card_version" else ""


def _as_set(rows: Sequence[CsvRow]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted((column, text) for column, text in row.items() if text)) for row in rows}


def _check(folder: Path, tariff: Tariff) -> None:
    if (folder / "contracts.csv").is_file():
        with checked_folder(folder):
            return
    problems = Problems()
    models = {table.name: table.model for table in TABLES}
    schedules = []
    for name, rows in tariff.tables.items():
        for line, row in enumerate(rows, start=2):
            try:
                valid = models[name].model_validate(row)
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    problems.add(f"{name}.csv", detail["msg"], line=line, column=str(detail["loc"][0]))
                continue
            if isinstance(valid, TimeOfUse):
                schedules.append((line, valid))
    check_schedules(schedules, [], problems)
    problems.raise_if_any()
