"""What holds a tenant period or an invoice, what it does not hold, and what a named person may decide about it."""

from __future__ import annotations

import pytest

from orchestration.errors import BadInputError
from tests.support import Message, Pipeline, message

OWED = "INV-dark-2019-02-01:v1"
DEVICES = [f"m-{number}" for number in range(10)]


def month(tenant: str, year_month: str, kwh: int, devices: list[str] = DEVICES, seq: int = 1) -> list[Message]:
    """One message of every device on the 10th."""
    return [message(tenant, device, seq, kwh, f"{year_month}-10T12:00") for device in devices]


@pytest.fixture
def two_tenants(pipeline: Pipeline) -> Pipeline:
    """Tenants acme and globex with ten devices each, and 10 x 5 kWh of both in January, closed."""
    pipeline.tenant("acme", *DEVICES)
    pipeline.tenant("globex", *DEVICES)
    pipeline.land(*month("acme", "2019-01", 5), *month("globex", "2019-01", 5))
    pipeline.process()
    made = pipeline.close("2019-01", "2019-02-04")
    assert made == [("INV-acme-2019-01-01", 1, "50.00"), ("INV-globex-2019-01-01", 1, "50.00")]
    return pipeline


def test_a_month_like_the_one_before_is_closed(two_tenants: Pipeline) -> None:
    # February has 28 of January's 31 days: 6 kWh against 5 is 1.33 times as much a day.
    two_tenants.land(*month("acme", "2019-02", 6, seq=2), *month("globex", "2019-02", 6, seq=2))
    two_tenants.process()

    assert len(two_tenants.close("2019-02", "2019-03-04")) == 2
    assert two_tenants.held == {}


def test_half_a_silent_fleet_holds_its_own_period_and_no_other(two_tenants: Pipeline) -> None:
    # 4 of 10 devices is less than half, and 0.44 of the use a day (4 x 5 / 28 against 10 x 5 / 31).
    two_tenants.land(*month("acme", "2019-02", 5, DEVICES[:4], seq=2), *month("globex", "2019-02", 5, seq=2))
    two_tenants.process()

    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-globex-2019-02-01", 1, "50.00")]
    assert two_tenants.held == {"acme:2019-02-01": "devices_still_report"}
    assert two_tenants.prove() == {}


def test_the_backlog_lifts_the_hold_by_itself(two_tenants: Pipeline) -> None:
    two_tenants.land(*month("acme", "2019-02", 5, DEVICES[:4], seq=2), *month("globex", "2019-02", 5, seq=2))
    two_tenants.process()
    two_tenants.close("2019-02", "2019-03-04")
    backlog = [
        row | {"received_at": "2019-03-02T08:00:00Z", "sent_ts": "2019-03-02T07:59:59Z"}
        for row in month("acme", "2019-02", 5, DEVICES[4:], seq=2)
    ]
    two_tenants.land(*backlog)
    two_tenants.process()

    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "50.00")]
    assert two_tenants.held == {}


def test_a_glitch_holds_the_period(two_tenants: Pipeline) -> None:
    # One device reports 5,000 kWh, nine report 5: 0.991 of the use, and 5,045 / 28 against 50 / 31 a day is 111 times.
    february = month("acme", "2019-02", 5, DEVICES[1:], seq=2) + month("acme", "2019-02", 5000, DEVICES[:1], seq=2)
    two_tenants.land(*february, *month("globex", "2019-02", 5, seq=2))
    two_tenants.process()

    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-globex-2019-02-01", 1, "50.00")]
    assert set(two_tenants.held) == {"acme:2019-02-01"}
    rules = "select rule from ledger.gate_findings where subject = 'acme:2019-02-01' order by rule"
    assert two_tenants.rows(rules) == [("no_device_dominates",), ("use_did_not_explode",)]


