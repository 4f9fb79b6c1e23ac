"""Estimates that are taken back: what two periods bill together when a reading is missing at the end of the first.

One kWh costs 1.00 EUR; meters report daily, at noon. Periods are months in UTC with 72 hours of grace unless said otherwise.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

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


@pytest.fixture
def meters(pipeline: Pipeline) -> Pipeline:
    """Tenants have register meters that are read daily."""
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.configuration.tables["device_types"].append(
        {"device_type": "daily", "expected_interval_seconds": 86400, "register_max": "100000"}
    )
    return pipeline


def daily(tenant: str, first: str, last: str, shown: int, use: int, **others: object) -> list[Message]:
    """A reading at noon of each day from `first` to `last`: `shown` on 1 January, `use` more every day."""
    begin, day, end = (instant(f"2019-{date}T12:00:00Z") for date in ("01-01", first, last))
    read = []
    while day <= end:
        days = (day - begin).days
        read.append(message(tenant, "m-1", days, shown + use * days, day, **others))
        day += timedelta(days=1)
    return read


def test_the_end_of_a_period_is_estimated_and_trued_up_by_the_next_reading(meters: Pipeline) -> None:
    meters.tenant("acme", "m-1", device_type="daily", estimation="linear")
    meters.tenant("plain", "m-1", device_type="daily")
    for tenant in ("acme", "plain"):
        # 24 kWh a day; on 18 February at noon the register shows 1152, on 10 March 1500.
        meters.land(*daily(tenant, "01-01", "02-18", 0, 24))
        meters.land(message(tenant, "m-1", 90, 1500, "2019-03-10T12:00:00Z"))
        meters.land(message(tenant, "m-1", 91, 1550, "2019-03-31T12:00:00Z"))
    meters.process()
    for month in ("2019-01", "2019-02", "2019-03"):
        meters.close(month, "2019-04-10")
    # January: 30 days of 24 until noon of the 31st; the 12 hours after that are less than a day and no gap.
    # February: 18 x 24 = 432 were read; 10.5 days at 24 = 252 more are estimated. March: 1550 - 1152 = 398, less 252.
    assert meters.rows(ESTIMATES, "acme", "2019-01-01") == []
    assert meters.rows(ESTIMATES, "acme", "2019-02-01") == [("02-18 12:00", "252", "linear")]
    assert meters.rows(ESTIMATES, "acme", "2019-03-01") == [("02-18 12:00", "-252", "true_up")]
    assert meters.rows(BILLED, "acme") == [
        ("2019-01-01", "720", "0"), ("2019-02-01", "684", "252"), ("2019-03-01", "146", "-252"),
    ]  # fmt: skip
    # Together what the register moved on, from 0 to 1550, as without estimates.
    assert meters.rows(BILLED, "plain") == [
        ("2019-01-01", "720", "0"), ("2019-02-01", "432", "0"), ("2019-03-01", "398", "0"),
    ]  # fmt: skip
    assert meters.rows(ESTIMATES, "plain", "2019-02-01") == []
    assert meters.prove() == {}
    meters.audit()
