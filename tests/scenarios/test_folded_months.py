"""A month that left the event store is not forgotten: what repeats it is a duplicate, and every message stays counted.

One kWh costs 1.00 EUR; contracts are in UTC.
"""

from __future__ import annotations

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.quarantine import Filter
from tests.support import Message, Pipeline, message

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


def peak(seq: int, quantity: object, at: str, received: str | None = None, metric: str = "max") -> Message:
    """A reading of what is billed by its greatest, least or last value."""
    sent = {} if received is None else {"sent_ts": f"{received}:00Z"}
    return message("acme", "m-1", seq, quantity, at, received, metric=metric, **sent)


def test_what_does_not_add_up_is_not_billed_in_a_folded_month(pipeline: Pipeline) -> None:
    metrics = ("max", "min", "latest", "count")
    for name in metrics:
        pipeline.configuration.metric(name, unit="kW", reading_type="gauge", aggregation=name)
        pipeline.configuration.rate_card("values", (None, "1.00"), metric=name)
    pipeline.tenant("acme", "m-1", rate_card_id="values", late_policy="reopen", close_delay_minutes=5)
    for name in metrics:
        pipeline.land(peak(1, 7, "2019-02-10T12:10", metric=name), peak(2, 5, "2019-02-10T12:20", metric=name))
    pipeline.process()
    # 7 + 5 + 5 + 2 messages.
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "19.00")]
    assert fold(pipeline, "2019-02-01") == 8
    hours = "select metric, trim_scale(quantity)::text, event_count from finance.usage_hourly order by 1"
    before = [("count", "2", 2), ("latest", "5", 2), ("max", "7", 2), ("min", "5", 2)]
    assert pipeline.rows(hours) == before

    # Months later another reading of that hour, and one that came in time in a file that was forgotten. Alone they
    # would be the greatest, the least and the last.
    pipeline.land(peak(4, 9, "2019-02-10T12:40", metric="max"))
    for name in metrics:
        pipeline.land(peak(3, 6, "2019-02-10T12:30", "2019-05-10T12:00", metric=name))
    pipeline.process()

    # One message more is one message more. What needs the readings of before is left as it was, and is said to be.
    assert pipeline.rows(hours) == [("count", "3", 3), *before[1:]]
    days = "select metric, trim_scale(quantity)::text from finance.usage_daily order by 1"
    assert pipeline.rows(days) == [("count", "3"), ("latest", "5"), ("max", "7"), ("min", "5")]
    late = "select metric, trim_scale(quantity)::text, decision from finance.late_events order by 1, 2"
    left_out = [(*reading, "not_billed") for reading in (("latest", "6"), ("max", "6"), ("max", "9"), ("min", "6"))]
    assert pipeline.rows(late) == [("count", "6", "reopened"), *left_out]
    assert pipeline.close("2019-02", "2019-06-04") == [("INV-acme-2019-02-01", 2, "20.00")]
    assert pipeline.rows(BALANCE) == [(13, 9, 0, 0)]
    assert pipeline.prove() == {}
    pipeline.audit()


def test_a_month_with_readings_of_a_register_is_not_folded(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("meter", unit="kWh", reading_type="cumulative", aggregation="sum")
    pipeline.configuration.rate_card("meter", (None, "1.00"), metric="meter")
    pipeline.tenant("acme", "m-1", rate_card_id="meter")
    pipeline.land(peak(1, 100, "2019-02-10T12:00", metric="meter"), peak(2, 104, "2019-02-12T12:00", metric="meter"))
    pipeline.process()
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "4.00")]
    # The 5 kWh of a March reading of 109 could not be proven without the reading of 104.
    assert "is a register, whose later use is proven from its readings of 2019-02-01" in refusal(pipeline, "2019-02-01")
    assert pipeline.rows("select blocked_by from finance.retention_report where kept_data = 'events'") == [
        ("1 register, meter of acme, by whose readings later use is proven",)
    ]
    assert pipeline.rows("select count(*) from store.folds") == [(0,)]


def test_a_month_stays_whole_where_what_reads_it_misses_an_event(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(*FEBRUARY)
    pipeline.process()
    assert len(pipeline.close("2019-02", "2019-03-04")) == 1
    with connect(pipeline.settings) as session:
        row = session.execute("select pg_get_viewdef('metering.int_month_to_fold')").fetchone()
        assert row is not None
        less = f"select * from ({row[0].rstrip(';')}) as event where msg_seq <> 2"
        session.execute(f"create or replace view metering.int_month_to_fold as {less}".encode())

    assert refusal(pipeline, "2019-02-01") == "store.events_201902 has 3 events, of which 2 were folded"
    assert pipeline.rows("select count(*) from finance.billing_events") == [(3,)]


def test_a_release_into_a_folded_month_is_counted_once(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1", late_policy="reopen", close_delay_minutes=5)
    reading = message("acme", "m-2", 1, 4, "2019-02-10T12:00")
    pipeline.land(*FEBRUARY, reading, {**reading, "received_at": "2019-02-10T12:30:00Z"}, name="february.jsonl")
    pipeline.land(message("acme", "m-1", 4, "NaN", "2019-02-10T13:00"))
    pipeline.process()
    assert pipeline.refused() == [("bad_quantity", 1), ("unknown_device", 2)]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "6.00")]
    assert fold(pipeline, "2019-02-01") == 3

    # The meter is declared after the month was folded: its reading and the repetition of it go the ordinary way.
    pipeline.configuration.tables["devices"].append({"tenant_id": "acme", "device_id": "m-2"})
    pipeline.release(Filter(reason="unknown_device"), "Ada Okafor", "declared")
    pipeline.process()

    assert pipeline.rows(BALANCE) == [(6, 4, 1, 1)]
    assert pipeline.refused() == [("bad_quantity", 1)]
    received = "select sum(message_count)::int, sum(duplicate_count)::int from finance.duplicate_rates"
    assert pipeline.rows(received) == [(5, 1)]
    # Received in time and loaded after the close: the use of February grows (RULES 32).
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10"}
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "10.00")]
    assert pipeline.prove() == {}
    pipeline.audit()

    # The same file under another name, and one more delivery of the reading: duplicates of what is stored now.
    pipeline.land({**reading, "received_at": "2019-02-10T12:45:00Z"})
    pipeline.process()
    assert pipeline.rows(BALANCE) == [(7, 4, 2, 1)]
    assert pipeline.rows(received) == [(6, 2)]
    pipeline.audit()
