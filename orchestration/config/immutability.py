"""What a load may not change: prices of closed periods, and rules by which telemetry was already metered.

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


@dataclass(frozen=True)
class Rule:
    """A refusal, the file that it is reported for, and the columns that `{changes}` compares.

    `{fresh}` and `{gone}` in the query are the views of the file's table.
    """

    file: str
    query: LiteralString
    columns: tuple[LiteralString, ...] = ()


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
    # store.high_water has a row for every series of the event store and is small beside it.
    """
    create temporary view metered_contracts as
    select distinct tenant.tenant_id, period.contract_id
    from store.periods as period
    inner join registry.tenants as tenant using (tenant_no)
    where exists (select from store.high_water as mark where mark.tenant_no = period.tenant_no)
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
    """
    create temporary view dated_cards as
    select distinct rate_card_id, rate_card_version, effective_from_date::date as effective_from_date
    from config.rate_cards
    where valid_to_load is null
    """,
    # Versions that made a line, and those in force at the start of a closed period even if they made none (RULES 16).
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
    """,
)
TERMS = (
    "tenant_id", "starts_at", "time_zone", "billing_cycle", "anchor_day", "late_policy", "grace_hours",
    "close_delay_minutes", "clock_policy", "rate_card_id", "minimum_spend_amount", "tax_percent",
    "estimation", "load_profile",
)  # fmt: skip
METERING_TERMS = ("tenant_id", "starts_at", "time_zone", "billing_cycle", "anchor_day", "grace_hours", "clock_policy")

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
            '%L became %L, but telemetry was already metered under contract %L; give the row its old value, end the '
            'contract with ends_at and begin a new one', change.old, change.new, old.contract_id)
        from gone_contracts as old
        inner join metered_contracts as metered using (tenant_id, contract_id)
        left join closed_contracts as closed using (tenant_id, contract_id)
        inner join new_contracts as new on old.contract_id = new.contract_id
        cross join lateral {changes} as change
        where closed.contract_id is null
        """,
        METERING_TERMS,
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
    Rule(
        "contracts.csv",
        """
        select new.line, 'ends_at', format(
            '%L is not after the last telemetry metered under contract %L (%s); write a later instant',
            new.ends_at, new.contract_id, max(usage.last_event_at))
        from gone_contracts as old
        inner join new_contracts as new using (tenant_id, contract_id)
        inner join registry.tenants as tenant using (tenant_id)
        inner join store.periods as period using (tenant_no, contract_id)
        inner join store.usage_days as usage using (tenant_no, period_no)
        left join closed_contracts as closed using (tenant_id, contract_id)
        where old.ends_at is distinct from new.ends_at and usage.event_count > 0
            and new.ends_at::timestamptz >= coalesce(closed.until_at, '-infinity')
        group by new.line, new.ends_at, new.contract_id
        having max(usage.last_event_at) >= new.ends_at::timestamptz
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
        where exists (select from store.high_water as mark where mark.tenant_no = tenant.tenant_no)
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
        where exists (select from store.high_water as mark where mark.tenant_no = tenant.tenant_no)
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
        where exists (select from store.high_water as mark where mark.metric_no = known.metric_no)
        """,
        ("unit", "reading_type", "aggregation"),
    ),
    Rule(
        "metrics.csv",
        """
        select null, null, format(
            'metric %L was removed, but telemetry was already metered under it; put the row back', old.metric)
        from gone_metrics as old
        inner join registry.metrics as known using (metric)
        where exists (select from store.high_water as mark where mark.metric_no = known.metric_no)
            and not exists (select from new_metrics as new where new.metric = old.metric)
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
        where exists (select from store.high_water as mark where mark.metric_no = known.metric_no)
            and exists (select from registry.traits as traits where traits.unit = old.unit)
        """,
    ),
    Rule(
        "device_types.csv",
        """
        select new.line, 'max_clock_skew_seconds', format(
            '%L became %L, but telemetry of devices of type %L was already metered under the old limit; give it its '
            'old value and declare a new device type for new devices',
            coalesce(old.max_clock_skew_seconds, '300'), coalesce(new.max_clock_skew_seconds, '300'),
            coalesce(new.device_type, old.device_type))
        from (select * from config.device_types where valid_to_load is null) as old
        full join new_device_types as new on old.device_type = new.device_type
        where coalesce(old.max_clock_skew_seconds, '300') <> coalesce(new.max_clock_skew_seconds, '300')
            and exists (
                select from config.devices as device
                inner join registry.tenants as tenant using (tenant_id)
                inner join registry.devices as known using (tenant_no, device_id)
                inner join store.high_water as mark using (tenant_no, device_no)
                where device.valid_to_load is null and device.device_type = coalesce(new.device_type, old.device_type)
            )
        """,
    ),
    Rule(
        "devices.csv",
        """
        with skews as (
            select device_type, max_clock_skew_seconds from config.device_types where valid_to_load is null
        )
        select new.line, 'device_type', format(
            '%L became %L, whose max_clock_skew_seconds differs, but telemetry of device %L was already metered under '
            'the old one; give it its old value', coalesce(old.device_type, ''), coalesce(new.device_type, ''),
            new.device_id)
        from gone_devices as old
        inner join fresh_devices as new using (tenant_id, device_id)
        left join skews as old_skew on old.device_type = old_skew.device_type
        left join new_device_types as new_skew on new.device_type = new_skew.device_type
        inner join registry.tenants as tenant using (tenant_id)
        inner join registry.devices as known using (tenant_no, device_id)
        where old.device_type is distinct from new.device_type
            and coalesce(old_skew.max_clock_skew_seconds, '300') <> coalesce(new_skew.max_clock_skew_seconds, '300')
            and exists (
                select from store.high_water as mark
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
        where used.rate_card_id is null and not exists (
            select from dated_cards as later
            where later.rate_card_id = card.rate_card_id
                and later.effective_from_date > card.effective_from_date::date
                and later.effective_from_date <= closed.period_start_date
        )
        group by card.effective_from_date, card.rate_card_id, card.rate_card_version
        """,
    ),
)


def refuse_forbidden_changes(connection: psycopg.Connection) -> None:
    """Raise BadInputError with a line for every change that closed periods or metered telemetry forbid."""
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
