"""The same traffic under the three late policies: grace, defer and reopen, each with what is billed and when.

One kWh costs 1.00 EUR, tax is 20 %. Contracts are in UTC by the month. Grace lasts 72 hours; the other two close five
minutes after the period's end.
"""

from __future__ import annotations

import pytest

from tests.conftest import NewPipeline
from tests.support import Message, Pipeline, message

POLICIES: dict[str, dict[str, object]] = {
    "grace": {"late_policy": "grace", "grace_hours": 72},
    "defer": {"late_policy": "defer", "close_delay_minutes": 5},
    "reopen": {"late_policy": "reopen", "close_delay_minutes": 5},
}
LATE = """
select trim_scale(quantity)::text, period_id, decision, billed_period_id
from finance.late_events where tenant_id = %s order by quantity
"""
INVOICES = """
select period_id, invoice_version, total_amount::text, status
from finance.invoices where tenant_id = %s order by period_start_at, invoice_version
"""
TOTALS = """
select tenant_id, array_agg(total_amount::text order by period_id) from finance.invoices group by 1 order by 1
"""
NOTES = """
select note_id, note_type, amount::text, currency_code from finance.invoice_notes where tenant_id = %s order by 1
"""


def buffered(tenant: str, seq: int, quantity: object, at: str, received: str) -> Message:
    """Measured `at`, published when it was received: the clock is trusted however late it comes."""
    return message(tenant, "m-1", seq, quantity, at, received, sent_ts=f"{received}Z")


def traffic(tenant: str) -> list[Message]:
    """January and February in time; 4 kWh of January two days late, 8 kWh of January in the middle of March."""
    return [
        message(tenant, "m-1", 1, 1, "2019-01-10T00:00"),
        message(tenant, "m-1", 2, 2, "2019-02-10T00:00"),
        buffered(tenant, 3, 4, "2019-01-31T10:00", "2019-02-02T10:00:00"),
        buffered(tenant, 4, 8, "2019-01-31T11:00", "2019-03-15T00:00:00"),
        message(tenant, "m-1", 5, 16, "2019-03-20T00:00"),
    ]


@pytest.fixture
def three(pipeline: Pipeline) -> Pipeline:
    for name, contract in POLICIES.items():
        pipeline.tenant(name, "m-1", tax_percent=20, **contract)
        pipeline.land(*traffic(name))
    pipeline.process()
    return pipeline


def test_one_traffic_under_three_policies(three: Pipeline) -> None:
    # Grace: two days late is within three days, the middle of March is not.
    assert three.fleet("grace") == {"grace:2019-01-01": "5", "grace:2019-02-01": "2", "grace:2019-03-01": "16"}
    assert three.rows(LATE, "grace") == [("8", "grace:2019-01-01", "not_billed", None)]
    # Defer: what came in February is billed in February (2 + 4), what came in March in March (16 + 8).
    assert three.fleet("defer") == {"defer:2019-01-01": "1", "defer:2019-02-01": "6", "defer:2019-03-01": "24"}
    assert three.rows(LATE, "defer") == [
        ("4", "defer:2019-01-01", "deferred", "defer:2019-02-01"),
        ("8", "defer:2019-01-01", "deferred", "defer:2019-03-01"),
    ]
    # Reopen: all of it is January's (1 + 4 + 8).
    assert three.fleet("reopen") == {"reopen:2019-01-01": "13", "reopen:2019-02-01": "2", "reopen:2019-03-01": "16"}
    assert three.rows(LATE, "reopen") == [
        ("4", "reopen:2019-01-01", "reopened", "reopen:2019-01-01"),
        ("8", "reopen:2019-01-01", "reopened", "reopen:2019-01-01"),
    ]
    # Late or not, every message is accounted for: 5 each, of which one is not billed.
    balance = "select sum(message_count), sum(stored_count), sum(late_not_billed_count) from governance.load_balance"
    assert three.rows(balance) == [(15, 14, 1)]
    three.audit()


def test_a_bucket_follows_the_measurement_and_the_period_the_decision(three: Pipeline) -> None:
    days = """
    select to_char(bucket_start_at at time zone 'UTC', 'MM-DD'), period_id, trim_scale(quantity)::text
    from finance.usage_daily where tenant_id = 'defer' order by 1, 2
    """
    assert three.rows(days) == [
        ("01-10", "defer:2019-01-01", "1"),
        ("01-31", "defer:2019-02-01", "4"),
        ("01-31", "defer:2019-03-01", "8"),
        ("02-10", "defer:2019-02-01", "2"),
        ("03-20", "defer:2019-03-01", "16"),
    ]


def test_three_policies_are_three_bills_of_one_use(three: Pipeline) -> None:
    for month in ("2019-01", "2019-02", "2019-03"):
        three.close(month, "2019-04-04")
    # With 20 % tax: 5, 2 and 16 kWh; 1, 6 and 24; 13, 2 and 16.
    assert three.rows(TOTALS) == [
        ("defer", ["1.20", "7.20", "28.80"]),
        ("grace", ["6.00", "2.40", "19.20"]),
        ("reopen", ["15.60", "2.40", "19.20"]),
    ]
    assert three.prove() == {}


