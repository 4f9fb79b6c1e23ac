"""What may be mended later: a configuration that changes while periods are open bills as if it had been right at once.

One kWh costs 1.00 EUR. Grace is 72 elapsed hours.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestration.errors import BadInputError, GateFailedError
from tests.support import Configuration, Message, Pipeline, message

NewPipeline = Callable[..., Pipeline]
RETAIL = ("2018-12-30", "2019-02-03", "2019-03-03", "2019-03-31")

# Per tenant: what its contract says at first, and in the end.
TERMS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "untouched": ({}, {}),
    "taxed": ({}, {"tax_percent": 19}),
    "shorter-grace": ({}, {"grace_hours": 24}),
    "longer-grace": ({"grace_hours": 1}, {}),
    "deferred": ({}, {"late_policy": "defer"}),
    "reopened": ({"late_policy": "defer"}, {"late_policy": "reopen", "close_delay_minutes": 5}),
    "delayed": ({"late_policy": "defer"}, {"late_policy": "defer", "close_delay_minutes": 240, "anchor_day": 20}),
    "anchor": ({}, {"anchor_day": 15}),
    "weekly": ({}, {"billing_cycle": "weekly", "anchor_day": 3}),
    "retail": ({"billing_cycle": "weekly"}, {"billing_cycle": "retail"}),
    "half-hour-zone": ({}, {"time_zone": "Asia/Kolkata"}),
    "summer-time-zone": ({"time_zone": "Asia/Kolkata"}, {"time_zone": "America/New_York"}),
    "clock": ({"clock_policy": "server"}, {"clock_policy": "corrected"}),
    "device-clock": ({}, {"clock_policy": "device"}),
    "earlier": ({"starts_at": "2019-02-20"}, {"starts_at": "2019-02-10T12:00"}),
    "later": ({}, {"starts_at": "2019-02-15"}),
    "longer": ({"ends_at": "2019-02-12"}, {}),
    "shorter": ({}, {"ends_at": "2019-03-02"}),
}
# What concerns whole tenants otherwise: a type's tolerance, a device's type, a declared boundary, another contract.
OTHERS = ("tolerant-type", "tolerant-device", "override", "second-contract", "calendar-grows")


def configured(is_final: bool) -> Configuration:
    """The configuration as it was at first, or as it is in the end."""
    configuration = Configuration()
    configuration.calendar("retail", *RETAIL)
    configuration.calendar("short", *RETAIL[: 4 if is_final else 2])
    configuration.metric("peak", unit="kW", reading_type="gauge", aggregation="max" if is_final else "count")
    configuration.metric("starts", aggregation="sum" if is_final else "latest")
    types = configuration.tables["device_types"]
    types.append({"device_type": "loose", "max_clock_skew_seconds": 7200 if is_final else 300})
    types.append({"device_type": "strict", "max_clock_skew_seconds": 60})
    for tenant, (first, final) in TERMS.items():
        configuration.tenant(tenant, "m-1", "m-2", **(final if is_final else first))
    configuration.tenant("tolerant-type", "m-1", "m-2", device_type="loose")
    configuration.tenant("tolerant-device", "m-1", "m-2", device_type="loose" if is_final else "strict")
    configuration.tenant("override", "m-1", "m-2")
    configuration.tenant("calendar-grows", "m-1", "m-2", billing_cycle="short")
    configuration.tenant("second-contract", "m-1", "m-2", **({"ends_at": "2019-02-14T10:30"} if is_final else {}))
    if is_final:
        configuration.tables["period_overrides"].append(
            {"tenant_id": "override", "period_start_date": "2019-02-01", "closes_at": "2019-03-01T12:00:00Z"}
        )
        configuration.contract(
            "second-contract-2", "second-contract", starts_at="2019-02-14T10:30", anchor_day=14, grace_hours=1
        )
    return configuration


def traffic(tenant: str) -> list[Message]:
    """A reading every eight hours over the end of February, some of them late, and a device whose clock is wrong."""
    return [
        *(message(tenant, "m-1", n, n, f"2019-02-{1 + n // 3:02}T{n % 3 * 8:02}:30") for n in range(84)),
        *(
            message(tenant, "m-1", n, n, f"2019-02-{1 + n // 3:02}T{n % 3 * 8:02}:30", metric=metric)
            for n in range(0, 84, 7)
            for metric in ("peak", "starts")
        ),
        *(message(tenant, "m-1", 100 + n, 1, f"2019-03-{1 + n:02}T04:00") for n in range(6)),
        # An hour ahead, and one of it over the end of the month.
        *(
            message(tenant, "m-2", n, 1, f"2019-02-28T{20 + n}:45", f"2019-02-28T{19 + n}:45", session_id="fast")
            for n in range(4)
        ),
        message(tenant, "m-2", 9, 2, "2019-03-01T00:15", "2019-02-28T23:15", session_id="fast"),
        # Measured in February, received between the graces of one and of 72 hours after it, and after all of them.
        message(tenant, "m-1", 200, 32, "2019-02-28T23:00", "2019-03-01T02:00", sent_ts="2019-03-01T02:00:00Z"),
        message(tenant, "m-1", 201, 64, "2019-02-28T23:10", "2019-03-02T12:00", sent_ts="2019-03-02T12:00:00Z"),
        message(tenant, "m-1", 202, 128, "2019-02-28T23:20", "2019-03-06T12:00", sent_ts="2019-03-06T12:00:00Z"),
        # Before the contract of most.
        message(tenant, "m-1", 300, 256, "2018-12-31T12:00", "2019-02-02T12:00", sent_ts="2019-02-02T12:00:00Z"),
    ]


def traffic_of_all() -> list[Message]:
    """Of every tenant, one after the other."""
    return [row for tenant in (*TERMS, *OTHERS) for row in traffic(tenant)]


# Where a run that applies a configuration may be stopped by a failing statement.
WRITES = {
    "store.event_restatements": "insert",
    "store.usage_hours": "delete",
    "ledger.loads": "update of applied_at",
}
FAIL = """
do $one$ begin
    create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
    create trigger fail before {operation} on {table} for each statement execute function public.fail();
