"""Feature snapshots: the metered days that models were trained on or scored, kept by the digest of their rows."""

from __future__ import annotations

import hashlib
import io
import json

import pandas as pd
from upath import UPath

from ml.errors import EvidenceError

# Text throughout, so that a row reads the same everywhere: dates as 2019-02-01, instants with their offset, use exact.
COLUMNS = [
    "tenant_id",
    "device_id",
    "metric",
    "device_type",
    "local_date",
    "period_id",
    "period_start_date",
    "period_end_date",
    "quantity",
    "event_count",
    "first_event_at",
    "last_event_at",
]


def digest(rows: pd.DataFrame) -> str:
    """SHA-256 (hex) of the rows as JSON arrays of COLUMNS, one a line, sorted: the order of rows is nothing."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in zip(*_plain(rows), strict=True)]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _plain(rows: pd.DataFrame) -> list[list[object]]:
    return [
        [None if pd.isna(value) else int(value) if name == "event_count" else str(value) for value in rows[name]]
        for name in COLUMNS
    ]


def place(folder: UPath, sha256: str) -> UPath:
    """Where a snapshot lies."""
    return folder / f"{sha256}.parquet"


def write(rows: pd.DataFrame, folder: UPath) -> str:
    """Keep the rows as Parquet under their digest, which is returned; rows that are there already are left alone."""
    sha256 = digest(rows)
    path = place(folder, sha256)
    if not path.exists():
        content = io.BytesIO()
        rows[COLUMNS].to_parquet(content, index=False)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
    return sha256


def read(folder: UPath, sha256: str) -> pd.DataFrame:
    """The rows of a snapshot.

    Raises EvidenceError when it is gone, cannot be read, or its rows do not have the digest.
    """
    path = place(folder, sha256)
    try:
        rows = pd.read_parquet(io.BytesIO(path.read_bytes()))
        found = digest(rows)
    except (OSError, ValueError, KeyError) as error:
        raise EvidenceError(
            f"feature snapshot {sha256[:12]} cannot be read from {path}: {error}; restore the file from a backup"
        ) from error
    if found != sha256:
        raise EvidenceError(
            f"feature snapshot {path} has digest {found[:12]}, not {sha256[:12]}: it was changed; restore the file"
        )
    return rows
