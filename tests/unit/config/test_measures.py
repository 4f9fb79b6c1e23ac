"""Charges that measure by themselves: what would not measure what it says is refused when it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config import refusing

TABLES = {
    "tenants": "tenant_id,region,currency_code\nacme,eu,EUR\n",
    "contracts": "contract_id,tenant_id,starts_at,time_zone,rate_card_id\nc1,acme,2023-01-01,UTC,card\n",
    "devices": "tenant_id,device_id,device_type\nacme,m-1,probe\n",
    "device_types": "device_type,expected_interval_seconds\nprobe,3600\n",
    "metrics": "metric,reading_type,aggregation\nenergy,delta,sum\nstored,gauge,latest\n",
}
CARD = "rate_card_id,currency_code,metric,charge_basis,price_model,attribute,device_proration,weighting\ncard,EUR,"
TIER = "rate_card_id,metric,charge_basis,part,tier_number,unit_price,flat_fee\ncard,"
GOOD = (
    "energy,active_devices,per_unit,,day,",
    ",active_devices,graduated,,day,",
    "energy,active_devices,matrix,device_type,day,",
    "energy,active_devices,per_unit,,second,",
    ",active_devices,volume,,second,",
    "energy,active_devices,matrix,device_type,second,",
    ",offline_hours,per_unit,,,",
    "stored,time_weighted,volume,,,period",
    "energy,distinct_values,graduated,vehicle,,",
    "energy,distinct_values,package,vehicle,,",
)


def errors(folder: Path, charge: str, price: str = "0.5,", part: str = "", **tables: str) -> list[str]:
    metric, basis = charge.split(",")[:2]
    size = ",4" if "package" in charge else ","
    card = CARD.replace("weighting\n", "weighting,package_size\n") + charge + size + "\n"
    priced = f"{TIER}{metric},{basis},{part},1,{price}\n"
    return refusing.errors(folder, TABLES | {"rate_cards": card, "rate_card_tiers": priced} | tables)


@pytest.mark.parametrize("charge", GOOD)
def test_charges_that_measure_what_they_say_are_taken(tmp_path: Path, charge: str) -> None:
    assert errors(tmp_path, charge) == []


@pytest.mark.parametrize(
    ("charge", "column", "text"),
    [
        (
            "energy,usage,per_unit,,day,", "device_proration",
            "'day' is for charge_basis active_devices; leave it empty or charge for devices",
        ),
        (
            "energy,active_devices,flat,,day,", "device_proration",
            "has no meaning for a flat price, which counts no devices; leave it empty",
        ),
        (
            "energy,active_devices,per_unit,,month,", "device_proration",
            "'month' is not supported by this release; use none, day or second",
        ),
        (
            "stored,time_weighted,per_unit,,second,", "device_proration",
            "'second' is for charge_basis active_devices; leave it empty or charge for devices",
        ),
        (
            ",active_devices,flat,,second,", "device_proration",
            "has no meaning for a flat price, which counts no devices; leave it empty",
        ),
        ("energy,usage,per_unit,,,period", "weighting", "'period' is for charge_basis time_weighted; leave it empty"),
        (
            ",time_weighted,per_unit,,,", "metric",
            "is empty, but levels of different metrics do not add up; name the metric whose level is charged",
        ),
        (
            "energy,time_weighted,per_unit,,,", "metric",
            "'energy' is no level: its reading_type in metrics.csv is delta; use a gauge, or charge_basis usage",
        ),
        (
            "stored,time_weighted,matrix,device_type,,", "attribute",
            "'device_type' has no meaning for a level; leave it empty",
        ),
        (
            "energy,offline_hours,per_unit,,,", "metric",
            "'energy' has no meaning for hours offline: a device is silent or it is not; leave it empty",
        ),
        (
            ",offline_hours,package,,,", "price_model",
            "'package' has no meaning for a credit; use per_unit, volume or graduated",
        ),
        (
            "energy,distinct_values,per_unit,,,", "attribute",
            "is empty; name what messages carry whose different values are counted",
        ),
        (
            "energy,distinct_values,per_unit,device_id,,", "attribute",
            "'device_id' is a column of devices.csv; name what messages carry, or count active_devices",
        ),
        (",distinct_values,per_unit,vehicle,,", "metric", "is empty; name the metric whose messages carry the values"),
        (
            "energy,distinct_values,matrix,vehicle,,", "price_model",
            "'matrix' splits a quantity, and values are counted; use graduated",
        ),
    ],
)  # fmt: skip
def test_others_are_refused_with_a_remedy(tmp_path: Path, charge: str, column: str, text: str) -> None:
    price = ",5" if "flat" in charge else "0.5,"
    assert errors(tmp_path, charge, price) == [f"rate_cards.csv line 2, column {column}: {text}"]


def test_a_credit_has_no_fee_and_needs_a_cadence(tmp_path: Path) -> None:
    charge = ",offline_hours,per_unit,,,"
    assert errors(tmp_path, charge, "0.5,2") == [
        "rate_card_tiers.csv line 2, column flat_fee: '2' would be charged, not credited, for hours offline; "
        "leave it empty"
    ]
    assert errors(tmp_path, charge, device_types="device_type\nprobe\n") == [
        "rate_cards.csv line 2, column charge_basis: 'offline_hours' would never credit anything: no type in "
        "device_types.csv has expected_interval_seconds; write it there"
    ]


def test_what_is_counted_has_no_parts(tmp_path: Path) -> None:
    assert errors(tmp_path, "energy,distinct_values,graduated,vehicle,,", part="X-1") == [
        "rate_card_tiers.csv line 2, column part: 'X-1' would not be billed: this charge is not split by an attribute; "
        "leave it empty"
    ]
