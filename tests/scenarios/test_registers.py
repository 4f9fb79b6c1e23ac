"""Cumulative registers: what a meter's readings bill when it starts, rolls over, is exchanged, runs backwards or lies.

One kWh costs 1.00 EUR; a register shows kWh. Periods are months in UTC with 72 hours of grace unless said otherwise.
"""

from __future__ import annotations

import pytest

from tests.support import Message, Pipeline, message

USES = """
select to_char(event_at at time zone 'UTC', 'MM-DD HH24:MI'), trim_scale(reading)::text, coalesce(flag, ''),
    trim_scale(used.quantity)::text
from store.register_uses as used join registry.tenants using (tenant_no)
where tenant_id = %s order by event_at, seq_epoch, msg_seq
"""
REVIEWS = """
select flag, trim_scale(reading)::text, trim_scale(previous_high)::text, trim_scale(quantity)::text, is_to_review
from finance.register_reviews where tenant_id = %s order by event_at
"""
DAYS = """
select to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24:MI'), trim_scale(quantity)::text, event_count
from finance.usage_daily where tenant_id = %s order by bucket_start_at
"""


@pytest.fixture
def meters(pipeline: Pipeline) -> Pipeline:
    """Tenants have register meters that end at 10,000 and use at most 100 kWh an hour where it is asked."""
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.configuration.tables["device_types"] += [
        {"device_type": "meter", "register_max": "10000"},
        {"device_type": "limited", "register_max": "1000000", "max_use_per_hour": "100"},
    ]
    return pipeline


def readings(tenant: str, *shown: tuple[str, object], first_seq: int = 1, **others: object) -> list[Message]:
    """Readings of meter m-1 in February 2019 as (`DD HH:MM`, what the register showed)."""
    return [
        message(tenant, "m-1", seq, reading, f"2019-02-{at[:2]}T{at[3:]}:00Z", **others)
        for seq, (at, reading) in enumerate(shown, first_seq)
    ]


def test_use_is_the_difference_and_belongs_to_the_later_reading(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="meter", time_zone="Europe/Madrid")
    meters.land(*readings("acme", ("10 12:00", "100.5"), ("10 23:30", "103"), ("14 06:00", 150), ("14 07:00", 150)))
    meters.process()
    # The first reading says where the register stands. 103 is read at 00:30 on the 11th in Madrid.
    assert meters.rows(USES, "acme") == [
        ("02-10 12:00", "100.5", "first", "0"),
        ("02-10 23:30", "103", "", "2.5"),
        ("02-14 06:00", "150", "", "47"),
        ("02-14 07:00", "150", "", "0"),
    ]
    assert meters.rows(DAYS, "acme") == [("02-09 23:00", "0", 1), ("02-10 23:00", "2.5", 1), ("02-13 23:00", "47", 2)]
    assert meters.fleet("acme") == {"acme:2019-02-01": "49.5"}
    assert meters.rows("select sum(quantity)::text from finance.billing_events") == [("503.5000000000",)]
    assert meters.rows(REVIEWS, "acme") == []
    assert meters.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "49.50")]
    assert meters.prove() == {}
    meters.audit()


def test_rollover_exchange_and_reverse_flow(meters: Pipeline) -> None:
    for tenant in ("rolls", "marked", "declared", "reverse", "half"):
        meters.tenant(tenant, "m-1", device_type="meter")
    meters.configuration.tables["register_exchanges"] = [
        {"tenant_id": "declared", "device_id": "m-1", "metric": "energy", "exchanged_at": "2019-02-10T12:30:00Z"}
    ]
    # 9,990 to 15: the modulus 10,000 makes it 25.
    meters.land(*readings("rolls", ("10 12:00", 9990), ("10 13:00", 15), ("10 14:00", 20)))
    meters.land(*readings("marked", ("10 12:00", 500)))
    meters.land(*readings("marked", ("10 13:00", 7), first_seq=2, quality="exchange"))
    meters.land(*readings("marked", ("10 14:00", 9), first_seq=3))
    meters.land(*readings("declared", ("10 12:00", 500), ("10 13:00", 7), ("10 14:00", 9)))
    # Nothing until 500 is passed; then what is above it.
    meters.land(*readings("reverse", ("10 12:00", 500), ("10 13:00", 497), ("10 14:00", 499), ("10 15:00", 502)))
    # 10,000 - 6,000 + 1,000 = 5,000 is half of the modulus, which is the most that is taken for a rollover.
    meters.land(*readings("half", ("10 12:00", 6000), ("10 13:00", 1000), ("10 14:00", "1000.5")))
    meters.process()

    assert meters.rows(REVIEWS, "rolls") == [("rollover", "15", "9990", "25", False)]
    assert meters.fleet("rolls") == {"rolls:2019-02-01": "30"}
    assert meters.rows(REVIEWS, "marked") == [("exchange", "7", "500", "0", False)]
    assert meters.fleet("marked") == {"marked:2019-02-01": "2"}
    assert meters.rows(REVIEWS, "declared") == [("exchange", "7", "500", "0", False)]
    assert meters.fleet("declared") == {"declared:2019-02-01": "2"}
    assert meters.rows(REVIEWS, "reverse") == [
        ("reverse", "497", "500", "0", True),
        ("reverse", "499", "500", "0", True),
    ]
    assert meters.fleet("reverse") == {"reverse:2019-02-01": "2"}
    assert meters.fleet("half") == {"half:2019-02-01": "5000.5"}


