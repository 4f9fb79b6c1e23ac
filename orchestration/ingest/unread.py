"""Which files of the landing zone wait to be read: the ledger knows every path as it was when it was read."""

from __future__ import annotations

from datetime import date

import psycopg
from upath import UPath

from orchestration.ingest.landing import LandingFile, discover

KNOWN_PATHS = "select source_file, byte_count, fingerprint from ledger.paths where source_file = any(%s)"


def unread_files(connection: psycopg.Connection, landing: UPath, first_day: date, last_day: date) -> list[LandingFile]:
    """Files of the received days, both included, that no run has read as they are now, by path, size and stamp."""
    files = discover(landing, first_day, last_day)
    known = set(connection.execute(KNOWN_PATHS, ([file.source_file for file in files],)).fetchall())
    return [file for file in files if (file.source_file, file.byte_count, file.fingerprint) not in known]