def test_reopening_amends_twice_with_notes(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", tax_percent=20, late_policy="reopen", close_delay_minutes=5)
    pipeline.land(message("acme", "m-1", 1, 10, "2019-01-10"))
    pipeline.process()
    assert pipeline.close("2019-01", "2019-02-01T00:05Z") == [("INV-acme-2019-01-01", 1, "12.00")]

    pipeline.land(buffered("acme", 2, 5, "2019-01-11T00:00", "2019-02-03T00:00:00"))
    pipeline.process()
    assert pipeline.close("2019-01", "2019-02-05") == [("INV-acme-2019-01-01", 2, "18.00")]
    assert pipeline.close("2019-01", "2019-02-06") == []

    # A year later, and after everything else: still January's.
    pipeline.land(buffered("acme", 3, "0.5", "2019-01-12T00:00", "2020-01-20T00:00:00"))
    pipeline.process()
    assert pipeline.close("2019-01", "2020-02-01") == [("INV-acme-2019-01-01", 3, "18.60")]
    assert pipeline.rows(INVOICES, "acme") == [
        ("acme:2019-01-01", 1, "12.00", "amended"),
        ("acme:2019-01-01", 2, "18.00", "amended"),
        ("acme:2019-01-01", 3, "18.60", "issued"),
    ]
    assert pipeline.rows(NOTES, "acme") == [
        ("INV-acme-2019-01-01-2", "debit_note", "6.00", "EUR"),
        ("INV-acme-2019-01-01-3", "debit_note", "0.60", "EUR"),
    ]
    # Every version is reproduced from the events that it was made of.
    assert pipeline.prove() == {}


def test_a_late_event_can_lower_a_bill_and_is_credited(pipeline: Pipeline) -> None:
    # Volume: up to 10 kWh each costs 2.00, beyond that all of them 1.00.
    pipeline.configuration.rate_card("volume", (10, "2.00"), (None, "1.00"), price_model="volume")
    pipeline.tenant("acme", "m-1", late_policy="reopen", rate_card_id="volume")
    pipeline.land(message("acme", "m-1", 1, 9, "2019-01-10"))
    pipeline.process()
    assert pipeline.close("2019-01", "2019-02-01") == [("INV-acme-2019-01-01", 1, "18.00")]
    pipeline.land(buffered("acme", 2, 3, "2019-01-11T00:00", "2019-02-03T00:00:00"))
    pipeline.process()
    # 12 kWh at 1.00 instead of 9 at 2.00.
    assert pipeline.close("2019-01", "2019-02-04") == [("INV-acme-2019-01-01", 2, "12.00")]
    assert pipeline.rows(NOTES, "acme") == [("INV-acme-2019-01-01-2", "credit_note", "6.00", "EUR")]


def test_defer_without_an_open_period_bills_nothing(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", late_policy="defer", ends_at="2019-03-01")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-10"), buffered("acme", 2, 2, "2019-02-11T00:00", "2019-03-01T00:00:00")
    )
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "1"}
    assert pipeline.rows(LATE, "acme") == [("2", "acme:2019-02-01", "not_billed", None)]


def test_the_policy_is_that_of_the_period_measured_in(pipeline: Pipeline) -> None:
    # RULES 26: January's contract defers, February's reopens. A late event of January goes to February, the period that
    # was open when it came, although February's contract would have reopened its own.
    pipeline.tenant("acme", "m-1", late_policy="defer", ends_at="2019-02-01")
    pipeline.configuration.contract("acme-2", "acme", starts_at="2019-02-01", late_policy="reopen")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-01-10"),
        buffered("acme", 2, 2, "2019-01-11T00:00", "2019-02-20T00:00:00"),
        buffered("acme", 3, 4, "2019-02-11T00:00", "2019-03-20T00:00:00"),
    )
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "6"}
    assert pipeline.rows(LATE, "acme") == [
        ("2", "acme:2019-01-01", "deferred", "acme:2019-02-01"),
        ("4", "acme:2019-02-01", "reopened", "acme:2019-02-01"),
    ]


def test_what_came_in_time_for_the_period_it_was_deferred_to_amends_it_when_loaded_late(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", late_policy="defer")
    pipeline.land(message("acme", "m-1", 1, 1, "2019-02-10"), message("acme", "m-1", 2, 1, "2019-03-10"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-01") == [("INV-acme-2019-02-01", 1, "1.00")]
    # January's, received on 20 February, but our own outage kept it until after February was closed (RULES 32).
    pipeline.land(buffered("acme", 3, 2, "2019-01-11T00:00", "2019-02-20T00:00:00"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-01") == [("INV-acme-2019-02-01", 2, "3.00")]


def test_a_loading_order_decides_nothing(pipeline: Pipeline, new_pipeline: NewPipeline) -> None:
    other = new_pipeline()
    for platform, is_reversed in ((pipeline, False), (other, True)):
        for name, contract in POLICIES.items():
            platform.tenant(name, "m-1", **contract)
            rows = list(enumerate(traffic(name)))
            for number, row in reversed(rows) if is_reversed else rows:
                platform.land(row, name=f"{name}-{number}.jsonl")
                if is_reversed:
                    platform.process()
        platform.process()
    assert pipeline.published() == other.published()
