"""Every rule of the configuration folder, with the line that tells the user where and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.config.folder import checked_folder
from orchestration.errors import BadInputError

Write = Callable[..., Path]

CONTRACT = "contract_id,tenant_id,starts_at,time_zone,rate_card_id"
CARD = "rate_card_id,currency_code,price_model"
TIER = "rate_card_id,tier_number,up_to,unit_price,flat_fee"
FLAT_TIER = {"rate_card_tiers": f"{TIER}\nbasic,1,,,5\n"}


def errors(folder: Path) -> list[str]:
    with pytest.raises(BadInputError) as caught, checked_folder(folder):
        pass
    return str(caught.value).splitlines()


def stored(folder: Path, table: str) -> list[list[str]]:
    """Normal forms of a table's rows, without line and hash."""
    with checked_folder(folder) as checked:
        path = next(part.path for part in checked.tables if part.table.name == table)
        return [line.split("\t")[1:-1] for line in path.read_text().splitlines()]


def test_a_valid_folder_has_no_errors(write_configuration: Write) -> None:
    with checked_folder(write_configuration()) as checked:
        assert checked.warnings == ()
        assert {part.table.name: part.row_count for part in checked.tables} == {
            "tenants": 1, "calendars": 0, "contracts": 1, "device_types": 0, "metrics": 1, "rate_cards": 2,
            "rate_card_tiers": 3, "load_profiles": 0, "period_overrides": 0, "properties": 0, "units": 0,
            "occupancies": 0, "allocations": 0, "field_mappings": 0,
            "unit_conversions": 0, "sources": 0, "register_exchanges": 0, "calibrations": 0,
            "rate_card_terms": 0, "discounts": 0, "taxes": 0, "credits": 0, "time_of_use": 0, "holidays": 0,
            "budgets": 0, "retention_classes": 0, "devices": 2,
        }  # fmt: skip


def test_defaults_and_normal_forms(write_configuration: Write) -> None:
    # Madrid is an hour ahead of UTC in winter: its 1 January begins on 31 December.
    folder = write_configuration()
    assert stored(folder, "contracts") == [
        ["acme-1", "acme", "Europe/Madrid", "2018-12-31T23:00:00+00:00", "", "monthly", "1", "grace", "72", "0",
         "corrected", "none", "", "basic", "", "", "0", "", "", "", "automatic", ""],
    ]  # fmt: skip
    assert stored(folder, "rate_card_tiers")[0] == [
        "basic", "1", "energy", "usage", "", "", "1", "100", "0.25", "", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2019-02-01T00:00:00Z", "2019-02-01T00:00:00+00:00"),
        ("2019-02-01 00:00:00+01:00", "2019-01-31T23:00:00+00:00"),
        ("2019-07-01", "2019-06-30T22:00:00+00:00"),
        ("2019-10-27T02:30", "2019-10-27T00:30:00+00:00"),  # occurs twice: the first
        ("2019-03-31T02:30:00", "2019-03-31T01:30:00+00:00"),  # does not exist: forward by the gap
    ],
)
def test_instants_are_stored_in_utc(write_configuration: Write, written: str, instant: str) -> None:
    folder = write_configuration(contracts=f"{CONTRACT}\nc1,acme,{written},Europe/Madrid,basic\n")
    assert stored(folder, "contracts")[0][3] == instant


def test_content_hash_ignores_order_and_writing(write_configuration: Write) -> None:
    with checked_folder(write_configuration()) as checked:
        expected = checked.content_sha256
    written_otherwise = write_configuration(
        devices="tenant_id,device_id\r\nacme,meter-2\r\n\r\nacme,meter-1\r\n",
        device_types="device_type\n",
        contracts="﻿contract_id,tenant_id,starts_at,time_zone,rate_card_id,late_policy,tax_percent\n"
        "acme-1,acme,2018-12-31T23:00:00Z,Europe/Madrid,basic,grace,0.00\n",
        rate_card_tiers="rate_card_id,metric,charge_basis,tier_number,up_to,unit_price\n"
        'basic,,active_devices,1,,1.5\n"basic",energy,usage,2,,2e-1\nbasic,energy,usage,1,100.0,.250\n',
    )
    with checked_folder(written_otherwise) as checked:
        assert checked.content_sha256 == expected
    with checked_folder(write_configuration(metrics="metric,unit\nenergy,Wh\n")) as checked:
        assert checked.content_sha256 != expected


def test_unknown_columns_are_ignored_with_a_warning(write_configuration: Write) -> None:
    folder = write_configuration(metrics="metric,unit,colour,owner\nenergy,kWh,red,me\n")
    with checked_folder(folder) as checked:
        assert checked.warnings == (
            "metrics.csv: this release does not know the columns colour, owner and ignored them",
        )


def test_doubts_are_warnings(write_configuration: Write) -> None:
    folder = write_configuration(
        metrics="metric,unit,reading_type\nenergy,kWh,\nheat,C,gauge\n",
        device_types="device_type\nmeter\n",
        devices="tenant_id,device_id,device_type\nacme,d1,metre\n",
        rate_cards=f"{CARD},effective_from_date\nbasic,EUR,flat,2019-02-01\n",
        **FLAT_TIER,
    )
    with checked_folder(folder) as checked:
        assert checked.warnings == (
            "contracts.csv line 2: rate card 'basic' has no version before 2019-02-01, so periods that begin earlier "
            "have "
            "no price",
            "metrics.csv line 3: 'heat' adds up the levels of a gauge, so its use depends on how often a device "
            "reports; "
            "max, min or latest do not",
            "devices.csv: device types 'metre' are not in device_types.csv and have its defaults",
        )


