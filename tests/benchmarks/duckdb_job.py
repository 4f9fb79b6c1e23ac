"""DuckDB doing the day's job on the same files: what of a message is refused, identity, clock, period, lateness, what
comes again, hours, days, and then the rating; each event with the file and row that it came from.

Its rules are written again on purpose: they are the oracle that the platform's hours and days are compared with. It
has less to do than the platform: no key is enforced, no raw copy, ledger or gate is kept, a file is not parsed row by
row where its form is doubtful, nobody approves an invoice. The ratio compares the same answers, not the same
guarantees.
Run as `python -m tests.benchmarks.duckdb_job DATABASE THREADS CONFIG FILE...`; prints each stage's seconds as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import duckdb

from tests.benchmarks.day import local_days

MAX_CLOCK_SKEW_SECONDS = 300

# Instants are timestamps without zone, in UTC: those with one need an extension that is not in the wheel.
STORE = """
create table events (
    tenant_id text, device_id text, metric text, seq_epoch bigint, msg_seq bigint, quantity decimal(20, 10),
    device_ts timestamp, sent_ts timestamp, received_at timestamp, session_key text, filename text,
    file_row_number bigint, event_at timestamp, timestamp_source text, period_start_at timestamp,
    day_start_at timestamp, is_billed boolean
);

create table repeats (
    tenant_id text, device_id text, metric text, seq_epoch bigint, msg_seq bigint, quantity decimal(20, 10),
    device_ts timestamp, sent_ts timestamp, received_at timestamp, session_key text, filename text,
    file_row_number bigint, is_conflict boolean
);

create table quarantine (filename text, file_row_number bigint, reason text);

create table evidence (
    tenant_id text, device_id text, session_key text, received_day date, delay interval
);

create temp table local_days (
    day_start_at timestamp, day_end_at timestamp, period_start_at timestamp, boundary_at timestamp
);
"""
EVENTS = f"""
create temp table arrivals as
with messages as (
    select * replace (
        make_timestamp(epoch_us(device_ts)) as device_ts,
        make_timestamp(epoch_us(sent_ts)) as sent_ts,
        make_timestamp(epoch_us(received_at)) as received_at
    )
    from read_parquet($files, filename = true, file_row_number = true)
),

judged as (
    select
        messages.*,
        received_at::date as received_day,
        coalesce(session_id, '') as session_key,
        case
            when
                device_ts not between '1970-01-01' and '2099-12-31'
                or received_at not between '1970-01-01' and '2099-12-31'
                or sent_ts not between '1970-01-01' and '2099-12-31'
                then 'timestamp_out_of_range'
            when tenants.tenant_id is null then 'unknown_tenant'
            when devices.device_id is null then 'unknown_device'
            when metrics.metric is null then 'unknown_metric'
            when messages.unit <> metrics.unit then 'unit_mismatch'
            when metrics.reading_type = 'delta' and quantity < 0 then 'negative_delta'
        end as reason
    from messages
    left join read_csv($config || '/tenants.csv') as tenants using (tenant_id)
    left join read_csv($config || '/devices.csv', types = {{'tenant_id': 'text', 'device_id': 'text'}}) as devices
        using (tenant_id, device_id)
    left join read_csv($config || '/metrics.csv') as metrics using (metric)
)

select
    *,
    row_number() over (
        partition by reason is null, tenant_id, device_id, metric, seq_epoch, msg_seq
        order by received_at, filename, file_row_number
    ) as arrival_rank
from judged;

insert into quarantine select filename, file_row_number, reason from arrivals where reason is not null;

insert into evidence
select tenant_id, device_id, session_key, received_day, min(received_at - coalesce(sent_ts, device_ts))
from arrivals
where reason is null and arrival_rank = 1
group by all;

insert into events
with offsets as (
    select asked.tenant_id, asked.device_id, asked.session_key, asked.received_day, min(seen.delay) as clock_offset
    from evidence as asked
    inner join evidence as seen
        on asked.tenant_id = seen.tenant_id
        and asked.device_id = seen.device_id
        and asked.session_key = seen.session_key
        and abs(asked.received_day - seen.received_day) <= 1
    group by all
),

dated as (
    select
        arrivals.*,
        clock_offset,
        abs(epoch(clock_offset)) <= {MAX_CLOCK_SKEW_SECONDS}
        and device_ts <= received_at + to_seconds({MAX_CLOCK_SKEW_SECONDS}) as is_trusted
    from arrivals
    inner join offsets using (tenant_id, device_id, session_key, received_day)
    where reason is null
        and arrival_rank = 1
        and not exists (
            from events as stored
            where stored.tenant_id = arrivals.tenant_id and stored.device_id = arrivals.device_id
                and stored.metric = arrivals.metric and stored.seq_epoch = arrivals.seq_epoch
                and stored.msg_seq = arrivals.msg_seq
        )
),

