"""Rates of the OpenEI Utility Rate Database, and of SCE's form, as charges of a card."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.sce import read_sce
from orchestration.importing.tariff import CardName, Tariff, add_to_folder
from orchestration.importing.urdb import read_urdb

PUBLISHED = Path(__file__).parents[2] / "data" / "tariffs"
WHOLE_DAYS = [[0] * 24 for _ in range(12)]
NAME = CardName("card")


def rate(**fields: Any) -> dict[str, Any]:
    schedules = {"energyweekdayschedule": WHOLE_DAYS, "energyweekendschedule": WHOLE_DAYS}
    return {"energyratestructure": [[{"rate": 0.1}]]} | schedules | fields


def imported(tmp_path: Path, fields: dict[str, Any], name: CardName = NAME) -> Tariff:
    path = tmp_path / "rate.json"
    path.write_text(json.dumps({"items": [fields]}))
    return read_urdb(path, name)


def refusal(tmp_path: Path, **fields: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        imported(tmp_path, rate(**fields))
    return str(caught.value)


def rows(tariff: Tariff, table: str, *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row.get(column, "") for column in columns) for row in tariff.tables.get(table, [])]


def test_the_two_broken_files_are_refused_by_their_field() -> None:
    for file, field in (
        ("invalid_fixed_charge_units.json", "field fixedchargeunits: '$/year' is not supported"),
        ("missing_required_fields.json", "field energyweekdayschedule is missing"),
    ):
        with pytest.raises(BadInputError, match=r".") as caught:
            read_urdb(PUBLISHED / "urdb" / file, NAME)
        assert str(caught.value).startswith(f"{file}: {field}")


def test_energy_is_rate_and_adjustment_by_tier(tmp_path: Path) -> None:
    structure = [[{"max": 1000, "rate": 0.07531, "adj": 0.0119, "unit": "kWh"}, {"rate": 0.09613, "adj": 0.0119}]]
    tariff = imported(tmp_path, rate(energyratestructure=structure, fixedmonthlycharge=7.57))
    # 0.07531 + 0.0119 and 0.09613 + 0.0119.
    assert rows(tariff, "rate_card_tiers", "charge", "tier_number", "up_to", "unit_price", "flat_fee") == [
        ("fixed", "1", "", "", "7.57"),
        ("energy", "1", "1000", "0.08721", ""),
        ("energy", "2", "", "0.10803", ""),
    ]
    assert rows(tariff, "rate_cards", "charge", "price_model", "schedule") == [
        ("fixed", "flat", ""),
        ("energy", "graduated", ""),
    ]


def test_hours_become_spans_and_months_seasons(tmp_path: Path) -> None:
    summer = [0] * 11 + [1] * 9 + [0] * 4
    weekdays = [summer if month in (6, 7, 8) else [0] * 24 for month in range(1, 13)]
    fields = rate(energyratestructure=[[{"rate": 0.07}], [{"rate": 0.11}]], energyweekdayschedule=weekdays)
    tariff = imported(tmp_path, fields)
    columns = ("part", "season_start", "season_end", "days", "starts_time", "ends_time")
    assert rows(tariff, "time_of_use", *columns) == [
        ("period 0", "06-01", "08-31", "weekday", "00:00", "11:00"),
        ("period 1", "06-01", "08-31", "weekday", "11:00", "20:00"),
        ("period 0", "06-01", "08-31", "weekday", "20:00", "24:00"),
        ("period 0", "06-01", "08-31", "weekend", "", ""),
        ("period 0", "09-01", "05-31", "", "", ""),
    ]


def test_demand_is_by_the_clock_by_month_and_looks_back(tmp_path: Path) -> None:
    by_hour = [[0] * 12 + [1] * 12 for _ in range(12)]
    tariff = imported(
        tmp_path,
        rate(
            demandratestructure=[[{"rate": 1}], [{"max": 50, "rate": 10, "unit": "kW"}, {"rate": 12}]],
            demandweekdayschedule=by_hour,
            demandweekendschedule=by_hour,
            flatdemandstructure=[[{"rate": 3}], [{"rate": 4.5}]],
            flatdemandmonths=[0] * 5 + [1] * 4 + [0] * 3,
            demandwindow=30,
            lookbackPercent=0.35,
            lookbackRange=6,
            lookbackMonths=[0] * 5 + [1] * 4 + [0] * 3,
        ),
    )
    columns = ("charge", "charge_basis", "price_model", "demand_minutes")
    ratchet = ("ratchet_percent", "ratchet_periods", "ratchet_months")
    assert rows(tariff, "rate_cards", *columns, *ratchet)[1:] == [
        ("demand", "peak_demand", "time_of_use", "30", "35", "6", "6 7 8 9"),
        ("flat demand", "peak_demand", "time_of_use", "30", "35", "6", "6 7 8 9"),
    ]
    assert rows(tariff, "rate_card_tiers", "charge", "part", "up_to", "unit_price")[1:] == [
        ("demand", "period 0", "", "1"),
        ("demand", "period 1", "50", "10"),
        ("demand", "period 1", "", "12"),
        ("flat demand", "period 0", "", "3"),
        ("flat demand", "period 1", "", "4.5"),
    ]


def test_tiers_of_parts_with_the_same_bounds_are_shared(tmp_path: Path) -> None:
    by_hour = [[0] * 12 + [1] * 12 for _ in range(12)]
    hours = {"energyweekdayschedule": by_hour, "energyweekendschedule": by_hour}
    ladder = [{"max": 100, "rate": 0.1}, {"rate": 0.2}]
    tariff = imported(tmp_path, rate(energyratestructure=[ladder, ladder], **hours))
    assert rows(tariff, "rate_cards", "tier_meaning") == [("month_end",)]
    own = imported(tmp_path, rate(energyratestructure=[ladder, [{"rate": 0.3}]], **hours))
    assert rows(own, "rate_cards", "tier_meaning") == [("",)]
    said = imported(
        tmp_path, rate(energyratestructure=[ladder, ladder], **hours), CardName("card", tier_meaning="cumulative")
    )
    assert rows(said, "rate_cards", "tier_meaning") == [("cumulative",)]


def test_fees_are_by_month_or_day_and_a_minimum_by_month(tmp_path: Path) -> None:
    fields = rate(fixedchargefirstmeter=0.25, fixedchargeunits="$/day", mincharge=15, minchargeunits="$/month")
    tariff = imported(tmp_path, fields)
    assert rows(tariff, "rate_cards", "charge", "charge_basis", "price_model")[0] == ("fixed", "days", "per_unit")
    assert rows(tariff, "rate_card_tiers", "charge", "unit_price")[0] == ("fixed", "0.25")
    assert rows(tariff, "rate_card_terms", "minimum_spend_amount") == [("15",)]
    yearly = imported(tmp_path, rate(mincharge=180, minchargeunits="$/year"))
    assert rows(yearly, "rate_card_terms", "minimum_spend_amount", "annual_minimum_amount") == [("", "180")]


def test_prices_by_the_hour_are_parts_called_by_their_price(tmp_path: Path) -> None:
    # 5 cents, but 7.5 from 17:00 to 19:00 of 28 February.
    prices = [0.05] * 8760
    prices[58 * 24 + 17 : 58 * 24 + 19] = [0.075, 0.075]
    tariff = imported(tmp_path, {"realtimepricing": prices, "mincharge": 5})
    columns = ("part", "season_start", "season_end", "starts_time", "ends_time")
    assert rows(tariff, "time_of_use", *columns)[57:62] == [
        ("0.05", "02-27", "02-27", "", ""),
        ("0.05", "02-28", "02-29", "00:00", "17:00"),
        ("0.075", "02-28", "02-29", "17:00", "19:00"),
        ("0.05", "02-28", "02-29", "19:00", "24:00"),
        ("0.05", "03-01", "03-01", "", ""),
    ]
    assert rows(tariff, "rate_card_tiers", "part", "unit_price") == [("0.05", "0.05"), ("0.075", "0.075")]
    assert rows(tariff, "rate_card_terms", "minimum_spend_amount", "is_total_from_unrounded") == [("5", "true")]
    assert "field realtimepricing: 8760 prices are expected" in refusal(tmp_path, realtimepricing=[0.1] * 24)


def test_what_cannot_be_billed_is_refused_by_its_field(tmp_path: Path) -> None:
    assert "field coincratestructure is not supported" in refusal(tmp_path, coincratestructure=[[{"rate": 1}]])
    assert "field demandreactivepowercharge is not" in refusal(tmp_path, demandreactivepowercharge=0.5)
    assert "field energyratestructure.unit: 'kWh/kW'" in refusal(
        tmp_path, energyratestructure=[[{"rate": 1, "unit": "kWh/kW"}]]
    )
    assert "field energyratestructure.max: 100 bounds the last tier" in refusal(
        tmp_path, energyratestructure=[[{"rate": 1, "max": 100}]]
    )
    assert "field energyratestructure.max: tier 1 has no bound, but another tier follows" in refusal(
        tmp_path, energyratestructure=[[{"rate": 1}, {"rate": 2}]]
    )
    for bounds in ((50, 20), (50, 50), (0, 20)):
        ladder = [{"max": bound, "rate": 1} for bound in bounds] + [{"rate": 2}]
        assert f"field energyratestructure.max: {bounds[bounds[0] > 0]} is not above" in refusal(
            tmp_path, energyratestructure=[ladder]
        )
    assert "field energyratestructure: a tier is an object" in refusal(tmp_path, energyratestructure=[[0.1]])
    assert "field energyratestructure.mint is not" in refusal(tmp_path, energyratestructure=[[{"rate": 1, "mint": 3}]])
    assert "energyratestructure.rate: nan is not" in refusal(tmp_path, energyratestructure=[[{"rate": math.nan}]])
    assert "field fixedchargefirstmeter: -5 is below 0" in refusal(tmp_path, fixedchargefirstmeter=-5)
    assert "field fixedmonthlycharge: 7 is not fixedchargefirstmeter" in refusal(
        tmp_path, fixedchargefirstmeter=5, fixedmonthlycharge=7
    )
    assert "field mincharge: -5 is below 0" in refusal(tmp_path, mincharge=-5)
    assert "field fueladjustmentsmonthly is missing or has not 12 months" in refusal(tmp_path, fueladjustmentsmonthly=1)
    assert "field currency: 'CAD' is not USD" in refusal(tmp_path, currency="CAD")
    assert "False is no period of energyratestructure" in refusal(tmp_path, energyweekdayschedule=[[False] * 24] * 12)
    demand = {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 12}
    for field, value in {"lookbackpercent": "x", "demandratchetpercentage": 0.8, "flatdemandunit": "kVA"}.items():
        assert f"field {field}" in refusal(tmp_path, **demand | {field: value})
    assert "field lookbackpercent: 200 percent is more" in refusal(tmp_path, **demand, lookbackpercent=200)
    assert "field lookbackrange: 99 is not" in refusal(tmp_path, **demand, lookbackpercent=1, lookbackrange=99)
    assert "field flatdemandmonths is missing" in refusal(tmp_path, flatdemandstructure=[[{"rate": 1}]])
    assert "field fueladjustmentsmonthly: -0.01 is below 0" in refusal(
        tmp_path, fueladjustmentsmonthly=[0.01] * 11 + [-0.01]
    )
    assert "field demandwindow: '20'" in refusal(
        tmp_path, flatdemandstructure=[[{"rate": 1}]], flatdemandmonths=[0] * 12, demandwindow=20
    )
    assert "3 is no period of energyratestructure" in refusal(tmp_path, energyweekdayschedule=[[3] * 24] * 12)
    assert "is not readable as JSON" in _refused_text(tmp_path, "{")
    assert "holds no single rate" in _refused_text(tmp_path, '{"items": []}')


def test_only_net_metering_takes_what_is_fed_in_off_what_is_used(tmp_path: Path) -> None:
    generating = CardName("card", export_metric="fed_in")
    for fields in ({}, {"dgrules": "Net Metering"}, {"dgrules": "Net Metering", "usenetmetering": False}):
        assert rows(imported(tmp_path, rate(**fields), generating), "rate_cards", "net_metric") == [("fed_in",)]
    for rules in ("Net Billing Hourly", "Net Billing Instantaneous", "Buy All Sell All"):
        assert rows(imported(tmp_path, rate(dgrules=rules)), "rate_cards", "net_metric") == [("",)]
        with pytest.raises(BadInputError, match=f"field dgrules: '{rules}' is not supported for what is fed in"):
            imported(tmp_path, rate(dgrules=rules), generating)


def test_a_bound_that_no_use_reaches_is_none(tmp_path: Path) -> None:
    ladder = [{"max": 10, "rate": 2}, {"max": 1e38, "rate": 3}, {"rate": 4}]
    for length in (2, 3):
        tariff = imported(tmp_path, rate(energyratestructure=[ladder[:length]]))
        assert rows(tariff, "rate_card_tiers", "up_to", "unit_price") == [("10", "2"), ("", "3")]


def test_a_unit_of_nothing_is_no_reason_to_refuse(tmp_path: Path) -> None:
    free = rate(fixedchargefirstmeter=0, fixedchargeunits="$/year", mincharge=0, minchargeunits="$/day")
    assert rows(imported(tmp_path, free), "rate_card_tiers", "flat_fee") == [("0",), ("",)]


def test_a_period_with_a_point_is_a_whole_number(tmp_path: Path) -> None:
    tariff = imported(tmp_path, rate(energyweekdayschedule=[[0.0] * 24] * 12))
    assert rows(tariff, "rate_cards", "price_model") == [("per_unit",)]


def _refused_text(tmp_path: Path, text: str) -> str:
    (tmp_path / "rate.json").write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_urdb(tmp_path / "rate.json", NAME)
    return str(caught.value)


def test_information_and_empty_fields_are_no_reason_to_refuse(tmp_path: Path) -> None:
    tariff = imported(tmp_path, rate(eiaid=9601, revisions=[1, 2], demandreactivepowercharge=0, newtext="x"))
    assert rows(tariff, "rate_cards", "charge") == [("energy",)]


def test_a_second_import_changes_nothing_and_another_rate_needs_another_version(tmp_path: Path) -> None:
    tariff = imported(tmp_path, rate())
    folder = tmp_path / "config"
    assert add_to_folder(tariff, folder) == ["rate_cards.csv", "rate_card_tiers.csv"]
    written = (folder / "rate_cards.csv").read_bytes()
    assert add_to_folder(tariff, folder) == []
    other = imported(tmp_path, rate(energyratestructure=[[{"rate": 0.2}]]))
    with pytest.raises(BadInputError, match="card 1 is there with other rows; import it as another --version"):
        add_to_folder(other, folder)
    assert (folder / "rate_cards.csv").read_bytes() == written


def test_sce_elements_are_fees_and_times_of_use() -> None:
    tariff = read_sce(PUBLISHED / "sce" / "tou_ev_8.json", NAME)
    assert rows(tariff, "rate_cards", "charge", "price_model") == [
        ("customer charge", "flat"),
        ("energy charge", "time_of_use"),
    ]
    # Months from 0, so 5 to 8 are June to September; of the days 0 is Sunday.
    columns = ("part", "season_start", "season_end", "days", "starts_time", "ends_time")
    assert rows(tariff, "time_of_use", *columns)[:3] == [
        ("Summer Peak", "06-01", "09-30", "1 2 3 4 5", "16:00", "21:00"),
        ("Summer Mid-Peak", "06-01", "09-30", "6 7", "16:00", "21:00"),
        ("Summer Off-Peak", "06-01", "09-30", "", "00:00", "16:00"),
    ]


def test_the_job_writes_into_the_folder_and_tells_what_changed(tmp_path: Path) -> None:
    from orchestration.tariff_jobs import import_rates

    config = {
        "file": str(PUBLISHED / "urdb" / "urdb_fpl_rs1.json"),
        "folder": str(tmp_path),
        "rate_card_id": "rs-1",
        "rate_card_version": 2,
        "effective_from_date": "2015-06-01",
    }

    def run(**changes: object) -> Any:
        run_config = {"ops": {"write_tariff": {"config": config | changes}}}
        return import_rates.execute_in_process(run_config=run_config, raise_on_error=False)

    def changed(result: Any) -> object:
        (event,) = result.get_asset_observation_events()
        return event.asset_observation_data.asset_observation.metadata["changed_files"].value

    assert changed(run()) == ["rate_cards.csv", "rate_card_tiers.csv"]
    assert changed(run()) == []
    assert "rs-1,2,usage" in (tmp_path / "rate_card_tiers.csv").read_text().replace(",energy,", ",")
    assert not run(form="tou", rate_card_version=3).success
