"""Calendars of holidays for schedules, written into a configuration folder, where git keeps them as they were."""

from __future__ import annotations

import csv
from pathlib import Path

from orchestration.errors import BadInputError

COLUMNS = ("calendar", "holiday_date", "name")


def write_holidays(folder: Path, country: str, subdivision: str, years: tuple[int, int], calendar: str = "") -> int:
    """Add the public holidays of `years` (first and last) to holidays.csv; returns how many dates were new.

    Dates that are there stay as they are, so that a newer library never changes what a closed bill rests on.
    Raises BadInputError for a country or subdivision that the library does not know, or years in the wrong order.
    """
    # Its tables of all countries are only read when asked for.
    import holidays

    first, last = years
    if not 1970 <= first <= last <= 2100:
        raise BadInputError(f"--from {first} --to {last}: give years from 1970 to 2100, the first one first")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=range(first, last + 1))
    except NotImplementedError as error:
        raise BadInputError(f"--country {country!r} --subdivision {subdivision!r}: {error}") from error
    name = calendar or "-".join(part for part in (country, subdivision) if part)
    path = folder / "holidays.csv"
    rows = _read(path)
    known = {(row["calendar"], row["holiday_date"]) for row in rows}
    new = [
        {"calendar": name, "holiday_date": day.isoformat(), "name": title}
        for day, title in sorted(found.items())
        if (name, day.isoformat()) not in known
    ]
    if new:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows([*rows, *new])
    return len(new)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