def test_a_fall_of_less_than_half_the_modulus_is_reverse_flow_and_an_exchange_may_be_declared_later(
    meters: Pipeline,
) -> None:
    meters.tenant("acme", "m-1", device_type="meter")
    # 10,000 - 5,000.5 + 1 would be 5,000.5, more than half.
    meters.land(*readings("acme", ("10 12:00", "5000.5"), ("10 13:00", 1), ("10 14:00", 31)))
    meters.process()
    assert [row[0] for row in meters.rows(REVIEWS, "acme")] == ["reverse", "reverse"]
    assert meters.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "0.00")]

    # Somebody looks through the list and finds that the meter was exchanged: the next close amends.
    meters.configuration.tables["register_exchanges"] = [
        {"tenant_id": "acme", "device_id": "m-1", "metric": "energy", "exchanged_at": "2019-02-10T12:30:00Z"}
    ]
    meters.process()
    assert meters.rows(REVIEWS, "acme") == [("exchange", "1", "5000.5", "0", False)]
    assert meters.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "30.00")]
    assert meters.prove() == {}

    # And takes it back.
    meters.configuration.tables["register_exchanges"] = []
    meters.process()
    assert meters.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 3, "0.00")]
    assert meters.prove() == {}
    meters.audit()


def test_a_reading_that_comes_later_divides_the_use_anew(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="meter")
    shown = [("10 12:00", 100), ("11 12:00", 110), ("12 12:00", 150), ("13 12:00", 151)]
    first, second, third, fourth = readings("acme", *shown)
    meters.land(first, third, fourth)
    meters.process()
    assert [row[3] for row in meters.rows(USES, "acme")] == ["0", "50", "1"]
    # Buffered by the meter for three weeks, within the grace; its session shows that the clock is right.
    meters.land(second | {"received_at": "2019-03-02T00:00:00Z", "sent_ts": "2019-03-02T00:00:00Z"})
    meters.process()
    assert [row[3] for row in meters.rows(USES, "acme")] == ["0", "10", "40", "1"]
    assert meters.rows(DAYS, "acme") == [
        ("02-10 00:00", "0", 1), ("02-11 00:00", "10", 1), ("02-12 00:00", "40", 1), ("02-13 00:00", "1", 1),
    ]  # fmt: skip
    meters.audit()


def test_late_readings_by_the_policy_of_the_contract(meters: Pipeline) -> None:
    for policy in ("grace", "defer", "reopen"):
        meters.tenant(policy, "m-1", device_type="meter", late_policy=policy)
        meters.land(*readings(policy, ("10 12:00", 100), ("20 12:00", 130)))
        meters.land(message(policy, "m-1", 9, 200, "2019-03-10T12:00:00Z"))
    meters.process()
    assert meters.close("2019-02", "2019-03-05") == [
        (f"INV-{policy}-2019-02-01", 1, "30.00") for policy in ("defer", "grace", "reopen")
    ]
    for policy in ("grace", "defer", "reopen"):
        late = message(policy, "m-1", 3, 145, "2019-02-25T12:00:00Z", "2019-03-12T00:00:00Z")
        meters.land(late | {"sent_ts": "2019-03-12T00:00:00Z"})
    meters.process()
    # Left out of the chain, the next reading contains its use; reopened, February and March divide it anew.
    assert meters.fleet("grace") == {"grace:2019-02-01": "30", "grace:2019-03-01": "70"}
    assert meters.fleet("defer") == {"defer:2019-02-01": "30", "defer:2019-03-01": "70"}
    assert meters.rows("select event_count from finance.fleet_usage where period_id = 'defer:2019-03-01'") == [(2,)]
    assert meters.fleet("reopen") == {"reopen:2019-02-01": "45", "reopen:2019-03-01": "55"}
    assert meters.close("2019-02", "2019-03-20") == [("INV-reopen-2019-02-01", 2, "45.00")]
    assert meters.prove() == {}
    meters.audit()


