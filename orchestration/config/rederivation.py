"""What a configuration changes about telemetry that is already stored: whose events are to be derived again.

Such a change is itself a load: a row of `ledger.loads` without messages, which the next metering run claims and applies
like a file. Which events that are, and what becomes of them, is for the models to say; here is only whom it concerns.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg

# Each yields tenant_no, device_no and metric_no (null: all of them) and says why. `fresh_<table>` are the incoming rows
# that are not in force yet, `gone_<table>` the rows in force that are not among them.
CHANGES: dict[str, LiteralString] = {
    "the terms of a contract": """
        with derived_from as (
            select contract_id, tenant_id, time_zone, starts_at, ends_at, billing_cycle, anchor_day, late_policy,
                grace_hours, close_delay_minutes, clock_policy, 'gone' as side
            from gone_contracts
            union all
            select contract_id, tenant_id, time_zone, starts_at, ends_at, billing_cycle, anchor_day, late_policy,
                grace_hours, close_delay_minutes, clock_policy, 'fresh'
            from fresh_contracts
        )
        select distinct tenant.tenant_no, null::integer, null::smallint
        from (
            select tenant_id
            from derived_from as terms
            group by contract_id, tenant_id, time_zone, starts_at, ends_at, billing_cycle, anchor_day, late_policy,
                grace_hours, close_delay_minutes, clock_policy
            having count(*) = 1
        ) as changed
        inner join registry.tenants as tenant using (tenant_id)
    """,
    "the dates of a calendar": """
        select distinct tenant.tenant_no, null::integer, null::smallint
        from new_contracts as contract
        inner join registry.tenants as tenant using (tenant_id)
        where contract.billing_cycle in (
            select calendar from gone_calendars union all select calendar from fresh_calendars
        )
    """,
    "the boundary of a period": """
        select distinct tenant.tenant_no, null::integer, null::smallint
        from gone_period_overrides as old
        full join fresh_period_overrides as new using (tenant_id, period_start_date)
        inner join registry.tenants as tenant using (tenant_id)
        where old.closes_at is distinct from new.closes_at
    """,
    "the clock tolerance of a device": """
        select distinct changed.tenant_no, changed.device_no, null::smallint
        from changed_tolerances as changed
    """,
    "the calibration of a meter": """
        select distinct tenant.tenant_no, device.device_no, metric.metric_no
        from (
            select tenant_id, device_id, metric from gone_calibrations
            union all
            select tenant_id, device_id, metric from fresh_calibrations
        ) as changed
        inner join registry.tenants as tenant using (tenant_id)
        inner join registry.devices as device using (tenant_no, device_id)
        inner join registry.metrics as metric using (metric)
    """,
    "the aggregation of a metric": """
        select tenant.tenant_no, null::integer, metric.metric_no
        from gone_metrics as old
        inner join fresh_metrics as new using (metric)
        inner join registry.metrics as metric using (metric)
        cross join registry.tenants as tenant
        where old.aggregation <> new.aggregation
    """,
}

# A device's tolerance comes from its type; without one, or where the type is not declared, it is the default.
TOLERANCES: LiteralString = """
create temporary view changed_tolerances as
with types as (
    select
        coalesce(old.device_type, new.device_type) as device_type,
        coalesce(old.max_clock_skew_seconds, '300') as old_seconds,
        coalesce(new.max_clock_skew_seconds, '300') as new_seconds,
        new.line
    from (select * from config.device_types where valid_to_load is null) as old
    full join new_device_types as new on old.device_type = new.device_type
),
suspects as (
    select tenant_id, device_id, device_type as old_type, device_type as new_type
    from new_devices
    where device_type in (select device_type from types where old_seconds <> new_seconds)
    union
    select tenant_id, device_id, old.device_type, new.device_type
    from gone_devices as old
    full join fresh_devices as new using (tenant_id, device_id)
)
select
    known.tenant_no, known.device_no, suspects.*,
    coalesce(before.old_seconds, '300') as old_seconds, coalesce(after.new_seconds, '300') as new_seconds,
    after.line as type_line
from suspects
inner join registry.tenants as tenant using (tenant_id)
inner join registry.devices as known using (tenant_no, device_id)
left join types as before on suspects.old_type = before.device_type
left join types as after on suspects.new_type = after.device_type
where coalesce(before.old_seconds, '300') <> coalesce(after.new_seconds, '300')
"""

STAGE: LiteralString = """
create temporary table touched (tenant_no integer, device_no integer, metric_no smallint, reason text) on commit drop
"""
TOUCH: LiteralString = "insert into touched select changed.*, %s from ({}) as changed"
# Events that a run is storing at this moment, under the configuration of before, are not seen yet.
FORGET_WHAT_HAS_NO_EVENTS: LiteralString = """
delete from touched
where not exists (select from ledger.loads where status in ('landed', 'accepted', 'claimed') and config_load_id is null)
    and not exists (
        select from metered_series as mark
        where mark.tenant_no = touched.tenant_no
            and (touched.device_no is null or mark.device_no = touched.device_no)
            and (touched.metric_no is null or mark.metric_no = touched.metric_no)
    )
"""
# Seen by the event store gate already: the messages of this load are none.
APPEND: LiteralString = """
with load as (
    insert into ledger.loads
        (config_load_id, content_sha256, source_file, byte_count, message_count, status, events_judged_at)
    select %(config_load_id)s, %(content_sha256)s, 'configuration ' || %(config_load_id)s, 0, 0, 'accepted',
        clock_timestamp()
    where exists (select from touched)
    returning load_id
)
insert into ledger.configuration_changes (load_id, tenant_no, device_no, metric_no, reason)
select load.load_id, touched.* from load cross join touched
"""


def find_touched(connection: psycopg.Connection) -> None:
    """Note whose stored events the staged rows change, in the temporary table `touched`."""
    connection.execute(STAGE)
    for reason, query in CHANGES.items():
        connection.execute(TOUCH.replace("{}", query), (reason,))
    connection.execute(FORGET_WHAT_HAS_NO_EVENTS)


def append_load(connection: psycopg.Connection, config_load_id: int, content_sha256: str) -> int:
    """Let the next metering run derive again what `find_touched` noted; returns how many tenants that concerns."""
    connection.execute(APPEND, {"config_load_id": config_load_id, "content_sha256": content_sha256})
    row = connection.execute("select count(distinct tenant_no) from touched").fetchone()
    return row[0] if row is not None else 0
