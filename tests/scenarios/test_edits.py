"""Edits: a named person lets another number stand for the one that a message brought.

One kWh costs 1.00 EUR. Periods are months in UTC with 72 hours of grace unless said otherwise.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration import edits
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from tests.support import Pipeline, message

EDITS = """
select trim_scale(delivered_quantity)::text, trim_scale(old_quantity)::text, trim_scale(quantity)::text, decided_by,
    is_counted
from finance.edits order by decided_at
"""


def edit(pipeline: Pipeline, tenant: str, seq: int, quantity: str, by: str = "Ada", because: str = "photo") -> None:
    with connect(pipeline.settings, "meterline_approver") as session:
        edits.edit(session, edits.Identity(tenant, "m-1", "energy", seq), Decimal(quantity), by, because)


def test_an_edit_counts_at_once_in_an_open_period_and_amends_a_closed_one(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    first, second = message("acme", "m-1", 1, 910, "2019-02-10T12:00"), message("acme", "m-1", 2, 5, "2019-02-11T12:00")
    pipeline.land(first, second)
    pipeline.process()
    edit(pipeline, "acme", 1, "91")
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "915"}
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "96"}
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "96.00")]

    edit(pipeline, "acme", 1, "90.5", because="second photo")
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "95.5"}
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "95.50")]
    assert pipeline.rows(EDITS) == [("910", "910", "91", "Ada", True), ("910", "91", "90.5", "Ada", True)]
    # What was delivered stays, so the same message again is a duplicate and no contradiction.
    assert pipeline.rows("select sum(quantity)::text from finance.billing_events") == [("915.0000000000",)]
    pipeline.land(first, name="again.jsonl")
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "95.5"}
    assert pipeline.refused() == []
    # Both invoice versions are made again from what was known at their close.
    assert pipeline.prove() == {}
    pipeline.audit()


def test_an_edited_reading_of_a_register_moves_use_from_one_day_to_the_next(pipeline: Pipeline) -> None:
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        *(message("acme", "m-1", day, shown, f"2019-02-1{day}T12:00") for day, shown in ((0, 100), (1, 190), (2, 120)))
    )
    pipeline.process()
    # 190 was misread: 90 of use, and then reverse flow.
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "90"}
    edit(pipeline, "acme", 1, "109")
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "20"}
    days = "select trim_scale(quantity)::text from finance.usage_daily order by bucket_start_at"
    assert pipeline.rows(days) == [("0",), ("9",), ("11",)]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "20.00")]
    assert pipeline.prove() == {}
    pipeline.audit()


def test_a_correction_that_arrives_before_the_edit_is_applied_and_a_peak(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("demand", unit="kW", aggregation="max")
    pipeline.tenant("acme", "m-1")
    pipeline.land(
        message("acme", "m-1", 1, 80, "2019-02-10T12:00", metric="demand"),
        message("acme", "m-1", 2, 30, "2019-02-10T12:10", metric="demand"),
    )
    pipeline.process()
    with connect(pipeline.settings, "meterline_approver") as session:
        edits.edit(session, edits.Identity("acme", "m-1", "demand", 1), Decimal(8), "Ada", "pulse twice")
    pipeline.land(message("acme", "m-1", 3, 20, "2019-02-10T12:20", metric="demand"))
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-02-01 demand": "30"}
    assert pipeline.prove() == {}


def test_what_cannot_be_edited_is_refused_with_the_reason(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 5, "2019-02-10T12:00"))
    pipeline.process()
    with pytest.raises(BadInputError, match="is no billed event"):
        edit(pipeline, "acme", 2, "4")
    with pytest.raises(BadInputError, match="named person's decision"):
        edit(pipeline, "acme", 1, "4", by=" ")
    with pytest.raises(BadInputError, match="at most ten digits"):
        edit(pipeline, "acme", 1, "NaN")
    pipeline.land(message("acme", "m-1", 2, 5, "2019-02-10T13:00"), name="later.jsonl")
    pipeline.configure()
    pipeline.load()
    with pytest.raises(BadInputError, match="loads are waiting to be metered"):
        edit(pipeline, "acme", 1, "4")
    assert pipeline.rows("select count(*) from store.edits") == [(0,)]
    assert pipeline.rows("select count(*) from audit.log where action = 'event_edited'") == [(0,)]


def test_what_a_folded_period_billed_is_not_edited(pipeline: Pipeline) -> None:
    # The period from 15 February on loses the events of February; the one of 5 March is still there.
    pipeline.tenant("acme", "m-1", anchor_day=15)
    pipeline.land(message("acme", "m-1", 1, 5, "2019-02-20T12:00"), message("acme", "m-1", 2, 7, "2019-03-05T12:00"))
    pipeline.process()
    assert pipeline.close("2019-03", "2019-03-20") == [("INV-acme-2019-02-15", 1, "12.00")]
    with connect(pipeline.settings, "meterline_approver") as session:
        session.execute("select store.fold_month('2019-02-01', 'Ada', 'two years kept')")
    with pytest.raises(BadInputError, match="events of its period were taken out of the event store"):
        edit(pipeline, "acme", 2, "8")
    with pytest.raises(BadInputError, match="is archived; `meterline proposals add` adjusts the invoice"):
        edit(pipeline, "acme", 1, "8")
    with pytest.raises(BadInputError, match="is no billed event"):
        edit(pipeline, "acme", 3, "8")