placed as (
    select
        *,
        case when is_trusted then device_ts else least(device_ts + clock_offset, received_at) end as event_at
    from dated
)

select
    tenant_id, device_id, metric, seq_epoch, msg_seq, quantity, device_ts, sent_ts, received_at, session_key, filename,
    file_row_number, event_at, case when is_trusted then 'device' else 'corrected' end, period_start_at, day_start_at,
    received_at < boundary_at as is_billed
from placed
inner join local_days on event_at >= day_start_at and event_at < day_end_at;

insert into repeats
select
    again.tenant_id, again.device_id, again.metric, again.seq_epoch, again.msg_seq, again.quantity, again.device_ts,
    again.sent_ts, again.received_at, again.session_key, again.filename, again.file_row_number,
    again.quantity <> kept.quantity or again.device_ts <> kept.device_ts
from arrivals as again
inner join events as kept
    on again.tenant_id = kept.tenant_id and again.device_id = kept.device_id and again.metric = kept.metric
    and again.seq_epoch = kept.seq_epoch and again.msg_seq = kept.msg_seq
where reason is null
    and (again.filename <> kept.filename or again.file_row_number <> kept.file_row_number);
"""
USAGE = """
create table hours as
select
    tenant_id, device_id, metric, period_start_at, date_trunc('hour', event_at) as bucket_start_at,
    sum(quantity) as quantity, count(*) as event_count, min(event_at) as first_event_at, max(event_at) as last_event_at
from events
where is_billed
group by all;

create table days as
select
    tenant_id, device_id, metric, period_start_at, day_start_at as bucket_start_at,
    sum(quantity) as quantity, count(*) as event_count, min(event_at) as first_event_at, max(event_at) as last_event_at
from events
where is_billed
group by all;

create table received_hours as
select tenant_id, date_trunc('hour', received_at) as hour_start_at, count(*) as message_count
from arrivals
where reason is null
group by all;

create table device_receipts as
select tenant_id, device_id, min(received_at) as first_received_at, max(received_at) as last_received_at
from arrivals
where reason is null
group by all;

checkpoint;
"""
# The fleet's one card: graduated use, and active devices all at the price of their tier; each line is rounded alone.
RATING = """
create table invoices as
with tiers as (
    select
        charge_basis, unit_price, up_to,
        coalesce(lag(up_to) over (partition by charge_basis order by tier_number), 0) as from_quantity
    from read_csv($tiers, types = {'unit_price': 'decimal(8, 4)', 'up_to': 'decimal(18, 0)'})
),

used as (
    select
        tenant_id, period_start_at, sum(quantity)::decimal(26, 10) as quantity,
        count(distinct device_id) as device_count
    from days
    group by all
),

lines as (
    select
        tenant_id, period_start_at,
        (least(quantity, coalesce(up_to, quantity)) - from_quantity) * unit_price as amount
    from used
    inner join tiers on charge_basis = 'usage' and quantity > from_quantity

    union all

    select tenant_id, period_start_at, device_count * unit_price as amount
    from used
    inner join tiers
        on charge_basis = 'active_devices' and device_count > from_quantity
        and device_count <= coalesce(up_to, device_count)
)

select tenant_id, period_start_at, sum(round(amount, 2)) as subtotal_amount
from lines
group by all;

checkpoint;
"""


def run_job(database: Path, threads: int, config: Path, files: list[str]) -> dict[str, dict[str, float]]:
    """Process the files into a new database; wall and CPU seconds by stage, without imports."""
    with duckdb.connect(str(database), config={"threads": threads}) as session:
        _execute(session, STORE)
        for day in local_days():
            session.execute(
                "insert into local_days values (?, ?, ?, ?)",
                [moment.replace(tzinfo=None) for moment in astuple(day)],
            )
        return {
            "events": _execute(session, EVENTS, {"files": files, "config": str(config)}),
            "usage": _execute(session, USAGE),
            "rating": _execute(session, RATING, {"tiers": str(config / "rate_card_tiers.csv")}),
        }


def _execute(
    session: duckdb.DuckDBPyConnection, script: str, parameters: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Run statements, each with the parameters that it names; what they took."""
    before, started = cpu_seconds(), time.perf_counter()
    for statement in filter(str.strip, script.split(";")):
        named = {name: value for name, value in (parameters or {}).items() if f"${name}" in statement}
        session.execute(statement, named or None)
    return {"wall": time.perf_counter() - started, "cpu": cpu_seconds() - before}


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    print(json.dumps(run_job(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])))
