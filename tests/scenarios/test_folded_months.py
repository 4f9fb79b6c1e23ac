"""A month that left the event store is not forgotten: what repeats it is a duplicate, and every message stays counted.

One kWh costs 1.00 EUR; contracts are in UTC.
"""

from __future__ import annotations

import psycopg
import pytest

from orchestration.database.connection import connect
from tests.support import Pipeline, message

FOLD = "select store.fold_month(%s, 'Ada Okafor', 'two years kept')"
BALANCE = """
select sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int, sum(quarantined_count)::int
from governance.load_balance
"""
FEBRUARY = [message("acme", "m-1", seq, seq, f"2019-02-{10 + seq}T12:00") for seq in (1, 2, 3)]
NODE = [
    message("lora", "n-1", 1, 10, "2019-02-10T12:00"),
    message("lora", "n-1", 1, 20, "2019-03-10T12:00"),
    message("lora", "n-1", 2, 40, "2019-02-10T12:10"),
]


def fold(pipeline: Pipeline, month: str, role: str = "meterline_approver") -> int:
    """Fold a month as a role; returns how many events left the store."""
    with connect(pipeline.settings, role) as session:
        row = session.execute(FOLD, (month,)).fetchone()
    assert row is not None
    return int(row[0])


def refusal(pipeline: Pipeline, month: str, role: str = "meterline_approver") -> str:
    """What the database says to an attempt."""
    with pytest.raises(psycopg.Error) as caught:
        fold(pipeline, month, role)
    return str(caught.value).splitlines()[0]


def test_a_duplicate_of_an_archived_month_stays_a_duplicate(pipeline: Pipeline) -> None:
    hour = {"sequence_conflict_policy": "new_epoch", "sequence_reuse_window_seconds": 3600}
    pipeline.configuration.tables["device_types"].append({"device_type": "node", **hour})
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("lora", "n-1", device_type="node")
    again = {"received_at": "2019-02-15T12:00:00Z"}
    pipeline.land(*FEBRUARY, {**FEBRUARY[0], **again}, {**FEBRUARY[1], **again, "quantity": "9"})
    pipeline.land(message("acme", "m-1", 4, 5, "2019-03-05T12:00"), *NODE)
    pipeline.process()

    for role in ("meterline_transform", "meterline_ingest", "meterline_auditor"):
        assert refusal(pipeline, "2019-02-01", role) == "permission denied for function fold_month"
    assert refusal(pipeline, "2019-02-02") == "the event store has no month 2019-02-02"
    assert "holds events of 2019-02-01 and is not closed" in refusal(pipeline, "2019-02-01")
    assert len(pipeline.close("2019-02", "2019-03-04")) == 2
    assert pipeline.rows(BALANCE) == [(9, 7, 1, 1)]
    refused = pipeline.rows("select reason, raw::jsonb ->> 'quantity' from finance.quarantined_messages")

    assert fold(pipeline, "2019-02-01") == 5
    assert pipeline.rows("select count(*) from store.archived_events_201902") == [(5,)]
    assert pipeline.rows("select count(*) from finance.billing_events") == [(2,)]
    # 1 to 3 of m-1 are one range; of n-1, number 1 has two runs and stands alone, and so does 2.
    ranges = "select first_seq, last_seq from store.seen_sequences order by device_no, first_seq"
    assert sorted(pipeline.rows(ranges)) == [(1, 1), (1, 3), (2, 2)]
    logged = "select payload::jsonb ->> 'event_count', payload::jsonb ->> 'decided_by' from audit.log"
    assert pipeline.rows(f"{logged} where action = 'month_folded'") == [("5", "Ada Okafor")]
    # The verdicts of before stand without the events.
    assert pipeline.rows(BALANCE) == [(9, 7, 1, 1)]
    assert pipeline.rows("select reason, raw::jsonb ->> 'quantity' from finance.quarantined_messages") == refused

    # Months later the whole of February comes again, one row with another quantity: nobody can tell that any more.
    late = {"received_at": "2019-05-10T12:00:00Z", "sent_ts": "2019-05-10T12:00:00Z"}
    pipeline.land(*({**row, **late} for row in FEBRUARY), {**FEBRUARY[2], **late, "quantity": "7"})
    pipeline.land({**NODE[0], **late}, {**NODE[1], **late}, {**NODE[2], **late})
    # New readings: of a number never seen, late for February; of one that comes round.
    pipeline.land(message("acme", "m-1", 5, 5, "2019-02-20T12:00", "2019-05-10T13:00", sent_ts=late["sent_ts"]))
    pipeline.land(message("lora", "n-1", 2, 80, "2019-05-10T12:00"))
    pipeline.process()

    assert pipeline.rows(BALANCE) == [(18, 8, 8, 1)]
    assert pipeline.rows("select quantity::int, decision from finance.late_events") == [(5, "not_billed")]
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "6", "acme:2019-03-01": "5"}
    assert pipeline.fleet("lora") == {"lora:2019-02-01": "50", "lora:2019-03-01": "20", "lora:2019-05-01": "80"}
    assert pipeline.close("2019-02", "2019-06-04") == []
    assert pipeline.prove() == {}
    pipeline.audit()
