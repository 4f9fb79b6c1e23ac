"""Loads of the configuration folder into a real database: versions, numbers, and what may no longer change."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from orchestration.config.load import ConfigLoad, RowCounts, load_configuration
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from orchestration.settings import Settings

Write = Callable[..., Path]

CONTRACTS = "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id,tax_percent,grace_hours\n"
CARDS = "rate_card_id,rate_card_version,effective_from_date,currency_code,metric,charge_basis,price_model\n"
CARD_1 = "basic,1,1970-01-01,EUR,energy,,graduated\nbasic,1,1970-01-01,EUR,,active_devices,per_unit\n"
TIERS = "rate_card_id,rate_card_version,metric,charge_basis,tier_number,up_to,unit_price\n"
TIERS_1 = "basic,1,energy,,1,100,0.25\nbasic,1,energy,,2,,0.20\nbasic,1,,active_devices,1,,1.50\n"

# January of tenant acme in Madrid, metered until the 20th.
METERED = """
insert into store.periods (tenant_no, contract_id, period_start_date, period_start_at, period_end_at, boundary_at,
    last_local_month, proration_numerator, proration_denominator, time_zone)
values (1, 'acme-1', '2019-01-01', '2018-12-31 23:00+00', '2019-01-31 23:00+00', '2019-02-03 23:00+00',
    '2019-01-01', 31, 31, 'Europe/Madrid');
insert into store.high_water (tenant_no, device_no, metric_no, seq_epoch, msg_seq) values (1, 1, 1, 0, 7);
insert into store.usage_days (bucket_start_at, first_event_at, last_event_at, tenant_no, device_no, period_no,
    event_count, skew_candidate_count, metric_no, quantity, estimated_quantity)
values ('2019-01-19 23:00+00', '2019-01-20 10:00+00', '2019-01-20 12:00+00', 1, 1, 1, 2, 0, 1, 5, 0)
"""
CLOSED = """
insert into ledger.close_requests (kind, period_month, config_load_id, last_load_id)
values ('close', '2019-01-01', 1, 1);
insert into ledger.cleared_invoices (close_id, tenant_no, period_no, invoice_version, input_hash, total_amount,
    gate_run_id)
select 1, tenant_no, period_no, 1, 'x', 0, 1 from store.periods;
insert into store.period_closes (close_id, tenant_no, period_no, invoice_version, closed_at, reason, input_hash,
    config_load_id, last_load_id, contract_id, period_start_at, period_end_at, proration_numerator,
    proration_denominator)
select 1, tenant_no, period_no, 1, boundary_at, 'due', 'x', 1, 1, contract_id, period_start_at, period_end_at,
    proration_numerator, proration_denominator
from store.periods
"""
LINE_OF_VERSION_2 = """
insert into store.invoices (tenant_no, period_no, invoice_version, invoice_id, currency_code, subtotal_amount,
    tax_amount, total_amount)
values (1, 1, 1, 'INV-acme-2019-01-01', 'EUR', 1, 0, 1);
insert into store.invoice_lines (tenant_no, period_no, invoice_version, line_number, line_type, rate_card_id,
    rate_card_version, quantity, amount, description)
