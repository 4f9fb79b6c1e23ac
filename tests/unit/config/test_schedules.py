"""Schedules by the local clock, and charges that use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from orchestration.importing.holidays import write_holidays
from tests.unit.config import refusing

TABLES = {
    "tenants": "tenant_id,region,currency_code\nacme,eu,EUR\n",
    "contracts": "contract_id,tenant_id,starts_at,time_zone,rate_card_id\nc1,acme,2023-01-01,UTC,card\n",
    "devices": "tenant_id,device_id\nacme,m-1\n",
    "metrics": "metric\nenergy\n",
    "rate_cards": "rate_card_id,currency_code,metric,price_model,schedule\ncard,EUR,energy,time_of_use,evening\n",
    "rate_card_tiers": (
        "rate_card_id,metric,part,tier_number,unit_price\ncard,energy,peak,1,0.5\ncard,energy,rest,1,0.1\n"
    ),
}
HEADER = "schedule,sequence,part,season_start,season_end,days,starts_time,ends_time,calendar\n"
WHOLE = HEADER + "evening,1,peak,,,weekday,17:00,20:00,\nevening,2,rest,,,,,,\n"


def errors(folder: Path, **tables: str) -> list[str]:
    return refusing.errors(folder, TABLES | {"time_of_use": WHOLE} | tables)


def test_a_schedule_covers_every_minute_of_every_kind_of_day(tmp_path: Path) -> None:
    assert errors(tmp_path) == []
    weekdays = HEADER + "evening,1,peak,,,weekday,,,\nevening,2,rest,,,6,,,\n"
    assert errors(tmp_path, time_of_use=weekdays) == [
        "time_of_use.csv line 2: schedule 'evening' has no part for a Sunday, 01-01 at 00:00; add a row, or a last one "
        "for all days"
    ]
    evening = HEADER + "evening,1,peak,,,,17:00,24:00,\nevening,2,rest,,,,00:00,16:59,\n"
    assert "no part for a Monday, 01-01 at 16:59" in errors(tmp_path, time_of_use=evening)[0]
    # A season that ends on 28 February leaves the 29th of a leap year; one may go over New Year.
    seasons = HEADER + "evening,1,peak,03-01,10-31,,,,\nevening,2,rest,11-01,{},,,,\n"
    assert errors(tmp_path, time_of_use=seasons.format("02-29")) == []
    assert "no part for a Monday, 02-29 at 00:00" in errors(tmp_path, time_of_use=seasons.format("02-28"))[0]
    # With a calendar a weekday is one that is no holiday.
    holidays = "calendar,holiday_date\nde,2023-10-03\n"
    without = HEADER + "evening,1,peak,,,weekday,,,de\nevening,2,rest,,,weekend,,,de\n"
    assert (
        "no part for a holiday on a Monday, 01-01 at 00:00"
        in errors(tmp_path, time_of_use=without, holidays=holidays)[0]
    )
    with_them = without.replace("weekend", "weekend holiday")
    assert errors(tmp_path, time_of_use=with_them, holidays=holidays) == []


def test_rows_that_say_nothing_are_refused(tmp_path: Path) -> None:
    row = HEADER + "evening,1,peak,{},{},{},{},{},{}\nevening,2,rest,,,,,,\n"

    def refused(*cells: str) -> list[str]:
        (tmp_path / "holidays.csv").unlink(missing_ok=True)
        return errors(tmp_path, time_of_use=row.format(*cells))

    place = "time_of_use.csv line 2, column "
    assert refused("", "", "", "20:00", "06:00", "") == [
        f"{place}ends_time: 06:00 is not after starts_time 20:00; write what goes over midnight as two rows"
    ]
    assert refused("02-30", "", "", "", "", "")[:1] == [
        f"{place}season_start: '02-30' is not a day of the year; write month and day as 06-01"
    ]
    assert refused("", "", "workday", "", "", "")[:1] == [
        f"{place}days: 'workday' is no kind of day; write all, weekday, weekend, holiday or numbers from 1 (Monday) to "
        "7 (Sunday), several with a space between them"
    ]
    assert refused("", "", "", "24:30", "", "")[:1] == [
        f"{place}starts_time: '24:30' is not a time of day; write it as 16:00 (24:00 is the end of the day)"
    ]
    assert refused("", "", "holiday", "", "", "") == [
        f"{place}calendar: is empty, but days names holidays; name a calendar of holidays.csv"
    ]
    assert refused("", "", "", "", "", "us") == [
        f"{place}calendar: 'us' is not in holidays.csv; add its dates (`meterline rates holidays` writes them)"
    ]


CARD = (
    "rate_card_id,currency_code,metric,price_model,charge_basis,schedule,tier_meaning,demand_minutes,window\ncard,EUR,"
)


@pytest.mark.parametrize(
    ("charge", "column", "text"),
    [
        ("energy,time_of_use,usage,,,,", "schedule", "and price_model time_of_use go together"),
        ("energy,per_unit,peak_demand,,,,", "demand_minutes", "goes with charge_basis peak_demand"),
        ("energy,per_unit,usage,,,15,", "demand_minutes", "goes with charge_basis peak_demand"),
        ("energy,time_of_use,active_devices,evening,,,", "charge_basis", "'active_devices' has no time of use"),
        ("energy,graduated,usage,,cumulative,,", "tier_meaning", "'cumulative' is for use by a schedule"),
        ("energy,flat,usage,,,,hour", "price_model", "'flat' does not ask when use was"),
        (",per_unit,usage,,,,hour", "metric", "and net_metric must be sums or counts"),
        ("energy,graduated,days,,,,", "price_model", "'graduated' has no meaning for days"),
    ],
)
def test_charges_whose_columns_do_not_go_together_are_refused(
    tmp_path: Path, charge: str, column: str, text: str
) -> None:
    basis = charge.split(",")[2]
    metric = charge.split(",", maxsplit=1)[0]
    price = "0.5," if "flat" not in charge else ",5"
    tiers = f"rate_card_id,metric,charge_basis,tier_number,unit_price,flat_fee\ncard,{metric},{basis},1,{price}\n"
    told = errors(tmp_path, rate_cards=CARD + charge + "\n", rate_card_tiers=tiers)
    assert any(line.startswith(f"rate_cards.csv line 2, column {column}: {text}") for line in told), told


def test_every_part_has_a_price_and_shared_tiers_the_same_bounds(tmp_path: Path) -> None:
    header = "rate_card_id,metric,part,tier_number,up_to,unit_price\n"
    one = header + "card,energy,peak,1,,0.5\ncard,energy,noon,1,,0.1\n"
    assert errors(tmp_path, rate_card_tiers=one) == [
        "rate_cards.csv line 2, column schedule: 'evening' has a part 'rest' without a price; add its tier to "
        "rate_card_tiers.csv",
        "rate_cards.csv line 2, column schedule: 'evening' has no part 'noon', which rate_card_tiers.csv prices; "
        "correct one of them",
    ]
    own = header + "card,energy,peak,1,10,0.5\ncard,energy,peak,2,,0.6\ncard,energy,rest,1,,0.1\n"
    assert errors(tmp_path, rate_card_tiers=own) == []
    shared = "rate_card_id,currency_code,metric,price_model,schedule,tier_meaning\ncard,EUR,energy,time_of_use,evening,"
    assert errors(tmp_path, rate_card_tiers=own, rate_cards=shared + "month_end\n") == [
        "rate_cards.csv line 2, column tier_meaning: 'month_end' needs the same bounds (up_to) of the tiers in "
        "every part"
    ]


def test_holidays_of_a_state_are_written_once(tmp_path: Path) -> None:
    # Independence Day and, in California, Cesar Chavez Day.
    assert write_holidays(tmp_path, "US", "CA", (2023, 2023)) > 10
    text = (tmp_path / "holidays.csv").read_text()
    assert "US-CA,2023-07-04,Independence Day\n" in text
    assert "US-CA,2023-03-31," in text
    assert write_holidays(tmp_path, "US", "CA", (2023, 2023)) == 0
    assert (tmp_path / "holidays.csv").read_text() == text
    assert write_holidays(tmp_path, "US", "CA", (2024, 2024)) > 10
    assert (tmp_path / "holidays.csv").read_text().startswith(text)
    with pytest.raises(BadInputError, match="--country 'XX'"):
        write_holidays(tmp_path, "XX", "", (2023, 2023))
