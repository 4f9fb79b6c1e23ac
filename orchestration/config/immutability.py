"""What a load may not change: what closed periods rest on, and names under which telemetry was already metered.

Each rule is SQL over the incoming rows (`new_<table>`), those among them that are not in force yet (`fresh_<table>`)
and the rows in force that are not among them (`gone_<table>`). It yields a row per refusal: line (null for a row that
was removed), column (null for a whole row), explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from orchestration.config.problems import MAX_PRINTED, Problems
from orchestration.database import distribution


@dataclass(frozen=True)
class Rule:
    """A refusal, the file that it is reported for, and the columns that `{changes}` compares.

    `{fresh}` and `{gone}` in the query are the views of the file's table.
    """

    file: str
    query: LiteralString
    columns: tuple[LiteralString, ...] = ()


# What was metered. A table where that is spread over machines: rows that lie elsewhere cannot be looked up one by one.
METERED: tuple[LiteralString, ...] = (
    # store.high_water has a row for every series of the event store and is small beside it.
    "create temporary {kind} metered_series as select tenant_no, device_no, metric_no from store.high_water",
    "create temporary {kind} metered_registers as select {distinct} tenant_no, device_no from store.register_uses",
)
VIEWS: tuple[LiteralString, ...] = (
    # Until when a contract is closed, and whether the last closed period was cut short by the contract's end.
    """
    create temporary view closed_contracts as
    select
        tenant.tenant_id,
        done.contract_id,
        max(done.period_end_at) as until_at,
        (array_agg(
            done.proration_numerator < done.proration_denominator
            order by done.period_end_at desc, done.invoice_version desc
        ))[1] as is_cut
    from store.period_closes as done
    inner join registry.tenants as tenant using (tenant_no)
    group by tenant.tenant_id, done.contract_id
    """,
    """
    create temporary view metered_contracts as
    select distinct tenant.tenant_id, period.contract_id
    from store.periods as period
    inner join registry.tenants as tenant using (tenant_no)
    where exists (select from metered_series as mark where mark.tenant_no = period.tenant_no)
    """,
    """
    create temporary view closed_cards as
    select distinct contract.rate_card_id, period.period_start_date
    from store.period_closes as done
    inner join store.periods as period using (tenant_no, period_no)
    inner join registry.tenants as tenant using (tenant_no)
    inner join config.contracts as contract
        on contract.contract_id = done.contract_id and contract.tenant_id = tenant.tenant_id
        and contract.valid_to_load is null
    """,
    # For terms that hold by date: the first and the last local date of what is closed.
    """
    create temporary view closed_dates as
    select distinct
        tenant.tenant_id,
        contract.rate_card_id,
        contract.tax_jurisdiction,
        period.period_start_date as first_date,
        ((done.period_end_at - interval '1 microsecond') at time zone contract.time_zone)::date as last_date
    from store.period_closes as done
    inner join store.periods as period using (tenant_no, period_no)
    inner join registry.tenants as tenant using (tenant_no)
    inner join config.contracts as contract
        on contract.contract_id = done.contract_id and contract.tenant_id = tenant.tenant_id
        and contract.valid_to_load is null
    """,
    """
    create temporary view dated_cards as
    select distinct rate_card_id, rate_card_version, effective_from_date::date as effective_from_date
    from config.rate_cards
    where valid_to_load is null and release is distinct from 'staged'
    """,
    # Closed periods within which versions may have come into force (RULES 16).
    """
    create temporary view split_periods as
    select distinct closed.rate_card_id, closed.first_date, closed.last_date
    from closed_dates as closed
    inner join config.rate_cards as card
        on card.rate_card_id = closed.rate_card_id and card.effective_from_date::date <= closed.first_date
        and card.split_by_date = 'true' and card.valid_to_load is null
    where not exists (
        select from dated_cards as later
        where later.rate_card_id = card.rate_card_id
            and later.effective_from_date > card.effective_from_date::date
            and later.effective_from_date <= closed.first_date
    )
    """,
    # Versions that made a line, and those in force by their date at the start of a closed period even if they made none
    # (RULES 16).
    """
    create temporary view used_cards as
    select distinct rate_card_id, rate_card_version::text as rate_card_version
    from store.invoice_lines
    where rate_card_id is not null
    union
    select card.rate_card_id, card.rate_card_version
    from closed_cards as closed
    inner join dated_cards as card
        on card.rate_card_id = closed.rate_card_id and card.effective_from_date <= closed.period_start_date
    where not exists (
        select from dated_cards as later
        where later.rate_card_id = card.rate_card_id
            and later.effective_from_date > card.effective_from_date
            and later.effective_from_date <= closed.period_start_date
    )
    union
    select card.rate_card_id, card.rate_card_version
    from split_periods as closed
    inner join dated_cards as card
        on card.rate_card_id = closed.rate_card_id
        and card.effective_from_date > closed.first_date and card.effective_from_date <= closed.last_date
    """,
)
TERMS = (
    "tenant_id", "starts_at", "time_zone", "billing_cycle", "anchor_day", "late_policy", "grace_hours",
    "close_delay_minutes", "clock_policy", "rate_card_id", "minimum_spend_amount", "tax_percent",
    "estimation", "load_profile", "maximum_spend_amount", "commitment_amount", "tax_jurisdiction",
)  # fmt: skip

# For the table of cards and the one of their tiers alike: a row added to a version changes its price, too.
USED_VERSIONS: LiteralString = """
select min(changed.line), null, format(
    'rate card %L version %s was used by a closed period and is immutable (rows were changed, added or removed); take '
    'the change back and add a new version with a later effective_from_date',
    changed.rate_card_id, changed.rate_card_version)
