"""Files to pieces: every format gives the same rows, and nothing that is delivered gets lost or stops the rest."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.ingest import parquet, readers
from orchestration.ingest.readers import read_pieces
from orchestration.ingest.rows import CUT_NOTE, MAX_LINE_BYTES, MAX_TEXT_BYTES, OddRow, UnreadableFileError

MESSAGE = {"tenant_id": "acme", "device_id": "d-1", "metric": "energy", "msg_seq": 7, "quantity": "1.50"}
STAMPS = {"device_ts": "2026-03-01T10:00:00Z", "received_at": "2026-03-01T10:00:01Z"}


def texts(name: str, data: bytes) -> list[dict[str, Any]]:
    """Columns of all pieces, absent values left out."""
    return [
        {field: value for field, value in row.items() if value is not None}
        for piece in read_pieces(name, io.BytesIO(data))
        for row in piece.columns.to_pylist()
    ]


def described(name: str, data: bytes) -> list[OddRow]:
    """All rows as odd ones."""
    return [
        row for piece in read_pieces(name, io.BytesIO(data)) for row in piece.describe(range(piece.columns.num_rows))
    ]


def json_lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return target.getvalue()


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv", "a.csv.gz", "a.jsonl.gz"])
def test_zero_bytes_are_no_rows(name: str) -> None:
    assert texts(name, b"") == []


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_gzip_of_nothing_is_no_rows(name: str) -> None:
    assert texts(name, gzip.compress(b"")) == []


# --- JSON lines ---


def test_json_numbers_keep_their_digits() -> None:
    line = b'{"tenant_id":"acme","msg_seq":12345678901234567890,"quantity":0.10000000000000000001}\n'
    assert texts("a.jsonl", line) == [
        {"tenant_id": "acme", "msg_seq": "12345678901234567890", "quantity": "0.10000000000000000001"}
    ]
    fields = described("a.jsonl", line)[0].fields
    assert fields is not None
    assert fields["quantity"] == {"t": "number", "v": "0.10000000000000000001"}


def test_json_tags_tell_how_a_value_was_delivered() -> None:
    line = (
        b'{"tenant_id":5,"device_id":true,"metric":["x"],"quantity":"1","unit":null,'
        b'"attributes":{"b":1.0,"a":"\\u00e9"}}'
    )
    assert texts("a.jsonl", line) == [{}]
    row = described("a.jsonl", line)[0]
    assert row.fields == {
        "tenant_id": {"t": "number", "v": "5"},
        "device_id": {"t": "other", "v": "true"},
        "metric": {"t": "other", "v": '["x"]'},
        "quantity": {"t": "text", "v": "1"},
        "attributes": {"t": "object", "v": '{"a":"é","b":1.0}'},
    }
    assert row.raw_text == line.decode()


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_json_words_for_no_number_are_left_to_the_rule(number: str) -> None:
    fields = described("a.jsonl", f'{{"quantity": {number}}}'.encode())[0].fields
    assert fields == {"quantity": {"t": "number", "v": number}}


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b'["array"]',
        b'"text"',
        b"12",
        b'{"tenant_id": "acme"',
        b'{"tenant_id":"\xff"}',
        b'{"tenant_id":"a","tenant_id":"b"}',
        b'{"attributes":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"unit":"' + b"x" * MAX_LINE_BYTES + b'"}',
    ],
    ids=["word", "array", "text", "number", "cut off", "bad utf-8", "member twice", "deep", "long"],
)
def test_json_line_that_does_not_parse_is_one_row_among_others(line: bytes) -> None:
    good = json_lines(MESSAGE)
    rows = described("a.jsonl", good + b"\r\n  \n" + line + b"\n" + good)
    assert [row.row_number for row in rows] == [1, 2, 3]
    assert rows[1].fields is None
    assert rows[1].raw_text.removesuffix(CUT_NOTE) == line.decode(errors="replace")[:MAX_TEXT_BYTES]
    assert rows[1].raw_text.endswith(CUT_NOTE) == (len(line) > MAX_TEXT_BYTES)
    assert texts("a.jsonl", good + line + b"\n" + good)[1] == {}


def test_deep_but_parsable_attributes_do_not_stop_the_file() -> None:
    deep = b'{"attributes":' + b'{"a":' * 600 + b"1" + b"}" * 601
    rows = described("a.jsonl", deep + b"\n" + json_lines(MESSAGE))
    assert [row.row_number for row in rows] == [1, 2]


def test_text_that_postgresql_cannot_hold_is_replaced_and_tagged() -> None:
    line = b'{"tenant_id":"a\\u0000b","device_id":"\\ud800x","attributes":{"k":"\\u0000"}}'
    assert texts("a.jsonl", line) in ([{}], [{"tenant_id": "a\0b"}])
    row = described("a.jsonl", line)[0]
    assert row.fields is not None
    assert row.fields["tenant_id"] == {"t": "other", "v": "a\ufffdb"}
    assert row.fields["device_id"] == {"t": "other", "v": "\ufffdx"}
    assert row.fields["attributes"]["t"] == "other"
    assert described("a.jsonl", b"raw \0 byte")[0].raw_text == "raw \ufffd byte"


def test_long_value_is_cut_and_no_longer_of_its_type() -> None:
    zeros = "0" * 70_000 + "1"
    fields = described("a.jsonl", json_lines({"quantity": zeros}))[0].fields
    assert fields == {"quantity": {"t": "other", "v": "0" * MAX_TEXT_BYTES}}


def test_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert texts("a.jsonl", b"\xef\xbb\xbf" + json_lines(MESSAGE))[0]["tenant_id"] == "acme"
    assert texts("a.csv", b"\xef\xbb\xbftenant_id\nacme\n") == [{"tenant_id": "acme"}]


def test_identifiers_stay_byte_for_byte() -> None:
    names = [" Acme ", "e\u0301", "\u00e9", "a\tb"]
    assert [row["tenant_id"] for row in texts("a.jsonl", json_lines(*({"tenant_id": n} for n in names)))] == names
    csv = "tenant_id\n" + "\n".join(names) + "\n"
    assert [row["tenant_id"] for row in texts("a.csv", csv.encode())] == names


def test_cloud_event_data_comes_first_and_the_envelope_fills_in() -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "/gateway", "type": "energy", "subject": "d-1",
        "time": "2026-03-01T10:00:00Z", "tenantid": "acme", "receivedat": "2026-03-01T10:00:01Z", "sessionid": "s",
        "sequence": "0007", "data": {"quantity": 1.5, "device_id": "d-2", "metric": None, "tenant_id": ""},
    }  # fmt: skip
    assert texts("a.jsonl", json_lines(event)) == [
        {
            "tenant_id": "acme", "device_id": "d-2", "metric": "energy", "msg_seq": "0007", "quantity": "1.5",
            "device_ts": "2026-03-01T10:00:00Z", "received_at": "2026-03-01T10:00:01Z", "session_id": "s",
        }
    ]  # fmt: skip
    other = described("a.jsonl", json_lines({**event, "specversion": "0.3"}))[0].fields
    assert other == {}, "only version 1.0 is known"


# --- CSV ---


def test_csv_quotes_newlines_and_empty_values() -> None:
    data = b'tenant_id,unit,extra,quantity\r\n"a,\n""b""",,"x",1\r\n\r\nb,kWh,,\r\n'
    assert texts("a.csv", data) == [{"tenant_id": 'a,\n"b"', "quantity": "1"}, {"tenant_id": "b", "unit": "kWh"}]
    rows = described("a.csv", data)
    assert json.loads(rows[0].raw_text) == {"tenant_id": 'a,\n"b"', "unit": "", "extra": "x", "quantity": "1"}
    assert rows[1].fields == {"tenant_id": {"t": "text", "v": "b"}, "unit": {"t": "text", "v": "kWh"}}