end $one$
"""
RESTATED = """
select distinct tenant_id from store.event_restatements inner join registry.tenants using (tenant_no) order by 1
"""


@pytest.mark.timeout(1200)
def test_a_configuration_mended_while_nothing_is_closed_bills_as_if_it_had_been_right(
    new_pipeline: NewPipeline,
) -> None:
    mended, right = new_pipeline(), new_pipeline()
    right.continue_as(mended)
    mended.configuration = configured(is_final=False)
    mended.land(*traffic_of_all())
    mended.process()
    before = mended.published()
    right.configuration = mended.configuration = configured(is_final=True)
    right.process()
    expected = right.published()
    assert {table for table in expected if expected[table] != before[table]} >= {
        "billing_events", "device_usage", "fleet_usage", "late_events", "quarantined_messages", "usage_daily",
        "usage_hourly", "usage_minutely",
    }  # fmt: skip

    mended.process()
    assert_equal(mended, expected)
    assert mended.prove() == {}
    mended.audit()
    # Looked at again were all events, for aggregations changed; moved were those of the contracts that changed.
    unmoved = {"untouched", "taxed"}
    assert {tenant for (tenant,) in mended.rows(RESTATED)} == {*TERMS, *OTHERS} - unmoved
    # Nothing new: nothing is derived once more.
    restatements = "select count(*) from store.event_restatements"
    settled = mended.rows(restatements)
    mended.process()
    assert mended.rows(restatements) == settled
    assert mended.close("2019-02", "2019-04-20") == right.close("2019-02", "2019-04-20") != []
    assert_equal(mended, right.published())
    assert mended.prove() == {}


@pytest.mark.timeout(1200)
def test_a_run_that_mends_and_meters_may_be_stopped_anywhere(new_pipeline: NewPipeline) -> None:
    halfway, right = new_pipeline(), new_pipeline()
    right.continue_as(halfway)
    halfway.configuration = configured(is_final=False)
    halfway.land(*traffic_of_all()[::2])
    halfway.process()
    halfway.land(*traffic_of_all()[1::2])
    right.configuration = halfway.configuration = configured(is_final=True)
    right.process()
    expected = right.published()

    # Each attempt comes to where the one before it was stopped and finds what that one left behind.
    for table, operation in WRITES.items():
        halfway.execute(FAIL.format(operation=operation, table=table))
        with pytest.raises(AssertionError, match="stopped by the test"):
            halfway.process()
        halfway.execute("drop function public.fail() cascade")
    halfway.process()
    assert_equal(halfway, expected)


def test_what_is_closed_stays_and_what_is_open_is_mended(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-01-31T23:00"),
        message("acme", "m-1", 2, 2, "2019-02-28T23:00", "2019-03-05T12:00", sent_ts="2019-03-05T12:00:00Z"),
    )
    pipeline.process()
    assert pipeline.close("2019-01", "2019-02-04") == [("INV-acme-2019-01-01", 1, "1.00")]
    # Two days of a holiday: what came on 5 March is in time after all.
    pipeline.configuration.tables["period_overrides"].append(
        {"tenant_id": "acme", "period_start_date": "2019-02-01", "closes_at": "2019-03-06T00:00:00Z"}
    )
    pipeline.configure()
    with pytest.raises(GateFailedError, match=r"not metered and judged yet \(one is configuration 2\)"):
        pipeline.close("2019-02", "2019-03-06")
    assert pipeline.fleet("acme") == {"acme:2019-01-01": "1"}

    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "2"}
    assert pipeline.rows("select old_disposition, disposition from store.event_restatements") == [("n", "b")]
    assert pipeline.close("2019-02", "2019-03-06") == [("INV-acme-2019-02-01", 1, "2.00")]
    assert pipeline.prove() == {}
    # Both are closed now.
    pipeline.configuration.tables["contracts"][0]["time_zone"] = "Europe/Madrid"
    with pytest.raises(BadInputError, match="contract 'acme-1' has closed periods until 2019-03-01"):
        pipeline.configure()


def assert_equal(platform: Pipeline, expected: dict[str, list[str]]) -> None:
    """All that is published, table by table."""
    published = platform.published()
    for table, rows in expected.items():
        assert published[table] == rows, table
