"""Prices that change within a period: each part is priced on its own, and the tiers run on (RULES 16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from orchestration.database.connection import connect
from orchestration.rate_releases import Simulation
from tests.support import Message, Pipeline, message

# On 26 March 2023 the clocks of Berlin skip 02:00 to 03:00.
BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
LINES = """
select description, rate_card_version, trim_scale(quantity)::text, amount::text
from finance.invoice_lines where invoice_id = 'INV-' || %s || '-2023-03-' || %s order by line_number
"""
EXACT = """
select sum(exact_amount) from finance.invoice_line_explanations where invoice_id = 'INV-' || %s || '-2023-03-01'
"""
EXPLAINED = "select explanation from finance.invoice_line_explanations where invoice_id = %s order by line_number"
CHANGES = """
select component, sum(amount)::text from finance.invoice_changes where invoice_id = %s group by component order by 1
"""
FEES = ((100, "0.20", 5), (None, "0.15", 3))
# Quantities by local time; what is equal to the tenth decimal needs awkward ones.
AWKWARD = {"03-03T10:00": "33.3333333333", "03-15T23:59": "66.7", "03-16T00:00": "0.0000000001", "03-30T08:00": "77.77"}
EQUAL = {
    "per-unit": {"tiers": ((None, "0.1234567891"),)},
    "graduated": {"tiers": FEES, "price_model": "graduated"},
    "package": {"tiers": ((None, "9.99"),), "price_model": "package", "package_size": 7},
}


@dataclass
class Story:
    """The platform, and what a promotion was expected to do."""

    pipeline: Pipeline
    simulated: Simulation


@pytest.fixture(scope="module")
def story(shared_pipeline: Pipeline) -> Story:
    """All cases as tenants of one run: February and March 2023 are processed and closed."""
    pipeline = shared_pipeline
    configure(pipeline)
    pipeline.land(*use())
    pipeline.process()
    pipeline.close("2023-02", "2023-04-10")
    simulated = pipeline.simulate("cohort", 2)
    pipeline.decide("staged", "cohort", 2, "Ada")
    pipeline.decide("promoted", "cohort", 2, "Grace", "pilot")
    pipeline.close("2023-03", "2023-04-10")
    pipeline.explain("2023-03")
    return Story(pipeline, simulated)


@pytest.fixture(scope="module")
def closed(story: Story) -> Pipeline:
    return story.pipeline


def configure(pipeline: Pipeline) -> None:
    split(pipeline, "unit", {1: "0.20", 2: "0.30"}, {2: "2023-03-27"})
    tenant(pipeline, "unit")
    split(pipeline, "tiers", {1: FEES, 2: ((100, "0.30", 5), (None, "0.25", 3))}, price_model="graduated")
    tenant(pipeline, "tiers")
    split(pipeline, "included", {1: "0.10", 2: "0.20"}, included_units=62)
    tenant(pipeline, "included")
    split(pipeline, "recurring", {1: ((None, None, 31),), 2: ((None, None, 62),)}, price_model="flat")
    tenant(pipeline, "recurring")
    tenant(pipeline, "moved-in", "recurring", starts_at="2023-03-10")
    split(pipeline, "first-day", {1: "0.20", 2: "0.30"}, {2: "2023-03-01"})
    tenant(pipeline, "first-day")
    split(pipeline, "two-changes", {1: "1", 2: "2", 3: "3"}, {2: "2023-03-11", 3: "2023-03-21"})
    tenant(pipeline, "two-changes")
    # The version in force when the period begins does not ask for it.
    split(pipeline, "not-asked", {1: "1", 2: "2"}, split_by_date=lambda version: version == 2)
    tenant(pipeline, "not-asked")
    split(pipeline, "packages", {1: "9", 2: "10"}, price_model="package", package_size=100)
    tenant(pipeline, "packages")
    split(pipeline, "devices", {1: "31", 2: "62"}, charge_basis="active_devices", metric=None)
    pipeline.tenant("devices", "m-1", "m-2", rate_card_id="devices", time_zone="Europe/Berlin", starts_at="2023-03-01")
    split(pipeline, "no-use", {1: FEES, 2: FEES}, price_model="graduated", zero_quantity="first_tier_flat")
    tenant(pipeline, "no-use")
    tenant(pipeline, "late-use", "no-use")
    # Nepal's clock is 5:45 ahead: its midnights are no hours of UTC.
    split(pipeline, "nepal", {1: "1", 2: "10"})
    tenant(pipeline, "nepal", time_zone="Asia/Kathmandu")
    split(pipeline, "cohort", {1: "1", 2: "2"}, release=lambda version: "staged" if version == 2 else "dated")
    tenant(pipeline, "pilot", "cohort", cohort="pilot")
    tenant(pipeline, "others", "cohort", starts_at="2023-02-01")
    configure_parts_of_the_day(pipeline)
    for name, columns in EQUAL.items():
        tiers = columns["tiers"]
        others = {key: value for key, value in columns.items() if key != "tiers"}
        split(pipeline, f"same-{name}", {1: tiers, 2: tiers}, **others)
        split(pipeline, f"whole-{name}", {1: tiers, 2: tiers}, split_by_date=lambda _: False, **others)
        tenant(pipeline, f"same-{name}")
        tenant(pipeline, f"whole-{name}")
    # What is silent is estimated between its readings, until the meter was taken out.
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    split(pipeline, "silent", {1: "1", 2: "10"})
    tenant(pipeline, "silent", device_type="hourly", estimation="linear")
    pipeline.configuration.tables["devices"][-1]["retired_at"] = "2023-03-16T02:00"
    # Into a split month, and out of one.
    tenant(pipeline, "into", "unit", starts_at="2023-02-01")
    split(pipeline, "out", {1: "1", 2: "2"}, {2: "2023-02-15"})
    tenant(pipeline, "out", starts_at="2023-02-01")


def configure_parts_of_the_day(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["time_of_use"] = [
        {"schedule": "s", "sequence": 1, "part": "peak", "starts_time": "17:00", "ends_time": "20:00"},
        {"schedule": "s", "sequence": 2, "part": "rest"},
    ]
    tiers = {n: ({"part": "peak", "unit_price": n}, {"part": "rest", "unit_price": n * 10}) for n in (1, 2)}
    split(pipeline, "clock", tiers, price_model="time_of_use", schedule="s")
    tenant(pipeline, "clock")


def split(
    pipeline: Pipeline,
    card: str,
    prices: dict[int, object],
    dates: dict[int, str] | None = None,
    **columns: object,
) -> None:
    """A card of several versions, the first in force for long, the second from 16 March where nothing is said."""
    columns.setdefault("split_by_date", lambda _: True)
    for version, price in prices.items():
        tiers = ((None, price),) if isinstance(price, str) else price
        own = {name: value(version) if callable(value) else value for name, value in columns.items()}
        own["split_by_date"] = str(own["split_by_date"]).lower()
        if version > 1:
            own["effective_from_date"] = (dates or {2: "2023-03-16"})[version]
        pipeline.configuration.rate_card(card, *tiers, rate_card_version=version, **own)


def tenant(pipeline: Pipeline, name: str, card: str | None = None, **columns: object) -> None:
    defaults = {"time_zone": "Europe/Berlin", "starts_at": "2023-03-01", "rate_card_id": card or name}
    pipeline.tenant(name, "m-1", **(defaults | columns))


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(f"2023-{text}").replace(tzinfo=zone)


def uses(name: str, quantities: dict[str, object], zone: ZoneInfo = BERLIN) -> list[Message]:
    """What a tenant used at which local times of 2023."""
    numbered = enumerate(quantities.items(), start=1)
    return [message(name, "m-1", number, quantity, local(at, zone)) for number, (at, quantity) in numbered]


def use() -> list[Message]:
    """What the tenants used."""
    around = {"03-10T12:00": 1, "03-15T23:59:59": 2, "03-16T00:00": 4}
    rows = [
        # 23:30 and 00:30 by the clock of summer, 21:30 and 22:30 in UTC.
        *uses("unit", {"03-26T23:30": 10, "03-27T00:30": 4}),
        *uses("tiers", {"03-10T12:00": 80, "03-20T12:00": 50}),
        *uses("included", {"03-10T12:00": 50, "03-20T12:00": 20}),
        *uses("recurring", {"03-10T12:00": 1}),
        *uses("first-day", around),
        *uses("two-changes", {"03-10T23:00": 1, "03-11T00:00": 1, "03-20T12:00": 1, "03-21T12:00": 1}),
        *uses("not-asked", around),
        *uses("packages", {"03-10T12:00": 50, "03-16T12:00": 40, "03-17T12:00": 30}),
        *uses("late-use", {"03-20T12:00": 10}),
        *uses("nepal", {"03-15T23:50": 1, "03-16T00:05": 2}, KATHMANDU),
        *uses("pilot", around),
        *uses("others", {"02-10T12:00": 5} | around),
        *uses("clock", {"03-10T18:00": 1, "03-10T12:00": 2, "03-20T18:00": 3, "03-20T12:00": 4}),
        *uses("silent", {"03-15T22:00": 2, "03-16T01:00": 2}),
        *uses("into", {"02-10T12:00": 10, "03-10T12:00": 20, "03-28T12:00": 10}),
        *uses("out", {"02-10T12:00": 10, "02-20T12:00": 10, "03-10T12:00": 30}),
        *(message("devices", device, 1, 1, local("03-10T12:00")) for device in ("m-1", "m-2")),
    ]
    for name in EQUAL:
        rows += uses(f"same-{name}", AWKWARD) + uses(f"whole-{name}", AWKWARD)
    return rows


def lines(pipeline: Pipeline, name: str, day: str = "01") -> list[tuple[object, ...]]:
    return pipeline.rows(LINES, name, day)


def test_each_part_has_its_price_from_local_midnight_on(closed: Pipeline) -> None:
    # 10 x 0.20 and 4 x 0.30; 00:30 of the 27th is still the 26th in UTC.
    assert lines(closed, "unit") == [
        ("energy, 1-26 March: every unit at 0.20", 1, "10", "2.00"),
        ("energy, 27-31 March: every unit at 0.30", 2, "4", "1.20"),
    ]


def test_tiers_run_on_and_a_fee_falls_where_its_tier_is_entered(closed: Pipeline) -> None:
    # 80 of the first tier by the 15th: 16.00 and its fee. Of the 50 after it 20 fill it up at 0.30, 30 are beyond 100
    # at 0.25, with the fee of the second tier; that of the first was paid.
    assert lines(closed, "tiers") == [
        ("energy, 1-15 March: flat fee of tier 1", 1, "1", "5.00"),
        ("energy, 1-15 March: tier 1, units up to 100 at 0.20", 1, "80", "16.00"),
        ("energy, 16-31 March: tier 1, units up to 100 at 0.30", 2, "20", "6.00"),
        ("energy, 16-31 March: flat fee of tier 2", 2, "1", "3.00"),
        ("energy, 16-31 March: tier 2, units above 100 at 0.25", 2, "30", "7.50"),
    ]
    assert closed.rows(EXPLAINED, "INV-tiers-2023-03-01")[1::3] == [
        ("80 measured; tier 1 (units up to 100) prices 80; 80 x 0.20 = 16.00",),
        ("50 measured, after 80 earlier in the period; tier 2 (units above 100) prices 30; 30 x 0.25 = 7.50",),
    ]


def test_included_units_are_those_of_the_days_of_a_part(closed: Pipeline) -> None:
    # 62 x 15 / 31 = 30 of 50 are included, then 32, of which 20 are used.
    assert lines(closed, "included") == [
        ("energy, 1-15 March: every unit at 0.10, after 30 included units", 1, "20", "2.00")
    ]


def test_a_recurring_fee_is_paid_by_the_days_of_each_part(closed: Pipeline) -> None:
    # 31 x 15 / 31 and 62 x 16 / 31; from the 10th on 31 x 6 / 31.
    assert lines(closed, "recurring") == [
        ("energy, 1-15 March: recurring fee of 31.00, 15 of 31 days", 1, "1", "15.00"),
        ("energy, 16-31 March: recurring fee of 62.00, 16 of 31 days", 2, "1", "32.00"),
    ]
    assert [line[3] for line in lines(closed, "moved-in", "10")] == ["6.00", "32.00"]


def test_devices_count_for_the_period_and_are_paid_by_the_days_of_each_part(closed: Pipeline) -> None:
    # 2 x 31 x 15 / 31 and 2 x 62 x 16 / 31.
    assert lines(closed, "devices") == [
        ("active devices, 1-15 March: every unit at 31.00, 15 of 31 days", 1, "2", "30.00"),
        ("active devices, 16-31 March: every unit at 62.00, 16 of 31 days", 2, "2", "64.00"),
    ]
    assert closed.rows(EXPLAINED, "INV-devices-2023-03-01")[0] == (
        "2 measured; tier 1 (units) prices 2; 2 x 31.00 x 15 / 31 days = 30.00",
    )


def test_a_change_on_the_first_day_splits_nothing(closed: Pipeline) -> None:
    assert lines(closed, "first-day") == [("energy: every unit at 0.30", 2, "7", "2.10")]


def test_a_period_may_have_several_changes(closed: Pipeline) -> None:
    assert lines(closed, "two-changes") == [
        ("energy, 1-10 March: every unit at 1.00", 1, "1", "1.00"),
        ("energy, 11-20 March: every unit at 2.00", 2, "2", "4.00"),
        ("energy, 21-31 March: every unit at 3.00", 3, "1", "3.00"),
    ]


def test_the_version_of_the_first_day_says_whether_it_is_split(closed: Pipeline) -> None:
    assert lines(closed, "not-asked") == [("energy: every unit at 1.00", 1, "7", "7.00")]


def test_a_package_that_was_begun_is_paid(closed: Pipeline) -> None:
    # 50 begin the first package of 100; the 70 after them fill it and begin the second.
    assert [line[1:] for line in lines(closed, "packages")] == [(1, "1", "9.00"), (2, "1", "10.00")]


def test_the_fee_without_use_falls_once_at_the_end(closed: Pipeline) -> None:
    assert lines(closed, "no-use") == [("energy, 16-31 March: flat fee of tier 1", 2, "1", "5.00")]
    assert [line[1:] for line in lines(closed, "late-use")] == [(2, "1", "5.00"), (2, "10", "2.00")]


def test_midnight_within_an_hour_of_utc_is_midnight(closed: Pipeline) -> None:
    # 23:50 and 00:05 are 18:05 and 18:20 in UTC.
    assert [line[1:] for line in lines(closed, "nepal")] == [(1, "1", "1.00"), (2, "2", "20.00")]


def test_a_version_prices_its_part_for_whom_it_was_promoted(story: Story) -> None:
    assert [line[1:] for line in lines(story.pipeline, "pilot")] == [(1, "3", "3.00"), (2, "4", "8.00")]
    assert lines(story.pipeline, "others") == [("energy: every unit at 1.00", 1, "7", "7.00")]
    # A simulation has the candidate price all of February: 5 at 2.
    assert [(row["current_amount"], row["candidate_amount"]) for row in story.simulated.tenants] == [(5, 10)]


def test_parts_of_the_day_have_the_price_of_their_date(closed: Pipeline) -> None:
    # Peak 1 x 1 and 3 x 2, the rest 2 x 10 and 4 x 20.
    assert lines(closed, "clock") == [
        ("energy, peak, 1-15 March: every unit at 1.00", 1, "1", "1.00"),
        ("energy, rest, 1-15 March: every unit at 10.00", 1, "2", "20.00"),
        ("energy, peak, 16-31 March: every unit at 2.00", 2, "3", "6.00"),
        ("energy, rest, 16-31 March: every unit at 20.00", 2, "4", "80.00"),
    ]


def test_an_estimate_is_priced_in_the_part_of_its_hour(closed: Pipeline) -> None:
    # Between readings of 2 at 22:00 and at 01:00 the hours from 23:00 and from 00:00 are estimated at 2 each.
    assert lines(closed, "silent") == [
        ("energy, 1-15 March: every unit at 1.00, of which 2 estimated", 1, "4", "4.00"),
        ("energy, 16-31 March: every unit at 10.00, of which 2 estimated", 2, "4", "40.00"),
    ]


@pytest.mark.parametrize("model", EQUAL)
def test_equal_prices_give_what_one_price_gives(closed: Pipeline, model: str) -> None:
    ((parts,),), ((whole,),) = (closed.rows(EXACT, f"{kind}-{model}") for kind in ("same", "whole"))
    assert isinstance(parts, Decimal)
    assert parts == whole > 0
    assert len(lines(closed, f"same-{model}")) > len(lines(closed, f"whole-{model}")) > 0


def test_the_bridge_into_a_split_month_and_out_of_it_is_exact(closed: Pipeline) -> None:
    # 2.00 in February, 7.00 in March: 20 more at 0.20 are 4.00; ten of them at 0.30 are 1.00 more.
    assert closed.rows(CHANGES, "INV-into-2023-03-01") == [("price", "1.00"), ("volume", "4.00")]
    # 10 at 1 and 10 at 2, then 30 at 2: half as much again of both is 15.00, and 15 at 2 instead of 1 are 15.00 more.
    assert closed.rows(CHANGES, "INV-out-2023-03-01") == [("price", "15.00"), ("volume", "15.00")]


def test_every_invoice_is_reproduced_from_events_or_from_what_was_kept_of_folded_ones(closed: Pipeline) -> None:
    with connect(closed.settings, "meterline_approver") as session:
        session.execute("select store.fold_month('2023-02-01', 'Ada Okafor', 'not needed')")
    assert closed.prove() == {}
    closed.audit()