@pytest.mark.parametrize(
    "line",
    [b"only one", b"a,b,c", b'"a"x,b', b"\xff,b", b"a\rb,c", b'"' + b"x" * MAX_LINE_BYTES + b'",b', b'"open,b'],
    ids=["short", "long", "after quote", "bad utf-8", "return", "huge", "open quote at the end"],
)
def test_csv_row_that_does_not_parse_is_one_row(line: bytes) -> None:
    rows = described("a.csv", b"tenant_id,device_id\na,1\n" + line + b"\n")
    assert [(row.row_number, row.fields is None) for row in rows] == [(1, False), (2, True)]
    assert rows[1].raw_text.removesuffix(CUT_NOTE) == line.decode(errors="replace")[:MAX_TEXT_BYTES]


def test_csv_goes_on_after_a_row_that_does_not_parse() -> None:
    data = b'tenant_id,device_id\na\n"b"x,1\n' + b"y" * (MAX_LINE_BYTES + 9) + b"\nlast,1\n"
    assert texts("a.csv", data) == [{}, {}, {}, {"tenant_id": "last", "device_id": "1"}]


def test_csv_attributes_are_an_object_written_as_text() -> None:
    fields = described("a.csv", b'attributes,unit\n"{""b"": 1, ""a"": 2}",{}\n')[0].fields
    assert fields == {"attributes": {"t": "object", "v": '{"a":2,"b":1}'}, "unit": {"t": "text", "v": "{}"}}