def test_a_jump_waits_until_it_is_plausible(meters: Pipeline) -> None:
    for tenant in ("stays", "returns"):
        meters.tenant(tenant, "m-1", device_type="limited")
    # 450 kWh take at least 4.5 hours at 100 an hour: not after one hour, not after four, but after five.
    meters.land(
        *readings("stays", ("10 12:00", 50), ("10 13:00", 500), ("10 16:00", 500), ("10 17:00", 500), ("10 18:00", 510))
    )
    meters.land(*readings("returns", ("10 12:00", 50), ("10 13:00", 40000), ("10 14:00", 60)))
    meters.process()
    assert meters.rows(USES, "stays") == [
        ("02-10 12:00", "50", "first", "0"),
        ("02-10 13:00", "500", "jump", "0"),
        ("02-10 16:00", "500", "jump", "0"),
        ("02-10 17:00", "500", "", "450"),
        ("02-10 18:00", "510", "", "10"),
    ]
    assert meters.rows(REVIEWS, "returns") == [("jump", "40000", "50", "0", True)]
    assert meters.fleet("returns") == {"returns:2019-02-01": "10"}


def test_two_registers_in_turn_hold_the_period_until_somebody_decides(meters: Pipeline) -> None:
    for tenant in ("acme", "sloshes"):
        meters.tenant(tenant, "m-1", device_type="limited")
    # A meter at 20,000 and another at 45,000 on one device.
    meters.land(
        *readings(
            "acme", ("10 12:00", 20000), ("10 12:30", 45000), ("10 13:00", 20004), ("10 13:30", 45020),
            ("10 14:00", 20008), ("10 14:30", 45030), ("10 15:00", 20012),
        )
    )  # fmt: skip
    # Water that goes to and fro is no second register: it moves on by as much as it goes back.
    meters.land(
        *readings("sloshes", ("10 12:00", 10), ("10 13:00", 13), ("10 14:00", 11), ("10 15:00", 14), ("10 16:00", 12))
    )
    meters.process()
    assert [row[2:] for row in meters.rows(USES, "acme")] == [
        ("first", "0"), ("jump", "0"), ("", "4"), ("jump", "0"),
        ("interleaved", "0"), ("interleaved", "0"), ("interleaved", "0"),
    ]  # fmt: skip
    assert [row[2:] for row in meters.rows(USES, "sloshes")] == [
        ("first", "0"), ("", "3"), ("reverse", "0"), ("", "1"), ("reverse", "0"),
    ]  # fmt: skip
    assert meters.close("2019-02", "2019-03-04") == [("INV-sloshes-2019-02-01", 1, "4.00")]
    assert meters.held == {"acme:2019-02-01": "registers_are_told_apart"}

    # Somebody bills the period without what was set aside: the 4 kWh from 20,000 to 20,004.
    meters.override("usage", "acme:2019-02-01", "Ada", "the meter is re-paired and credited by hand")
    assert meters.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "4.00")]

    # In March one meter is left, which a declared exchange says.
    meters.configuration.tables["register_exchanges"] = [
        {"tenant_id": "acme", "device_id": "m-1", "metric": "energy", "exchanged_at": "2019-03-01T00:00:00Z"}
    ]
    meters.land(
        message("acme", "m-1", 8, 20100, "2019-03-01T12:00:00Z"),
        message("acme", "m-1", 9, 20110, "2019-03-01T13:00:00Z"),
    )
    meters.process()
    assert meters.fleet("acme") == {"acme:2019-02-01": "4", "acme:2019-03-01": "10"}
    assert meters.prove() == {}