FILE_CASES = {
    "no file": ("metrics", None, "metrics.csv: there is no such file in {folder}; add it"),
    "empty file": ("metrics", "", "metrics.csv: is empty; its header is metric,unit,reading_type,aggregation"),
    "no column": (
        "tenants", "tenant_id,region\nacme,eu\n",
        "tenants.csv line 1, column currency_code: is missing from the header; add it",
    ),
    "column twice": (
        "metrics", "metric,unit,unit\nenergy,,\n",
        "metrics.csv line 1, column unit: appears twice in the header",
    ),
    "unnamed column": (
        "metrics", "metric,\nenergy,\n",
        "metrics.csv line 1: column 2 has no name; name it or remove it",
    ),
    "ragged row": (
        "metrics", "metric,unit\nenergy,kWh\nheat\n",
        "metrics.csv line 3: the row's cell count is 1, the header's is 2",
    ),
    "quotes": (
        "metrics", 'metric,unit\n"energy"x,kWh\n',
        "metrics.csv line 2: is not CSV (',' expected after '\"'); mend its quotes",
    ),
    "line after a cell of two lines": (
        "metrics", 'metric,note\nenergy,"one\ntwo"\nheat\n',
        "metrics.csv line 4: the row's cell count is 1, the header's is 2",
    ),
    "empty cell": (
        "tenants", "tenant_id,region,currency_code\nacme,,EUR\n",
        "tenants.csv line 2, column region: is empty; every row needs it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("table", "text", "expected"), FILE_CASES.values(), ids=FILE_CASES)
def test_files(write_configuration: Write, table: str, text: str | None, expected: str) -> None:
    folder = write_configuration(**{table: text})
    assert errors(folder) == [expected.format(folder=folder)]


def test_undecodable_bytes(write_configuration: Write) -> None:
    folder = write_configuration()
    (folder / "tenants.csv").write_bytes(b"tenant_id,name,region,currency_code\nacme,Acm\xe9,eu,EUR\n")
    assert errors(folder) == ["tenants.csv line 2: is not UTF-8; save the file as UTF-8"]


CELL_CASES = [
    ("contracts", "late_policy", "ignore", "'ignore' is not supported by this release; use grace, defer or reopen"),
    (
        "contracts", "billing_cycle", "fiscal",
        "'fiscal' is neither monthly nor weekly nor a calendar of calendars.csv; add it there or correct it here",
    ),
    (
        "contracts", "clock_policy", "ntp",
        "'ntp' is not supported by this release; use corrected, server, hybrid or device",
    ),
    (
        "contracts", "time_zone", "Mars/Olympus",
        "'Mars/Olympus' is not a time zone; write an IANA name such as Europe/Madrid",
    ),
    ("contracts", "anchor_day", "32", "'32' must lie between 1 and 31"),
    ("contracts", "anchor_day", "1.5", "'1.5' is not a whole number"),
    ("contracts", "grace_hours", "-1", "'-1' must lie between 0 and 1000000"),
    ("contracts", "tax_percent", "101", "'101' must be 100 or less"),
    ("contracts", "tax_percent", "NaN", "'NaN' is not a finite number"),
    ("contracts", "minimum_spend_amount", "-5", "'-5' must be 0 or more"),
    ("contracts", "minimum_spend_amount", "1_000", "'1_000' is not a number; write it as 1234.5"),
    (
        "contracts", "starts_at", "01/02/2019",
        "'01/02/2019' is not an instant; write it as 2019-02-01 (local) or 2019-02-01T00:00:00+01:00",
    ),
    (
        "contracts", "ends_at", "2018-01-01",
        "2017-12-31T23:00:00+00:00 is not after starts_at 2018-12-31T23:00:00+00:00; correct one of them",
    ),
    ("contracts", "tenant_id", "acne", "'acne' is not in tenants.csv; add it there or correct it here"),
    ("contracts", "rate_card_id", "gold", "'gold' is not in rate_cards.csv; add it there or correct it here"),
    ("contracts", "contract_id", "a\x07b", r"'a\x07b' contains a control character; remove it"),
    ("tenants", "currency_code", "eur", "'eur' is not an ISO 4217 code; write three capital letters such as EUR"),
    (
        "tenants", "legal_entity", "Acme Ltd",
        "'Acme Ltd' cannot begin a document's number; write at most 20 letters, digits, '.' or '_', such as ACME_ES",
    ),
    (
        "contracts", "invoice_approval", "two_persons",
        "'two_persons' is not supported by this release; use automatic or manual",
    ),
    ("tenants", "region", "eu/west", "'eu/west' contains '/'; a region names a folder of the landing zone"),
    (
        "metrics", "aggregation", "unique",
        "'unique' is not supported by this release; use sum, count, max, min or latest",
    ),
    ("metrics", "reading_type", "rate", "'rate' is not supported by this release; use delta, cumulative or gauge"),
    (
        "device_types", "sequence_conflict_policy", "keep",
        "'keep' is not supported by this release; use quarantine or new_epoch",
    ),
    ("device_types", "max_clock_skew_seconds", "inf", "'inf' is not a finite number"),
    ("device_types", "min_use_per_hour", "0", "'0' must be greater than 0"),
    ("device_types", "spike_factor", "1", "'1' must be greater than 1"),
    ("device_types", "stuck_after_hours", "673", "'673' must lie between 2 and 672"),
    (
        "rate_cards", "price_model", "barter",
        "'barter' is not supported by this release; use flat, per_unit, volume, graduated, package, whole_packages, "
        "block_tiers, top_block, capacity, percentage, graduated_percentage, matrix, dynamic or "
        "time_of_use",
    ),
    (
        "rate_cards", "charge_basis", "events",
        "'events' is not supported by this release; use usage, active_devices, peak_demand, days, monitored_hours, "
        "offline_hours, time_weighted or distinct_values",
    ),
    ("rate_cards", "rate_card_version", "0", "'0' must lie between 1 and 1000000"),
    ("rate_cards", "effective_from_date", "2019-02-30", "'2019-02-30' is not a date; write it as 2019-02-01"),
    ("rate_cards", "metric", "gas", "'gas' is not in metrics.csv; add it there or correct it here"),
    (
        "rate_cards", "currency_code", "GBP",
        "'GBP' is not 'EUR', the currency of tenant 'acme' (contract 'acme-1'); use another card",
    ),
    ("rate_card_tiers", "flat_fee", "0.12345678901", "'0.12345678901' has more than 10 decimals"),
    ("rate_card_tiers", "flat_fee", "1e10", "'1e10' has more than 10 integer digits"),
    ("devices", "tenant_id", "acne", "'acne' is not in tenants.csv; add it there or correct it here"),
]  # fmt: skip
BASE = {
    "tenants": {"tenant_id": "acme", "region": "eu", "currency_code": "EUR"},
    "contracts": {
        "contract_id": "acme-1", "tenant_id": "acme", "starts_at": "2019-01-01", "time_zone": "Europe/Madrid",
        "rate_card_id": "basic",
    },
    "metrics": {"metric": "energy"},
    "device_types": {"device_type": "meter"},
    "devices": {"tenant_id": "acme", "device_id": "d1"},
    "rate_cards": {"rate_card_id": "basic", "currency_code": "EUR", "price_model": "flat"},
    "rate_card_tiers": {"rate_card_id": "basic", "tier_number": "1", "flat_fee": "5"},
}  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value", "explanation"), CELL_CASES)
def test_cells(write_configuration: Write, table: str, column: str, value: str, explanation: str) -> None:
    files = {name: dict(cells) for name, cells in BASE.items()}
    files[table][column] = value
    texts = {name: f"{','.join(cells)}\n{','.join(cells.values())}\n" for name, cells in files.items()}
    assert errors(write_configuration(**texts))[0] == f"{table}.csv line 2, column {column}: {explanation}"


@pytest.mark.parametrize(
    "device_id",
    [
        "00:1B:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b44113ab7", "001b.4411.3ab7",  # MAC
        "70B3D57ED0001234", "70-B3-D5-7E-D0-00-12-34",  # EUI-64
        "490154203237518",  # IMEI
    ],
)  # fmt: skip
def test_hardware_identifiers_are_refused_and_masked(write_configuration: Write, device_id: str) -> None:
    mask = "*" * (len(device_id) - 4) + device_id[-4:]
    folder = write_configuration(devices=f"tenant_id,device_id\nacme,{device_id}\n")
    assert errors(folder) == [
        f"devices.csv line 2, column device_id: '{mask}' looks like a hardware identifier (MAC, EUI-64, IMEI); "
        "use an alias of your own"
    ]


DUPLICATE_CASES = {
    "tenants": (
        "tenant_id,region,currency_code\nacme,eu,EUR\nacme,us,EUR\n",
        "tenants.csv line 3: tenant_id 'acme' is already on line 2; remove one of the two",
    ),
    "contracts": (
        f"{CONTRACT}\nc1,acme,2019-01-01,UTC,basic\nc1,bolt,2019-01-01,UTC,basic\n",
        "contracts.csv line 3: contract_id 'c1' is already on line 2; remove one of the two",
    ),
    "devices": (
        "tenant_id,device_id\nacme,d1\nacme,d2\nacme,d1\n",
        "devices.csv line 4: tenant_id 'acme', device_id 'd1' is already on line 2; remove one of the two",
    ),
    "device_types": (
        "device_type\nmeter\nmeter\n",
        "device_types.csv line 3: device_type 'meter' is already on line 2; remove one of the two",
    ),
    "metrics": (
        "metric\nenergy\nenergy\n", "metrics.csv line 3: metric 'energy' is already on line 2; remove one of the two",
    ),
    "rate_card_tiers": (
        "rate_card_id,metric,charge_basis,tier_number,unit_price\nbasic,energy,,1,1\n"
        "basic,,active_devices,1,1\nbasic,energy,usage,1,2\n",
        "rate_card_tiers.csv line 4: rate_card_id 'basic', rate_card_version 1, metric 'energy', charge_basis 'usage', "
        "tier_number 1 is already on line 2; remove one of the two",
    ),
    "rate_cards": (
        "rate_card_id,currency_code,metric,charge_basis,price_model\nbasic,EUR,energy,,graduated\n"
        "basic,EUR,,active_devices,per_unit\nbasic,EUR,,active_devices,flat\n",
        "rate_cards.csv line 4: rate_card_id 'basic', rate_card_version 1, metric (empty), charge_basis "
        "'active_devices' "
        "is already on line 3; remove one of the two",
    ),
    "period_overrides": (
        "tenant_id,period_start_date,closes_at\nacme,2019-02-01,2019-03-05\nacme,2019-02-01,2019-03-06\n",
        "period_overrides.csv line 3: tenant_id 'acme', period_start_date 2019-02-01 is already on line 2; "
        "remove one of the two",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "text", "expected"), [(k, *v) for k, v in DUPLICATE_CASES.items()], ids=DUPLICATE_CASES
)
def test_duplicate_keys(write_configuration: Write, table: str, text: str, expected: str) -> None:
    assert errors(write_configuration(**{table: text}))[0] == expected


def test_two_tenants_may_use_the_same_device_id(write_configuration: Write) -> None:
    folder = write_configuration(
        tenants="tenant_id,region,currency_code\nacme,eu,EUR\nbolt,eu,EUR\n",
        devices="tenant_id,device_id\nacme,d1\nbolt,d1\n",
    )
    assert stored(folder, "devices") == [["acme", "d1", *[""] * 6], ["bolt", "d1", *[""] * 6]]


def test_a_meter_of_a_property_names_it_and_shares_its_days(write_configuration: Write) -> None:
    header = "tenant_id,device_id,property_id,meter_role\n"
    folder = write_configuration(devices=header + "acme,main,house,master\nacme,s-1,,sub\nacme,s-2,house,whole\n")
    nameless, unknown = sorted(line for line in errors(folder))
    assert nameless.endswith("property_id: is empty, but meter_role is 'sub'; name the property that it measures")
    assert unknown.endswith("meter_role: 'whole' is not supported by this release; use master or sub")
    contracts = "contract_id,tenant_id,starts_at,time_zone,rate_card_id\n"
    apart = write_configuration(
        tenants="tenant_id,region,currency_code\nacme,eu,EUR\nbolt,eu,EUR\n",
        contracts=contracts + "c1,acme,2019-01-01,Europe/Madrid,basic\nc2,bolt,2019-01-01,UTC,basic\n",
        devices=header + "acme,main,house,master\nbolt,s-1,house,sub\n",
    )
    with checked_folder(apart) as checked:
        (warning,) = checked.warnings
    assert warning.startswith("devices.csv: the meters of property 'house' belong to contracts of different time zones")


CONTRACT_CASES = {
    "overlap": (
        "c1,acme,2019-01-01,2019-03-01,UTC,basic,,\nc2,acme,2019-02-01,,UTC,basic,,\n",
        "contracts.csv line 3, column starts_at: contract 'c2' begins at 2019-02-01T00:00:00+00:00, but contract 'c1' "
        "(line 2) of the same tenant ends at 2019-03-01T00:00:00+00:00; contracts of a tenant may not overlap, so end "
        "that one first",
    ),
    "overlap without an end": (
        "c2,acme,2019-02-01,,UTC,basic,,\nc1,acme,2019-01-01,,UTC,basic,,\n",
        "contracts.csv line 2, column starts_at: contract 'c2' begins at 2019-02-01T00:00:00+00:00, but contract 'c1' "
        "(line 3) of the same tenant has no ends_at; contracts of a tenant may not overlap, so end that one first",
    ),
    "same local date": (
        "c1,acme,2019-01-01T00:00,2019-01-01T12:00,UTC,basic,,\nc2,acme,2019-01-01T12:00,,UTC,basic,,\n",
        "contracts.csv line 3, column starts_at: contract 'c2' begins at 2019-01-01T12:00:00+00:00, on the same "
        "local date "
        "as contract 'c1' (line 2); begin it a day later",
    ),
    "weekly": (
        "c1,acme,2019-01-01,,UTC,basic,weekly,8\n",
        "contracts.csv line 2, column anchor_day: '8' is no day of the week; write 1 (Monday) to 7 (Sunday)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), CONTRACT_CASES.values(), ids=CONTRACT_CASES)
def test_contracts(write_configuration: Write, rows: str, expected: str) -> None:
    header = "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id,billing_cycle,anchor_day\n"
    assert errors(write_configuration(contracts=header + rows)) == [expected]


RETAIL = "calendar,period_start_date\nretail,2018-12-30\nretail,2019-02-03\nretail,2019-03-03\n"
CALENDAR_CASES = {
    "unknown": (
        "retial,2019-01-01,,", RETAIL,
        "contracts.csv line 2, column billing_cycle: 'retial' is neither monthly nor weekly nor a calendar of "
        "calendars.csv; add it there or correct it here",
    ),
    "begins too early": (
        "retail,2018-12-29,,", RETAIL,
        "contracts.csv line 2, column starts_at: begins on 2018-12-29, before calendar 'retail' does (2018-12-30); add "
        "earlier dates to calendars.csv",
    ),
    "begins too late": (
        "retail,2019-03-03,,", RETAIL,
        "contracts.csv line 2, column starts_at: begins on 2019-03-03, when calendar 'retail' has ended (2019-03-03); "
        "add later dates to calendars.csv",
    ),
    "ends too late": (
        "retail,2018-12-30,2019-03-03T00:01,", RETAIL,
        "contracts.csv line 2, column ends_at: is after the last date of calendar 'retail' (2019-03-03); add later "
        "dates to calendars.csv",
    ),
    "anchor": (
        "retail,2018-12-30,,3", RETAIL,
        "contracts.csv line 2, column anchor_day: has no meaning beside a calendar; leave it empty",
    ),
    "dates in disorder": (
        "retail,2019-01-01,,", RETAIL + "retail,2019-02-24\n",
        "calendars.csv line 5, column period_start_date: 2019-02-24 is before 2019-03-03, the date above it in the "
        "same calendar; write the dates in order",
    ),
    "one date twice": (
        "retail,2019-01-01,,", RETAIL + "retail,2019-03-03\n",
        "calendars.csv line 5: calendar 'retail', period_start_date 2019-03-03 is already on line 4; remove one of the "
        "two",
    ),
    "one date alone": (
        "retail,2019-01-01,,", RETAIL + "school,2019-01-07\n",
        "calendars.csv line 5: calendar 'school' has one date and so no period; add the date on which it ends",
    ),
    "no date": (
        "retail,2019-01-01,,", RETAIL + "retail,2019-02-30\n",
        "calendars.csv line 5, column period_start_date: '2019-02-30' is not a date; write it as 2019-02-01",
    ),
    "a name of ours": (
        "retail,2019-01-01,,", RETAIL + "weekly,2019-01-07\nweekly,2019-01-14\n",
        "calendars.csv line 5, column calendar: 'weekly' is the name of a billing cycle; choose another",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("contract", "calendars", "expected"), CALENDAR_CASES.values(), ids=CALENDAR_CASES)
def test_calendars(write_configuration: Write, contract: str, calendars: str, expected: str) -> None:
    header = "contract_id,tenant_id,time_zone,rate_card_id,billing_cycle,starts_at,ends_at,anchor_day\n"
    contracts = f"{header}c1,acme,Europe/Madrid,basic,{contract}\n"
    assert errors(write_configuration(contracts=contracts, calendars=calendars))[0] == expected


def test_a_contract_fits_into_its_calendar(write_configuration: Write) -> None:
    header = "contract_id,tenant_id,time_zone,rate_card_id,billing_cycle,starts_at,ends_at\n"
    for ends_at in ("", "2019-03-03", "2019-02-10T12:00"):
        contracts = f"{header}c1,acme,Europe/Madrid,basic,retail,2018-12-30,{ends_at}\n"
        assert len(stored(write_configuration(contracts=contracts, calendars=RETAIL), "calendars")) == 3


def test_contracts_may_follow_each_other(write_configuration: Write) -> None:
    header = "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id\n"
    rows = "c1,acme,2019-01-01,2019-02-01,UTC,basic\nc2,acme,2019-02-01,,UTC,basic\n"
    assert len(stored(write_configuration(contracts=header + rows), "contracts")) == 2


PRICE_CASES = {
    "no tier": (
        "flat,", "",
        "rate_cards.csv line 2: rate_card_id 'basic', rate_card_version 1, metric (empty), charge_basis 'usage' has no "
        "price; add its tier to rate_card_tiers.csv",
    ),
    "tier of no card": (
        "flat,", "basic,1,,,5\ngold,1,,,5\n",
        "rate_card_tiers.csv line 3: rate_card_id 'gold', rate_card_version 1, metric (empty), charge_basis 'usage' "
        "is not "
        "in rate_cards.csv; add it there or correct it here",
    ),
    "gap": (
        "volume,", "basic,1,10,1,\nbasic,3,,1,\n",
        "rate_card_tiers.csv line 3, column tier_number: '3' should be 2; number the tiers of a charge 1, 2, 3 "
        "without a gap",
    ),
    "bounded last tier": (
        "volume,", "basic,1,10,1,\nbasic,2,20,1,\n",
        "rate_card_tiers.csv line 3, column up_to: '20' bounds the last tier; leave it empty, or use above it would "
        "have "
        "no price",
    ),
    "unbounded first tier": (
        "graduated,", "basic,1,,1,\nbasic,2,,1,\n",
        "rate_card_tiers.csv line 2, column up_to: is empty, which only the last tier may be; write its inclusive "
        "upper "
        "bound",
    ),
    "bounds that do not rise": (
        "graduated,", "basic,1,10,1,\nbasic,2,10,1,\nbasic,3,,1,\n",
        "rate_card_tiers.csv line 3, column up_to: '10' is not above the tier before ('10'); bounds are cumulative",
    ),
    "no price": (
        "volume,", "basic,1,,,\n",
        "rate_card_tiers.csv line 2: unit_price and flat_fee are both empty; a tier needs one of them (0 is a price)",
    ),
    "flat without flat_fee": (
        "flat,", "basic,1,,5,\n",
        "rate_card_tiers.csv line 2, column flat_fee: is empty; a flat price needs the fee of a whole period (0 is a "
        "price)",
    ),
    "flat with unit_price": (
        "flat,", "basic,1,,0.50,5\n",
        "rate_card_tiers.csv line 2, column unit_price: '0.5' would not be billed by a flat price; leave it empty or "
        "use "
        "per_unit",
    ),
    "per_unit without unit_price": (
        "per_unit,", "basic,1,,,5\n",
        "rate_card_tiers.csv line 2, column unit_price: is empty; a per_unit price needs the price of one unit (0 is a "
        "price)",
    ),
    "per_unit with two tiers": (
        "per_unit,", "basic,1,10,1,\nbasic,2,,1,\n",
        "rate_card_tiers.csv line 3, column tier_number: a per_unit price has one tier; use volume or graduated for "
        "several",
    ),
    "package without a size": (
        "package,", "basic,1,,1,\n",
        "rate_cards.csv line 2, column package_size: is empty; a package needs the number of units in it, more than 0",
    ),
    "package of nothing": (
        "package,0", "basic,1,,1,\n", "rate_cards.csv line 2, column package_size: '0' must be greater than 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "tiers", "expected"), PRICE_CASES.values(), ids=PRICE_CASES)
def test_prices(write_configuration: Write, model: str, tiers: str, expected: str) -> None:
    folder = write_configuration(
        rate_cards=f"{CARD},package_size\nbasic,EUR,{model}\n", rate_card_tiers=f"{TIER}\n{tiers}"
    )
    assert errors(folder) == [expected]


# Cells after rate_card_id, currency_code and price_model; tiers after rate_card_id.
SPLIT_CARD = f"{CARD},metric,charge_basis,attribute,included_units,free_events"
SPLIT_TIER = "rate_card_id,metric,charge_basis,tier_number,part,unit_price,percent,package_size"
SPLIT_CASES = {
    "matrix of no attribute": (
        "matrix,energy,,,,", "energy,,1,,1,,",
        "rate_cards.csv line 2, column attribute: is empty; a matrix price needs the attribute whose values have their "
        "own prices",
    ),
    "matrix over all metrics": (
        "matrix,,,zone,,", ",,1,,1,,",
        "rate_cards.csv line 2, column metric: is empty, but a matrix price splits one metric; name it",
    ),
    "matrix without the others": (
        "matrix,energy,,zone,,", "energy,,1,eu,1,,",
        "rate_cards.csv line 2: rate_card_id 'basic', rate_card_version 1, metric 'energy', charge_basis 'usage' has "
        "no price for other values of 'zone'; add a tier with an empty part to rate_card_tiers.csv",
    ),
    "attribute without a meaning": (
        "per_unit,energy,,zone,,", "energy,,1,,1,,",
        "rate_cards.csv line 2, column attribute: 'zone' has no meaning for a per_unit price; leave it empty",
    ),
    "part of an undivided charge": (
        "per_unit,energy,,,,", "energy,,1,eu,1,,",
        "rate_card_tiers.csv line 2, column part: 'eu' would not be billed: this charge is not split by an attribute; "
        "leave it empty",
    ),
    "included units of a matrix": (
        "matrix,energy,,zone,5,", "energy,,1,,1,,",
        "rate_cards.csv line 2, column included_units: has no agreed meaning for a price that is split; use a first "
        "tier at 0 instead",
    ),
    "devices by what messages carry": (
        "matrix,energy,active_devices,zone,,", "energy,active_devices,1,,1,,",
        "rate_cards.csv line 2, column attribute: 'zone' is what messages carry, and devices are counted; use "
        "device_type",
    ),
    "percentage of devices": (
        "percentage,energy,active_devices,,,", "energy,active_devices,1,,,1,",
        "rate_cards.csv line 2, column charge_basis: a percentage price is of amounts that are measured; use usage",
    ),
    "free events of units": (
        "per_unit,energy,,,,3", "energy,,1,,1,,",
        "rate_cards.csv line 2, column free_events: '3' has no meaning for a per_unit price; leave it empty or use "
        "percentage",
    ),
    "free events over all metrics": (
        "percentage,,,,,3", ",,1,,,1,",
        "rate_cards.csv line 2, column metric: is empty, but single events are priced; name their metric",
    ),
    "percentage without a percentage": (
        "percentage,energy,,,,", "energy,,1,,1,,",
        "rate_card_tiers.csv line 2, column percent: is empty; a percentage price needs the percentage of the amount "
        "(0 is a price)",
    ),
    "percentage and a price": (
        "percentage,energy,,,,", "energy,,1,,1,2,",
        "rate_card_tiers.csv line 2, column unit_price: '1' would not be billed by a percentage price; write percent "
        "instead",
    ),
    "price and a percentage": (
        "per_unit,energy,,,,", "energy,,1,,1,2,",
        "rate_card_tiers.csv line 2, column percent: '2' would not be billed by a per_unit price; write unit_price "
        "instead",
    ),
    "block of no size": (
        "block_tiers,energy,,,,", "energy,,1,,1,,",
        "rate_card_tiers.csv line 2, column package_size: is empty, here and in rate_cards.csv; a block_tiers price "
        "needs the number of units in a block",
    ),
    "size of no package": (
        "per_unit,energy,,,,", "energy,,1,,1,,5",
        "rate_card_tiers.csv line 2, column package_size: '5' has no meaning for a per_unit price; leave it empty",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("card", "tier", "expected"), SPLIT_CASES.values(), ids=SPLIT_CASES)
def test_each_price_model_reads_its_own_columns(
    write_configuration: Write, card: str, tier: str, expected: str
) -> None:
    folder = write_configuration(
        rate_cards=f"{SPLIT_CARD}\nbasic,EUR,{card}\n", rate_card_tiers=f"{SPLIT_TIER}\nbasic,{tier}\n"
    )
    assert errors(folder) == [expected]


def test_charges_of_one_metric_are_told_apart_by_name(write_configuration: Write) -> None:
    card, tier = f"{CARD},metric,charge", "rate_card_id,metric,tier_number,unit_price,flat_fee,charge"
    cards = "basic,EUR,per_unit,energy,\nbasic,EUR,flat,energy,standing\n"
    tiers = "basic,energy,1,0.12,,\nbasic,energy,1,,5,standing\n"
    folder = write_configuration(rate_cards=f"{card}\n{cards}", rate_card_tiers=f"{tier}\n{tiers}")
    assert len(stored(folder, "rate_cards")) == 2
    folder = write_configuration(
        rate_cards=f"{card}\n{cards}", rate_card_tiers=f"{tier}\n{tiers.replace('standing', 'stand')}"
    )
    assert errors(folder) == [
        "rate_card_tiers.csv line 3: rate_card_id 'basic', rate_card_version 1, metric 'energy', charge_basis 'usage', "
        "charge 'stand' is not in rate_cards.csv; add it there or correct it here",
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "basic,EUR,flat,1,2019-01-01,\nbasic,EUR,flat,2,2019-01-01,\n",
            "2019-01-01 is already the date of version 1 (line 2); only one version of a card can be in force, so "
            "give it a "
            "later date",
        ),
        (
            "basic,EUR,flat,1,2019-01-01,\nbasic,EUR,flat,1,2019-02-01,energy\n",
            "2019-02-01 is not 2019-01-01, the date of the same version on line 2; a version comes into force as a "
            "whole, so "
            "give its rows one date",
        ),
    ],
)
def test_a_version_has_a_date_of_its_own(write_configuration: Write, rows: str, expected: str) -> None:
    folder = write_configuration(
        rate_cards=f"{CARD},rate_card_version,effective_from_date,metric\n{rows}",
        rate_card_tiers=f"{TIER},rate_card_version,metric\nbasic,1,,,5,1,\nbasic,1,,,6,2,\nbasic,1,,,6,1,energy\n",
    )
    assert errors(folder)[0] == f"rate_cards.csv line 3, column effective_from_date: {expected}"


@pytest.mark.parametrize(
    ("rows", "column", "expected"),
    [
        (
            "basic,EUR,flat,1,2019-01-01,,\nbasic,EUR,flat,2,,staged,\n",
            "effective_from_date",
            "1970-01-01 is before 2019-01-01, the date of a version before, which would go on pricing once this one is "
            "promoted; write that date or a later one",
        ),
        (
            "basic,EUR,flat,2,2019-01-01,staged,\nbasic,EUR,flat,2,2019-01-01,,energy\n",
            "release",
            "'dated' is not 'staged', the release of the same version on line 2; a version is released as a whole, so "
            "give its rows one",
        ),
        (
            "basic,EUR,flat,1,,,\nbasic,EUR,flat,2,,maybe,\n",
            "release",
            "'maybe' is not supported by this release; use dated or staged",
        ),
    ],
)
def test_a_staged_version_can_take_the_place_of_the_one_before(
    write_configuration: Write, rows: str, column: str, expected: str
) -> None:
    folder = write_configuration(
        rate_cards=f"{CARD},rate_card_version,effective_from_date,release,metric\n{rows}",
        rate_card_tiers=f"{TIER},rate_card_version,metric\nbasic,1,,,5,1,\nbasic,1,,,6,2,\nbasic,1,,,6,2,energy\n",
    )
    assert f"rate_cards.csv line 3, column {column}: {expected}" in errors(folder)


SPLIT = "rate_card_id,rate_card_version,effective_from_date,split_by_date,currency_code"
OR_ANOTHER = "; change it, or begin another card"
# Columns after those of SPLIT, and two rows: the first version is split, the second follows it.
SPLIT_CASES = {
    "a volume price": (
        "metric,price_model", "energy,per_unit", "energy,volume",
        "price_model: 'volume' has no agreed meaning for usage of a card that is split by date; use flat, per_unit, "
        f"graduated, package or time_of_use{OR_ANOTHER}",
    ),
    "tiers of devices": (
        "charge_basis,price_model", "usage,flat", "active_devices,graduated",
        "price_model: 'graduated' has no agreed meaning for active_devices of a card that is split by date; use flat "
        f"or per_unit{OR_ANOTHER}",
    ),
    "hours": (
        "charge_basis,price_model", "usage,flat", "monitored_hours,per_unit",
        f"charge_basis: 'monitored_hours' has no agreed meaning for a card that is split by date{OR_ANOTHER}",
    ),
    "all metrics": (
        "metric,price_model", "energy,per_unit", ",per_unit",
        "metric: is empty, but the card is split by date; only use of one metric divides into days" + OR_ANOTHER,
    ),
    "a level": (
        "metric,price_model", "energy,per_unit", "heat,per_unit",
        f"metric: 'heat' is no sum or count; only such use can be split by date{OR_ANOTHER}",
    ),
    "a window": (
        "metric,price_model,window", "energy,per_unit,", "energy,per_unit,day",
        "window: has no agreed meaning for a card that is split by date; leave it empty" + OR_ANOTHER,
    ),
    "net use": (
        "metric,price_model,net_metric", "energy,per_unit,", "energy,per_unit,fed_in",
        "net_metric: has no agreed meaning for a card that is split by date; leave it empty" + OR_ANOTHER,
    ),
    "devices by days in service": (
        "charge_basis,price_model,device_proration", "active_devices,per_unit,", "active_devices,per_unit,day",
        f"device_proration: 'day' has no agreed meaning for a card that is split by date{OR_ANOTHER}",
    ),
    "devices by seconds in service": (
        "charge_basis,price_model,device_proration", "active_devices,per_unit,", "active_devices,per_unit,second",
        f"device_proration: 'second' has no agreed meaning for a card that is split by date{OR_ANOTHER}",
    ),
    "tiers that parts share": (
        "metric,price_model,schedule,tier_meaning", "energy,time_of_use,day,", "energy,time_of_use,day,cumulative",
        f"tier_meaning: 'cumulative' has no agreed meaning for a card that is split by date{OR_ANOTHER}",
    ),
    "a clock for a part": (
        "metric,price_model,schedule", "energy,time_of_use,day", "energy,per_unit,",
        "schedule: is filled in here or on line 2 of the same charge, but not in both, and the card is split by date; "
        "name the charges differently (column charge)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "first", "second", "expected"), SPLIT_CASES.values(), ids=SPLIT_CASES)
def test_what_has_no_meaning_within_a_period_is_not_split(
    write_configuration: Write, columns: str, first: str, second: str, expected: str
) -> None:
    keys = [name for name in ("metric", "charge_basis") if name in columns.split(",")]
    tiers = ["rate_card_id,rate_card_version,tier_number,unit_price,flat_fee," + ",".join(keys)]
    cards = [f"{SPLIT},{columns}"]
    for version, row in ((1, first), (2, second)):
        cells = dict(zip(columns.split(","), row.split(","), strict=True))
        price = ",5" if cells["price_model"] == "flat" else "5,"
        tiers.append(f"basic,{version},1,{price}," + ",".join(cells[name] for name in keys))
        cards.append(f"basic,{version},2019-01-0{version},{'true' if version == 1 else ''},EUR,{row}")
    folder = write_configuration(
        rate_cards="\n".join(cards),
        rate_card_tiers="\n".join(tiers),
        metrics="metric,reading_type,aggregation\nenergy,,\nfed_in,,\nheat,gauge,max\n",
        time_of_use="schedule,sequence,part\nday,1,all\n",
    )
    assert errors(folder) == [f"rate_cards.csv line 3, column {expected}"]


def test_a_version_is_split_by_date_as_a_whole(write_configuration: Write) -> None:
    rows = "basic,1,,true,EUR,energy,per_unit,\nbasic,1,,,EUR,,per_unit,active_devices\n"
    tiers = "rate_card_id,metric,charge_basis,tier_number,unit_price,flat_fee\n"
    tiers += "basic,energy,,1,1,2\nbasic,,active_devices,1,1,2\n"
    folder = write_configuration(rate_cards=f"{SPLIT},metric,price_model,charge_basis\n{rows}", rate_card_tiers=tiers)
    assert errors(folder) == [
        "rate_cards.csv line 3, column split_by_date: 'false' is not 'true', as the same version says on line 2; a "
        "version splits all of its charges or none, so write the same in its rows",
        "rate_card_tiers.csv line 3, column flat_fee: '2' has no day on which its tier is entered, and the card is "
        "split by date; make it a flat charge of its own",
    ]


def test_a_version_that_drops_a_charge_is_doubtful(write_configuration: Write) -> None:
    folder = write_configuration(
        rate_cards=f"{CARD},rate_card_version,effective_from_date,metric\n"
        "basic,EUR,flat,1,2019-01-01,\nbasic,EUR,flat,1,2019-01-01,energy\nbasic,EUR,flat,2,2019-02-01,\n",
        rate_card_tiers=f"{TIER},rate_card_version,metric\nbasic,1,,,5,1,\nbasic,1,,,6,2,\nbasic,1,,,6,1,energy\n",
    )
    with checked_folder(folder) as checked:
        assert checked.warnings == (
            "rate_cards.csv: version 2 of 'basic' has no charge for metric 'energy', charge_basis 'usage', which "
            "version 1 "
            "had; from 2019-02-01 on it is not billed",
        )


def test_instants_of_other_tables_are_local_to_the_contract(write_configuration: Write) -> None:
    overrides = "tenant_id,period_start_date,closes_at,reason\nacme,2019-02-01,2019-03-05,outage\n"
    folder = write_configuration(period_overrides=overrides)
    assert stored(folder, "period_overrides") == [["acme", "2019-02-01", "2019-03-04T23:00:00+00:00", "outage"]]
    two_zones = (
        "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id\n"
        "c1,acme,2019-01-01,2019-01-31,UTC,basic\nc2,acme,2019-02-01,,Europe/Madrid,basic\n"
    )
    assert errors(write_configuration(period_overrides=overrides, contracts=two_zones)) == [
        "period_overrides.csv line 2, column closes_at: '2019-03-05' has no offset and the contracts of tenant "
        "'acme' have "
        "different time zones; write it with an offset, as 2019-02-01T00:00:00+01:00"
    ]


def test_a_profile_has_a_weight_for_every_hour_of_a_usual_week(write_configuration: Write) -> None:
    weights = "".join(f"office,{day},{hour},1\n" for day in ("workday", "weekend") for hour in range(24))
    header = "load_profile,day_type,local_hour,weight\n"
    contract = f"{CONTRACT},estimation,load_profile\nc1,acme,2019-01-01,UTC,basic,profile,"
    with checked_folder(write_configuration(load_profiles=header + weights, contracts=contract + "office\n")) as whole:
        assert whole.warnings == ()
    assert errors(write_configuration(load_profiles=header + weights, contracts=contract + "\n")) == [
        "contracts.csv line 2, column load_profile: is empty, but estimation is 'profile'; name a profile of "
        "load_profiles.csv"
    ]
    assert errors(write_configuration(load_profiles=header + weights, contracts=contract + "home\n")) == [
        "contracts.csv line 2, column load_profile: 'home' is not in load_profiles.csv; add it there or correct it here"
    ]
    short = weights.replace("office,weekend,23,1\n", "").replace("office,workday,5,1\n", "")
    assert errors(write_configuration(load_profiles=header + short, contracts=contract + "office\n")) == [
        "load_profiles.csv line 2, column load_profile: 'office' has no weight for weekend hour 23 (and 1 more); a "
        "profile has 48"
    ]


def test_only_a_register_is_exchanged(write_configuration: Write) -> None:
    exchanges = "tenant_id,device_id,metric,exchanged_at\nacme,d1,energy,2019-02-01T10:00:00Z\n"
    assert errors(write_configuration(register_exchanges=exchanges)) == [
        "register_exchanges.csv line 2, column metric: 'energy' is no cumulative metric of metrics.csv; only a "
        "register is exchanged"
    ]
    registers = "metric,reading_type\nenergy,cumulative\n"
    assert stored(write_configuration(register_exchanges=exchanges, metrics=registers), "register_exchanges") == [
        ["acme", "d1", "energy", "2019-02-01T10:00:00+00:00", ""]
    ]


UNITS = {
    "units": "property_id,unit_id,floor_area\nhouse,flat,50\nhouse,shop,\n",
    "devices": "tenant_id,device_id,property_id,meter_role,unit_id\nacme,m-1,house,sub,flat\nacme,main,house,master,\n",
}
OCCUPANCIES = "occupancy_id,tenant_id,property_id,unit_id,starts_at,ends_at\n"


def test_units_and_who_occupies_them(write_configuration: Write) -> None:
    good = OCCUPANCIES + "o1,acme,house,flat,2019-02-01,2019-03-01\no2,acme,house,flat,2019-03-01,\n"
    # Local times of Madrid, an hour ahead of UTC; one person where nothing is said.
    assert stored(write_configuration(**UNITS, occupancies=good), "occupancies") == [
        ["o1", "acme", "house", "flat", "2019-01-31T23:00:00+00:00", "2019-02-28T23:00:00+00:00", "1"],
        ["o2", "acme", "house", "flat", "2019-02-28T23:00:00+00:00", "", "1"],
    ]
    bad = OCCUPANCIES + "o1,acme,house,flat,2019-02-01,\no2,acme,house,flat,2019-03-01,\n"
    assert errors(write_configuration(**UNITS, occupancies=bad + "o3,acme,house,attic,2018-12-01,\n")) == [
        "occupancies.csv line 4, column unit_id: 'attic' of property 'house' is not in units.csv; add it there or "
        "correct it here",
        "occupancies.csv line 4, column starts_at: tenant 'acme' has no contract from 2018-11-30T23:00:00+00:00 on, "
        "but occupies the unit then; add a contract or shorten the occupancy",
        "occupancies.csv line 3, column starts_at: overlaps line 2 of the same unit; give that row an ends_at of "
        "2019-02-28T23:00:00+00:00 or earlier",
    ]
    bad = OCCUPANCIES + "o1,acme,house,flat,2019-02-01,2019-02-01\n"
    ended = "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id\nc,acme,2019-01-01,2019-06-01,UTC,basic\n"
    assert errors(write_configuration(**UNITS, occupancies=bad)) == [
        "occupancies.csv line 2, column ends_at: 2019-01-31T23:00:00+00:00 is not after starts_at "
        "2019-01-31T23:00:00+00:00; correct one of them"
    ]
    assert errors(write_configuration(**UNITS, contracts=ended, occupancies=good)) == [
        "occupancies.csv line 3, column ends_at: tenant 'acme' has no contract from 2019-06-01T00:00:00+00:00 on, but "
        "occupies the unit then; add a contract or shorten the occupancy"
    ]


def test_meters_of_units(write_configuration: Write) -> None:
    devices = "tenant_id,device_id,property_id,meter_role,unit_id\nacme,m-1,house,,flat\nacme,m-2,house,sub,attic\n"
    assert errors(write_configuration(**UNITS | {"devices": devices})) == [
        "devices.csv line 2, column meter_role: is not 'sub', but the meter is that of unit 'flat'; write sub",
        "devices.csv line 3, column unit_id: 'attic' of property 'house' is not in units.csv; add it there or correct "
        "it here",
    ]
    terms = "contract_id,tenant_id,starts_at,ends_at,time_zone,rate_card_id,late_policy,estimation\n"
    contracts = "a,acme,2019-01-01,2020-01-01,UTC,basic,defer,\nb,acme,2020-01-01,,UTC,basic,,linear\n"
    assert errors(write_configuration(**UNITS, contracts=terms + contracts)) == [
        "contracts.csv line 2, column late_policy: is 'defer', but use of a unit is billed when it was used; write "
        "grace or reopen (tenant 'acme' has meters of units)",
        "contracts.csv line 3, column estimation: is 'linear', but hours that a meter of a unit missed are not "
        "estimated; write none (tenant 'acme' has meters of units)",
    ]
    cards = "rate_card_id,currency_code,metric,price_model,free_events\nbasic,EUR,energy,percentage,3\n"
    tiers = "rate_card_id,metric,tier_number,percent\nbasic,energy,1,2\n"
    assert errors(write_configuration(**UNITS, rate_cards=cards, rate_card_tiers=tiers)) == [
        "rate_cards.csv line 2, column free_events: a charge by single messages is not supported for tenant 'acme', "
        "who has meters of units; leave it empty or give the contract another card"
    ]
    offline = {
        "rate_cards": "rate_card_id,currency_code,charge_basis,price_model\nbasic,EUR,offline_hours,per_unit\n",
        "rate_card_tiers": "rate_card_id,charge_basis,tier_number,unit_price\nbasic,offline_hours,1,0.5\n",
        "device_types": "device_type,expected_interval_seconds\nmeter,3600\n",
    }
    assert errors(write_configuration(**UNITS, **offline)) == [
        "rate_cards.csv line 2, column charge_basis: a charge by single messages is not supported for tenant 'acme', "
        "who has meters of units; leave it empty or give the contract another card"
    ]


@pytest.mark.parametrize(
    ("columns", "values", "refused"),
    [
        ("price_model,charge_basis,demand_minutes", "per_unit,peak_demand,15", ["demand_minutes", "charge_basis"]),
        ("price_model,net_metric", "per_unit,fed_in", ["net_metric"]),
        ("price_model,attribute", "dynamic,price", ["attribute"]),
        ("price_model,charge_basis,attribute", "per_unit,distinct_values,batch", ["attribute", "charge_basis"]),
    ],
    ids=["peak", "net", "dynamic", "distinct_values"],
)
def test_shared_use_has_no_messages_peaks_or_feed_in(
    write_configuration: Write, columns: str, values: str, refused: list[str]
) -> None:
    basis = values.split(",")[1] if "charge_basis" in columns else "usage"
    tables = {
        "metrics": "metric\nenergy\nfed_in\n",
        "rate_cards": f"rate_card_id,currency_code,metric,{columns}\nbasic,EUR,energy,{values}\n",
        "rate_card_tiers": f"rate_card_id,metric,charge_basis,tier_number,unit_price\nbasic,energy,{basis},1,2\n",
    }
    what = {"demand_minutes": "for a peak", "net_metric": "net of another metric"}
    what["charge_basis"] = "for a peak" if basis == "peak_demand" else "by single messages"
    for who, rows in (
        ("has meters of units", UNITS),
        ("occupies a unit", {"units": UNITS["units"], "occupancies": OCCUPANCIES + "o1,acme,house,flat,2019-02-01,\n"}),
    ):
        assert errors(write_configuration(**rows, **tables)) == [
            f"rate_cards.csv line 2, column {column}: a charge {what.get(column, 'by single messages')} is not "
            f"supported for tenant 'acme', who {who}; leave it empty or give the contract another card"
            for column in refused
        ]


def test_shared_use_may_be_priced_by_the_clock_and_the_calendar(write_configuration: Write) -> None:
    occupied = UNITS | {"occupancies": OCCUPANCIES + "o1,acme,house,flat,2019-02-01,\n"}
    for columns, values, part in (
        ("price_model,schedule,tier_meaning", "time_of_use,day,cumulative", "all"),
        ("price_model,window", "graduated,day", ""),
        ("price_model,split_by_date", "per_unit,true", ""),
    ):
        tables = {
            "rate_cards": f"rate_card_id,currency_code,metric,{columns}\nbasic,EUR,energy,{values}\n",
            "rate_card_tiers": f"rate_card_id,metric,part,tier_number,unit_price\nbasic,energy,{part},1,2\n",
            "time_of_use": "schedule,sequence,part\nday,1,all\n",
        }
        assert len(stored(write_configuration(**occupied, **tables), "rate_cards")) == 1


def test_allocations(write_configuration: Write) -> None:
    allocations = "property_id,metric,method,charged_metric\nhouse,energy,floor_area,heat\nbarn,energy,equal,\n"
    metrics = "metric,reading_type,aggregation\nenergy,,\nheat,gauge,max\n"
    assert sorted(errors(write_configuration(**UNITS, allocations=allocations, metrics=metrics))) == [
        "allocations.csv line 2, column charged_metric: 'heat' is not added up (aggregation sum); only a sum can be "
        "shared",
        "allocations.csv line 3, column property_id: 'barn' has no unit in units.csv; add its units there or correct "
        "it here",
        "units.csv line 3, column floor_area: is empty, but allocations.csv line 2 shares 'energy' by it; write the "
        "area",
    ]


def test_calibrations(write_configuration: Write) -> None:
    header = "tenant_id,device_id,metric,starts_at,ends_at,multiplier,offset_quantity\n"
    good = "acme,meter-1,energy,2019-02-01,2019-03-01,40,\nacme,meter-1,energy,2019-03-01,,,-2.5\n"
    # Local times of Madrid, an hour ahead of UTC; what is left out multiplies by 1 and adds nothing.
    assert stored(write_configuration(calibrations=header + good), "calibrations") == [
        ["acme", "meter-1", "energy", "2019-01-31T23:00:00+00:00", "2019-02-28T23:00:00+00:00", "40", "0", ""],
        ["acme", "meter-1", "energy", "2019-02-28T23:00:00+00:00", "", "1", "-2.5", ""],
    ]
    overlapping = "acme,meter-1,energy,2019-02-01,,40,\nacme,meter-1,energy,2019-03-01,2019-02-01,0.5,\n"
    assert errors(write_configuration(calibrations=header + overlapping)) == [
        "calibrations.csv line 3, column ends_at: 2019-01-31T23:00:00+00:00 is not after starts_at "
        "2019-02-28T23:00:00+00:00",
        "calibrations.csv line 3, column starts_at: overlaps line 2 of the same meter; give that row an ends_at of "
        "2019-02-28T23:00:00+00:00",
    ]
    registers = "metric,reading_type\nenergy,cumulative\n"
    assert errors(write_configuration(calibrations=header + good, metrics=registers)) == [
        "calibrations.csv line 3, column offset_quantity: is -2.5, but an offset has no part in a difference of "
        "readings; leave it empty",
    ]
    assert errors(write_configuration(calibrations=header + "other,m,water,2019-02-01,,0,\n")) == [
        "calibrations.csv line 2, column multiplier: '0' must be greater than 0",
    ]


def test_budgets_of_those_who_share(write_configuration: Write) -> None:
    header = "budget_id,tenant_id,device_id,metric,quantity\n"
    budgets = "house,acme,,energy,100\ncellar,acme,meter-1,energy,9\n"
    devices = "tenant_id,device_id,property_id,meter_role,unit_id\nacme,meter-1,house,sub,a\n"
    units = "property_id,unit_id\nhouse,a\n"
    assert errors(write_configuration(budgets=header + budgets, devices=devices, units=units)) == [
        "budgets.csv line 2, column device_id: is empty, but use of tenant 'acme' is shared among units; name a device",
    ]


def test_retention_classes(write_configuration: Write) -> None:
    header = "retention_class,raw_days,event_days,minute_days\n"
    good = "minutes,7,7,\nsix_years,90,2192,0\n"
    assert stored(write_configuration(retention_classes=header + good), "retention_classes") == [
        ["minutes", "7", "7", ""],
        ["six_years", "90", "2192", "0"],
    ]
    bad = "minutes,7,7,\nminutes,8,7,\ngarbage,-1,seven,36526\n,1,1,1\n"
    contracts = (
        "contract_id,tenant_id,starts_at,time_zone,rate_card_id,retention_class\n"
        "acme-1,acme,2019-01-01,Europe/Madrid,basic,for_ever\n"
    )
    assert sorted(errors(write_configuration(retention_classes=header + bad))) == [
        "retention_classes.csv line 3: retention_class 'minutes' is already on line 2; remove one of the two",
        "retention_classes.csv line 4, column event_days: 'seven' is not a whole number",
        "retention_classes.csv line 4, column minute_days: '36526' must lie between 0 and 36525",
        "retention_classes.csv line 4, column raw_days: '-1' must lie between 0 and 36525",
        "retention_classes.csv line 5, column retention_class: is empty; every row needs it",
    ]
    assert errors(write_configuration(retention_classes=header + good, contracts=contracts)) == [
        "contracts.csv line 2, column retention_class: 'for_ever' is not in retention_classes.csv; add it there or "
        "correct it here",
    ]


def test_budgets(write_configuration: Write) -> None:
    header = "budget_id,tenant_id,device_id,metric,quantity\n"
    good = "house,acme,,energy,100\ncellar,acme,meter-1,energy,9.50\n"
    assert stored(write_configuration(budgets=header + good), "budgets") == [
        ["house", "acme", "", "energy", "100"],
        ["cellar", "acme", "meter-1", "energy", "9.5"],
    ]
    levels = "metric,reading_type,aggregation\nenergy,gauge,max\n"
    assert errors(write_configuration(budgets=header + "house,acme,,energy,100\n", metrics=levels)) == [
        "budgets.csv line 2, column metric: 'energy' has the aggregation 'max', so its use does not grow towards a "
        "budget; name a metric that adds up",
    ]
    bad = "house,nobody,,steam,0\nroof,nobody,,steam,1\nroof,acme,meter-9,energy,1\n"
    assert sorted(errors(write_configuration(budgets=header + bad))) == [
        "budgets.csv line 2, column quantity: '0' must be greater than 0",
        "budgets.csv line 3, column metric: 'steam' is not in metrics.csv; add it there or correct it here",
        "budgets.csv line 3, column tenant_id: 'nobody' is not in tenants.csv; add it there or correct it here",
        "budgets.csv line 4, column device_id: is no device of tenant 'acme' in devices.csv; add it there, or leave it "
        "empty for all",
        "budgets.csv line 4: budget_id 'roof' is already on line 3; remove one of the two",
    ]


SPEND_CASES = {
    "terms of no version": (
        "rate_card_terms", "rate_card_id,rate_card_version\nbasic,2\n",
        "rate_card_terms.csv line 2: rate card 'basic' version 2 is not in rate_cards.csv; add it there or correct it "
        "here",
    ),
    "most below least": (
        "rate_card_terms", "rate_card_id,minimum_spend_amount,maximum_spend_amount\nbasic,50,40\n",
        "rate_card_terms.csv line 2, column maximum_spend_amount: '40' is less than the minimum spend '50'; correct "
        "one of them",
    ),
    "unknown rounding": (
        "rate_card_terms", "rate_card_id,rounding_mode\nbasic,bankers\n",
        "rate_card_terms.csv line 2, column rounding_mode: 'bankers' is not supported by this release; use half_up, "
        "half_even, ceil or floor",
    ),
    "overage that is a discount": (
        "rate_card_terms", "rate_card_id,overage_factor\nbasic,0.5\n",
        "rate_card_terms.csv line 2, column overage_factor: '0.5' must be 1 or more",
    ),
    "contract's most below card's least": (
        "contracts", f"{CONTRACT},maximum_spend_amount\nacme-1,acme,2019-01-01,UTC,basic,9\n",
        "contracts.csv line 2, column maximum_spend_amount: '9' is less than the minimum spend '10'; correct one of "
        "them",
    ),
    "two ways to tax": (
        "contracts", f"{CONTRACT},tax_percent,tax_jurisdiction\nacme-1,acme,2019-01-01,UTC,basic,19,mn\n",
        "contracts.csv line 2, column tax_percent: '19' is given beside tax_jurisdiction; leave one of the two empty",
    ),
    "unknown jurisdiction": (
        "contracts", f"{CONTRACT},tax_jurisdiction\nacme-1,acme,2019-01-01,UTC,basic,ny\n",
        "contracts.csv line 2, column tax_jurisdiction: 'ny' is not in taxes.csv; add it there or correct it here",
    ),
    "discount for nobody": (
        "discounts", "discount_id,percent\nd,5\n",
        "discounts.csv line 2, column tenant_id: tenant_id and rate_card_id are both empty; a discount is for one of "
        "the two",
    ),
    "discount of nothing": (
        "discounts", "discount_id,tenant_id\nd,acme\n",
        "discounts.csv line 2, column percent: percent and amount are both empty; a discount is one of the two",
    ),
    "discount that ends first": (
        "discounts", "discount_id,tenant_id,percent,starts_date,ends_date\nd,acme,5,2019-02-01,2019-02-01\n",
        "discounts.csv line 2, column ends_date: 2019-02-01 is not after starts_date 2019-02-01; correct one",
    ),
    "tiers that differ": (
        "discounts", "discount_id,tenant_id,percent,spend_from,sequence\nd,acme,5,,\nd,acme,9,100,2\n",
        "discounts.csv line 3, column sequence: differs from line 2 of discount 'd', whose tier it is; write the same "
        "or another discount_id",
    ),
    "credit of another currency": (
        "credits", "credit_id,tenant_id,currency_code,amount,granted_date\nc,acme,USD,5,2019-01-01\n",
        "credits.csv line 2, column currency_code: 'USD' is not 'EUR', the currency of tenant 'acme'; a credit pays "
        "invoices of its own currency",
    ),
    "credit that expires first": (
        "credits",
        "credit_id,tenant_id,currency_code,amount,granted_date,expires_date\nc,acme,EUR,5,2019-01-01,2019-01-01\n",
        "credits.csv line 2, column expires_date: 2019-01-01 is not after granted_date 2019-01-01; correct one of them",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPEND_CASES)
def test_spend_terms(write_configuration: Write, name: str) -> None:
    table, text, line = SPEND_CASES[name]
    files: dict[str, str | None] = {"taxes": "jurisdiction,tax,percent\nmn,state,6.875\n"}
    if table == "contracts":
        files["rate_card_terms"] = "rate_card_id,minimum_spend_amount\nbasic,10\n"
    assert errors(write_configuration(**files | {table: text})) == [line]


def test_all_errors_are_told_and_what_follows_from_them_is_not(write_configuration: Write) -> None:
    folder = write_configuration(
        tenants="tenant_id,region,currency_code\nacme,eu,euro\n",
        metrics="metric,aggregation\nenergy,mean\n",
    )
    assert errors(folder) == [
        "tenants.csv line 2, column currency_code: 'euro' is not an ISO 4217 code; write three capital letters such "
        "as EUR",
        "metrics.csv line 2, column aggregation: 'mean' is not supported by this release; use sum, count, max, min or "
        "latest",
    ]


def test_the_first_twenty_errors_are_printed(write_configuration: Write) -> None:
    rows = "".join(f"nobody,d{number}\n" for number in range(25))
    found = errors(write_configuration(devices="tenant_id,device_id\n" + rows))
    assert len(found) == 21
    assert (
        found[19]
        == "devices.csv line 21, column tenant_id: 'nobody' is not in tenants.csv; add it there or correct it here"
    )
    assert found[20] == "and 5 more"


def test_the_demo_configuration_is_valid() -> None:
    demo = Path(__file__).parents[3] / "dbt_project" / "config"
    with checked_folder(demo) as checked:
        assert checked.warnings == ()