def test_a_slipped_decimal_point_and_a_negative_total_hold_their_invoices(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", rate_card_id="card")
    pipeline.tenant("globex", "m-1")
    # 100.00 a month, and 0.50 back for every hour in which the probe is not heard.
    pipeline.configuration.row("device_types", device_type="probe", expected_interval_seconds=7200)
    pipeline.configuration.rate_card("monitored", {"flat_fee": "100.00"}, metric=None, price_model="flat")
    pipeline.configuration.rate_card("monitored", (None, "0.50"), metric=None, charge_basis="offline_hours")
    pipeline.tenant(
        "dark", "m-1", device_type="probe", rate_card_id="monitored", starts_at="2019-02-01", tax_percent=19
    )
    pipeline.configuration.rate_card("card", (None, "0.30"), rate_card_version=1, effective_from_date="2019-01-01")
    pipeline.configuration.rate_card("card", (None, "30"), rate_card_version=2, effective_from_date="2019-02-01")
    for number, day in enumerate(("2019-01-10", "2019-02-10"), start=1):
        pipeline.land(*(message(tenant, "m-1", number, 100, f"{day}T12:00") for tenant in ("acme", "globex")))
    pipeline.process()
    pipeline.close("2019-01", "2019-02-04")

    # 100 kWh at 30.00 instead of 0.30.
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-globex-2019-02-01", 1, "100.00")]
    assert pipeline.held == {"INV-acme-2019-02-01:v1": "total_did_not_explode", OWED: "total_is_not_negative"}

    # What the customer is owed is paid by a named person's decision, which covers no other invoice. Never heard in 672
    # hours: 100 - 336 = -236.00, and with 19 % of tax, 44.84, -280.84.
    pipeline.override("invoices", OWED, "Ada Lovelace", "their probes were down all month, which was our fault")
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-dark-2019-02-01", 1, "-280.84")]
    assert pipeline.held == {"INV-acme-2019-02-01:v1": "total_did_not_explode"}
    logged = "select payload::jsonb ->> 'decided_by' from audit.log where stream = 'gates'"
    assert pipeline.rows(logged) == [("Ada Lovelace",)]


def test_an_amendment_that_changes_everything_is_held(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 900, "2019-02-10T12:00"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "900.00")]
    # Loaded after the close, received before the boundary: it belongs into an amendment of 2,000.00, 2.2 times as much.
    pipeline.land(message("acme", "m-1", 2, 1100, "2019-02-11T12:00"))
    pipeline.process()

    assert pipeline.close("2019-02", "2019-03-04") == []
    assert pipeline.held == {"INV-acme-2019-02-01:v2": "amendment_is_a_correction"}
    # What was issued stands, and can be proven.
    assert pipeline.prove() == {}


def test_a_price_that_is_not_in_force_cannot_be_waved_through(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", rate_card_id="later")
    pipeline.tenant("globex", "m-1")
    pipeline.configuration.rate_card("later", (None, "1"), effective_from_date="2019-03-01")
    pipeline.land(*(message(tenant, "m-1", 1, 10, "2019-02-10T12:00") for tenant in ("acme", "globex")))
    pipeline.process()

    assert pipeline.close("2019-02", "2019-03-04") == [("INV-globex-2019-02-01", 1, "10.00")]
    assert pipeline.held == {"acme:2019-02-01": "price_is_in_force"}
    with pytest.raises(BadInputError, match="price_is_in_force"):
        pipeline.override("usage", "acme:2019-02-01", "Ada Lovelace", "close it anyway")


def test_a_named_person_lets_through_what_the_person_saw(two_tenants: Pipeline) -> None:
    two_tenants.land(*month("acme", "2019-02", 5, DEVICES[:4], seq=2), *month("globex", "2019-02", 5, seq=2))
    two_tenants.process()
    two_tenants.close("2019-02", "2019-03-04")
    two_tenants.override("usage", "acme:2019-02-01", "Ada Lovelace", "building closed for works, confirmed by tenant")

    assert two_tenants.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "20.00")]
    logged = "select payload::jsonb ->> 'decided_by' from audit.log where stream = 'gates'"
    assert two_tenants.rows(logged) == [("Ada Lovelace",)]
    assert two_tenants.prove() == {}


def test_the_decision_does_not_cover_what_came_after(two_tenants: Pipeline) -> None:
    two_tenants.land(*month("acme", "2019-02", 5, DEVICES[:4], seq=2), *month("globex", "2019-02", 5, seq=2))
    two_tenants.process()
    two_tenants.close("2019-02", "2019-03-04")
    two_tenants.override("usage", "acme:2019-02-01", "Ada Lovelace", "building closed for works")
    # One of the six still silent ones reports 5,000 kWh: other findings than those that were decided upon.
    two_tenants.land(message("acme", "m-4", 2, 5000, "2019-02-12T12:00"))
    two_tenants.process()

    assert two_tenants.close("2019-02", "2019-03-04") == []
    assert set(two_tenants.held) == {"acme:2019-02-01"}
