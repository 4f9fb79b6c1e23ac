"""Use that came too late under grace: what a proposal says it would move, and that it moves nothing.

One kWh costs 1.00 EUR where nothing else is said, contracts are in UTC with 72 hours of grace.
"""

from __future__ import annotations

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.errors import GateFailedError
from tests.support import Message, Pipeline, message

PROPOSALS = """
select invoice_id, invoice_version, amount::text, event_count, use::text, status
from finance.proposals order by invoice_id, amount
"""
TOTALS = "select invoice_id, invoice_version, total_amount::text from finance.invoices order by 1, 2"


def late(seq: int, quantity: object, at: str = "2019-02-20", device: str = "m-1") -> Message:
    """Measured in February, received on 20 March."""
    return message("acme", device, seq, quantity, at, "2019-03-20", sent_ts="2019-03-20T00:00:00Z")


def test_rejected_use_is_rated_by_the_tiers_of_the_closed_period(pipeline: Pipeline) -> None:
    # The first 10 kWh at 1.00, what is beyond at 0.50; 20 % tax.
    pipeline.configuration.rate_card("tiers", (10, "1.00"), (None, "0.50"), price_model="graduated")
    pipeline.tenant("acme", "m-1", "m-2", rate_card_id="tiers", tax_percent=20)
    pipeline.land(message("acme", "m-1", 1, 6, "2019-02-10"), message("acme", "m-2", 1, 2, "2019-02-10"))
    pipeline.process()
    # 8 kWh: 8.00 and 1.60 of tax.
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "9.60")]
    pipeline.land(late(2, 6))
    pipeline.process()

    pipeline.reconcile()
    # 14 kWh: 10 x 1.00 + 4 x 0.50 = 12.00, with tax 14.40; 4.80 more than was invoiced.
    first = ("INV-acme-2019-02-01", 1, "4.80", 1, '{"energy": 6}')
    assert pipeline.rows(PROPOSALS) == [(*first, "open")]
    # A proposal moves nothing, and a close does not take it up.
    assert pipeline.close("2019-02", "2019-03-31") == []
    assert pipeline.rows(TOTALS) == [("INV-acme-2019-02-01", 1, "9.60")]
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "8"}

    pipeline.reconcile()
    assert pipeline.rows(PROPOSALS) == [(*first, "open")]
    # Two more kWh of another device: 16 kWh are 13.00, with tax 15.60.
    pipeline.land(late(3, 2, device="m-2"))
    pipeline.process()
    pipeline.reconcile()
    second = ("INV-acme-2019-02-01", 1, "6.00", 2, '{"energy": 8}')
    assert pipeline.rows(PROPOSALS) == [(*first, "superseded"), (*second, "open")]
    assert pipeline.prove() == {}


def test_only_closed_periods_are_reconciled_and_only_after_metering(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 6, "2019-02-10"), late(2, 5))
    pipeline.process()
    pipeline.reconcile()
    assert pipeline.rows(PROPOSALS) == []
    pipeline.close("2019-02", "2019-03-21")
    pipeline.land(late(3, 1))
    pipeline.load()
    with pytest.raises(GateFailedError, match="all_loads_applied"):
        pipeline.reconcile()
    pipeline.process()
    pipeline.reconcile()
    assert pipeline.rows(PROPOSALS) == [("INV-acme-2019-02-01", 1, "6.00", 2, '{"energy": 6}', "open")]


def test_peaks_are_proposed_only_where_they_were_higher(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("demand", unit="kW", reading_type="gauge", aggregation="max")
    pipeline.configuration.rate_card("peak", (None, "10.00"), metric="demand")
    pipeline.tenant("acme", "m-1", "m-2", rate_card_id="peak")
    pipeline.land(
        message("acme", "m-1", 1, 5, "2019-02-10", metric="demand"),
        message("acme", "m-2", 1, 5, "2019-02-10", metric="demand"),
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "100.00")]
    pipeline.land(late(2, 7) | {"metric": "demand"}, late(2, 3, device="m-2") | {"metric": "demand"})
    pipeline.process()
    pipeline.reconcile()
    # 7 + 5 instead of 5 + 5 kW.
    assert pipeline.rows(PROPOSALS) == [("INV-acme-2019-02-01", 1, "20.00", 2, '{"demand": 2}', "open")]


def test_a_late_reading_takes_the_place_of_its_estimate_in_the_proposal(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["device_types"].append({"device_type": "hourly", "expected_interval_seconds": 3600})
    pipeline.tenant("acme", "m-1", device_type="hourly", estimation="linear", ends_at="2019-02-01T06:00:00Z")
    # Readings in the hours 0 to 5, of which 3 is missing: between 2 and 2, it is estimated as 2.
    hours = [message("acme", "m-1", hour, 2, f"2019-02-01T0{hour}:30") for hour in range(6) if hour != 3]
    pipeline.configuration.tables["contracts"][-1]["starts_at"] = "2019-02-01T00:00:00Z"
    pipeline.land(*hours)
    pipeline.process()
    assert pipeline.close("2019-02", "2019-02-05") == [("INV-acme-2019-02-01", 1, "12.00")]
    pipeline.land(late(3, 5, "2019-02-01T03:30"))
    pipeline.process()
    pipeline.reconcile()
    # 5 kWh read for 2 estimated.
    assert pipeline.rows(PROPOSALS) == [("INV-acme-2019-02-01", 1, "3.00", 1, '{"energy": 3}', "open")]


def test_a_newer_version_of_the_invoice_supersedes_the_proposal(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 6, "2019-02-10"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.land(late(2, 5))
    pipeline.process()
    pipeline.reconcile()
    # Received in time, loaded after the close: an amendment (RULES 32).
    pipeline.land(message("acme", "m-1", 3, 1, "2019-02-11", "2019-03-01", sent_ts="2019-03-01T00:00:00Z"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "7.00")]
    assert [row[-1] for row in pipeline.rows(PROPOSALS)] == ["superseded"]
    pipeline.reconcile()
    assert {row[1:] for row in pipeline.rows(PROPOSALS)} == {
        (1, "5.00", 1, '{"energy": 5}', "superseded"),
        (2, "5.00", 1, '{"energy": 5}', "open"),
    }


def test_only_an_approver_decides_and_nobody_rewrites_a_proposal(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 6, "2019-02-10"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.land(late(2, 5))
    pipeline.process()
    pipeline.reconcile()
    decide = """
    select store.decide_proposal(proposal_id, 'rejected', 'Ada', 'agreed on the telephone') from store.proposals
    """
    for role in ("meterline_transform", "meterline_score", "meterline_finance"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connect(pipeline.settings, role) as session:
            session.execute(decide)
    with connect(pipeline.settings, "meterline_approver") as session:
        session.execute(decide)
    assert [row[-1] for row in pipeline.rows(PROPOSALS)] == ["rejected"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        pipeline.execute("update store.proposals set amount = 0")