values (1, 1, 1, 1, 'usage', 'basic', 2, 1, 1, 'x')
"""
# The January of a contract that ended on the 20th: 20 of 31 days.
CUT = "update store.periods set period_end_at = '2019-01-20 23:00+00', proration_numerator = 20"


@pytest.fixture
def load(fresh_database: Settings, write_configuration: Write) -> Callable[..., ConfigLoad]:
    """A function that writes a configuration folder and loads it."""

    def write_and_load(**files: str | None) -> ConfigLoad:
        return load_configuration(replace(fresh_database, config_url=str(write_configuration(**files))))

    return write_and_load


def run(settings: Settings, statements: LiteralString) -> None:
    with connect(settings) as connection:
        for statement in statements.split(";"):
            connection.execute(statement)


def rows(settings: Settings, query: LiteralString) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query).fetchall()


def refusal(load: Callable[..., ConfigLoad], **files: str | None) -> list[str]:
    with pytest.raises(BadInputError) as caught:
        load(**files)
    return str(caught.value).splitlines()


def test_first_load_fills_tables_registry_and_audit_log(
    load: Callable[..., ConfigLoad], fresh_database: Settings
) -> None:
    first = load()
    assert (first.config_load_id, first.is_new) == (1, True)
    assert first.counts["devices"] == RowCounts(added=2)
    assert rows(fresh_database, "select time_zone, starts_at::timestamptz::text, ends_at from config.contracts") == [
        ("Europe/Madrid", "2018-12-31 23:00:00+00", None)
    ]
    assert rows(fresh_database, "select device_no, tenant_no, device_id from registry.devices order by 1") == [
        (1, 1, "meter-1"), (2, 1, "meter-2"),
    ]  # fmt: skip
    ((payload, actor),) = rows(fresh_database, "select payload, action from audit.log where stream = 'configuration'")
    assert actor == "configuration_loaded"
    assert json.loads(payload)["content_sha256"] == first.content_sha256
    assert json.loads(payload)["tables"]["rate_card_tiers"] == {"added": 3, "changed": 0, "removed": 0}


def test_same_content_adds_nothing(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    first = load()
    again = load(devices="tenant_id,device_id,colour\nacme,meter-2,red\nacme,meter-1,\n")
    assert (again.config_load_id, again.is_new, again.counts) == (first.config_load_id, False, {})
    assert again.warnings
    assert rows(fresh_database, "select count(*) from audit.log") == [(1,)]


def test_changes_end_old_rows_and_begin_new_ones(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    second = load(devices="tenant_id,device_id,property_id\nacme,meter-2,roof\nacme,meter-3,\n")
    assert second.counts["devices"] == RowCounts(added=1, changed=1, removed=1)
    assert second.counts["contracts"] == RowCounts()
    assert rows(
        fresh_database,
        "select device_id, property_id, valid_from_load, valid_to_load from config.devices order by 3, 1",
    ) == [("meter-1", None, 1, 2), ("meter-2", None, 1, 2), ("meter-2", "roof", 2, None), ("meter-3", None, 2, None)]
    # Numbers are given once: none is burnt, and a device that comes back has its old one.
    load(devices="tenant_id,device_id\nacme,meter-4\nacme,meter-1\n")
    assert rows(fresh_database, "select device_no, device_id from registry.devices order by 1") == [
        (1, "meter-1"), (2, "meter-2"), (3, "meter-3"), (4, "meter-4"),
    ]  # fmt: skip


def test_a_charge_over_all_metrics_is_matched_by_its_key(load: Callable[..., ConfigLoad]) -> None:
    load()
    counts = load(rate_card_tiers=TIERS + TIERS_1.replace("1.50", "1.75")).counts["rate_card_tiers"]
    assert counts == RowCounts(changed=1)


def test_texts_that_copy_could_misread(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load(devices='tenant_id,device_id,property_id\nacme,"a\\tb""c,",\\N\nacme,日本,\\.\n')
    assert rows(fresh_database, 'select device_id, property_id from config.devices order by device_id collate "C"') == [
        ('a\\tb"c,', "\\N"), ("日本", "\\."),
    ]  # fmt: skip


def test_a_refused_folder_changes_nothing(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    refusal(load, metrics="metric,aggregation\nenergy,unique\n")
    assert rows(fresh_database, "select count(*) from config.loads") == [(1,)]
    assert rows(fresh_database, "select count(*) from config.metrics where valid_to_load is null") == [(1,)]


def test_concurrent_loads_take_turns(fresh_database: Settings, write_configuration: Write) -> None:
    settings = replace(fresh_database, config_url=str(write_configuration()))
    with ThreadPoolExecutor(4) as pool:
        loads = list(pool.map(load_configuration, [settings] * 4))
    assert sorted(one.is_new for one in loads) == [False, False, False, True]


def test_configuration_is_loaded_with_the_rights_of_ingest(
    load: Callable[..., ConfigLoad], fresh_database: Settings
) -> None:
    load()
    with connect(fresh_database, "meterline_ingest") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from config.devices")


def test_unused_prices_may_change(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED)
    assert load(rate_card_tiers=TIERS + TIERS_1.replace("0.25", "0.30")).counts["rate_card_tiers"].changed == 1


USED = (
    "version 1 was used by a closed period and is immutable (rows were changed, added or removed); take the change "
    "back "
    "and add a new version with a later effective_from_date"
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"rate_card_tiers": TIERS + TIERS_1.replace("0.25", "0.30")},
            f"rate_card_tiers.csv line 2: rate card 'basic' {USED}",
        ),
        (
            {
                "rate_cards": CARDS + CARD_1.splitlines(keepends=True)[0],
                "rate_card_tiers": TIERS + "".join(TIERS_1.splitlines(keepends=True)[:2]),
            },
            f"rate_cards.csv: rate card 'basic' {USED}",
        ),
        (
            {
                "rate_cards": CARDS + CARD_1 + "basic,2,2019-01-01,EUR,energy,,per_unit\n",
                "rate_card_tiers": TIERS + TIERS_1 + "basic,2,energy,,1,,1\n",
            },
            "rate_cards.csv line 4, column effective_from_date: '2019-01-01' of rate card 'basic' version 2 would "
            "change "
            "the price of the closed period that begins on 2019-01-01; write a date after that",
        ),
    ],
)
def test_prices_of_closed_periods_are_immutable(
    load: Callable[..., ConfigLoad], fresh_database: Settings, files: dict[str, str], expected: str
) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    assert refusal(load, **files)[0] == expected


def test_a_version_that_made_a_line_is_immutable(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    cards = CARDS + CARD_1 + "basic,2,2019-02-01,EUR,energy,,per_unit\n"
    load(rate_cards=cards, rate_card_tiers=TIERS + TIERS_1 + "basic,2,energy,,1,,1\n")
    # A line of January by version 2, which is in force from February on.
    run(fresh_database, METERED + ";" + CLOSED + ";" + LINE_OF_VERSION_2)
    changed = refusal(load, rate_cards=cards, rate_card_tiers=TIERS + TIERS_1 + "basic,2,energy,,1,,3\n")
    assert changed == [f"rate_card_tiers.csv line 5: rate card 'basic' {USED.replace('version 1', 'version 2')}"]


def test_a_later_version_prices_what_is_not_closed(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    loaded = load(
        rate_cards=CARDS + CARD_1 + "basic,2,2019-02-01,EUR,energy,,per_unit\n",
        rate_card_tiers=TIERS + TIERS_1 + "basic,2,energy,,1,,1\n",
    )
    assert loaded.counts["rate_cards"] == RowCounts(added=1)


@pytest.mark.parametrize("is_split", [True, False])
def test_within_a_closed_period_that_is_split_no_price_changes(
    load: Callable[..., ConfigLoad], fresh_database: Settings, is_split: bool
) -> None:
    cards = CARDS.replace("price_model", "price_model,split_by_date")
    cards += CARD_1.replace("graduated", f"graduated,{str(is_split).lower()}")
    cards = cards.replace("per_unit", f"per_unit,{str(is_split).lower()}")
    second = {"rate_cards": cards + "basic,2,2019-01-16,EUR,energy,,per_unit,\n"}
    tiers = TIERS + TIERS_1
    load(**second, rate_card_tiers=tiers + "basic,2,energy,,1,,1\n")
    run(fresh_database, METERED + ";" + CLOSED)
    dearer = {"rate_card_tiers": tiers + "basic,2,energy,,1,,2\n"}
    third = second["rate_cards"] + "basic,3,2019-01-31,EUR,energy,,per_unit,\n"
    added = {"rate_cards": third, "rate_card_tiers": tiers + "basic,2,energy,,1,,1\nbasic,3,energy,,1,,2\n"}
    if is_split:
        used = USED.replace("version 1", "version 2")
        assert refusal(load, **second, **dearer) == [f"rate_card_tiers.csv line 5: rate card 'basic' {used}"]
        assert refusal(load, **added) == [
            "rate_cards.csv line 5, column effective_from_date: '2019-01-31' of rate card 'basic' version 3 lies in "
            "the closed period that begins on 2019-01-01, which is split by date; write a date after 2019-01-31"
        ]
    else:
        assert load(**second, **dearer).counts["rate_card_tiers"].changed == 1
        assert load(**added).counts["rate_cards"].added == 1


CLOSED_UNTIL = (
    "but contract 'acme-1' has closed periods until 2019-01-31 23:00:00+00; give the row its old value, end the "
    "contract "
    "with ends_at and begin a new one"
)
REMAINING = "acme-2,acme,2019-02-01,,Europe/Madrid,basic,,\n"


@pytest.mark.parametrize(
    ("contracts", "expected"),
    [
        (
            "acme-1,acme,2019-01-01,,Europe/Madrid,basic,21,\n",
            f"contracts.csv line 2, column tax_percent: '0' became '21', {CLOSED_UNTIL}",
        ),
        (
            "acme-1,acme,2019-01-01,,UTC,basic,,\n",
            "contracts.csv line 2, column starts_at: '2018-12-31T23:00:00+00:00' became '2019-01-01T00:00:00+00:00', "
            f"{CLOSED_UNTIL}",
        ),
        (
            "acme-1,acme,2019-01-01,2019-01-30,Europe/Madrid,basic,,\n",
            "contracts.csv line 2, column ends_at: '2019-01-29T23:00:00+00:00' is before the end of the last closed "
            "period; "
            "write 2019-01-31 23:00:00+00 or later",
        ),
        (
            REMAINING,
            "contracts.csv: contract 'acme-1' was removed, but periods until 2019-01-31 23:00:00+00 are closed under "
            "it; "
            "put the row back and end the contract with ends_at",
        ),
    ],
)
def test_contracts_with_closed_periods(
    load: Callable[..., ConfigLoad], fresh_database: Settings, contracts: str, expected: str
) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    assert refusal(load, contracts=CONTRACTS + contracts)[0] == expected


def test_a_closed_contract_may_end_and_another_begin(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    ended = "acme-1,acme,2019-01-01,2019-02-01,Europe/Madrid,basic,,\n"
    assert load(contracts=CONTRACTS + ended + REMAINING).counts["contracts"] == RowCounts(added=1, changed=1)
    # Nothing was closed or metered under the new one, so it may still be corrected; the old one may be prolonged,
    # because its last closed period is a whole one.
    corrected = REMAINING.replace("basic,,", "basic,21,48")
    assert load(contracts=CONTRACTS + ended + corrected).counts["contracts"] == RowCounts(changed=1)
    prolonged = ended.replace("2019-02-01", "2019-03-01")
    assert load(contracts=CONTRACTS + prolonged).counts["contracts"] == RowCounts(changed=1, removed=1)


def test_a_closed_period_that_was_cut_short_stays_short(
    load: Callable[..., ConfigLoad], fresh_database: Settings
) -> None:
    ended = "acme-1,acme,2019-01-01,2019-01-21,Europe/Madrid,basic,,\n"
    load(contracts=CONTRACTS + ended)
    run(fresh_database, METERED + ";" + CUT + ";" + CLOSED)
    assert refusal(load, contracts=CONTRACTS + ended.replace("2019-01-21", "")) == [
        "contracts.csv line 2, column ends_at: '(empty)' moves the end of a closed period, which was prorated until "
        "2019-01-20 23:00:00+00; give it its old value and begin a new contract there"
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"contracts": CONTRACTS + REMAINING},
            "contracts.csv: contract 'acme-1' was removed, but telemetry was already metered under it; put the row "
            "back and "
            "end the contract with ends_at",
        ),
        (
            {"tenants": "tenant_id,region,currency_code\nacme,us,EUR\n"},
            "tenants.csv line 2, column region: 'eu' became 'us', but telemetry of tenant 'acme' was already metered "
            "under "
            "the old row; give it its old value, end the tenant's contract and begin a new one under a new tenant_id",
        ),
        (
            {"metrics": "metric,unit\nenergy,Wh\n"},
            "metrics.csv line 2, column unit: 'kWh' became 'Wh', but telemetry was already metered under the old row "
            "of "
            "'energy'; give it its old value and declare a new metric",
        ),
        (
            {"device_types": "device_type,sequence_conflict_policy\nmeter,new_epoch\n"},
            "device_types.csv line 2, column sequence_conflict_policy: quarantine became new_epoch within 86400 s, but "
            "telemetry of devices of type 'meter' was already metered under the old rule; give it its old value and "
            "declare a new device type for new devices",
        ),
        (
            {
                "device_types": "device_type,sequence_conflict_policy\nnode,new_epoch\n",
                "devices": "tenant_id,device_id,device_type\nacme,meter-1,node\nacme,meter-2,node\n",
            },
            "devices.csv line 2, column device_type: 'meter' became 'node', which treats a repeated sequence number "
            "otherwise, but telemetry of device 'meter-1' was already metered under the old one; give it its old value",
        ),
    ],
)
def test_rules_under_which_telemetry_was_metered(
    load: Callable[..., ConfigLoad], fresh_database: Settings, files: dict[str, str], expected: str
) -> None:
    devices = "tenant_id,device_id,device_type\nacme,meter-1,meter\nacme,meter-2,meter\n"
    load(devices=devices)
    run(fresh_database, METERED)
    assert refusal(load, **{"devices": devices, **files}) == [expected]


TYPED = {
    "device_types": "device_type,max_clock_skew_seconds\nmeter,300\nloose,600\n",
    "devices": "tenant_id,device_id,device_type\nacme,meter-1,meter\nacme,meter-2,meter\n",
    "contracts": "contract_id,tenant_id,starts_at,time_zone,rate_card_id,billing_cycle\n"
    "acme-1,acme,2019-01-01,Europe/Madrid,basic,month\n",
    "calendars": "calendar,period_start_date\nmonth,2019-01-01\nmonth,2019-02-01\nmonth,2019-03-01\nmonth,2019-04-01\n",
}
# A change, and whose stored events it concerns: tenant, device, metric, and why.
REDERIVED: list[tuple[dict[str, str], list[tuple[int, int | None, int | None, str]]]] = [
    ({"contracts": TYPED["contracts"].replace("Madrid", "Berlin")}, [(1, None, None, "the terms of a contract")]),
    (
        {"calendars": TYPED["calendars"].replace("2019-04-01", "2019-05-01")},
        [(1, None, None, "the dates of a calendar")],
    ),
    (
        {"period_overrides": "tenant_id,period_start_date,closes_at\nacme,2019-02-01,2019-03-05\n"},
        [(1, None, None, "the boundary of a period")],
    ),
    # meter-2 has not reported yet.
    (
        {"device_types": TYPED["device_types"].replace("300", "60")},
        [(1, 1, None, "the clock tolerance of a device")],
    ),
    (
        {"devices": TYPED["devices"].replace("1,meter", "1,loose").replace("2,meter", "2,loose")},
        [(1, 1, None, "the clock tolerance of a device")],
    ),
    ({"metrics": "metric,unit,aggregation\nenergy,kWh,max\n"}, [(1, None, 1, "the aggregation of a metric")]),
    # What moves no event: tax, another card's price, a type with the same tolerance, a new device, a new tenant.
    ({"contracts": TYPED["contracts"].replace("cycle\n", "cycle,tax_percent\n").replace("month\n", "month,19\n")}, []),
    ({"devices": TYPED["devices"].replace("2,meter", "2,loose")}, []),
    ({"devices": TYPED["devices"].replace("1,meter", "1,other")}, []),
    ({"devices": TYPED["devices"] + "acme,meter-3,loose\n"}, []),
]


@pytest.mark.parametrize(("files", "expected"), REDERIVED)
def test_a_change_that_concerns_stored_events_is_a_load(
    load: Callable[..., ConfigLoad],
    fresh_database: Settings,
    files: dict[str, str],
    expected: list[tuple[int, int | None, int | None, str]],
) -> None:
    load(**TYPED)
    run(fresh_database, METERED)
    changed = load(**{**TYPED, **files})
    assert changed.is_new
    assert changed.rederived_tenants == len(expected)
    loads = "select config_load_id, source_file, status::text, message_count from ledger.loads"
    assert rows(fresh_database, loads) == [(2, "configuration 2", "accepted", 0)] * len(expected)
    changes = "select tenant_no, device_no, metric_no, reason from ledger.configuration_changes"
    assert rows(fresh_database, changes) == expected
    # The same folder again is no change.
    assert load(**{**TYPED, **files}).rederived_tenants == 0
    assert len(rows(fresh_database, loads)) == len(expected)


def test_events_that_a_run_is_storing_are_thought_of(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load(**TYPED)
    run(
        fresh_database,
        "insert into ledger.loads"
        " (region, content_sha256, source_file, received_date, byte_count, message_count, status)"
        " values ('eu', 'a', 'a.csv', '2019-02-01', 1, 1, 'claimed')",
    )
    assert load(**{**TYPED, "devices": TYPED["devices"].replace("2,meter", "2,loose")}).rederived_tenants == 1


MONTHS_CLOSED = (
    "would cut closed periods of contract 'acme-1' (until 2019-01-31 23:00:00+00) otherwise; {} and use a later date"
)
CLOSED_USE = """
insert into store.closed_usage (tenant_no, period_no, device_no, metric_no, invoice_version, event_count,
    skew_candidate_count, first_event_at, last_event_at, quantity, estimated_quantity)
