"""From landing files to the lines of an invoice: every price model, over use and over active devices."""

from __future__ import annotations

import io
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support import Pipeline, instant, message

LINES = """
select tier_number, trim_scale(quantity)::text, trim_scale(unit_price)::text, amount::text
from finance.invoice_lines where invoice_id = %s order by line_number
"""
MODELS = ("graduated", "volume", "per_unit", "package")


def test_18500_active_devices_cost_79750_graduated_and_64750_by_volume(pipeline: Pipeline) -> None:
    tiers = ((10_000, "5.00"), (50_000, "3.50"), (None, "2.00"))
    devices = [f"D-{number:05}" for number in range(18_500)]
    for model in ("graduated", "volume"):
        pipeline.configuration.rate_card(model, *tiers, metric=None, charge_basis="active_devices", price_model=model)
        pipeline.tenant(model, *devices, rate_card_id=model)
    # One message of each device, and a duplicate of the first: it makes its device no more active.
    start = instant("2019-02-20T12:00")
    numbered = [(model, number) for model in ("graduated", "volume") for number in (*range(18_500), 0)]
    measured = pa.array([start + timedelta(milliseconds=n) for _, n in numbered], pa.timestamp("us", "UTC"))
    file = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "tenant_id": [model for model, _ in numbered],
                "device_id": [devices[n] for _, n in numbered],
                "metric": ["energy"] * len(numbered),
                "msg_seq": pa.array([1] * len(numbered), pa.int64()),
                "quantity": ["0.1"] * len(numbered),
                "device_ts": measured,
                "received_at": measured,
            }
        ),
        file,
    )
    pipeline.land_bytes("fleet.parquet", file.getvalue(), "2019-02-20")
    pipeline.process()

    counts = "select tenant_id, active_device_count, event_count, quantity from finance.fleet_usage order by 1"
    assert pipeline.rows(counts) == [("graduated", 18_500, 18_500, 1850), ("volume", 18_500, 18_500, 1850)]
    # Graduated: 10,000 x 5.00 + 8,500 x 3.50 = 50,000 + 29,750. Volume: 18,500 x 3.50.
    assert pipeline.close("2019-02", "2019-03-04") == [
        ("INV-graduated-2019-02-01", 1, "79750.00"),
        ("INV-volume-2019-02-01", 1, "64750.00"),
    ]
    assert pipeline.rows(LINES, "INV-graduated-2019-02-01") == [
        (1, "10000", "5", "50000.00"),
        (2, "8500", "3.5", "29750.00"),
    ]
    assert pipeline.rows(LINES, "INV-volume-2019-02-01") == [(2, "18500", "3.5", "64750.00")]


def test_use_is_priced_by_each_model(pipeline: Pipeline) -> None:
    tiers = ((100, "0.30"), (500, "0.25"), (None, "0.20"))
    for model in MODELS:
        own_tiers = {"per_unit": ((None, "0.25"),), "package": ((None, "40"),)}.get(model, tiers)
        columns = {"package_size": 200} if model == "package" else {}
        pipeline.configuration.rate_card(model, *own_tiers, price_model=model, **columns)
        for size in ("small", "large"):
            pipeline.tenant(f"{model}-{size}", "m-1", "m-2", rate_card_id=model)
        # Exactly the bound of the second tier, which is inclusive; and half as much again from two devices.
        pipeline.land(
            message(f"{model}-small", "m-1", 1, 500, "2019-02-10"),
            message(f"{model}-large", "m-1", 1, "499.5", "2019-02-10"),
            message(f"{model}-large", "m-2", 1, "250.5", "2019-02-11"),
        )
    pipeline.process()

    totals = {invoice_id: total for invoice_id, _, total in pipeline.close("2019-02", "2019-03-04")}
    # Graduated 100 x 0.30 + 400 x 0.25 = 130, and 250 x 0.20 = 50 more. Volume 500 x 0.25 = 125, 750 x 0.20 = 150.
    # Per unit 500 x 0.25 = 125, 750 x 0.25 = 187.50. Packages of 200: three at 40 = 120, four = 160.
    expected = {
        "graduated": ("130", "180"),
        "volume": ("125", "150"),
        "per_unit": ("125", "187.5"),
        "package": ("120", "160"),
    }
    for model, (small, large) in expected.items():
        assert float(totals[f"INV-{model}-small-2019-02-01"]) == float(small), model
        assert float(totals[f"INV-{model}-large-2019-02-01"]) == float(large), model
    assert pipeline.rows(LINES, "INV-graduated-large-2019-02-01") == [
        (1, "100", "0.3", "30.00"),
        (2, "400", "0.25", "100.00"),
        (3, "250", "0.2", "50.00"),
    ]


