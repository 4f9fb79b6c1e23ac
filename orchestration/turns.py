"""Whose turn it is: metering and closing write the same tables, so one run at a time does either."""

from __future__ import annotations

import psycopg

from orchestration.errors import BusyError

# Assets of a pool are the work of one run at a time, whoever launches them: a job, a backfill, a selection in the UI
# (which has no tags of a job). The limit is in the instance's configuration.
BOOKS = "books"
MODELS = "models"
DOCUMENTATION = "documentation"
POOLS = (BOOKS, MODELS, DOCUMENTATION)

# The lock itself is taken by dbt, on the connection that does the work; this looks before a process is started.
IS_FREE = "select pg_try_advisory_xact_lock(hashtext('meterline.process'))"


def refuse_while_busy(session: psycopg.Connection) -> None:
    """Raise BusyError while another run is metering or closing. `session` must be in a transaction that ends soon."""
    row = session.execute(IS_FREE).fetchone()
    if row is not None and not row[0]:
        raise BusyError(
            "another run is metering or closing; wait for it (the UI shows it) or stop it, then run this again"
        )
