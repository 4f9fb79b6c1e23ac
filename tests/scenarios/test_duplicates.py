"""One measurement is billed once, however often and in whatever order its deliveries are loaded.

One kWh costs 1.00 EUR; contracts are in UTC.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support import Message, Pipeline, json_lines, message

HOURS = """
select to_char(bucket_start_at at time zone 'UTC', 'MM-DD HH24'), trim_scale(quantity)::text
from finance.usage_hourly order by 1
"""
FIRST = message("acme", "m-1", 1, 5, "2019-02-01T08:00", "2019-02-01T10:00", sent_ts="2019-02-01T10:00:00Z")
# The same sequence number with another quantity and another measurement time, received a day later.
OTHER = message("acme", "m-1", 1, 7, "2019-02-01T09:00", "2019-02-02T10:00", sent_ts="2019-02-02T10:00:00Z")


def test_a_redelivery_days_later_on_another_session_is_the_same_event(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    original = message("acme", "m-1", 1, 10, "2019-02-10T12:00", session_id="first")
    again = {"received_at": "2019-02-14T09:00:00Z", "sent_ts": "2019-02-14T08:59:59Z", "session_id": "second"}
    pipeline.land(original, original)
    pipeline.process()
    # 10, 10.0 and 1E1 are one quantity; after the boundary it is a duplicate still, and no late event.
    pipeline.land({**original, **again, "quantity": "10.0"})
    pipeline.land({**original, **again, "quantity": "1E1", "received_at": "2019-03-10T09:00:00Z"})
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "10"}
    assert pipeline.rows("select source_row, session_id from finance.billing_events") == [(1, "first")]
    balance = "select sum(message_count), sum(stored_count), sum(duplicate_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(4, 1, 3)]
    rates = "select to_char(hour_start_at, 'MM-DD'), message_count, duplicate_count, duplicate_ratio::text"
    assert pipeline.rows(f"{rates} from finance.duplicate_rates order by 1") == [
        ("02-10", 2, 1, "0.500000"),
        ("02-14", 1, 1, "1.000000"),
        ("03-10", 1, 1, "1.000000"),
    ]
    assert pipeline.rows("select * from finance.late_events") == []
    assert pipeline.close("2019-02", "2019-03-31") == [("INV-acme-2019-02-01", 1, "10.00")]


def test_a_file_and_its_renamed_copy_load_once(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    rows = [message("acme", "m-1", seq, seq, "2019-02-10T12:00") for seq in (1, 2)]
    pipeline.land(*rows, name="b.jsonl")
    pipeline.process()
    pipeline.land(*rows, name="a.jsonl")
    pipeline.land(*rows, name="c.jsonl", day="2019-02-11")
    outcomes = [result.outcome for result in pipeline.process()]

    assert outcomes == ["seen", "seen"]
    assert pipeline.fleet("acme") == {"acme:2019-02-01": "3"}
    # Of several paths the smallest names the file.
    named = "select distinct source_file from finance.billing_events"
    assert pipeline.rows(named) == [("region=eu/date=2019-02-10/a.jsonl",)]


def test_another_quantity_or_measurement_time_is_a_conflict(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    later = {"received_at": "2019-02-02T10:00:00Z", "sent_ts": "2019-02-02T10:00:00Z"}
    pipeline.land(FIRST)
    pipeline.land(
        {**FIRST, **later, "quantity": "5.0000000001"}, {**FIRST, **later, "device_ts": "2019-02-01T08:00:00.000001Z"}
    )
    # Each of its repetitions is refused too; a true duplicate among them is none.
    pipeline.land(OTHER, OTHER, {**FIRST, **later})
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "5"}
    assert pipeline.refused() == [("sequence_conflict", 4)]
    raw = "select raw::jsonb ->> 'quantity' from finance.quarantined_messages order by source_file, source_row"
    assert pipeline.rows(raw) == [("5.0000000001",), ("5",), ("7",), ("7",)]
    balance = "select sum(stored_count), sum(duplicate_count), sum(quarantined_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(1, 1, 4)]


def test_an_earlier_arrival_that_is_loaded_later_takes_the_place_of_the_kept_one(
    new_pipeline: Callable[..., Pipeline],
) -> None:
    in_order, reversed_order = new_pipeline(), new_pipeline()
    for platform, arrivals in ((in_order, (FIRST, OTHER)), (reversed_order, (OTHER, FIRST))):
        platform.tenant("acme", "m-1")
        for arrival in arrivals:
            platform.land(arrival, name="gateway.jsonl")
            platform.process()

    assert reversed_order.rows(HOURS) == [("02-01 08", "5")]
    assert reversed_order.refused() == [("sequence_conflict", 1)]
    restated = (
        "select version, trim_scale(old_quantity)::text, trim_scale(quantity)::text from store.event_restatements"
    )
    assert reversed_order.rows(restated) == [(1, "7", "5")]
    assert in_order.rows(restated) == []
    assert reversed_order.published() == in_order.published()
    for platform in (in_order, reversed_order):
        platform.audit()


def test_a_day_that_was_emptied_and_filled_again_begins_with_what_it_has(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 7, "2019-02-03T09:00"))
    pipeline.process()
    pipeline.land(FIRST)
    pipeline.process()
    pipeline.land(message("acme", "m-1", 2, 3, "2019-02-03T09:30"))
    pipeline.process()

    assert pipeline.rows(HOURS) == [("02-01 08", "5"), ("02-03 09", "3")]
    days = "select to_char(first_event_at at time zone 'UTC', 'MM-DD HH24:MI') from store.usage_days order by 1"
    assert pipeline.rows(days) == [("02-01 08:00",), ("02-03 09:30",)]
    pipeline.audit()


def test_an_earlier_arrival_that_is_loaded_after_the_close_amends_the_invoices_it_moves_use_between(
    pipeline: Pipeline,
) -> None:
    pipeline.tenant("acme", "m-1")
    # Kept at first: 7 kWh measured in February. The true reading: 5 kWh, measured in January.
    pipeline.land(
        message("acme", "m-1", 1, 7, "2019-02-01T00:30", "2019-02-02T10:00", sent_ts="2019-02-02T10:00:00Z"),
        message("acme", "m-1", 2, 1, "2019-01-15"),
        message("acme", "m-1", 3, 2, "2019-02-15"),
    )
    pipeline.process()
    assert pipeline.close("2019-01", "2019-03-04") == [("INV-acme-2019-01-01", 1, "1.00")]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 1, "9.00")]

    pipeline.land(message("acme", "m-1", 1, 5, "2019-01-31T23:30", "2019-02-01T10:00", sent_ts="2019-02-01T10:00:00Z"))
    pipeline.process()
    assert pipeline.fleet("acme") == {"acme:2019-01-01": "6", "acme:2019-02-01": "2"}
    assert pipeline.close("2019-01", "2019-03-04") == [("INV-acme-2019-01-01", 2, "6.00")]
    assert pipeline.close("2019-02", "2019-03-04") == [("INV-acme-2019-02-01", 2, "2.00")]
    # 6 - 1 = 5 and 2 - 9 = -7.
    notes = "select period_id, difference_amount::text from finance.invoices where invoice_version = 2 order by 1"
    assert pipeline.rows(notes) == [("acme:2019-01-01", "5.00"), ("acme:2019-02-01", "-7.00")]
    assert pipeline.prove() == {}


def test_a_conflict_proves_nothing_about_a_clock(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # Two hours slow. What seemed to be live turns out to contradict an earlier reading, and with it goes the trust.
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-01T10:00", "2019-02-01T12:00", session_id="s"),
        message("acme", "m-1", 2, 2, "2019-02-01T14:00", session_id="s"),
    )
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-01 10", "1"), ("02-01 14", "2")]

    pipeline.land(message("acme", "m-1", 2, 4, "2019-02-01T11:00", "2019-02-01T13:00", session_id="s"))
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-01 12", "1"), ("02-01 13", "4")]
    pipeline.audit()


def test_a_session_may_lose_all_that_it_proved(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # Delays of 7,200 s on the 9th and 7,500 s on the 10th, one session: both are set right by 7,200 s.
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-09T20:00", "2019-02-09T22:00", session_id="s"),
        message("acme", "m-1", 2, 2, "2019-02-10T01:58", "2019-02-10T04:03", session_id="s"),
    )
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-09 22", "1"), ("02-10 03", "2")]

    # The first contradicts an earlier arrival of another session, so nothing of the 9th is left that proves anything.
    pipeline.land(message("acme", "m-1", 1, 4, "2019-02-08T12:00", session_id="other"))
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-08 12", "4"), ("02-10 04", "2")]
    pipeline.audit()


def test_a_conflict_may_turn_out_to_be_a_duplicate(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    again = {"received_at": "2019-02-12T12:00:00Z", "sent_ts": "2019-02-12T12:00:00Z", "session_id": "again"}
    reading = message("acme", "m-1", 1, 1, "2019-02-10T10:00", session_id="first")
    pipeline.land(message("acme", "m-1", 1, 2, "2019-02-11T09:00"), {**reading, **again})
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-11 09", "2")]
    assert pipeline.refused() == [("sequence_conflict", 1)]

    # The delivery that came before both says what its repetition says: now the other one is the contradiction.
    pipeline.land(reading)
    pipeline.process()
    assert pipeline.rows(HOURS) == [("02-10 10", "1")]
    refused = "select reason, raw::jsonb ->> 'quantity' from finance.quarantined_messages"
    assert pipeline.rows(refused) == [("sequence_conflict", "2")]
    pipeline.audit()


def test_sequences_of_epochs_metrics_and_devices_are_their_own(pipeline: Pipeline) -> None:
    pipeline.configuration.metric("messages", unit="1")
    pipeline.tenant("acme", "m-1", "m-2")
    row = message("acme", "m-1", 1, 1, "2019-02-10T12:00")
    pipeline.land(
        row,
        {**row, "seq_epoch": 1},
        {**row, "seq_epoch": 0},
        {**row, "device_id": "m-2"},
        {**row, "metric": "messages"},
    )
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "3", "acme:2019-02-01 messages": "1"}
    assert pipeline.refused() == []


def as_csv(row: Message) -> bytes:
    """A CSV file with one row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


