"""Which device of the platform stands for a metering point and channel: a CSV that stays with whoever imports."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.config import values
from orchestration.errors import BadInputError

COLUMNS = ("identifier", "channel", "device_id", "metric")
SHOWN = 4


@dataclass(frozen=True)
class Alias:
    """A device and metric of the platform."""

    device_id: str
    metric: str


class Aliases:
    """Aliases by identifier (NMI, usage point) and channel; the identifiers never leave this process."""

    def __init__(self, path: Path, by_channel: Mapping[tuple[str, str], Alias]) -> None:
        self.path = path
        self._by_channel = by_channel

    def find(self, identifier: str, channel: str, place: str) -> Alias:
        """The alias of a channel. Raises BadInputError, with the identifier masked, for one that is not declared."""
        alias = self._by_channel.get((identifier, channel))
        if alias is None:
            raise BadInputError(
                f"{place}: channel {channel!r} of metering point {masked(identifier)} is not in {self.path}; "
                f"add a row {','.join(COLUMNS)}"
            )
        return alias


def read_aliases(path: Path) -> Aliases:
    """Read the CSV of aliases. Raises BadInputError with file, line and remedy; no two channels may share an alias."""
    by_channel: dict[tuple[str, str], Alias] = {}
    lines: dict[Alias, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise BadInputError(f"{path}: the header must be {','.join(COLUMNS)}")
            for row in reader:
                place = f"{path} line {reader.line_num}"
                identifier, channel, alias = _row(row, place)
                if (identifier, channel) in by_channel or alias in lines:
                    raise BadInputError(f"{place}: the channel or its device and metric are declared twice")
                by_channel[identifier, channel] = alias
                lines[alias] = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: cannot be read as a CSV in UTF-8 ({error})") from error
    return Aliases(path, by_channel)


def masked(identifier: str) -> str:
    """A household's identifier for an error line: its last characters only."""
    kept = identifier[1:][-SHOWN:]
    return "*" * (len(identifier) - len(kept)) + kept


def _row(row: dict[str, str | None], place: str) -> tuple[str, str, Alias]:
    cells = [row.get(name) for name in COLUMNS]
    if None in row or not all(cells):
        raise BadInputError(f"{place}: every row needs {', '.join(COLUMNS)}")
    identifier, channel, device_id, metric = (str(cell) for cell in cells)
    if device_id == identifier:
        raise BadInputError(f"{place}: device_id is the identifier itself; choose an alias of your own")
    try:
        return identifier, channel, Alias(values.device_alias(device_id), values.text(metric))
    except ValueError as error:
        raise BadInputError(f"{place}: {error}") from error