from (
    select line, rate_card_id, rate_card_version from {fresh}
    union all
    select null, rate_card_id, rate_card_version from {gone}
) as changed
inner join used_cards as used using (rate_card_id, rate_card_version)
group by changed.rate_card_id, changed.rate_card_version
"""
# An approver promotes exactly the prices that were simulated.
PROMOTED_VERSIONS: LiteralString = """
select min(changed.line), null, format(
    'rate card %L version %s was promoted as it stood and is immutable (rows were changed, added or removed); take the '
    'change back and add a new version', changed.rate_card_id, changed.rate_card_version)
from (
    select line, rate_card_id, rate_card_version from {fresh}
    union all
    select null, rate_card_id, rate_card_version from {gone}
) as changed
inner join store.rate_decisions as decided
    on changed.rate_card_id = decided.rate_card_id and changed.rate_card_version = decided.rate_card_version::text
    and decided.decision = 'promoted'
where not exists (
    select from used_cards as used
    where used.rate_card_id = changed.rate_card_id and used.rate_card_version = changed.rate_card_version
)
group by changed.rate_card_id, changed.rate_card_version
"""


def _reuse(alias: LiteralString) -> LiteralString:
    """SQL for how a device type treats a sequence number that comes again; defaults as in staging."""
    return (
        f"case when {alias}.sequence_conflict_policy = 'new_epoch' then 'new_epoch within '"
        f" || coalesce({alias}.sequence_reuse_window_seconds, '86400') || ' s' else 'quarantine' end"
    )


RULES = (
    Rule(
        "contracts.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but contract %L has closed periods until %s; give the row its old value, end the contract '
            'with ends_at and begin a new one', change.old, change.new, old.contract_id, closed.until_at)
        from gone_contracts as old
        inner join closed_contracts as closed using (tenant_id, contract_id)
        inner join new_contracts as new on old.contract_id = new.contract_id
        cross join lateral {changes} as change
        """,
        TERMS,
    ),
    Rule(
        "contracts.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but telemetry was already metered under contract %L; give the row its old value and write '
            'the other tenant''s contract into a row of its own', change.old, change.new, old.contract_id)
        from gone_contracts as old
        inner join metered_contracts as metered using (tenant_id, contract_id)
        left join closed_contracts as closed using (tenant_id, contract_id)
        inner join new_contracts as new on old.contract_id = new.contract_id
        cross join lateral {changes} as change
        where closed.contract_id is null
        """,
        ("tenant_id",),
    ),
    Rule(
        "contracts.csv",
        """
        select null, null, format(
            'contract %L was removed, but %s under it; put the row back and end the contract with ends_at',
            old.contract_id, case when closed.until_at is null then 'telemetry was already metered'
                else 'periods until ' || closed.until_at || ' are closed' end)
        from gone_contracts as old
        left join metered_contracts as metered using (tenant_id, contract_id)
        left join closed_contracts as closed using (tenant_id, contract_id)
        where coalesce(metered.contract_id, closed.contract_id) is not null
            and not exists (select from new_contracts as new where new.contract_id = old.contract_id)
        """,
    ),
    Rule(
        "contracts.csv",
        """
        select new.line, 'ends_at', format(
            case
                when new.ends_at::timestamptz < closed.until_at
                    then '%1$L is before the end of the last closed period; write %2$s or later'
                else '%1$L moves the end of a closed period, which was prorated until %2$s; give it its old '
                    'value and begin a new contract there'
            end, coalesce(new.ends_at, '(empty)'), closed.until_at)
        from gone_contracts as old
        inner join closed_contracts as closed using (tenant_id, contract_id)
        inner join new_contracts as new using (tenant_id, contract_id)
        where old.ends_at is distinct from new.ends_at and (
            new.ends_at::timestamptz < closed.until_at
            or (closed.is_cut and old.ends_at::timestamptz = closed.until_at)
        )
        """,
    ),
    # It would take the name of a closed period, which is its first local date (see int_billing_periods).
    Rule(
        "contracts.csv",
        """
        select new.line, 'ends_at', format(
            '%L is on the local date on which contract %L begins, whose first period is closed; end it a day earlier',
            new.ends_at, after.contract_id)
        from fresh_contracts as new
        inner join new_contracts as after on new.tenant_id = after.tenant_id and new.contract_id <> after.contract_id
        inner join closed_contracts as closed
            on after.tenant_id = closed.tenant_id and after.contract_id = closed.contract_id
        where new.ends_at::timestamptz <= after.starts_at::timestamptz
            and ((new.ends_at::timestamptz - interval '1 microsecond') at time zone new.time_zone)::date
                >= (after.starts_at::timestamptz at time zone after.time_zone)::date
        """,
    ),
    Rule(
        "calendars.csv",
        """
        with cycles as (
            select
                calendar.calendar, closed.until_at, contract.contract_id,
                max(period_start_date::date) filter (
                    where period_start_date::date
                        <= (contract.starts_at::timestamptz at time zone contract.time_zone)::date
                ) as first_date,
                min(period_start_date::date) filter (
                    where period_start_date::date >= (closed.until_at at time zone contract.time_zone)::date
                ) as last_date
            from config.calendars as calendar
            inner join config.contracts as contract on contract.billing_cycle = calendar.calendar
            inner join closed_contracts as closed using (tenant_id, contract_id)
            where calendar.valid_to_load is null and contract.valid_to_load is null
            group by calendar.calendar, closed.until_at, contract.contract_id
        )
        select changed.line, 'period_start_date', format(
            '%L of calendar %L would cut closed periods of contract %L (until %s) otherwise; %s and use a later date',
            changed.period_start_date, changed.calendar, min(cycles.contract_id), max(cycles.until_at),
            case when changed.line is null then 'put the row back' else 'take it out' end)
        from (
            select line, calendar, period_start_date from fresh_calendars
            union all
            select null, calendar, period_start_date from gone_calendars
        ) as changed
        inner join cycles
            on changed.calendar = cycles.calendar
            and changed.period_start_date::date between cycles.first_date and cycles.last_date
        group by changed.line, changed.period_start_date, changed.calendar
        """,
    ),
    Rule(
        "tenants.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but telemetry of tenant %L was already metered under the old row; give it its old value, '
            'end the tenant''s contract and begin a new one under a new tenant_id',
            change.old, change.new, new.tenant_id)
        from gone_tenants as old
        inner join new_tenants as new using (tenant_id)
        inner join registry.tenants as tenant using (tenant_id)
        cross join lateral {changes} as change
        where exists (select from metered_series as mark where mark.tenant_no = tenant.tenant_no)
        """,
        ("region",),
    ),
    Rule(
        "tenants.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but tenant %L has closed periods; give it its old value, end the tenant''s contract and '
            'begin a new one under a new tenant_id', change.old, change.new, new.tenant_id)
        from gone_tenants as old
        inner join new_tenants as new using (tenant_id)
        inner join registry.tenants as tenant using (tenant_id)
        cross join lateral {changes} as change
        where exists (select from store.period_closes as done where done.tenant_no = tenant.tenant_no)
        """,
        ("currency_code",),
    ),
    Rule(
        "tenants.csv",
        """
        select null, null, format(
            'tenant %L was removed, but its telemetry was already metered; put the row back and end its contract',
            old.tenant_id)
        from gone_tenants as old
        inner join registry.tenants as tenant using (tenant_id)
        where exists (select from metered_series as mark where mark.tenant_no = tenant.tenant_no)
            and not exists (select from new_tenants as new where new.tenant_id = old.tenant_id)
        """,
    ),
    Rule(
        "metrics.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but telemetry was already metered under the old row of %L; give it its old value and '
            'declare a new metric', coalesce(change.old, ''), coalesce(change.new, ''), new.metric)
        from gone_metrics as old
        inner join new_metrics as new using (metric)
        inner join registry.metrics as known using (metric)
        cross join lateral {changes} as change
        where exists (select from metered_series as mark where mark.metric_no = known.metric_no)
        """,
        ("unit", "reading_type"),
    ),
    Rule(
        "metrics.csv",
        """
        select new.line, change.name, format(
            '%L became %L, but %L was used by closed periods; give it its old value and declare a new metric',
            change.old, change.new, new.metric)
        from gone_metrics as old
        inner join new_metrics as new using (metric)
        inner join registry.metrics as known using (metric)
        cross join lateral {changes} as change
        where exists (select from store.closed_usage as used where used.metric_no = known.metric_no)
        """,
        ("aggregation",),
    ),
    Rule(
        "metrics.csv",
        """
        select null, null, format(
            'metric %L was removed, but telemetry was already metered under it; put the row back', old.metric)
        from gone_metrics as old
        inner join registry.metrics as known using (metric)
        where exists (select from metered_series as mark where mark.metric_no = known.metric_no)
            and not exists (select from new_metrics as new where new.metric = old.metric)
        """,
    ),
    # Closed periods are proven under the calibrations of now: what they counted by stays as it was.
    Rule(
        "calibrations.csv",
        """
        with changed as (
            select 'gone' as side, null::integer as line, tenant_id, device_id, metric, starts_at, ends_at, multiplier,
                offset_quantity
            from gone_calibrations
            union all
            select 'fresh', line, tenant_id, device_id, metric, starts_at, ends_at, multiplier, offset_quantity
            from fresh_calibrations
        ),
        closed as (
            select tenant.tenant_id, done.period_start_at, done.period_end_at
            from store.period_closes as done
            inner join registry.tenants as tenant using (tenant_no)
            group by tenant.tenant_id, done.period_start_at, done.period_end_at
        ),
        counted as (
            select changed.side, changed.line, changed.tenant_id, changed.device_id, changed.metric,
                changed.multiplier::numeric, changed.offset_quantity::numeric, closed.period_end_at,
                greatest(changed.starts_at::timestamptz, closed.period_start_at) as from_at,
                least(coalesce(changed.ends_at::timestamptz, 'infinity'), closed.period_end_at) as until_at
            from changed
            inner join closed
                on changed.tenant_id = closed.tenant_id
                and changed.starts_at::timestamptz < closed.period_end_at
                and coalesce(changed.ends_at::timestamptz, 'infinity') > closed.period_start_at
        )
        select max(counted.line), null, format(
            'the calibration of meter %L changes what closed periods until %s counted; take the change back and let '
            'the new calibration begin there, or correct single readings with meterline edit',
            counted.device_id, max(counted.period_end_at))
        from counted
        where not exists (
            select from counted as same
            where same.side <> counted.side
                and same.tenant_id = counted.tenant_id
                and (same.device_id, same.metric) = (counted.device_id, counted.metric)
                and (same.multiplier, same.offset_quantity) = (counted.multiplier, counted.offset_quantity)
                and (same.from_at, same.until_at) = (counted.from_at, counted.until_at)
        )
        group by counted.tenant_id, counted.device_id, counted.metric
        """,
    ),
    # A unit is in the registry from the first message on that named it.
    Rule(
        "unit_conversions.csv",
        """
        select new.line, null, format(
            'the conversion of %L for metric %L %s, but telemetry was already metered by it, and the same message must '
            'stay the same quantity; %s', old.unit, old.metric,
            case when new.line is null then 'was removed' else 'changed' end,
            case when new.line is null then 'put the row back'
                else 'give it its old values and declare a new metric' end)
        from gone_unit_conversions as old
        left join new_unit_conversions as new using (metric, unit)
        inner join registry.metrics as known using (metric)
        where exists (select from metered_series as mark where mark.metric_no = known.metric_no)
            and exists (select from registry.traits as traits where traits.unit = old.unit)
        """,
    ),
    Rule(
        "device_types.csv",
        """
        select type_line, 'max_clock_skew_seconds', format(
            '%L became %L, but use of devices of type %L was closed under the old limit; give it its old value and '
            'declare a new device type for new devices', old_seconds, new_seconds, new_type)
        from changed_tolerances as changed
        where old_type = new_type and exists (
            select from store.closed_usage as used
            where used.tenant_no = changed.tenant_no and used.device_no = changed.device_no
        )
        group by type_line, old_seconds, new_seconds, new_type
        """,
    ),
    Rule(
        "devices.csv",
        """
        select new.line, 'device_type', format(
            '%L became %L, whose max_clock_skew_seconds differs, but use of device %L was closed under the old one; '
            'give it its old value', coalesce(old_type, ''), coalesce(new_type, ''), device_id)
        from changed_tolerances as changed
        left join new_devices as new using (tenant_id, device_id)
        where old_type is distinct from new_type and exists (
            select from store.closed_usage as used
            where used.tenant_no = changed.tenant_no and used.device_no = changed.device_no
        )
        """,
    ),
    # A chain of readings is computed once, under the limits of its time.
    Rule(
        "device_types.csv",
        """
        select new.line, limits.name, format(
            '%L became %L, but registers of devices of type %L were already metered under the old value; give it its '
            'old value and declare a new device type for new devices',
            coalesce(limits.old, ''), coalesce(limits.new, ''), coalesce(new.device_type, old.device_type))
        from (select * from config.device_types where valid_to_load is null) as old
        full join new_device_types as new on old.device_type = new.device_type
        cross join lateral (values
            ('register_max', old.register_max, new.register_max),
            ('max_use_per_hour', old.max_use_per_hour, new.max_use_per_hour)
        ) as limits (name, old, new)
        where limits.old is distinct from limits.new
            and exists (
                select from config.devices as device
                inner join registry.tenants as tenant using (tenant_id)
                inner join registry.devices as known using (tenant_no, device_id)
                inner join metered_registers as used using (tenant_no, device_no)
                where device.valid_to_load is null and device.device_type = coalesce(new.device_type, old.device_type)
            )
        """,
    ),
    Rule(
        "devices.csv",
        """
        with limits as (
            select device_type, register_max, max_use_per_hour from config.device_types where valid_to_load is null
        )
        select new.line, 'device_type', format(
            '%L became %L, whose register_max or max_use_per_hour differs, but the register of device %L was already '
            'metered under the old one; give it its old value',
            coalesce(old.device_type, ''), coalesce(new.device_type, ''), new.device_id)
        from gone_devices as old
        inner join fresh_devices as new using (tenant_id, device_id)
        left join limits as before on old.device_type = before.device_type
        left join new_device_types as after on new.device_type = after.device_type
        inner join registry.tenants as tenant using (tenant_id)
        inner join registry.devices as known using (tenant_no, device_id)
        where old.device_type is distinct from new.device_type
            and (before.register_max, before.max_use_per_hour)
                is distinct from (after.register_max, after.max_use_per_hour)
            and exists (
                select from metered_registers as used
                where used.tenant_no = known.tenant_no and used.device_no = known.device_no
            )
        """,
    ),
    # What a silence is decides how many hours were credited.
    Rule(
        "device_types.csv",
        """
        select new.line, 'expected_interval_seconds', format(
            '%L became %L, but hours offline of devices of type %L were credited for a closed period under the old '
            'value; give it its old value and declare a new device type for new devices',
            coalesce(old.expected_interval_seconds, ''), coalesce(new.expected_interval_seconds, ''),
            coalesce(new.device_type, old.device_type))
        from (select * from config.device_types where valid_to_load is null) as old
        full join new_device_types as new on old.device_type = new.device_type
        where old.expected_interval_seconds is distinct from new.expected_interval_seconds
            and exists (
                select from config.devices as device
                inner join closed_contracts as closed using (tenant_id)
                inner join config.contracts as contract using (tenant_id, contract_id)
                inner join config.rate_cards as card using (rate_card_id)
                inner join used_cards as used
                    on card.rate_card_id = used.rate_card_id and card.rate_card_version = used.rate_card_version
                where device.valid_to_load is null and contract.valid_to_load is null and card.valid_to_load is null
                    and card.charge_basis = 'offline_hours'
                    and device.device_type = coalesce(new.device_type, old.device_type)
            )
        """,
    ),
    Rule(
        "device_types.csv",
        f"""
        select new.line, 'sequence_conflict_policy', format(
            '%s became %s, but telemetry of devices of type %L was already metered under the old rule; give it its old '
            'value and declare a new device type for new devices', {_reuse("old")}, {_reuse("new")},
            coalesce(new.device_type, old.device_type))
        from (select * from config.device_types where valid_to_load is null) as old
        full join new_device_types as new on old.device_type = new.device_type
        where {_reuse("old")} <> {_reuse("new")}
            and exists (
                select from config.devices as device
                inner join registry.tenants as tenant using (tenant_id)
                inner join registry.devices as known using (tenant_no, device_id)
                inner join metered_series as mark using (tenant_no, device_no)
                where device.valid_to_load is null and device.device_type = coalesce(new.device_type, old.device_type)
            )
        """,
    ),
    Rule(
        "devices.csv",
        f"""
        select new.line, 'device_type', format(
            '%L became %L, which treats a repeated sequence number otherwise, but telemetry of device %L was already '
            'metered under the old one; give it its old value', coalesce(old.device_type, ''),
            coalesce(new.device_type, ''), new.device_id)
        from gone_devices as old
        inner join fresh_devices as new using (tenant_id, device_id)
        left join (select * from config.device_types where valid_to_load is null) as old_type
            on old.device_type = old_type.device_type
        left join new_device_types as new_type on new.device_type = new_type.device_type
        inner join registry.tenants as tenant using (tenant_id)
        inner join registry.devices as known using (tenant_no, device_id)
        where old.device_type is distinct from new.device_type
            and {_reuse("old_type")} <> {_reuse("new_type")}
            and exists (
                select from metered_series as mark
                where mark.tenant_no = known.tenant_no and mark.device_no = known.device_no
            )
        """,
    ),
    Rule(
        "period_overrides.csv",
        """
        select changed.line, null, format(
            'period %L is closed and its boundary cannot be declared anew; %s',
            changed.tenant_id || ':' || changed.period_start_date,
            case when changed.line is null then 'put the row back' else 'take the change back' end)
        from (
            select new.line, tenant_id, period_start_date
            from gone_period_overrides as old
            full join fresh_period_overrides as new using (tenant_id, period_start_date)
            where old.closes_at is distinct from new.closes_at
        ) as changed
        inner join registry.tenants as tenant using (tenant_id)
        inner join store.periods as period
            on period.tenant_no = tenant.tenant_no and period.period_start_date = changed.period_start_date::date
        where exists (
            select from store.period_closes as done
            where done.tenant_no = period.tenant_no and done.period_no = period.period_no
        )
        """,
    ),
    Rule("rate_cards.csv", USED_VERSIONS),
    Rule("rate_card_tiers.csv", USED_VERSIONS),
    Rule("rate_card_terms.csv", USED_VERSIONS),
    Rule("rate_cards.csv", PROMOTED_VERSIONS),
    Rule("rate_card_tiers.csv", PROMOTED_VERSIONS),
    Rule("rate_card_terms.csv", PROMOTED_VERSIONS),
    Rule(
        "discounts.csv",
        """
        with applied as (
            select changed.*, closed.tenant_id as billed_tenant_id, closed.first_date
            from (
                select 'gone' as side, null::integer as line, discount_id, tenant_id, rate_card_id, metric, percent,
                    amount, spend_from, sequence, starts_date, ends_date
                from gone_discounts
                union all
                select 'fresh', line, discount_id, tenant_id, rate_card_id, metric, percent, amount, spend_from,
                    sequence, starts_date, ends_date
                from fresh_discounts
            ) as changed
            inner join closed_dates as closed
                on (changed.tenant_id = closed.tenant_id or changed.rate_card_id = closed.rate_card_id)
                and closed.first_date >= changed.starts_date::date
                and (changed.ends_date is null or closed.first_date < changed.ends_date::date)
        )
        select max(applied.line), null, format(
            'discount %L would change what was billed for the period of tenant %L that begins on %s; %s',
            discount_id, max(billed_tenant_id collate "C"), max(first_date),
            case when bool_or(side = 'gone') then 'give it its old values and an ends_date after that'
                else 'write a later starts_date' end)
        from applied
        where not exists (
            select from applied as same
            where same.side <> applied.side
                and (same.discount_id, same.billed_tenant_id, same.first_date)
                    = (applied.discount_id, applied.billed_tenant_id, applied.first_date)
                and (same.metric, same.percent, same.amount, same.spend_from, same.sequence)
                    is not distinct from
                    (applied.metric, applied.percent, applied.amount, applied.spend_from, applied.sequence)
        )
        group by discount_id
        """,
    ),
    Rule(
        "taxes.csv",
        """
        select max(changed.line), 'percent', format(
            'tax %L of %L from %s on was in force at the end of a closed period (%s); give it its old value and add a '
            'row with a later effective_from_date',
            changed.tax, changed.jurisdiction, changed.effective_from_date, max(closed.last_date))
        from (
            select line, jurisdiction, tax, effective_from_date from fresh_taxes
            union all
            select null, jurisdiction, tax, effective_from_date from gone_taxes
        ) as changed
        inner join closed_dates as closed
            on changed.jurisdiction = closed.tax_jurisdiction and changed.effective_from_date::date <= closed.last_date
        group by changed.jurisdiction, changed.tax, changed.effective_from_date
        """,
    ),
    Rule(
        "credits.csv",
        """
        with applied as (
            select changed.*, closed.last_date
            from (
                select 'gone' as side, null::integer as line, credit_id, tenant_id, currency_code, amount, priority,
                    granted_date, expires_date
                from gone_credits
                union all
                select 'fresh', line, credit_id, tenant_id, currency_code, amount, priority, granted_date, expires_date
                from fresh_credits
            ) as changed
            inner join closed_dates as closed
                on changed.tenant_id = closed.tenant_id
                and closed.last_date >= changed.granted_date::date
                and (changed.expires_date is null or closed.last_date < changed.expires_date::date)
        )
        select max(applied.line), null, format(
            'credit %L would change who paid for the closed period that ends on %s; %s', credit_id, max(last_date),
            case when bool_or(side = 'gone') then 'give it its old values and declare a new credit for what changed'
                else 'write a granted_date after that' end)
        from applied
        where not exists (
            select from applied as same
            where same.side <> applied.side
                and (same.credit_id, same.tenant_id, same.last_date)
                    = (applied.credit_id, applied.tenant_id, applied.last_date)
                and (same.currency_code, same.amount, same.priority)
                    = (applied.currency_code, applied.amount, applied.priority)
        )
        group by credit_id
        """,
    ),
    Rule(
        "time_of_use.csv",
        """
        select min(changed.line), null, format(
            'schedule %L priced a closed period (rate card %L version %s) and is immutable (rows were changed, added '
            'or removed); take the change back and give a new version of the card a schedule of another name',
            changed.schedule, used.rate_card_id, used.rate_card_version)
        from (
            select line, schedule from {fresh}
            union all
            select null, schedule from {gone}
        ) as changed
        inner join config.rate_cards as card on changed.schedule = card.schedule and card.valid_to_load is null
        inner join used_cards as used using (rate_card_id, rate_card_version)
        group by changed.schedule, used.rate_card_id, used.rate_card_version
        """,
    ),
    Rule(
        "holidays.csv",
        """
        with calendars as (
            select part.calendar, max(closed.until_at) as until_at
            from config.time_of_use as part
            inner join config.rate_cards as card on part.schedule = card.schedule and card.valid_to_load is null
            inner join config.contracts as contract
                on card.rate_card_id = contract.rate_card_id and contract.valid_to_load is null
            inner join closed_contracts as closed using (tenant_id, contract_id)
            where part.calendar is not null and part.valid_to_load is null
            group by part.calendar
        )
        select changed.line, 'holiday_date', format(
            '%L of calendar %L lies before %s, until when periods are closed by it; %s',
            changed.holiday_date, changed.calendar, calendars.until_at,
            case when changed.line is null then 'put the row back' else 'take it out' end)
        from (
            select new.line, calendar, holiday_date
            from {fresh} as new
            full join {gone} as old using (calendar, holiday_date)
            where new.calendar is null or old.calendar is null
        ) as changed
        inner join calendars on changed.calendar = calendars.calendar
        where changed.holiday_date::date < calendars.until_at
        """,
    ),
    Rule(
        "rate_cards.csv",
        """
        select min(card.line), 'effective_from_date', format(
            '%L of rate card %L version %s would change the price of the closed period that begins on %s; write a date '
            'after that', card.effective_from_date, card.rate_card_id, card.rate_card_version,
            max(closed.period_start_date))
        from fresh_rate_cards as card
        inner join closed_cards as closed
            on card.rate_card_id = closed.rate_card_id
            and card.effective_from_date::date <= closed.period_start_date
        left join used_cards as used
            on card.rate_card_id = used.rate_card_id and card.rate_card_version = used.rate_card_version
        where used.rate_card_id is null and card.release is distinct from 'staged' and not exists (
            select from dated_cards as later
            where later.rate_card_id = card.rate_card_id
                and later.effective_from_date > card.effective_from_date::date
                and later.effective_from_date <= closed.period_start_date
        )
        group by card.effective_from_date, card.rate_card_id, card.rate_card_version
        """,
    ),
    Rule(
        "rate_cards.csv",
        """
        select min(card.line), 'effective_from_date', format(
            '%L of rate card %L version %s lies in the closed period that begins on %s, which is split by date; write '
            'a date after %s', card.effective_from_date, card.rate_card_id, card.rate_card_version,
            max(closed.first_date), max(closed.last_date))
        from fresh_rate_cards as card
        inner join split_periods as closed
            on card.rate_card_id = closed.rate_card_id
            and card.effective_from_date::date > closed.first_date
            and card.effective_from_date::date <= closed.last_date
        left join used_cards as used
            on card.rate_card_id = used.rate_card_id and card.rate_card_version = used.rate_card_version
        where used.rate_card_id is null and card.release is distinct from 'staged'
        group by card.effective_from_date, card.rate_card_id, card.rate_card_version
        """,
    ),
)