def as_parquet(row: Message) -> bytes:
    """A Parquet file with one row, its stamps and its number typed."""
    table = pa.Table.from_pylist([row])
    for name in ("device_ts", "sent_ts", "received_at"):
        at = table.column_names.index(name)
        table = table.set_column(at, name, table[name].cast(pa.timestamp("us", tz="UTC")))
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def test_one_reading_in_every_format_is_one_event(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # Five gateways write five formats; each delivery came over its own session, on its own day.
    formats: dict[str, Callable[[Message], bytes]] = {
        "a.jsonl": lambda row: json_lines([row]),
        "b.jsonl.gz": lambda row: gzip.compress(json_lines([row, row])),
        "c.csv": as_csv,
        "d.csv.gz": lambda row: gzip.compress(as_csv(row)),
        "e.parquet": as_parquet,
    }
    for day, (name, content) in enumerate(formats.items(), start=11):
        received = f"2019-02-{day}T09:00:00Z"
        row = message("acme", "m-1", 1, "2.50", "2019-02-10T12:00", received, sent_ts=received, session_id=name)
        pipeline.land_bytes(name, content(row), f"2019-02-{day}")
        if name == "c.csv":
            pipeline.process()
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "2.5"}
    assert pipeline.rows("select session_id from finance.billing_events") == [("a.jsonl",)]
    assert pipeline.refused() == []
    balance = "select sum(message_count), sum(stored_count), sum(duplicate_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(6, 1, 5)]