values (1, 1, 1, 1, 1, 2, 0, '2019-01-20 10:00+00', '2019-01-20 12:00+00', 5, 0)
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"device_types": TYPED["device_types"].replace("300", "60")},
            "device_types.csv line 2, column max_clock_skew_seconds: '300' became '60', but use of devices of type "
            "'meter' was closed under the old limit; give it its old value and declare a new device type for new "
            "devices",
        ),
        (
            {"devices": TYPED["devices"].replace("1,meter", "1,loose")},
            "devices.csv line 2, column device_type: 'meter' became 'loose', whose max_clock_skew_seconds differs, but "
            "use of device 'meter-1' was closed under the old one; give it its old value",
        ),
        (
            {"metrics": "metric,unit,aggregation\nenergy,kWh,max\n"},
            "metrics.csv line 2, column aggregation: 'sum' became 'max', but 'energy' was used by closed periods; give "
            "it its old value and declare a new metric",
        ),
        (
            {"calendars": TYPED["calendars"].replace("month,2019-02-01\n", "")},
            "calendars.csv, column period_start_date: '2019-02-01' of calendar 'month' "
            + MONTHS_CLOSED.format("put the row back"),
        ),
        (
            {"calendars": TYPED["calendars"].replace("month,2019-02-01", "month,2019-01-15\nmonth,2019-02-01")},
            "calendars.csv line 3, column period_start_date: '2019-01-15' of calendar 'month' "
            + MONTHS_CLOSED.format("take it out"),
        ),
        (
            {
                "contracts": "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id,billing_cycle\n"
                "acme-0,acme,2018-12-01,2018-12-31T23:00:00Z,Asia/Tokyo,basic,\n"
                "acme-1,acme,2019-01-01,,Europe/Madrid,basic,month\n"
            },
            "contracts.csv line 2, column ends_at: '2018-12-31T23:00:00+00:00' is on the local date on which contract "
            "'acme-1' begins, whose first period is closed; end it a day earlier",
        ),
    ],
)
def test_what_closed_periods_rest_on_stays(
    load: Callable[..., ConfigLoad], fresh_database: Settings, files: dict[str, str], expected: str
) -> None:
    load(**TYPED)
    run(fresh_database, METERED + ";" + CLOSED + ";" + CLOSED_USE)
    assert refusal(load, **{**TYPED, **files}) == [expected]


