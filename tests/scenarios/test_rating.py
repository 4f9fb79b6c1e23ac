"""From metered use to a proven invoice: three tenants, February 2026, closed, amended and verified.

fleet-volume and fleet-graduated rate the documented example of 18,500 active devices. small is prorated and taxed: its
contract began on 14 February, so its period covers 15 of 28 days, and it reports electricity from three devices.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.settings import Settings
from tests.support import CLOSE, rate_and_publish, run_dbt

CONFIGURATION = """
insert into config.loads (content_sha256) values ('first');
insert into config.tenants (tenant_id, region, currency_code, row_sha256, valid_from_load)
select tenant_id, 'eu', 'EUR', tenant_id, 1
from (values ('fleet-volume'), ('fleet-graduated'), ('small')) as t (tenant_id);
insert into config.metrics (metric, unit, reading_type, aggregation, row_sha256, valid_from_load)
values ('messages', '1', 'delta', 'count', 'm', 1), ('energy', 'kWh', 'delta', 'sum', 'e', 1);
insert into config.contracts (
    contract_id, tenant_id, starts_at, time_zone, billing_cycle, anchor_day, late_policy, grace_hours,
    close_delay_minutes, clock_policy, rate_card_id, tax_percent, row_sha256, valid_from_load
)
select
    'C-' || tenant_id, tenant_id, starts_at, 'UTC', 'monthly', '1', 'grace', '72', '0', 'corrected', rate_card_id,
    tax_percent, tenant_id, 1
from (values
    ('fleet-volume', '2026-02-01T00:00:00Z', 'volume', null),
    ('fleet-graduated', '2026-02-01T00:00:00Z', 'graduated', null),
    ('small', '2026-02-14T00:00:00Z', 'small', '19')
) as t (tenant_id, starts_at, rate_card_id, tax_percent);
insert into config.rate_cards (
    rate_card_id, rate_card_version, effective_from_date, currency_code, metric, charge_basis, price_model,
    included_units, row_sha256, valid_from_load
) values
('volume', '1', '2026-01-01', 'EUR', null, 'active_devices', 'volume', null, 'a', 1),
('graduated', '1', '2026-01-01', 'EUR', null, 'active_devices', 'graduated', null, 'b', 1),
('small', '1', '2026-01-01', 'EUR', 'energy', 'usage', 'graduated', '28', 'c', 1),
('small', '1', '2026-01-01', 'EUR', null, 'usage', 'flat', null, 'd', 1);
insert into config.rate_card_tiers (
    rate_card_id, rate_card_version, metric, charge_basis, tier_number, up_to, unit_price, flat_fee, row_sha256,
    valid_from_load
)
select rate_card_id, '1', null, 'active_devices', tier_number, up_to, unit_price, null, rate_card_id || tier_number, 1
from (values ('volume'), ('graduated')) as cards (rate_card_id)
cross join (
    values ('1', '10000', '5.00'), ('2', '50000', '3.50'), ('3', null, '2.00')
) as t (tier_number, up_to, unit_price)
union all
select 'small', '1', metric, 'usage', tier_number, up_to, unit_price, flat_fee, concat('small', metric, tier_number), 1
from (values
    ('energy', '1', '10', '1.00', '2'), ('energy', '2', null, '0.50', null), (null, '1', null, null, '28')
) as t (metric, tier_number, up_to, unit_price, flat_fee);
"""

# Load 1 brings one message of each device of the fleets and one reading of each of the three meters.
TELEMETRY = """
insert into registry.tenants (tenant_id) values ('fleet-volume'), ('fleet-graduated'), ('small');
insert into registry.metrics (metric) values ('messages'), ('energy');
insert into registry.devices (tenant_no, device_id)
select tenant_no, 'D-' || n from registry.tenants cross join generate_series(1, 18501) as n where tenant_id <> 'small';
insert into registry.devices (tenant_no, device_id)
select tenant_no, 'meter-' || n from registry.tenants cross join generate_series(1, 3) as n where tenant_id = 'small';
insert into store.periods (
    tenant_no, contract_id, period_start_date, period_start_at, period_end_at, boundary_at, last_local_month,
    proration_numerator, proration_denominator, time_zone
)
select
    tenant_no, contract_id, starts_at::timestamptz::date, starts_at::timestamptz, '2026-03-01T00:00:00Z',
    '2026-03-04T00:00:00Z', '2026-02-01', date '2026-03-01' - starts_at::timestamptz::date, 28, 'UTC'
