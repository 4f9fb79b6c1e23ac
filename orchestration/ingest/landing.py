"""The landing zone: which files there are, by region and received day. Reads names and stats, never contents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any

from upath import UPath

EXTENSIONS = (".parquet", ".jsonl", ".jsonl.gz", ".csv", ".csv.gz")
REGION_FOLDER = re.compile(r"region=(.+)", re.DOTALL)
DATE_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})", re.ASCII)

# What stores call the stamp that changes with a file's content, best first.
STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
# What they call the time of writing: seconds since 1970, or an instant.
WRITTEN = ("mtime", "LastModified", "last_modified", "updated")


@dataclass(frozen=True)
class LandingFile:
    """One file of the landing zone; `source_file` is its path relative to the root, with forward slashes.

    `landed_at` is when it was written, where the store says so.
    """

    landing: UPath
    source_file: str
    region: str
    received_date: date
    byte_count: int
    fingerprint: str
    landed_at: datetime | None = None

    def open(self) -> IO[bytes]:
        """A binary stream of the file as stored. Raises OSError when the store refuses."""
        stream: IO[bytes] = (self.landing / self.source_file).open("rb")
        return stream


def last_complete_day() -> date:
    """The newest UTC day that has ended: schedules and sensors leave a day alone that still fills up."""
    return datetime.now(UTC).date() - timedelta(days=1)


def discover(landing: UPath, first_day: date, last_day: date) -> list[LandingFile]:
    """Files of the received days `first_day` to `last_day`, both included, ordered by day and path."""
    files = [
        file
        for region, day, folder in _day_folders(landing)
        if first_day <= day <= last_day
        for file in _files(landing, region, day, folder)
    ]
    return sorted(files, key=lambda file: (file.received_date, file.source_file))


def days_with_files(landing: UPath) -> tuple[date, date] | None:
    """First and last received day with a landing file; None for an empty landing zone."""
    folders = sorted(_day_folders(landing), key=lambda entry: entry[1])
    first = next((day for region, day, folder in folders if any(_files(landing, region, day, folder))), None)
    last = next((day for region, day, folder in reversed(folders) if any(_files(landing, region, day, folder))), None)
    return None if first is None or last is None else (first, last)


def _day_folders(landing: UPath) -> Iterator[tuple[str, date, str]]:
    for region_folder in _entries(landing, landing.path, "directory"):
        region = REGION_FOLDER.fullmatch(_name(region_folder))
        if region is None:
            continue
        for day_folder in _entries(landing, region_folder["name"], "directory"):
            day = DATE_FOLDER.fullmatch(_name(day_folder))
            if day is not None and (parsed := _day(day[1])) is not None:
                yield region[1], parsed, day_folder["name"]


def _files(landing: UPath, region: str, day: date, folder: str) -> Iterator[LandingFile]:
    for entry in _entries(landing, folder, "file"):
        name = _name(entry)
        if name.endswith(EXTENSIONS) and not name.startswith((".", "_")):
            yield LandingFile(
                landing=landing,
                source_file=f"region={region}/date={day.isoformat()}/{name}",
                region=region,
                received_date=day,
                byte_count=int(entry["size"]),
                fingerprint=_fingerprint(entry),
                landed_at=_landed_at(entry),
            )


def _entries(landing: UPath, folder: str, kind: str) -> list[dict[str, Any]]:
    """Listing of one folder; an absent folder is an empty one."""
    try:
        listing: list[dict[str, Any]] = landing.fs.ls(folder, detail=True, refresh=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry for entry in listing if _kind(landing, entry) == kind]


def _kind(landing: UPath, entry: dict[str, Any]) -> str:
    """`file`, `directory` or something else; a link is what it points to."""
    if not entry.get("islink"):
        return str(entry["type"])
    return "directory" if landing.fs.isdir(entry["name"]) else "file" if landing.fs.isfile(entry["name"]) else "link"


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _landed_at(entry: dict[str, Any]) -> datetime | None:
    """When the file was written; None where the store does not say, or says it in its own way."""
    stamp = next((entry[name] for name in WRITTEN if entry.get(name) is not None), None)
    if isinstance(stamp, int | float):
        return datetime.fromtimestamp(stamp, UTC)
    return stamp if isinstance(stamp, datetime) and stamp.tzinfo is not None else None


def _fingerprint(entry: dict[str, Any]) -> str:
    stamp = next((f"{name}={entry[name]}" for name in STAMPS if entry.get(name) is not None), "unstamped")
    return f"{stamp};size={entry['size']}"