def test_csv_header_that_names_a_field_twice_is_unreadable() -> None:
    with pytest.raises(UnreadableFileError, match="quantity twice"):
        texts("a.csv", b"quantity,quantity\n1,2\n")
    raw = described("a.csv", b"tenant_id,,\na,b,c\n")[0].raw_text
    assert json.loads(raw) == {"tenant_id": "a", "#2": "b", "#3": "c"}


# --- containers ---


def test_row_numbers_run_through_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "TEXT_PIECE_ROWS", 3)
    monkeypatch.setattr(parquet, "PIECE_ROWS", 3)
    ids = [str(n) for n in range(8)]
    for name, data in [
        ("a.jsonl", json_lines(*({"tenant_id": n} for n in ids))),
        ("a.csv", ("tenant_id\n" + "\n".join(ids)).encode()),
        ("a.parquet", parquet_bytes(pa.table({"tenant_id": ids}), row_group_size=2)),
    ]:
        rows = described(name, data)
        assert [row.row_number for row in rows] == list(range(1, 9)), name
        assert [row.fields and row.fields["tenant_id"]["v"] for row in rows] == ids, name


@pytest.mark.parametrize("damage", ["truncated", "flipped", "trailing", "not gzip"])
def test_damaged_gzip_is_unreadable(damage: str) -> None:
    data = gzip.compress(json_lines(*({**MESSAGE, "msg_seq": n} for n in range(2000))))
    middle = len(data) // 2
    data = {
        "truncated": data[:middle],
        "flipped": data[:-8] + bytes(8),
        "trailing": data + b"rubbish",
        "not gzip": b"plain text",
    }[damage]
    with pytest.raises(UnreadableFileError, match="gzip"):
        texts("a.jsonl.gz", data)


def test_exploding_gzip_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_DECOMPRESSED_BYTES", 3 * 1024 * 1024)
    with pytest.raises(UnreadableFileError, match="unpacks to more"):
        texts("a.csv.gz", gzip.compress(bytes(8 * 1024 * 1024)))


@pytest.mark.parametrize("damage", ["truncated", "header", "middle", "tiny"])
def test_damaged_parquet_is_unreadable(damage: str) -> None:
    data = parquet_bytes(pa.table({"tenant_id": [f"t{n}" for n in range(5000)]}), write_page_checksum=True)
    middle = len(data) // 3
    data = {
        "truncated": data[:-9],
        "header": b"XXXX" + data[4:-4] + b"XXXX",
        "middle": data[:middle] + bytes(byte ^ 255 for byte in data[middle : middle + 400]) + data[middle + 400 :],
        "tiny": b"P",
    }[damage]
    with pytest.raises(UnreadableFileError, match="parquet"):
        texts("a.parquet", data)


