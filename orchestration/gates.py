"""What a dbt run's failed checks say: their names and the first rows that broke them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from orchestration.errors import GateFailedError

SAMPLE_ROWS = 3


def raise_failed_checks(session: psycopg.Connection, results: Iterable[Any]) -> None:
    """Raise GateFailedError for the tests that failed among dbt's results; return if none did.

    The first rows of each test are read again, so that the message says which tenant, period or file is meant.
    """
    failed = [result for result in results if result.status == "fail"]
    if failed:
        raise GateFailedError("\n".join(line for result in failed for line in _described(session, result)))


def _described(session: psycopg.Connection, result: Any) -> list[str]:
    lines = [f"check {result.node.name} failed: {result.failures} row(s)"]
    query = f"select * from ({result.node.compiled_code}) as broken limit {SAMPLE_ROWS}"
    with session.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        for row in cursor.execute(query.encode()).fetchall():
            lines.append("  " + ", ".join(f"{column} {value}" for column, value in row.items() if value is not None))
    return lines
