"""Months in which little or nothing was received are billed like any other."""

from __future__ import annotations

from tests.support import Pipeline, message


def test_every_running_contract_is_billed_for_a_month_without_messages(pipeline: Pipeline) -> None:
    """The last message is of 20 March; May is closed in June, for a week, a month and a subscription alike."""
    pipeline.configuration.rate_card("subscription", (None, "", "31.00"), price_model="flat")
    pipeline.tenant("monthly", "m-1")
    pipeline.tenant("weekly", "w-1", billing_cycle="weekly", starts_at="2019-01-07")
    pipeline.tenant("subscriber", "s-1", rate_card_id="subscription")
    pipeline.land(message("monthly", "m-1", 1, 10, "2019-03-20T12:00"))
    pipeline.process()

    # Weeks that end in May: Mondays 6, 13, 20 and 27 May; the week from 29 April to 6 May is the first of them.
    assert pipeline.close("2019-05", "2019-06-10") == [
        ("INV-monthly-2019-05-01", 1, "0.00"),
        ("INV-subscriber-2019-05-01", 1, "31.00"),
        ("INV-weekly-2019-04-29", 1, "0.00"),
        ("INV-weekly-2019-05-06", 1, "0.00"),
        ("INV-weekly-2019-05-13", 1, "0.00"),
        ("INV-weekly-2019-05-20", 1, "0.00"),
    ]
    assert pipeline.close("2019-05", "2019-06-10") == []


def test_a_region_is_due_by_what_it_has_received_itself(pipeline: Pipeline) -> None:
    """Without --as-of: `eu` was received until 11 March, `us` until 1 March, and February's grace ends on 4 March."""
    pipeline.tenant("near", "n-1", region="eu")
    pipeline.tenant("far", "f-1", region="us")
    pipeline.land(message("near", "n-1", 1, 10, "2019-02-10T12:00"), message("near", "n-1", 2, 5, "2019-03-10T12:00"))
    pipeline.land(message("far", "f-1", 1, 20, "2019-02-28T12:00"), region="us")
    pipeline.process()

    assert pipeline.close("2019-02") == [("INV-near-2019-02-01", 1, "10.00")]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-far-2019-02-01", 1, "20.00")]