def test_parquet_that_unpacks_to_too_much_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_UNPACKED_BYTES", 10)
    with pytest.raises(UnreadableFileError, match="unpacks to more"):
        texts("a.parquet", parquet_bytes(pa.table({"tenant_id": ["a", "b"]})))


def test_parquet_describes_every_type() -> None:
    instant = datetime(2026, 3, 1, 10, 0, 0, 5, tzinfo=UTC)
    nanos = pa.array([1_772_359_200_000_000_123], pa.timestamp("ns", "Europe/Berlin"))
    table = pa.table({
        "tenant_id": pa.array([5], pa.int16()),
        "device_id": pa.array(["d"]).dictionary_encode(),
        "metric": pa.array([True]),
        "msg_seq": pa.array([2**63], pa.uint64()),
        "seq_epoch": pa.array([None], pa.int64()),
        "quantity": pa.array([0.1]),
        "device_ts": pa.array([instant.replace(tzinfo=None)], pa.timestamp("us")),
        "sent_ts": nanos,
        "received_at": pa.array([10**15], pa.int64()).cast(pa.timestamp("s", "UTC")),
        "unit": pa.array([Decimal("1.10")]),
        "attributes": pa.array([{"b": 1, "a": None}]),
        "other": pa.array([float("nan")]),
    })  # fmt: skip
    row = described("a.parquet", parquet_bytes(table))[0]
    assert row.fields == {
        "tenant_id": {"t": "number", "v": "5"},
        "device_id": {"t": "text", "v": "d"},
        "metric": {"t": "other", "v": "true"},
        "msg_seq": {"t": "number", "v": str(2**63)},
        "quantity": {"t": "float", "v": "0.1"},
        "device_ts": {"t": "local", "v": "2026-03-01T10:00:00.000005"},
        "sent_ts": {"t": "text", "v": "2026-03-01T10:00:00.000000123+00:00"},
        "received_at": {"t": "text", "v": "9999-12-31T23:59:59.999999+00:00"},
        "unit": {"t": "number", "v": "1.10"},
        "attributes": {"t": "object", "v": '{"b":1}'},
    }
    assert json.loads(row.raw_text)["other"] == "nan"


def test_parquet_attributes_of_every_kind_become_one_text() -> None:
    kinds = {
        "text": pa.array(['{"a": "x"}']),
        "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": "x"}'])),
        "struct": pa.array([{"a": "x", "b": None}]),
        "map": pa.array([[("a", "x")]], pa.map_(pa.string(), pa.string())),
    }
    for kind, values in kinds.items():
        data = parquet_bytes(pa.table({"attributes": values}))
        fields = described("a.parquet", data)[0].fields
        assert fields == {"attributes": {"t": "object", "v": '{"a":"x"}'}}, kind
        assert json.loads(texts("a.parquet", data)[0]["attributes"]) == {"a": "x"}, kind


def test_parquet_text_that_is_not_utf8_is_a_row_that_does_not_parse() -> None:
    bad = pa.array([b"ok", b"\xff", b"ok"]).view(pa.string())
    rows = described("a.parquet", parquet_bytes(pa.table({"tenant_id": bad})))
    assert [row.fields is None for row in rows] == [False, True, False]
    assert rows[1].raw_text == '{"tenant_id": "\ufffd"}'
    assert texts("a.parquet", parquet_bytes(pa.table({"tenant_id": bad})))[1] == {}


def test_parquet_without_any_known_column_still_has_its_rows() -> None:
    rows = described("a.parquet", parquet_bytes(pa.table({"colour": ["red", "blue"]})))
    assert [(row.fields, row.raw_text) for row in rows] == [({}, '{"colour": "red"}'), ({}, '{"colour": "blue"}')]