def test_active_devices_count_per_metric_of_the_card_or_once_over_all(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("water", unit="l")
    for card, metric in (("per-metric", "energy"), ("over-all", None)):
        pipeline.configuration.rate_card(card, (None, "2.00"), metric=metric, charge_basis="active_devices")
        pipeline.tenant(card, "m-1", "m-2", "m-3", rate_card_id=card)
        # m-1 reports both, m-2 only water, m-3 energy of zero, which is activity; a late message is none.
        pipeline.land(
            message(card, "m-1", 1, 1, "2019-02-10"),
            message(card, "m-1", 1, 1, "2019-02-10", metric="water"),
            message(card, "m-2", 1, 1, "2019-02-10", metric="water"),
            message(card, "m-3", 1, 0, "2019-02-10"),
            message(card, "m-2", 2, 1, "2019-02-11", "2019-03-10", sent_ts="2019-03-10T00:00:00Z"),
        )
    pipeline.process()

    # energy: m-1 and m-3, 2 x 2.00; all: three devices, 3 x 2.00.
    assert pipeline.close("2019-02", "2019-03-04") == [
        ("INV-over-all-2019-02-01", 1, "6.00"),
        ("INV-per-metric-2019-02-01", 1, "4.00"),
    ]


def test_the_version_of_the_first_local_date_prices_the_whole_period(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("card", (None, "1.00"), rate_card_version=1)
    pipeline.configuration.rate_card("card", (None, "2.00"), rate_card_version=2, effective_from_date="2019-02-02")
    pipeline.tenant("acme", "m-1", rate_card_id="card")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-20"), message("acme", "m-1", 2, 10, "2019-03-20"))
    pipeline.land(message("acme", "m-1", 3, 1, "2019-04-05"))
    pipeline.process()

    assert pipeline.close("2019-02") == [("INV-acme-2019-02-01", 1, "10.00")]
    assert pipeline.close("2019-03") == [("INV-acme-2019-03-01", 1, "20.00")]


def test_an_amount_is_rounded_once_per_line_and_half_away_from_zero(pipeline: Pipeline) -> None:
    pipeline.configuration.rate_card("fine", (1, "0.005"), (None, "0.0049"), price_model="graduated")
    pipeline.tenant("acme", "m-1", rate_card_id="fine", tax_percent="7.5")
    pipeline.tenant("idle", "m-1")
    pipeline.land(message("acme", "m-1", 1, "1.5", "2019-02-10"), message("acme", "m-1", 2, "0.5", "2019-02-10"))
    pipeline.process()

    # Tier 1: 1 x 0.005 = 0.005, rounded 0.01. Tier 2: 1 x 0.0049, rounded 0.00. Tax 0.01 x 7.5 % = 0.00075, 0.00.
    # A closed period always has an invoice, if need be of 0.
    assert pipeline.close("2019-02", "2019-03-04") == [
        ("INV-acme-2019-02-01", 1, "0.01"),
        ("INV-idle-2019-02-01", 1, "0.00"),
    ]
    assert pipeline.rows(LINES, "INV-acme-2019-02-01") == [(1, "1", "0.005", "0.01"), (2, "1", "0.0049", "0.00")]
    assert pipeline.rows(LINES, "INV-idle-2019-02-01") == []


def test_use_split_over_devices_files_and_days_is_the_same_fleet(pipeline: Pipeline) -> None:
    for tenant, parts in (("whole", 1), ("split", 8)):
        pipeline.tenant(tenant, *(f"m-{n}" for n in range(parts)))
        for n in range(parts):
            pipeline.land(message(tenant, f"m-{n}", 1, 8 // parts, instant("2019-02-10") + timedelta(days=n)))
    pipeline.process()

    assert pipeline.fleet("whole") == {"whole:2019-02-01": "8"}
    assert pipeline.fleet("split") == {"split:2019-02-01": "8"}


def test_metrics_that_do_not_add_up_are_billed_by_their_own_aggregation(pipeline: Pipeline) -> None:
    # Peaks, lows, last levels and counts, of two devices each; the fleet is the sum over devices.
    expected = {"max": "14", "min": "4", "latest": "11", "count": "5", "sum": "27"}
    for aggregation in expected:
        pipeline.configuration.metric(aggregation, unit="kW", reading_type="gauge", aggregation=aggregation)
        pipeline.configuration.rate_card(aggregation, (None, "1.00"), metric=aggregation)
        pipeline.tenant(aggregation, "m-1", "m-2", rate_card_id=aggregation)
        # m-1: 3, 9, 6; m-2: 1 ... 5 earlier than 1 is measured but delivered after it.
        readings = (
            ("m-1", 1, 3, "2019-02-10T12:10"), ("m-1", 2, 9, "2019-02-11T12:00"), ("m-1", 3, 6, "2019-02-11T12:30"),
            ("m-2", 1, 5, "2019-02-12T12:00"), ("m-2", 2, 4, "2019-02-12T11:00"),
        )  # fmt: skip
        pipeline.land(
            *(
                message(aggregation, device, seq, quantity, at, metric=aggregation, session_id="s")
                for device, seq, quantity, at in readings
            )
        )
    pipeline.process()

    # max 9 + 5, min 3 + 4, latest 6 + 5, count 3 + 2, sum 18 + 9.
    totals = {invoice_id[4:-11]: total for invoice_id, _, total in pipeline.close("2019-02", "2019-03-04")}
    assert totals == {"max": "14.00", "min": "7.00", "latest": "11.00", "count": "5.00", "sum": "27.00"}
    assert pipeline.prove() == {}