def refuse_forbidden_changes(connection: psycopg.Connection) -> None:
    """Raise BadInputError with a line for every change that closed periods or metered telemetry forbid."""
    spread = distribution.is_spread(connection)
    how = {"kind": sql.SQL("table" if spread else "view"), "distinct": sql.SQL("distinct" if spread else "all")}
    for metered in METERED:
        connection.execute(sql.SQL(metered).format(**how))
    for view in VIEWS:
        connection.execute(view)
    problems = Problems()
    for rule in RULES:
        table = rule.file.removesuffix(".csv")
        query = sql.SQL(rule.query).format(
            changes=_changes(rule.columns), fresh=sql.Identifier(f"fresh_{table}"), gone=sql.Identifier(f"gone_{table}")
        )
        refusals = connection.execute(
            sql.SQL(
                "select refusal.*, count(*) over () from ({}) as refusal (line, column_name, explanation)"
                " order by line nulls first, column_name, explanation limit {}"
            ).format(query, MAX_PRINTED)
        ).fetchall()
        for line, column, explanation, _ in refusals:
            problems.add(rule.file, explanation, line=line, column=column)
        if refusals:
            problems.add_uncounted(rule.file, refusals[0][3] - len(refusals))
    problems.raise_if_any()


def _changes(columns: tuple[LiteralString, ...]) -> sql.Composable:
    """The columns in which the rows `old` and `new` differ, as a derived table (name, old, new)."""
    pairs = [
        sql.SQL("({}, {}, {})").format(name, sql.Identifier("old", name), sql.Identifier("new", name))
        for name in columns
    ]
    return sql.SQL(
        "(select * from (values {}) as pair (name, old, new) where pair.old is distinct from pair.new)"
    ).format(sql.SQL(", ").join(pairs))
