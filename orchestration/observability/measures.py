"""Metrics whose values are in the database: what became of the messages of loads, and what a close made."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from orchestration import balances
from orchestration.observability import lines, signals
from orchestration.observability.instruments import (
    CLOSE_DURATION,
    DUPLICATE,
    INVOICES,
    LATE,
    METERING_LAG,
    QUARANTINED,
    RECEIVED,
    STORED,
)

LOG = logging.getLogger("meterline.measures")
OUTCOMES = (RECEIVED, STORED, DUPLICATE, QUARANTINED, LATE)
# By day and region: as many values as a year has days, however many files there are.
BALANCE = f"""
select
    region, received_date::text, sum(message_count)::bigint, sum(stored_count)::bigint, sum(duplicate_count)::bigint,
    sum(quarantined_count)::bigint, sum(late_not_billed_count)::bigint
from {balances.OF_LOADS}
group by region, received_date
order by received_date, region
"""
LAG = """
select region, extract(epoch from clock_timestamp() - last_received_at)::double precision
from ledger.loads
where load_id = any(%s) and last_received_at is not null
"""
REQUEST = """
select to_char(period_month, 'YYYY-MM'), extract(epoch from requested_at)::double precision
from ledger.close_requests
where close_id = %s
"""


@dataclass(frozen=True)
class Metered:
    """Loads of one run: their messages by region and day in the order of OUTCOMES, and how old the newest were."""

    load_ids: Sequence[int]
    balance: list[tuple[Any, ...]]
    lags: list[tuple[str, float]]


def metered(session: psycopg.Connection, load_ids: Sequence[int]) -> Metered:
    """What there is to tell of loads that are metered; costs nothing where nobody listens."""
    if not signals.is_on():
        return Metered(load_ids, [], [])
    loads = list(load_ids)
    balance = session.execute(BALANCE.encode(), {"loads": loads}).fetchall()
    return Metered(load_ids, balance, session.execute(LAG, (loads,)).fetchall())


def tell_metered(done: Metered) -> None:
    """Tell it; to be called once, when the loads are noted as judged."""
    for region, day, *counts in done.balance:
        about = {"meterline.region": region, "meterline.partition": day}
        for instrument, count in zip(OUTCOMES, counts, strict=True):
            signals.tell(instrument, count, about)
    for region, seconds in done.lags:
        signals.tell(METERING_LAG, max(0.0, seconds), {"meterline.region": region})
    if done.load_ids:
        LOG.info("metered %s load(s)", len(done.load_ids), extra=lines.of_loads(done.load_ids))


@dataclass(frozen=True)
class Closed:
    """A close: its month (as 2019-02), when it was requested (seconds since 1970), and how many versions it made."""

    close_id: int
    month: str
    began: float
    invoice_count: int


def closed(session: psycopg.Connection, close_id: int, invoice_count: int) -> Closed:
    """What there is to tell of a close that made so many invoice versions."""
    row = session.execute(REQUEST, (close_id,)).fetchone()
    assert row is not None
    month, began = row
    return Closed(close_id, month, began, invoice_count)


def tell_close(done: Closed) -> None:
    """Tell it, from its request until now; to be called once, when what it was read with has committed."""
    ended = time.time()
    LOG.info("close %s of %s made %s invoice version(s)", done.close_id, done.month, done.invoice_count)
    about = {"meterline.partition": done.month}
    made = {"meterline.close.id": done.close_id, "meterline.invoices": done.invoice_count}
    signals.past("close", done.began, ended, about | made)
    signals.tell(CLOSE_DURATION, max(0.0, ended - done.began), about)
    signals.tell(INVOICES, done.invoice_count, about)
