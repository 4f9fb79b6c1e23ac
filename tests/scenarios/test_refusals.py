"""What is refused: a row with the first reason that holds and its text, a file as a whole, and never the rest of it."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.support import Pipeline, message

DAY = "2019-02-10"
GOOD = message("acme", "m-1", 1, "1.5", f"{DAY}T12:00")
# A row of each reason, one that fails later rules too where there is one: the first says why it is refused.
REFUSED = {
    "missing_field": GOOD | {"device_id": "", "quantity": "NaN"},
    "bad_type": GOOD | {"msg_seq": "one", "quantity": "NaN"},
    "bad_quantity": GOOD | {"msg_seq": 2, "quantity": "NaN", "device_ts": "2150-01-01T00:00:00Z"},
    "timestamp_out_of_range": GOOD | {"msg_seq": 3, "device_ts": "1969-12-31T23:59:59Z", "tenant_id": "nobody"},
    "unknown_tenant": GOOD | {"msg_seq": 4, "tenant_id": "nobody", "device_id": "00:11:22:33:44:55"},
    "wrong_region": GOOD | {"msg_seq": 5, "tenant_id": "overseas", "device_id": "nothing"},
    "hardware_identifier": GOOD | {"msg_seq": 6, "device_id": "00:11:22:33:44:55", "metric": "nothing"},
    "unknown_device": GOOD | {"msg_seq": 7, "device_id": "m-9", "metric": "nothing"},
    "unknown_metric": GOOD | {"msg_seq": 8, "metric": "nothing", "unit": "MWh"},
    "unit_mismatch": GOOD | {"msg_seq": 9, "unit": "MWh", "quantity": "-1"},
    "negative_delta": GOOD | {"msg_seq": 10, "quantity": "-0.0000000001", "device_ts": "2018-12-31T23:00:00Z"},
    "sequence_conflict": GOOD | {"quantity": "2", "received_at": f"{DAY}T12:00:02Z"},
    "no_contract": GOOD
    | {"msg_seq": 11, "device_ts": "2018-12-31T23:00:00Z", "sent_ts": f"{DAY}T12:00:00Z", "unit": "kWh"},
}


@pytest.fixture
def acme(pipeline: Pipeline) -> Pipeline:
    """A platform with a tenant of region eu and one of region us."""
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("overseas", "m-1", region="us")
    return pipeline


def test_every_reason_refuses_its_row_and_no_other(acme: Pipeline) -> None:
    acme.land(GOOD, *REFUSED.values(), day=DAY)
    acme.process()

    reasons = "select source_row, reason from finance.quarantined_messages order by source_row"
    assert acme.rows(reasons) == list(enumerate(REFUSED, start=2))
    assert acme.fleet("acme") == {"acme:2019-02-01": "1.5"}
    for reason, raw in acme.rows("select reason, raw from finance.quarantined_messages"):
        assert "00:11:22:33:44:55" not in raw
        assert json.loads(raw)["metric"] == REFUSED[reason]["metric"]
    balance = "select message_count, stored_count, quarantined_count from governance.load_balance"
    assert acme.rows(balance) == [(len(REFUSED) + 1, 1, len(REFUSED))]


def test_a_hardware_identifier_is_masked_whichever_reason_comes_first(acme: Pipeline) -> None:
    acme.land(*(REFUSED[reason] | {"device_id": "00:11:22:33:44:55"} for reason in ("bad_quantity", "unknown_tenant")))
    acme.process()

    raws = [raw for (raw,) in acme.rows("select raw from finance.quarantined_messages")]
    assert len(raws) == 2
    for raw in raws:
        assert "00:11:22:33:44:55" not in raw
        assert '"*************4:55"' in raw


def test_what_does_not_parse_is_refused_as_it_came(acme: Pipeline) -> None:
    lines = [json.dumps(GOOD), '{"tenant_id": "acme", ', "", "no JSON", json.dumps(GOOD | {"quantity": 0.1})]
    acme.land_bytes("mixed.jsonl", "\n".join(lines).encode(), DAY)
    acme.process()

    # A JSON number is a decimal, kept as written: 0.1 is another quantity of the same sequence, not a float.
    refused = acme.rows("select source_row, reason, raw from finance.quarantined_messages order by 1")
    assert [row[:2] for row in refused] == [(2, "bad_type"), (3, "bad_type"), (4, "sequence_conflict")]
    assert [row[2] for row in refused[:2]] == [lines[1], lines[3]]


def test_an_unreadable_file_is_refused_whole_and_the_rest_of_the_day_goes_on(acme: Pipeline) -> None:
    row = json.dumps(message("acme", "m-1", 2, 5, f"{DAY}T13:00")) + "\n"
    whole = gzip.compress(row.encode() * 50)
    acme.land(GOOD)
    acme.land_bytes("cut.jsonl.gz", whole[: len(whole) // 2], DAY)
    acme.land_bytes("broken.parquet", b"PAR1 and nothing else", DAY)
    acme.land_bytes("empty.csv", b"", DAY)
    acme.land_bytes("notes.txt", row.encode(), DAY)
    outcomes = {result.source_file.rpartition("/")[2]: result.outcome for result in acme.process()}

    assert outcomes == {
        "part-0001.jsonl": "landed",
        "cut.jsonl.gz": "unreadable",
        "broken.parquet": "unreadable",
        "empty.csv": "landed",
    }
    refused = "select source_file, source_row, reason from finance.quarantined_messages order by 1"
    assert acme.rows(refused) == [
        (f"region=eu/date={DAY}/broken.parquet", None, "unreadable_file"),
        (f"region=eu/date={DAY}/cut.jsonl.gz", None, "unreadable_file"),
    ]
    assert acme.fleet("acme") == {"acme:2019-02-01": "1.5"}
    # It stands in nobody's way: the month closes.
    assert ("INV-acme-2019-02-01", 1, "1.50") in acme.close("2019-02", "2019-03-04")


def test_a_file_in_the_wrong_day_or_region_is_refused_row_by_row(acme: Pipeline) -> None:
    acme.land(GOOD, day="2019-02-11", name="a-day-off.jsonl")
    acme.land(GOOD | {"msg_seq": 2}, day="2019-02-12", name="two-days-off.jsonl")
    acme.land(GOOD | {"msg_seq": 3}, region="us", name="abroad.jsonl")
    acme.process()

    assert acme.fleet("acme") == {"acme:2019-02-01": "1.5"}
    assert acme.refused() == [("timestamp_out_of_range", 1), ("wrong_region", 1)]