from config.contracts inner join registry.tenants using (tenant_id);
select store.ensure_partitions('2026-02-01', '2026-02-01');
"""
# A message on 20 February as the store keeps it, and the day's use that it makes.
STORED = """
insert into ledger.loads (
    region, content_sha256, source_file, received_date, byte_count, message_count, status, applied_at
)
values ('eu', %(load)s, %(load)s, '2026-02-20', 1, 1, 'applied', clock_timestamp());
create temp table measured on commit drop as {devices};
insert into store.series (tenant_no, series_no, device_no, metric_no, seq_epoch)
select tenant_no, device_no, device_no, metric_no, 0 from measured;
insert into store.slim_events
select
    1, at, '-infinity', at, at, 0, (select max(load_id) from ledger.loads), 1, tenant_no, device_no, 0, period_no,
    'd', 'b', false, quantity
from measured
inner join (select * from store.periods where period_end_at = '2026-03-01T00:00:00Z') as february using (tenant_no)
cross join (select timestamptz '2026-02-20T12:00:00Z' as at) as noon;
insert into store.usage_days
select '2026-02-20T00:00:00Z', event_at, event_at, tenant_no, device_no, period_no, 1, 0, metric_no, quantity, 0
from store.events
where load_id = (select max(load_id) from ledger.loads);
"""
FLEETS = """
select tenant_no, device_no, 1 as metric_no, 1 as quantity from registry.devices
where device_id like 'D-%%' and substr(device_id, 3)::integer between %(first)s and %(last)s
"""
# 10 + 20.5 + 5 = 35.5 kWh.
METERS = """
select tenant_no, device_no, 2 as metric_no, quantity from registry.devices
inner join (
    values ('meter-1', 10), ('meter-2', 20.5), ('meter-3', 5)
) as readings (device_id, quantity) using (device_id)
"""
# Another file proves that 22.5 kWh of meter-2 arrived first.
RESTATED = """
insert into store.event_restatements
select
    tenant_no, device_no, metric_no, seq_epoch, msg_seq, device_ts, 1, (select max(load_id) from ledger.loads),
    device_ts, sent_ts, received_at, event_at, session_key, (select max(load_id) from ledger.loads), 1, traits_no,
    period_no, 'd', 'b', false, 22.5, event_at, period_no, 'b', false, quantity
from store.events where quantity = 20.5;
update store.usage_days set quantity = 22.5 where quantity = 20.5;
"""
REQUEST = """
insert into ledger.close_requests (kind, period_month, as_of, config_load_id, last_load_id)
select %s, '2026-02-01', %s, (select max(config_load_id) from config.loads), (select max(load_id) from ledger.loads)
"""
DIFFERENCES = "select invoice_id, invoice_version, difference from billing.int_invoice_differences order by 1, 2, 3"
INVOICES = """
select tenant_id, invoice_version, subtotal_amount::text, tax_amount::text, total_amount::text, status,
    difference_amount::text
