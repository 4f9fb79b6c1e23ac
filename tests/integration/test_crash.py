"""A statement that fails is repaired by running again: the tables end as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestration.errors import GateFailedError
from tests.integration.crashing import land_half
from tests.support import Pipeline, message

NewPipeline = Callable[..., Pipeline]

# Where a run may be stopped by a failing statement: each table that it writes once its loads have landed.
WRITES = {
    "store.periods": "insert",
    "store.quarantine": "insert",
    "store.session_evidence": "insert",
    "store.series": "insert",
    "store.slim_events": "insert",
    "store.high_water": "insert",
    "store.repeats": "insert",
    "store.event_restatements": "insert",
    "store.usage_hours": "insert",
    "store.usage_days": "insert",
    "store.received_hours": "insert",
    "store.device_receipts": "insert",
    "ledger.marks": "insert",
    "ledger.loads": "update of applied_at",
}
FAIL = """
do $one$ begin
    create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
    create trigger fail before {operation} on {table} for each statement execute function public.fail();
end $one$
"""
# The high-water mark tells new messages: one above it would be taken for new although it is stored.
ABOVE_THEIR_MARK = """
select event.msg_seq
from store.events as event
left join store.high_water as mark using (tenant_no, device_no, metric_no, seq_epoch)
where mark.msg_seq is null or event.msg_seq > mark.msg_seq
"""
MEND = "drop function public.fail() cascade"


@pytest.fixture
def halfway(pipeline: Pipeline) -> Pipeline:
    """A platform that has metered a day, and whose landing zone has another that changes what the first one meant."""
    land_half(pipeline)
    # Of a month and a series that are not known yet, so that every table gets rows.
    pipeline.land(message("acme", "m-2", 1, 6, "2019-03-01T12:00", metric="peak"))
    return pipeline


@pytest.fixture
def undisturbed(halfway: Pipeline, new_pipeline: NewPipeline) -> dict[str, list[str]]:
    """What is published when nothing goes wrong."""
    platform = new_pipeline(like=halfway)
    platform.process()
    published = platform.published()
    # m-1: 1 in January and 2; m-2: 5 and a peak of March; m-3: 3.25, peak 8 and one late.
    assert platform.fleet("acme") == {
        "acme:2019-01-01": "1", "acme:2019-02-01": "10.25", "acme:2019-02-01 peak": "8", "acme:2019-03-01 peak": "6",
    }  # fmt: skip
    assert len(published["late_events"]) == 1
    assert platform.refused() == [("sequence_conflict", 2), ("unknown_device", 1)]
    platform.audit()
    return published


def test_a_statement_that_fails_is_repaired_by_running_again(
    halfway: Pipeline, undisturbed: dict[str, list[str]], new_pipeline: NewPipeline
) -> None:
    for table, operation in WRITES.items():
        platform = new_pipeline(like=halfway)
        platform.execute(FAIL.format(operation=operation, table=table))
        with pytest.raises(AssertionError, match="stopped by the test"):
            platform.process()
        assert platform.rows(ABOVE_THEIR_MARK) == [], f"after a failure of {table}"
        with pytest.raises(GateFailedError, match="all_loads_applied"):
            platform.close("2019-01", "2019-02-05")
        platform.execute(MEND)

        platform.process()
        assert platform.published() == undisturbed, f"after a failure of {table}"
