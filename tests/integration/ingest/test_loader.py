"""Landing files to raw tables: whole or not at all, once, and the same rows whatever the format."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.database.connection import connect
from orchestration.errors import MeterlineError
from orchestration.ingest import copy_binary, loader, prepare, readers
from orchestration.ingest.landing import LandingFile, days_with_files, discover
from orchestration.ingest.loader import LoadResult, load_days, summarise
from orchestration.settings import Settings

DAY = date(2026, 3, 1)
MESSAGE: dict[str, Any] = {
    "tenant_id": "acme",
    "device_id": "d-1",
    "metric": "energy",
    "msg_seq": 1,
    "quantity": "1.5",
    "device_ts": "2026-03-01T10:00:00Z",
    "received_at": "2026-03-01T10:00:01Z",
}
PLAIN = (
    "select t.tenant_id, d.device_id, x.metric, m.msg_seq, m.seq_epoch, m.quantity, m.device_ts::text, m.sent_ts::text,"
    " m.received_at::text, s.session_id, r.unit, r.quality, r.attributes, m.row_number"
    " from raw.messages as m join registry.tenants as t using (tenant_no) join registry.devices as d using (device_no)"
    " join registry.metrics as x using (metric_no) join registry.traits as r using (traits_no)"
    " left join registry.sessions as s using (session_key)"
)


@pytest.fixture
def platform(fresh_database: Settings) -> Settings:
    with connect(fresh_database) as connection:
        connection.execute("insert into registry.tenants (tenant_id) values ('acme'), ('beta')")
        connection.execute(
            "insert into registry.devices (tenant_no, device_id)"
            " select tenant_no, device_id from registry.tenants, unnest(array['d-1', 'd-2']) as device_id"
        )
        connection.execute("insert into registry.metrics (metric) values ('energy'), ('messages')")
    return fresh_database


def land(platform: Settings, name: str, data: bytes, region: str = "eu", day: date = DAY) -> str:
    folder = Path(str(platform.landing)) / f"region={region}" / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return f"region={region}/date={day}/{name}"


def load(platform: Settings) -> list[LoadResult]:
    return load_days(platform, DAY, DAY + timedelta(days=1))


def rows(platform: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(platform) as connection:
        return connection.execute(query.encode()).fetchall()


def json_lines(*messages: dict[str, Any]) -> bytes:
    return "".join(json.dumps(message) + "\n" for message in messages).encode()


def csv_bytes(messages: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for message in messages for name in message))
    target = io.StringIO()
    writer = csv.DictWriter(target, names, restval="")
    writer.writeheader()
    for message in messages:
        writer.writerow(
            {k: json.dumps(v) if isinstance(v, dict) else "" if v is None else v for k, v in message.items()}
        )
    return target.getvalue().encode()


def parquet_bytes(columns: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def native_parquet(messages: list[dict[str, Any]]) -> bytes:
    """The messages with the types that Parquet has for them."""

    def column(name: str, kind: Any, convert: Any = lambda value: value) -> pa.Array:
        values = [message.get(name) for message in messages]
        return pa.array([None if value in (None, "") else convert(value) for value in values], kind)

    columns = {name: column(name, pa.string()) for name in ("tenant_id", "device_id", "metric", "session_id", "unit")}
    columns |= {name: column(name, pa.int64(), int) for name in ("msg_seq", "seq_epoch")}
    columns |= {
        name: column(name, pa.timestamp("us", "UTC"), datetime.fromisoformat)
        for name in ("device_ts", "sent_ts", "received_at")
    }
    columns["quantity"] = column("quantity", pa.decimal128(38, 18), lambda value: Decimal(str(value)))
    columns["attributes"] = column("attributes", pa.string(), json.dumps)
    return parquet_bytes(columns)


MIXED = [
    MESSAGE,
    MESSAGE
    | {"device_id": "d-2", "msg_seq": -5, "seq_epoch": 3, "session_id": "s 1", "sent_ts": "2026-03-01T10:00:00.5Z"},
    MESSAGE
    | {"tenant_id": "beta", "quantity": "-0.0000000001", "unit": "kWh", "attributes": {"b": 1, "a": {"x": [1.50]}}},
    MESSAGE | {"tenant_id": "beta", "quantity": "9999999999.9999999999", "device_ts": "1969-07-20T20:17:40.000001Z"},
    MESSAGE | {"metric": "messages", "quantity": 12, "received_at": "2026-03-01T15:30:00.25+05:30", "session_id": ""},
    MESSAGE | {"quantity": 0, "sent_ts": "2026-02-28T24:00:00+00", "attributes": {}},
]


def test_every_format_gives_the_same_rows(platform: Settings) -> None:
    parquet_text = {name: [m.get(name) for m in MIXED] for name in {n for m in MIXED for n in m}}
    parquet_text["attributes"] = [v if v is None else json.dumps(v) for v in parquet_text["attributes"]]
    parquet_text["quantity"] = [str(value) for value in parquet_text["quantity"]]
    in_python = [m | {"sent_ts": m["sent_ts"].replace("28T24", "28T23")} if "sent_ts" in m else m for m in MIXED]
    land(platform, "a.jsonl", json_lines(*MIXED))
    land(platform, "b.jsonl.gz", gzip.compress(json_lines(*MIXED)))
    land(platform, "c.csv", csv_bytes(MIXED))
    land(platform, "d.csv.gz", gzip.compress(csv_bytes(MIXED)))
    land(platform, "e.parquet", parquet_bytes(parquet_text))
    land(platform, "f.parquet", native_parquet(in_python))
    results = load(platform)
    assert [(r.outcome, r.message_count, r.odd_count) for r in results] == [("landed", 6, 0)] * 6
    loaded = [rows(platform, f"{PLAIN} where load_id = {r.load_id} order by row_number") for r in results]
    assert loaded[0][1][3:10] == (
        -5, 3, Decimal("1.5"), "2026-03-01 10:00:00+00", "2026-03-01 10:00:00.5+00", "2026-03-01 10:00:01+00", "s 1",
    )  # fmt: skip
    assert [row[5] for row in loaded[0]] == [Decimal(str(m["quantity"])) for m in MIXED]
    assert loaded[0][0][7] == "-infinity"
    assert loaded[0][2][10:13] == ("kWh", None, {"a": {"x": [1.5]}, "b": 1})
    assert loaded[0][4][8] == "2026-03-01 10:00:00.25+00"
    assert loaded[0][5][7] == "2026-03-01 00:00:00+00"
    assert loaded[1:5] == [loaded[0]] * 4
    assert loaded[5][:5] == loaded[0][:5]
    assert len(rows(platform, "select 1 from registry.traits")) == 3, "canonical attributes have one number"
    assert rows(platform, "select distinct status, first_received_at, last_received_at from ledger.loads") == [
        ("landed", datetime(2026, 3, 1, 10, 0, 0, 250000, tzinfo=UTC), datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC))
    ]


def test_session_key_is_the_documented_one(platform: Settings) -> None:
    land(platform, "a.jsonl", json_lines(MESSAGE | {"session_id": "séance"}, MESSAGE))
    load(platform)
    key = int.from_bytes(hashlib.sha256("séance".encode()).digest()[:8], "big", signed=True)
    assert rows(platform, "select session_key from raw.messages order by row_number") == [(key,), (0,)]
    assert rows(platform, "select * from registry.sessions") == [(key, "séance")]


def test_two_sessions_with_one_key_stop_the_load(platform: Settings) -> None:
    key = int.from_bytes(hashlib.sha256(b"mine").digest()[:8], "big", signed=True)
    with connect(platform) as connection:
        connection.execute("insert into registry.sessions values (%s, 'theirs')", (key,))
    land(platform, "a.jsonl", json_lines(MESSAGE | {"session_id": "mine"}))
    with pytest.raises(MeterlineError, match="same key"):
        load(platform)
    assert rows(platform, "select 1 from ledger.loads") == []


ODD_CHANGES: dict[str, dict[str, Any]] = {
    "unknown tenant": {"tenant_id": "nobody"},
    "device of no tenant": {"device_id": "d-9"},
    "case": {"metric": "Energy"},
    "blank": {"device_id": "d-1 "},
    "exponent": {"quantity": "1E+0"},
    "eleven decimals": {"quantity": "1.00000000000"},
    "eleven digits": {"quantity": 12345678901},
    "not a number": {"quantity": "NaN"},
    "empty": {"quantity": ""},
    "absent": {"received_at": None},
    "no zone": {"device_ts": "2026-03-01T10:00:00"},
    "no such day": {"device_ts": "2026-02-30T10:00:00Z"},
    "seven decimals": {"sent_ts": "2026-03-01T10:00:00.0000001Z"},
    "offset of a day": {"sent_ts": "2026-03-01T10:00:00+24:00"},
    "year 0": {"device_ts": "0000-03-01T10:00:00Z"},
    "long sequence": {"msg_seq": "1234567890123456789"},
    "sequence with a point": {"msg_seq": 1.0},
    "number for text": {"unit": 5},
    "list": {"attributes": [1]},
    "text for attributes": {"attributes": "red"},
    "huge number in attributes": {"attributes": {"a": 10**1200}},
    "long attributes": {"attributes": {"a": "x" * 3000}},
    "nul in session": {"session_id": "a\0b"},
    "nul in unit": {"unit": "k\0Wh"},
    "surrogate": {"session_id": "\ud800"},
}


def test_rows_of_doubtful_form_go_to_sql_as_text(platform: Settings) -> None:
    messages = [MESSAGE | values for values in ODD_CHANGES.values()]
    land(platform, "a.jsonl", json_lines(MESSAGE, *messages))
    (result,) = load(platform)
    assert (result.message_count, result.odd_count) == (len(messages) + 1, len(messages))
    odd = rows(platform, "select row_number, fields, raw_text from raw.odd_messages order by row_number")
    assert [row[0] for row in odd] == list(range(2, len(messages) + 2))
    for name, message, (_, fields, raw_text) in zip(ODD_CHANGES, messages, odd, strict=True):
        assert json.loads(raw_text) == message, name
        assert set(fields) == {field for field, value in message.items() if value is not None}, name
    by_name = dict(zip(ODD_CHANGES, (row[1] for row in odd), strict=True))
    assert by_name["exponent"]["quantity"] == {"t": "text", "v": "1E+0"}
    assert by_name["nul in session"]["session_id"] == {"t": "other", "v": "a\ufffdb"}


def test_parquet_types_that_keep_everything_are_plain(platform: Settings) -> None:
    us = 1_772_359_200_000_000
    base = {
        "tenant_id": pa.array(["acme"], pa.large_string()),
        "device_id": pa.array(["d-1"]).dictionary_encode(),
        "metric": pa.array(["energy"]),
        "session_id": pa.array([None], pa.null()),
    }
    land(platform, "a.parquet", parquet_bytes(base | {
        "msg_seq": pa.array([7], pa.uint64()), "quantity": pa.array([5], pa.int16()),
        "device_ts": pa.array([us * 1000], pa.timestamp("ns", "Asia/Kolkata")),
        "received_at": pa.array([us // 1000], pa.timestamp("ms", "UTC")),
    }))  # fmt: skip
    land(platform, "b.parquet", parquet_bytes(base | {
        "msg_seq": pa.array([Decimal(7)], pa.decimal128(20, 0)),
        "quantity": pa.array([Decimal("5.00")], pa.decimal128(9, 2)),
        "device_ts": pa.array([us // 10**6 * 1000], pa.timestamp("ms", "UTC")),
        "received_at": pa.array([us], pa.timestamp("us", "+05:30")),
    }))  # fmt: skip
    assert [result.odd_count for result in load(platform)] == [0, 0]
    (first, second) = rows(platform, PLAIN)
    assert first == second
    assert first[3:9] == (7, 0, 5, "2026-03-01 10:00:00+00", "-infinity", "2026-03-01 10:00:00+00")


@pytest.mark.parametrize(
    ("field", "values", "tag"),
    [
        ("quantity", pa.array([1.5]), "float"),
        ("quantity", pa.array([Decimal("1.00000000001")]), "number"),
        ("quantity", pa.array([Decimal("1E+11")], pa.decimal128(12, 0)), "number"),
        ("quantity", pa.array([Decimal("1.5")], pa.decimal256(40, 2)), "number"),
        ("device_ts", pa.array([1], pa.timestamp("us")), "local"),
        ("device_ts", pa.array([1], pa.timestamp("ns", "UTC")), "text"),
        ("received_at", pa.array([10**15], pa.timestamp("s", "UTC")), "text"),
        ("msg_seq", pa.array([2**64 - 1], pa.uint64()), "number"),
        ("msg_seq", pa.array([1.0]), "float"),
        ("tenant_id", pa.array([b"acme"]), "other"),
        ("session_id", pa.array([3]), "number"),
        ("unit", pa.array([3]), "number"),
    ],
)
def test_parquet_types_that_lose_something_are_odd(platform: Settings, field: str, values: pa.Array, tag: str) -> None:
    columns = {name: pa.array([value]) for name, value in MESSAGE.items()}
    land(platform, "a.parquet", parquet_bytes(columns | {field: values}))
    assert [(r.message_count, r.odd_count) for r in load(platform)] == [(1, 1)]
    assert rows(platform, f"select fields -> '{field}' ->> 't' from raw.odd_messages") == [(tag,)]


def test_unreadable_file_is_noted_and_the_rest_goes_on(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pieces of it come before its end, which is missing.
    monkeypatch.setattr(readers, "TEXT_PIECE_ROWS", 2_000)
    many = [MESSAGE | {"msg_seq": n, "session_id": f"s{n}", "unit": "kWh"} for n in range(12_000)]
    land(platform, "a.jsonl.gz", gzip.compress(json_lines(*many))[:-20])
    land(platform, "b.parquet", b"PAR1 not really PAR1")
    land(platform, "c.jsonl", json_lines(MESSAGE | {"session_id": "s1", "unit": "kWh"}))
    assert [(r.outcome, r.message_count) for r in load(platform)] == [("unreadable", 0)] * 2 + [("landed", 1)]
    assert rows(
        platform, "select status, message_count, detail ~ '^(gzip|parquet):' from ledger.loads order by 1, 3"
    ) == [
        ("landed", 1, None),
        ("unreadable", 0, True),
        ("unreadable", 0, True),
    ]
    assert rows(platform, "select count(*), min(load_id) from raw.messages") == [(1, 3)]
    assert [row[9:11] for row in rows(platform, PLAIN)] == [("s1", "kWh")]
    assert rows(platform, "select session_id from registry.sessions") == [("s1",)]


def test_files_of_zero_bytes_land_without_rows(platform: Settings) -> None:
    land(platform, "a.parquet", b"")
    land(platform, "b.csv", b"", region="us")
    land(platform, "c.csv", b"tenant_id,device_id\n")
    results = load(platform)
    assert [(r.outcome, r.message_count) for r in results] == [("landed", 0)] * 3
    assert summarise(results).file_counts == {"landed": 3}


def test_loading_again_reads_nothing(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land(platform, "a.jsonl", json_lines(MESSAGE))
    seen: list[tuple[str, int, int]] = []
    load_days(platform, DAY, DAY, progress=lambda result, done, total: seen.append((result.outcome, done, total)))
    assert seen == [("landed", 1, 1)]
    monkeypatch.setattr(LandingFile, "open", lambda _: pytest.fail("a known file was read"))
    assert load(platform) == []


def test_renamed_copy_is_the_same_load_under_the_smallest_path(platform: Settings) -> None:
    data = json_lines(MESSAGE)
    land(platform, "m.jsonl", data)
    load(platform)
    first, last = land(platform, "Z.jsonl", data), land(platform, "z.jsonl", data)
    assert [r.outcome for r in load(platform)] == ["seen", "seen"]
    assert rows(platform, "select source_file from ledger.loads") == [(first,)]
    assert last in {row[0] for row in rows(platform, "select source_file from ledger.paths")}
    land(platform, "m.jsonl", data, region="us")
    assert [r.outcome for r in load(platform)] == ["landed"], "the region is part of a file's identity"
    assert rows(platform, "select count(*) from raw.messages") == [(2,)]


def test_crash_in_the_middle_leaves_nothing(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "TEXT_PIECE_ROWS", 2)
    messages = [MESSAGE | {"msg_seq": n, "session_id": f"s{n}", "unit": f"u{n}"} for n in range(5)]
    land(platform, "a.jsonl", json_lines(*messages, {"quantity": "odd"}))
    calls: list[int] = []
    encode = copy_binary.encode

    def failing(columns: copy_binary.Columns, load_id: int) -> Iterator[bytes]:
        calls.append(load_id)
        for chunk in encode(columns, load_id):
            yield chunk
            if len(calls) == 2:
                raise RuntimeError("pulled the plug")

    monkeypatch.setattr(copy_binary, "encode", failing)
    with pytest.raises(RuntimeError, match="plug"):
        load(platform)
    for table in ("ledger.loads", "ledger.paths", "raw.messages", "raw.odd_messages", "registry.sessions"):
        assert rows(platform, f"select 1 from {table}") == [], table
    monkeypatch.setattr(copy_binary, "encode", encode)
    assert [(r.outcome, r.message_count, r.odd_count) for r in load(platform)] == [("landed", 6, 1)]


def test_pieces_that_are_split_ahead_keep_their_own_rows(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "TEXT_PIECE_ROWS", 3)
    monkeypatch.setattr(prepare, "MAX_REMEMBERED", 1)
    # Sessions come back in later pieces, after what is remembered of them was dropped; every fourth row is odd.
    messages = [
        MESSAGE | {"msg_seq": n, "session_id": f"s{n % 5}", "extra": n} | ({"quantity": "1e0"} if n % 4 == 3 else {})
        for n in range(14)
    ]
    land(platform, "a.jsonl", json_lines(*messages))
    assert [(r.message_count, r.odd_count) for r in load(platform)] == [(14, 3)]
    assert rows(
        platform, "select m.row_number, m.msg_seq, s.session_id from raw.messages as m join registry.sessions as s"
        " using (session_key) order by 1",
    ) == [(n + 1, n, f"s{n % 5}") for n in range(14) if n % 4 != 3]  # fmt: skip
    texts = "select row_number, fields -> '{}' ->> 'v' from {} order by row_number"
    odd = texts.format("session_id", "raw.odd_messages")
    assert rows(platform, odd) == [(4, "s3"), (8, "s2"), (12, "s1")]
    assert rows(platform, texts.format("extra", "raw.extra_fields")) == [(n + 1, str(n)) for n in range(14)]


def test_file_that_the_store_refuses_is_tried_again(platform: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land(platform, "a.jsonl", json_lines(MESSAGE))
    with monkeypatch.context() as broken:
        broken.setattr(loader, "_fetch", lambda *_: (_ for _ in ()).throw(PermissionError("no")))
        assert [r.outcome for r in load(platform)] == ["failed"]
    assert [r.outcome for r in load(platform)] == ["landed"]


def test_raw_rows_that_postgresql_could_not_hold(platform: Settings) -> None:
    lines = [b"\0\xff{", b'{"unit":"' + b"x" * (1 << 20) + b'"}', b'{"a":' * 50_000, b'{"quantity":"\\ud800"}']
    land(platform, "a.jsonl", b"\n".join(lines))
    assert [(r.message_count, r.odd_count) for r in load(platform)] == [(4, 4)]
    odd = rows(platform, "select fields is null, raw_text from raw.odd_messages order by row_number")
    assert [row[0] for row in odd] == [True, True, True, False]
    assert odd[0][1] == "\ufffd\ufffd{"
    assert odd[1][1].endswith("bytes are kept]")


def test_discover_takes_only_landing_files_of_the_days(platform: Settings) -> None:
    assert days_with_files(platform.landing) is None
    for name in ("a.csv", ".b.csv", "_c.csv", "d.txt", "e.csv.bz2", "f.parquet.tmp"):
        land(platform, name, b"x")
    land(platform, "g.jsonl", b"x", region="us", day=DAY + timedelta(days=5))
    land(platform, "h.jsonl", b"x", day=DAY - timedelta(days=1))
    (Path(str(platform.landing)) / "region=eu" / "date=2026-13-01").mkdir()
    (Path(str(platform.landing)) / "region=eu" / "date=2026-04-01").mkdir()
    (Path(str(platform.landing)) / "region=link").symlink_to(Path(str(platform.landing)) / "region=us")
    files = discover(platform.landing, DAY, DAY + timedelta(days=5))
    assert [(f.source_file, f.region, f.byte_count) for f in files] == [
        ("region=eu/date=2026-03-01/a.csv", "eu", 1),
        ("region=link/date=2026-03-06/g.jsonl", "link", 1),
        ("region=us/date=2026-03-06/g.jsonl", "us", 1),
    ]
    assert days_with_files(platform.landing) == (DAY - timedelta(days=1), DAY + timedelta(days=5))


def test_landing_zone_in_another_store(platform: Settings) -> None:
    elsewhere = Settings(platform.home, platform.database_url, "memory://landing-test", None)
    (elsewhere.landing / f"region=eu/date={DAY}/a.jsonl").write_bytes(json_lines(MESSAGE))
    assert [(r.outcome, r.message_count) for r in load(elsewhere)] == [("landed", 1)]
    assert load(elsewhere) == []


def test_two_ingestions_wait_for_each_other(platform: Settings) -> None:
    land(platform, "a.jsonl", json_lines(MESSAGE))
    with connect(platform, autocommit=True) as other:
        other.execute("select pg_advisory_lock(hashtext('meterline.load_files'))")
        with connect(platform, autocommit=True) as mine:
            mine.execute("set lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), loader._only_loader(mine):
                pytest.fail("the lock was held")


QUANTITIES = st.decimals(
    min_value=Decimal("-9999999999.9999999999"), max_value=Decimal("9999999999.9999999999"), places=10
)
INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 2),
    max_value=datetime(9999, 12, 30),
    timezones=st.just(UTC),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(QUANTITIES, INSTANTS), min_size=1, max_size=20))
def test_quantities_and_instants_come_back_as_sent(platform: Settings, values: list[tuple[Decimal, datetime]]) -> None:
    with connect(platform) as connection:
        connection.execute("alter table raw.messages disable trigger approved_purges")
        for table in ("raw.messages", "ledger.paths", "ledger.marks", "ledger.loads"):
            connection.execute(f"delete from {table}".encode())
    as_text = [MESSAGE | {"quantity": format(q, "f"), "device_ts": t.isoformat()} for q, t in values]
    land(platform, "a.jsonl", json_lines(*as_text))
    land(platform, "b.parquet", native_parquet(as_text))
    assert {(r.outcome, r.odd_count) for r in load(platform)} == {("landed", 0)}
    for load_id in (1, 2):
        stored = rows(
            platform,
            "select quantity, device_ts from raw.messages join ledger.loads using (load_id)"
            f" where source_file like '%/{'ab'[load_id - 1]}.%' order by row_number",
        )
        assert stored == values