from finance.invoices order by tenant_id, invoice_version
"""


def test_february_is_closed_amended_and_proven(fresh_database: Settings) -> None:
    with connect(fresh_database, autocommit=True) as database:
        database.execute(CONFIGURATION)
        database.execute(TELEMETRY)
        receive(database, "load 1", f"{FLEETS} union all {METERS}", first=1, last=18500)
        run_dbt(fresh_database, "run", "--threads", "1")

        # The boundary is 4 March: before it nothing is due.
        close(fresh_database, database, as_of="2026-03-03T23:59:59Z")
        assert rows(database, "select count(*) from store.period_closes") == [(0,)]

        # A close that breaks down has written nothing, and the next one does its work.
        database.execute("revoke execute on function audit.append from meterline_transform")
        with pytest.raises(AssertionError, match="store_period_closes"):
            close(fresh_database, database)
        for table in ("period_closes", "closed_usage", "invoices", "invoice_lines"):
            assert rows(database, f"select count(*) from store.{table}") == [(0,)], table
        database.execute("grant execute on function audit.append to meterline_transform")

        # Volume: 18,500 x 3.50 = 64,750.00. Graduated: 10,000 x 5.00 + 8,500 x 3.50 = 79,750.00.
        # Small: of 28 included kWh 28 x 15 / 28 = 15 come off 35.5; 10 x 1.00 + 10.5 x 0.50 + fee 2.00 = 17.25;
        # recurring fee 28 x 15 / 28 = 15.00; together 32.25, tax 32.25 x 0.19 = 6.1275, rounded 6.13.
        first_versions = [
            ("fleet-graduated", 1, "79750.00", "0.00", "79750.00", "issued", None),
            ("fleet-volume", 1, "64750.00", "0.00", "64750.00", "issued", None),
            ("small", 1, "32.25", "6.13", "38.38", "issued", None),
        ]
        close(fresh_database, database)
        assert rows(database, INVOICES) == first_versions
        assert rows(database, "select distinct reason, closed_at::text from finance.period_closes") == [
            ("scheduled", "2026-03-04 00:00:00+00")
        ]
        assert rows(
            database,
            "select line_number, line_type, tier_number, trim_scale(quantity)::text, amount::text, description"
            " from finance.invoice_lines where invoice_id = 'INV-small-2026-02-14' order by 1",
        ) == [
            (1, "flat_fee", 1, "1", "2.00", "energy: flat fee of tier 1"),
            (2, "usage", 1, "10", "10.00", "energy: tier 1, units up to 10 at 1.00, after 15 included units"),
            (3, "usage", 2, "10.5", "5.25", "energy: tier 2, units above 10 at 0.50, after 15 included units"),
            (4, "flat_fee", 1, "1", "15.00", "all metrics: recurring fee of 28.00, 15 of 28 days"),
        ]

        # The same again is a no-op.
        close(fresh_database, database)
        assert rows(database, INVOICES) == first_versions

        # Load 2, received before the boundary: device 18,501, and 2 kWh more for small, which are 1.00 before tax:
        # tax 33.25 x 0.19 = 6.3175, rounded 6.32, total 39.57, difference 1.19.
        receive(database, "load 2", FLEETS, first=18501, last=18501)
        database.execute(RESTATED)
        close(fresh_database, database)
        assert rows(database, INVOICES) == [
            ("fleet-graduated", 1, "79750.00", "0.00", "79750.00", "amended", None),
            ("fleet-graduated", 2, "79753.50", "0.00", "79753.50", "issued", "3.50"),
            ("fleet-volume", 1, "64750.00", "0.00", "64750.00", "amended", None),
            ("fleet-volume", 2, "64753.50", "0.00", "64753.50", "issued", "3.50"),
            ("small", 1, "32.25", "6.13", "38.38", "amended", None),
            ("small", 2, "33.25", "6.32", "39.57", "issued", "1.19"),
        ]
        entries = "select count(*), count(distinct payload) from audit.log where stream = 'billing'"
        assert rows(database, entries) == [(6, 6)]

        # Every version, the superseded ones too, comes out of the events as they stood at its close.
        assert verify(fresh_database, database) == []
        assert rows(database, "select count(*) from ledger.close_requests where finished_at is null") == [(0,)]

        # A superuser can get past the triggers, but not past the proof.
        database.execute(
            "alter table store.invoice_lines disable trigger append_only;"
            "update store.invoice_lines set amount = 1 where line_number = 2 and amount = 10 and invoice_version = 1;"
            "alter table store.closed_usage disable trigger append_only;"
            "update store.closed_usage set quantity = 0 where device_no = 1 and invoice_version = 2;"
        )
        assert verify(fresh_database, database) == [
            ("INV-fleet-volume-2026-02-01", 2, "usage rows that differ: stored 1, rated 0"),
            ("INV-small-2026-02-14", 1, "line 2 amount: stored 1.0000, rated 10.0000"),
        ]


def receive(database: psycopg.Connection, load: str, devices: str, **bounds: int) -> None:
    """Store one message of each device, and its use, as a load of its own."""
    cursor = psycopg.ClientCursor(database)
    cursor.execute(STORED.replace("{devices}", devices).encode(), {"load": load, **bounds})


def close(settings: Settings, database: psycopg.Connection, as_of: str = "2026-03-05T00:00:00Z") -> None:
    """Ask for the close of February and run it as the platform does."""
    database.execute(REQUEST, ("close", as_of))
    rate_and_publish(settings)


def verify(settings: Settings, database: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Rate every closed version again and return what differs."""
    database.execute(REQUEST, ("verify", "2026-03-05T00:00:00Z"))
    run_dbt(settings, *CLOSE)
    return rows(database, DIFFERENCES)


def rows(database: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return database.execute(query.encode()).fetchall()
