"""What comes between the steps of a close: other loads, another close, a proof. None of it changes an invoice."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from orchestration import close_gates, closing
from orchestration.database.connection import connect
from orchestration.errors import BusyError
from tests.support import CLOSE, PUBLISH, Pipeline, message, run_dbt

FEBRUARY = date(2019, 2, 1)
DUE = datetime(2019, 3, 4, tzinfo=UTC)
INVOICES = "select invoice_id, invoice_version, total_amount::text from finance.invoices order by 1, 2"


@pytest.fixture
def rated(pipeline: Pipeline) -> tuple[Pipeline, int]:
    """10 kWh of February at 1.00, asked to be closed, rated and cleared; and the request's number."""
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10T12:00"))
    pipeline.process()
    return pipeline, rate(pipeline)


def rate(pipeline: Pipeline) -> int:
    with connect(pipeline.settings, "meterline_transform") as session:
        close_id = closing.request(session, "close", FEBRUARY, DUE)
    run_dbt(pipeline.settings, *CLOSE)
    with connect(pipeline.settings, "meterline_transform") as session:
        close_gates.judge_close(session, close_id)
    return close_id


def test_what_is_metered_between_rating_and_publishing_comes_with_the_next_close(rated: tuple[Pipeline, int]) -> None:
    pipeline, _ = rated
    pipeline.land(message("acme", "m-1", 2, 5, "2019-02-11T12:00"))
    pipeline.process()
    run_dbt(pipeline.settings, *PUBLISH)

    assert pipeline.rows(INVOICES) == [("INV-acme-2019-02-01", 1, "10.00")]
    assert pipeline.prove() == {}
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "15.00")]
    assert pipeline.prove() == {}


@pytest.mark.parametrize("kind", ["close", "verify"])
def test_a_close_that_was_overtaken_publishes_nothing_and_says_so(rated: tuple[Pipeline, int], kind: str) -> None:
    pipeline, close_id = rated
    with connect(pipeline.settings, "meterline_transform") as session:
        closing.request(session, kind, FEBRUARY, DUE)
    run_dbt(pipeline.settings, *PUBLISH)

    assert pipeline.rows(INVOICES) == []
    with (
        connect(pipeline.settings, "meterline_finance") as session,
        pytest.raises(BusyError, match="close the month again"),
    ):
        close_gates.refuse_unpublished(session, close_id)
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "10.00")]


def test_what_was_rated_is_not_published_without_the_gates(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10T12:00"))
    pipeline.process()
    with connect(pipeline.settings, "meterline_transform") as session:
        closing.request(session, "close", FEBRUARY, DUE)
    run_dbt(pipeline.settings, *CLOSE)
    run_dbt(pipeline.settings, *PUBLISH)
    assert pipeline.rows(INVOICES) == []


def test_judging_twice_clears_the_same(rated: tuple[Pipeline, int]) -> None:
    pipeline, close_id = rated
    with connect(pipeline.settings, "meterline_transform") as session:
        close_gates.judge_close(session, close_id)
    run_dbt(pipeline.settings, *PUBLISH)
    assert pipeline.rows(INVOICES) == [("INV-acme-2019-02-01", 1, "10.00")]