def test_later_dates_of_a_closed_calendar_may_change(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load(**TYPED)
    run(fresh_database, METERED + ";" + CLOSED + ";" + CLOSED_USE)
    moved = TYPED["calendars"].replace("2019-03-01", "2019-03-04")
    assert load(**{**TYPED, "calendars": moved}).counts["calendars"] == RowCounts(added=1, removed=1)


def test_what_was_metered_may_not_be_removed(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED)
    bolt = {
        "tenants": "tenant_id,region,currency_code\nbolt,eu,EUR\n",
        "contracts": CONTRACTS + "bolt-1,bolt,2019-01-01,,UTC,basic,,\n",
        "devices": "tenant_id,device_id\n",
        "metrics": "metric\nheat\n",
        "rate_cards": (CARDS + CARD_1).replace("energy", "heat"),
        "rate_card_tiers": (TIERS + TIERS_1).replace("energy", "heat"),
    }
    assert refusal(load, **bolt) == [
        "contracts.csv: contract 'acme-1' was removed, but telemetry was already metered under it; put the row back "
        "and "
        "end the contract with ends_at",
        "tenants.csv: tenant 'acme' was removed, but its telemetry was already metered; put the row back and end its "
        "contract",
        "metrics.csv: metric 'energy' was removed, but telemetry was already metered under it; put the row back",
    ]


def test_terms_that_meter_nothing_may_change_while_open(
    load: Callable[..., ConfigLoad], fresh_database: Settings
) -> None:
    load()
    run(fresh_database, METERED)
    taxed = CONTRACTS + "acme-1,acme,2019-01-01,2019-01-20T13:00:01,Europe/Madrid,basic,21,\n"
    assert load(contracts=taxed).counts["contracts"] == RowCounts(changed=1)


def test_the_boundary_of_a_closed_period_stays(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    header = "tenant_id,period_start_date,closes_at\n"
    open_period = "acme,2019-02-01,2019-03-05\n"
    assert refusal(load, period_overrides=header + open_period + "acme,2019-01-01,2019-02-06\n") == [
        "period_overrides.csv line 3: period 'acme:2019-01-01' is closed and its boundary cannot be declared anew; "
        "take the "
        "change back"
    ]
    assert load(period_overrides=header + open_period).counts["period_overrides"] == RowCounts(added=1)


def test_currency_of_closed_periods_stays(load: Callable[..., ConfigLoad], fresh_database: Settings) -> None:
    load()
    run(fresh_database, METERED + ";" + CLOSED)
    found = refusal(
        load,
        tenants="tenant_id,region,currency_code\nacme,eu,GBP\n",
        rate_cards=(CARDS + CARD_1).replace("EUR", "GBP"),
    )
    assert found[0] == (
        "tenants.csv line 2, column currency_code: 'EUR' became 'GBP', but tenant 'acme' has closed periods; give it "
        "its "
        "old value, end the tenant's contract and begin a new one under a new tenant_id"
    )
    assert found[1] == f"rate_cards.csv line 2: rate card 'basic' {USED}"


def test_a_zone_that_the_server_does_not_know(
    fresh_database: Settings, write_configuration: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.config.values._time_zones", lambda: frozenset({"Europe/Nowhere"}))
    monkeypatch.setattr("orchestration.config.values.ZoneInfo", lambda _: __import__("datetime").UTC)
    monkeypatch.setattr("orchestration.config.checks.ZoneInfo", lambda _: __import__("datetime").UTC)
    folder = write_configuration(contracts=CONTRACTS + "c1,acme,2019-01-01,,Europe/Nowhere,basic,,\n")
    with pytest.raises(
        BadInputError, match="line 2, column time_zone: 'Europe/Nowhere' is not known to the PostgreSQL"
    ):
        load_configuration(replace(fresh_database, config_url=str(folder)))
