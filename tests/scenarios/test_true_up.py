"""Estimates that are taken back: what two periods bill together when a reading is missing at the end of the first.

One kWh costs 1.00 EUR; meters report daily, at noon. Periods are months in UTC with 72 hours of grace unless said
otherwise.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.errors import MeterlineError
from tests.support import Message, Pipeline, instant, message

ESTIMATES = """
select to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24:MI'), trim_scale(quantity)::text, method
from finance.estimated_usage where tenant_id = %s and period_id = tenant_id || ':' || %s order by bucket_start_at
"""
BILLED = """
select split_part(period_id, ':', 2), trim_scale(quantity)::text, trim_scale(estimated_quantity)::text
from finance.invoice_lines join finance.invoices using (invoice_id, invoice_version)
where tenant_id = %s and status = 'issued' order by 1
"""

WORDS = """
select quality, description from finance.invoice_lines
where invoice_id in ('INV-acme-2019-02-01', 'INV-acme-2019-03-01') order by invoice_id
"""
REGISTER_MAX = 100_000


@pytest.fixture
def meters(pipeline: Pipeline) -> Pipeline:
    """Tenants have register meters that are read daily."""
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.configuration.tables["device_types"].append(
        {"device_type": "daily", "expected_interval_seconds": 86400, "register_max": REGISTER_MAX}
    )
    return pipeline


def daily(tenant: str, first: str, last: str, shown: int, use: int, **others: object) -> list[Message]:
    """A reading at noon of each day from `first` to `last`: `shown` on 1 January, `use` more every day."""
    begin, day, end = (instant(f"2019-{date}T12:00:00Z") for date in ("01-01", first, last))
    read = []
    while day <= end:
        days = (day - begin).days
        read.append(message(tenant, "m-1", days, (shown + use * days) % REGISTER_MAX, day, **others))
        day += timedelta(days=1)
    return read


def spring(tenant: str, **others: object) -> list[Message]:
    """The readings after those of `daily`, none of them on the last day of a month in which others are missing."""
    return [
        message(tenant, "m-1", 90, 1500, "2019-03-10T12:00:00Z", **others),
        message(tenant, "m-1", 91, 1550, "2019-03-31T12:00:00Z"),
    ]


def buffered(row: Message, received: str) -> Message:
    """The same message sent only when it was received: late, by a clock that is right."""
    return row | {"received_at": received, "sent_ts": received}


def test_the_end_of_a_period_is_estimated_and_trued_up_by_the_next_reading(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="daily", estimation="linear")
    meters.tenant("plain", "m-1", device_type="daily")
    for tenant in ("acme", "plain"):
        # 24 kWh a day; on 18 February at noon the register shows 1152, on 10 March 1500.
        meters.land(*daily(tenant, "01-01", "02-18", 0, 24))
        meters.land(*spring(tenant))
    # The same use over the end of the register.
    meters.tenant("rolls", "m-1", device_type="daily", estimation="linear")
    meters.land(*daily("rolls", "01-01", "02-18", 99_000, 24))
    meters.land(*(row | {"quantity": int(row["quantity"]) - 1000} for row in spring("rolls")))
    # And behind a transformer: the register shows half of it.
    meters.tenant("halved", "m-1", device_type="daily", estimation="linear")
    meters.configuration.tables["calibrations"] = [
        {"tenant_id": "halved", "device_id": "m-1", "metric": "energy", "starts_at": "2019-01-01", "multiplier": 2}
    ]
    meters.land(*daily("halved", "01-01", "02-18", 0, 12))
    meters.land(*(row | {"quantity": int(row["quantity"]) // 2} for row in spring("halved")))
    # No order of closes: March is billed before what it takes back.
    meters.process()
    for month in ("2019-03", "2019-02", "2019-01"):
        meters.close(month, "2019-04-10")
    # January: 30 days of 24 until noon of the 31st; the 12 hours after that are less than a day and no gap.
    # February: 18 x 24 = 432 were read; 10.5 days at 24 = 252 more are estimated. March: 1550 - 1152 = 398, less 252.
    assert meters.rows(ESTIMATES, "acme", "2019-01-01") == []
    assert meters.rows(ESTIMATES, "acme", "2019-02-01") == [("02-18 12:00", "252", "linear")]
    assert meters.rows(ESTIMATES, "acme", "2019-03-01") == [("02-18 12:00", "-252", "true_up")]
    assert meters.rows(BILLED, "acme") == [
        ("2019-01-01", "720", "0"), ("2019-02-01", "684", "252"), ("2019-03-01", "146", "-252"),
    ]  # fmt: skip
    assert meters.rows(BILLED, "rolls") == meters.rows(BILLED, "halved") == meters.rows(BILLED, "acme")
    assert meters.rows(WORDS) == [
        ("estimated", "energy: every unit at 1.00, of which 252 estimated"),
        ("trued_up", "energy: every unit at 1.00, less 252 that was estimated before"),
    ]
    # Together what the register moved on, from 0 to 1550, as without estimates.
    assert meters.rows(BILLED, "plain") == [
        ("2019-01-01", "720", "0"), ("2019-02-01", "432", "0"), ("2019-03-01", "398", "0"),
    ]  # fmt: skip
    assert meters.rows(ESTIMATES, "plain", "2019-02-01") == []
    assert meters.prove() == {}
    meters.audit()


def test_estimates_of_silent_months_are_taken_back_together_and_a_new_meter_takes_nothing_back(
    meters: Pipeline,
) -> None:
    meters.configuration.tables["device_types"].append(
        {"device_type": "limited", "expected_interval_seconds": 86400, "max_use_per_hour": 10}
    )
    for tenant, device_type in (("silent", "daily"), ("jumps", "limited"), ("exchanged", "daily")):
        meters.tenant(tenant, "m-1", device_type=device_type, estimation="linear")
        meters.land(*daily(tenant, "01-01", "01-18", 0, 24))
        meters.land(*spring(tenant, **({"quality": "exchange"} if tenant == "exchanged" else {})))
    # A reading that nobody can believe ends no silence.
    meters.land(message("jumps", "m-1", 80, 99_999, "2019-02-10T12:00:00Z"))
    meters.process()
    meters.close("2019-01", "2019-04-10")
    meters.close("2019-02", "2019-04-10")
    # A month of which nothing was read is answered for by a person.
    assert meters.held == {f"{tenant}:2019-02-01": "use_is_mostly_read" for tenant in ("silent", "jumps", "exchanged")}
    for tenant in ("silent", "jumps", "exchanged"):
        meters.override("usage", f"{tenant}:2019-02-01", "Ada", "the meter is known to be out of reach")
    meters.close("2019-02", "2019-04-10")
    meters.close("2019-03", "2019-04-10")

    # January: 17 x 24 = 408 read, 13.5 x 24 = 324 estimated; February: 28 x 24 = 672. March: 1550 - 408 - 324 - 672.
    for tenant in ("silent", "jumps"):
        assert meters.rows(ESTIMATES, tenant, "2019-01-01") == [("01-18 12:00", "324", "linear")]
        assert meters.rows(ESTIMATES, tenant, "2019-02-01") == [("02-01 00:00", "672", "linear")]
        assert meters.rows(ESTIMATES, tenant, "2019-03-01") == [
            ("01-18 12:00", "-324", "true_up"), ("02-01 00:00", "-672", "true_up"),
        ]  # fmt: skip
        assert [row[1] for row in meters.rows(BILLED, tenant)] == ["732", "672", "146"]
    # What the old meter used to its end, nobody will read any more: the estimates stand. The new one moved on by 50.
    assert meters.rows(ESTIMATES, "exchanged", "2019-03-01") == []
    assert [row[1] for row in meters.rows(BILLED, "exchanged")] == ["732", "672", "50"]
    assert meters.prove() == {}
    meters.audit()


def test_weeks_that_are_closed_together_agree_on_what_was_estimated(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="daily", estimation="linear", billing_cycle="weekly", anchor_day=1)
    meters.land(*daily("acme", "01-28", "02-08", 0, 24))
    meters.land(message("acme", "m-1", 90, 1200, "2019-02-18T12:00:00Z"))
    meters.land(message("acme", "m-1", 91, 1300, "2019-02-24T12:00:00Z"))
    meters.process()
    meters.close("2019-02", "2019-03-10")
    # Week of the 4th: 5 x 24 read to the 8th at noon, when the register shows 912, and 2.5 x 24 estimated. The 11th:
    # 7 x 24, held because nothing was read. The 18th: 1300 - 912 = 388, less 60 and 168, although the week before
    # waits: they are owed there.
    assert meters.held == {"acme:2019-02-11": "use_is_mostly_read"}
    weeks = [("2019-01-28", "144", "0"), ("2019-02-04", "180", "60"), ("2019-02-18", "160", "-228")]
    assert meters.rows(BILLED, "acme") == weeks
    meters.override("usage", "acme:2019-02-11", "Ada", "the gateway was down")
    meters.close("2019-02", "2019-03-10")
    assert meters.rows(BILLED, "acme") == sorted([*weeks, ("2019-02-11", "168", "168")])
    assert meters.prove() == {}


def test_a_reading_of_the_closed_period_by_the_late_policy_of_its_contract(meters: Pipeline) -> None:
    for tenant in ("grace", "defer", "reopen", "intime"):
        policy = "grace" if tenant == "intime" else tenant
        meters.tenant(tenant, "m-1", device_type="daily", estimation="linear", late_policy=policy)
        meters.land(*daily(tenant, "01-01", "02-18", 0, 24), *spring(tenant))
    meters.process()
    meters.close("2019-02", "2019-04-10")
    meters.close("2019-03", "2019-04-10")
    for tenant in ("grace", "defer", "reopen", "intime"):
        assert [row[1] for row in meters.rows(BILLED, tenant)] == ["684", "146"]

    for tenant in ("grace", "defer", "reopen", "intime"):
        reading = message(tenant, "m-1", 60, 1300, "2019-02-25T12:00:00Z")
        meters.land(buffered(reading, "2019-03-02T00:00:00Z" if tenant == "intime" else "2019-03-12T00:00:00Z"))
    meters.process()
    meters.close("2019-02", "2019-04-10")
    meters.close("2019-03", "2019-04-10")
    # Out of the chain: the next reading has its use, and takes back what it took back before.
    for tenant in ("grace", "defer"):
        assert [row[1] for row in meters.rows(BILLED, tenant)] == ["684", "146"]
    # In the chain: 580 read in February. In the 28 days to the 25th the register went from 648 to 1300, by 652: 81.5 in
    # the 3.5 days that are left. March is 1550 - 1300 = 250, less 81.5. Together 830 again.
    for tenant in ("reopen", "intime"):
        assert meters.rows(BILLED, tenant) == [("2019-02-01", "661.5", "81.5"), ("2019-03-01", "168.5", "-81.5")]
        assert meters.rows(ESTIMATES, tenant, "2019-03-01") == [("02-25 12:00", "-81.5", "true_up")]
    assert meters.prove() == {}
    meters.audit()


def test_more_taken_back_than_used_waits_for_a_person(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="daily", estimation="linear")
    meters.land(*daily("acme", "01-01", "02-18", 0, 24))
    meters.land(message("acme", "m-1", 90, 1300, "2019-03-31T12:00:00Z"))
    meters.process()
    assert meters.close("2019-02", "2019-04-10") == [("INV-acme-2019-02-01", 1, "684.00")]
    # 148 kWh in all of March, but 252 were estimated for the end of February.
    assert meters.close("2019-03", "2019-04-10") == []
    assert meters.held == {"acme:2019-03-01": "credits_are_covered"}
    meters.override("usage", "acme:2019-03-01", "Ada", "104.00 EUR are credited by hand")
    assert meters.close("2019-03", "2019-04-10") == [("INV-acme-2019-03-01", 1, "0.00")]
    assert meters.prove() == {}


def test_an_exchange_that_is_declared_and_not_processed_is_not_closed_over(meters: Pipeline) -> None:
    for tenant in ("acme", "other"):
        meters.tenant(tenant, "m-1", device_type="daily")
        meters.land(*daily(tenant, "01-31", "02-27", 0, 24), message(tenant, "m-1", 90, 10, "2019-02-28T12:00:00Z"))
    meters.process()
    meters.configuration.tables["register_exchanges"] = [
        {"tenant_id": "acme", "device_id": "m-1", "metric": "energy", "exchanged_at": "2019-02-20T13:00:00Z"}
    ]
    meters.configure()
    # 31 January at noon to 27 February at noon, and nothing for the fall.
    assert meters.close("2019-02", "2019-03-10") == [("INV-other-2019-02-01", 1, "648.00")]
    assert meters.held == {"acme:2019-02-01": "exchanges_are_processed"}
    with pytest.raises(MeterlineError, match="exchanges_are_processed"):
        meters.override("usage", "acme:2019-02-01", "Ada", "no time to wait")
    meters.process()
    # 20 x 24 to the 20th at noon; the new meter begins on the 21st: 6 x 24.
    assert meters.close("2019-02", "2019-03-10") == [("INV-acme-2019-02-01", 1, "624.00")]


def test_a_late_delta_and_the_estimate_of_its_hour(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    for policy in ("defer", "reopen", "grace"):
        terms = {"late_policy": policy, "starts_at": "2019-02-28T18:00:00Z", "ends_at": "2019-03-01T06:00:00Z"}
        pipeline.tenant(policy, "m-1", device_type="hourly", estimation="linear", grace_hours=0, **terms)
        # Six hours of February of 2 kWh, without the one from 20:00; six hours of March of 1 kWh.
        pipeline.land(*(message(policy, "m-1", hour, 2, f"2019-02-28T{hour}:30") for hour in (18, 19, 21, 22, 23)))
        pipeline.land(*(message(policy, "m-1", 30 + hour, 1, f"2019-03-01T0{hour}:30") for hour in range(6)))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    for policy in ("defer", "reopen", "grace"):
        assert pipeline.rows(BILLED, policy) == [("2019-02-28", "12", "2")]
        # Two readings of that hour, both while March ran.
        for seq, minute, quantity in ((20, 10, 4), (50, 40, 1)):
            late = message(policy, "m-1", seq, quantity, f"2019-02-28T20:{minute}")
            pipeline.land(buffered(late, "2019-03-01T03:00:00Z"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    pipeline.close("2019-03", "2019-03-05")
    # Deferred: 6 of March and 5 that came late, less the 2 of their hour that February bills: 21 in all, as was read.
    assert pipeline.rows(BILLED, "defer") == [("2019-02-28", "12", "2"), ("2019-03-01", "9", "-2")]
    assert pipeline.rows(ESTIMATES, "defer", "2019-03-01") == [("02-28 20:00", "-2", "true_up")]
    # Reopened: the amendment has them in the estimate's place.
    assert pipeline.rows(BILLED, "reopen") == [("2019-02-28", "15", "0"), ("2019-03-01", "6", "0")]
    # Rejected: the estimate stands, and the proposal is what the readings say beyond it.
    assert pipeline.rows(BILLED, "grace") == [("2019-02-28", "12", "2"), ("2019-03-01", "6", "0")]
    pipeline.reconcile()
    proposed = "select invoice_id, amount::text, use::text from finance.proposals"
    assert pipeline.rows(proposed) == [("INV-grace-2019-02-28", "3.00", '{"energy": 3}')]
    assert pipeline.prove() == {}
    pipeline.audit()
