"""CSV files to typed rows, one at a time, with the line on which each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestration.config.problems import Problems
from orchestration.config.tables import Row, Table

LARGEST_CELL = 1_000_000


class Cells(NamedTuple):
    """The cells of a record that are not empty, by column, and the line on which it begins."""

    line: int
    by_column: dict[str, str]


class TableFile:
    """The CSV of one table. `ignored_columns` is known once reading has begun."""

    def __init__(self, folder: Path, table: Table, problems: Problems) -> None:
        """Nothing is read yet; what is wrong will go to `problems`."""
        self.table = table
        self.ignored_columns: tuple[str, ...] = ()
        self._path = folder / table.file
        self._problems = problems

    def cells(self) -> Iterator[Cells]:
        """Records as text. A file that cannot be read further ends here, with a recorded problem."""
        if not self._path.is_file():
            if self.table.is_required:
                self._problems.add(self.table.file, f"there is no such file in {self._path.parent}; add it")
            return
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                yield from self._records(csv.reader(file, strict=True))
        except UnicodeDecodeError:
            line = _first_undecodable_line(self._path)
            self._problems.add(self.table.file, "is not UTF-8; save the file as UTF-8", line=line)

    def rows(self, time_zones: Mapping[str, str | None] | None = None) -> Iterator[tuple[int, Row]]:
        """Rows that are valid by themselves, with their lines; the others become problems.

        `time_zones`: zone by tenant_id, of instants written without an offset (None: the tenant has several).
        """
        validate = self.table.model.model_validate
        for line, by_column in self.cells():
            try:
                yield line, validate(by_column, context=time_zones)
            except ValidationError as error:
                for detail in error.errors(include_url=False):
                    self._problems.add(self.table.file, _explanation(detail), line=line, column=str(detail["loc"][0]))

    def _records(self, reader: Iterator[list[str]]) -> Iterator[Cells]:
        csv.field_size_limit(LARGEST_CELL)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1  # type: ignore[attr-defined]
            try:
                record = next(reader, None)
            except csv.Error as error:
                self._problems.add(self.table.file, f"is not CSV ({error}); mend its quotes", line=line)
                return
            if record is None:
                break
            if not record:
                continue
            if header is None:
                header = [name.strip() for name in record]
                if not self._is_usable(header, line):
                    return
                wanted = [(position, name) for position, name in enumerate(header) if name in self.table.columns]
            elif len(record) != len(header):
                self._problems.add(
                    self.table.file, f"the row's cell count is {len(record)}, the header's is {len(header)}", line=line
                )
            else:
                yield Cells(line, {name: record[position] for position, name in wanted if record[position].strip()})
        if header is None:
            self._problems.add(self.table.file, f"is empty; its header is {','.join(self.table.columns)}")

    def _is_usable(self, header: list[str], line: int) -> bool:
        count = self._problems.of(self.table.file)
        for position, name in enumerate(header, start=1):
            if not name:
                self._problems.add(self.table.file, f"column {position} has no name; name it or remove it", line=line)
            elif header.index(name) != position - 1:
                self._problems.add(self.table.file, "appears twice in the header", line=line, column=name)
        for name in self.table.required_columns:
            if name not in header:
                self._problems.add(self.table.file, "is missing from the header; add it", line=line, column=name)
        self.ignored_columns = tuple(name for name in header if name and name not in self.table.columns)
        return self._problems.of(self.table.file) == count


def _explanation(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is empty; every row needs it"
    return str(detail.get("ctx", {}).get("error") or detail["msg"])


def _first_undecodable_line(path: Path) -> int | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return None
