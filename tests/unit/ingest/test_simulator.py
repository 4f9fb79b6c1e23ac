"""The simulated gateway: deterministic, resumable, true to the readings, and as faulty as it says it is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from orchestration.errors import BadInputError
from orchestration.ingest.landing_writer import store
from orchestration.ingest.readers import read_pieces
from orchestration.ingest.rows import UnreadableFileError
from orchestration.ingest.simulator import SimulationReport, simulate_demo, simulate_fleet, story
from orchestration.ingest.simulator.roster import CONFIG, Device, read_devices, read_readings

REASONS = {
    "missing_field",
    "bad_type",
    "bad_quantity",
    "timestamp_out_of_range",
    "unknown_tenant",
    "wrong_region",
    "hardware_identifier",
    "unknown_device",
    "unknown_metric",
    "unit_mismatch",
    "negative_delta",
    "sequence_conflict",
    "no_contract",
}
TOLERANCE = timedelta(seconds=300)
DAY = timedelta(days=1)
STAMPS = ("device_ts", "sent_ts", "received_at")


class Arrival(NamedTuple):
    """A well-formed row of the landing zone, as a reader that knows nothing of the simulator sees it."""

    region: str
    folder_day: date
    tenant_id: str
    device_id: str
    metric: str
    msg_seq: int
    seq_epoch: int
    quantity: Decimal
    device_ts: datetime
    sent_ts: datetime | None
    received_at: datetime
    session_id: str
    unit: str

    @property
    def identity(self) -> tuple[str, str, int, int]:
        return self.device_id, self.metric, self.seq_epoch, self.msg_seq

    @property
    def delay(self) -> timedelta:
        return self.received_at - (self.sent_ts or self.device_ts)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationReport]:
    landing = tmp_path_factory.mktemp("landing")
    return landing, simulate_demo(landing)


@pytest.fixture(scope="module")
def devices() -> dict[str, Device]:
    return {device.device_id: device for device in read_devices()}


@pytest.fixture(scope="module")
def arrivals(demo: tuple[Path, SimulationReport], devices: dict[str, Device]) -> list[Arrival]:
    """Valid messages, conflicts and duplicates included, in the order of receipt."""
    valid = (arrival for arrival in _arrivals(demo[0]) if _is_valid(arrival, devices))
    return sorted(valid, key=lambda arrival: arrival.received_at)


@pytest.fixture(scope="module")
def kept(arrivals: list[Arrival]) -> dict[tuple[str, str, int, int], Arrival]:
    first: dict[tuple[str, str, int, int], Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.identity, arrival)
    return first


# --- the demo's files -----------------------------------------------------------------------------------------------


def test_a_repetition_writes_the_same_bytes_and_only_what_is_missing(demo: tuple[Path, SimulationReport]) -> None:
    landing, report = demo
    files = _files(landing)
    digests = _digests(landing)
    before = {path: path.stat().st_mtime_ns for path in files}
    lost = files[::5]
    for path in lost:
        path.unlink()
    calls: list[tuple[int, int]] = []
    again = simulate_demo(landing, progress=lambda done, total: calls.append((done, total)))
    assert again.written_files == len(lost)
    assert again.regions == report.regions
    assert _digests(landing) == digests
    assert [path for path in _files(landing) if path.stat().st_mtime_ns != before[path]] == lost
    assert calls == [(done, len(files)) for done in range(1, len(files) + 1)]


def test_another_seed_is_refused_in_the_same_landing_zone(demo: tuple[Path, SimulationReport]) -> None:
    before = _digests(demo[0])
    with pytest.raises(BadInputError, match="other content"):
        simulate_demo(demo[0], seed=1)
    assert _digests(demo[0]) == before


def test_a_file_appears_whole_in_an_object_store_as_well() -> None:
    landing = UPath("memory://simulated-landing")
    assert store(landing, "region=eu-west/date=2019-02-01/a.csv", b"1")
    assert not store(landing, "region=eu-west/date=2019-02-01/a.csv", b"1")
    folder = landing / "region=eu-west/date=2019-02-01"
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


def test_report_counts_the_rows_of_readable_files(demo: tuple[Path, SimulationReport]) -> None:
    landing, report = demo
    rows: Counter[str] = Counter()
    files: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    for path in _files(landing):
        region = _region(path)
        files[region] += 1
        with path.open("rb") as stream:
            try:
                rows[region] += sum(piece.columns.num_rows for piece in read_pieces(path.name, stream))
            except UnreadableFileError:
                unreadable[region] += 1
    assert rows == {region: counts.messages for region, counts in report.regions.items()}
    assert files == {region: counts.files for region, counts in report.regions.items()}
    assert unreadable == {"eu-west": 1}
    assert report.total.unreadable_files == 1


def test_all_formats_and_one_empty_file(demo: tuple[Path, SimulationReport]) -> None:
    landing, report = demo
    formats = Counter("".join(path.suffixes) for path in _files(landing))
    assert set(formats) == {".parquet", ".jsonl", ".jsonl.gz", ".csv", ".csv.gz"}
    assert formats[".parquet"] > formats.total() / 2
    assert sum(path.stat().st_size == 0 for path in _files(landing)) == report.total.empty_files == 1


# --- the demo's messages --------------------------------------------------------------------------------------------


def test_no_quantity_is_altered_and_none_is_lost(
    kept: dict[tuple[str, str, int, int], Arrival], devices: dict[str, Device]
) -> None:
    delivered: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for arrival in kept.values():
        delivered[devices[arrival.device_id].building, arrival.metric] += arrival.quantity
    shipped = {
        (device.building, device.metric): sum(
            (kwh for hour_at, kwh in readings[device.building] if hour_at >= device.contract_starts_at), Decimal()
        )
        for metric in ("electricity", "gas")
        for readings in [read_readings(metric)]
        for device in devices.values()
        if device.metric == metric
    }
    assert delivered == shipped


def test_duplicates_and_late_messages_are_as_reported(
    demo: tuple[Path, SimulationReport],
    arrivals: list[Arrival],
    kept: dict[tuple[str, str, int, int], Arrival],
    devices: dict[str, Device],
) -> None:
    total = demo[1].total
    conflicts = [arrival for arrival in arrivals if arrival.quantity != kept[arrival.identity].quantity]
    assert len(conflicts) == total.malformed["sequence_conflict"]
    assert len(kept) == total.readings
    assert len(arrivals) - len(kept) - len(conflicts) == total.duplicates
    boundaries = _february_boundaries()
    late = [
        arrival
        for arrival in kept.values()
        if arrival.received_at >= boundaries[arrival.tenant_id][1]
        and (arrival.device_ts < boundaries[arrival.tenant_id][0])
        and arrival.device_id not in {clock.device_id for clock in story.WRONG_CLOCKS}
    ]
    assert len(late) == total.late
    assert 0.009 < total.duplicates / total.messages < 0.011
    assert 0.0025 < total.late / total.messages < 0.0035
    assert {devices[arrival.device_id].region for arrival in late} == {"eu-west", "us-east"}


def test_the_rules_of_the_clock_find_every_reading_in_its_true_hour(
    arrivals: list[Arrival], kept: dict[tuple[str, str, int, int], Arrival], devices: dict[str, Device]
) -> None:
    # Least delay by device, session and received day; conflicts are no evidence.
    least: dict[tuple[str, date], timedelta] = {}
    for arrival in arrivals:
        if arrival.quantity == kept[arrival.identity].quantity:
            key = arrival.session_id, arrival.received_at.date()
            least[key] = min(arrival.delay, least.get(key, arrival.delay))
    found: dict[tuple[str, datetime], Decimal] = {}
    untrusted = set()
    for arrival in kept.values():
        days = (arrival.received_at.date() + n * DAY for n in (-1, 0, 1))
        offset = min(least[arrival.session_id, day] for day in days if (arrival.session_id, day) in least)
        is_trusted = abs(offset) <= TOLERANCE
        if not is_trusted:
            untrusted.add(arrival.device_id)
        event_at = arrival.device_ts if is_trusted else min(arrival.device_ts + offset, arrival.received_at)
        found[arrival.device_id, event_at.replace(minute=0, second=0, microsecond=0)] = arrival.quantity
    shipped = {
        (device.device_id, hour_at): kwh
        for metric in ("electricity", "gas")
        for readings in [read_readings(metric)]
        for device in devices.values()
        if device.metric == metric
        for hour_at, kwh in readings[device.building]
        if hour_at >= device.contract_starts_at
    }
    assert found == shipped
    assert untrusted == {clock.device_id for clock in story.WRONG_CLOCKS}


def test_wrong_clocks_cross_the_end_of_a_month(kept: dict[tuple[str, str, int, int], Arrival]) -> None:
    clocks = {clock.device_id for clock in story.WRONG_CLOCKS}
    crossing = {
        arrival.device_id
        for arrival in kept.values()
        if arrival.device_id in clocks and arrival.device_ts.month != arrival.received_at.month
    }
    assert crossing == clocks


def test_a_backlog_comes_within_minutes_on_the_session_of_live_messages(
    kept: dict[tuple[str, str, int, int], Arrival],
) -> None:
    for outage in story.OUTAGES:
        for device_id in outage.devices:
            own = [arrival for arrival in kept.values() if arrival.device_id == device_id]
            backlog = [arrival for arrival in own if outage.starts_at <= arrival.device_ts < outage.ends_at]
            assert len(backlog) >= 60
            assert max(arrival.received_at for arrival in backlog) < outage.ends_at + timedelta(minutes=10)
            (session,) = {arrival.session_id for arrival in backlog}
            before = {arrival.session_id for arrival in own if arrival.received_at < outage.starts_at}
            assert session not in before
            live = [a for a in own if a.session_id == session and a.received_at > outage.ends_at + timedelta(hours=1)]
            assert len(live) >= 20
            assert all(arrival.received_at - arrival.device_ts < timedelta(seconds=10) for arrival in live)


def test_sequences_count_up_and_restart_with_an_epoch(kept: dict[tuple[str, str, int, int], Arrival]) -> None:
    sequences: dict[tuple[str, int], list[int]] = defaultdict(list)
    for device_id, _, epoch, sequence in sorted(kept):
        sequences[device_id, epoch].append(sequence)
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in sequences.values())
    (reboot,) = story.REBOOTS
    assert {device_id for device_id, epoch in sequences if epoch == 1} == {reboot.device_id}
    assert sequences[reboot.device_id, 1][0] == 1


def test_receipts_lie_in_their_folder_and_before_the_end(arrivals: list[Arrival]) -> None:
    assert all(arrival.received_at.date() == arrival.folder_day for arrival in arrivals)
    assert max(arrival.received_at for arrival in arrivals) < story.LAST_RECEIPT_BEFORE


def test_every_reason_is_there_in_every_region(demo: tuple[Path, SimulationReport]) -> None:
    for counts in demo[1].regions.values():
        assert set(counts.malformed) == REASONS
        assert min(counts.malformed.values()) >= 3


def test_the_story_tells_of_devices_that_exist(devices: dict[str, Device]) -> None:
    named = {device for outage in story.OUTAGES for device in outage.devices}
    named |= {clock.device_id for clock in story.WRONG_CLOCKS} | {reboot.device_id for reboot in story.REBOOTS}
    assert named <= set(devices)
    assert len({device.tenant_id for device in devices.values()}) >= 6


# --- a synthetic fleet ----------------------------------------------------------------------------------------------

FLEET: dict[str, Any] = {
    "device_count": 300,
    "first_day": date(2026, 3, 28),
    "day_count": 2,
    "interval_seconds": 900,
    "tenant_count": 7,
}


def test_fleet_has_the_messages_it_was_asked_for(tmp_path: Path) -> None:
    landing, config = tmp_path / "landing", tmp_path / "config"
    calls: list[tuple[int, int]] = []
    report = simulate_fleet(landing, config_dir=config, progress=lambda *call: calls.append(call), **FLEET)
    tables = [pq.read_table(path, partitioning=None) for path in _files(landing)]
    rows = pa.concat_tables(tables)
    assert report.total.readings == 300 * 96 * 2
    assert rows.num_rows == report.total.messages
    assert 0.007 < report.total.duplicates / rows.num_rows < 0.013
    assert rows.schema.field("quantity").type == pa.decimal128(20, 10)
    assert rows.schema.field("received_at").type == pa.timestamp("us", tz="UTC")
    identities = set(zip(rows["device_id"].to_pylist(), rows["msg_seq"].to_pylist(), strict=True))
    assert len(identities) == report.total.readings
    quantities = rows["quantity"].to_pylist()
    assert all(0 <= quantity < 5 and quantity == round(quantity, 3) for quantity in quantities)
    assert len(set(quantities)) > 1000
    assert calls[-1] == (len(tables), len(tables))
    with (config / "devices.csv").open(newline="") as stream:
        declared = {(row["tenant_id"], row["device_id"]) for row in csv.DictReader(stream)}
    assert declared == set(zip(rows["tenant_id"].to_pylist(), rows["device_id"].to_pylist(), strict=True))


def test_fleet_days_hold_only_their_own_receipts(tmp_path: Path) -> None:
    simulate_fleet(tmp_path / "landing", config_dir=tmp_path / "config", **FLEET)
    for path in _files(tmp_path / "landing"):
        rows = pq.read_table(path, partitioning=None).to_pylist()
        assert {row["received_at"].date() for row in rows} == {_folder_day(path)}
        assert all(row["device_ts"] <= row["sent_ts"] <= row["received_at"] for row in rows)


def test_fleet_is_deterministic_and_resumable(tmp_path: Path) -> None:
    simulate_fleet(tmp_path / "landing", config_dir=tmp_path / "config", **FLEET)
    again = simulate_fleet(tmp_path / "landing", config_dir=tmp_path / "config", **FLEET)
    assert again.written_files == 0
    with pytest.raises(BadInputError):
        simulate_fleet(tmp_path / "landing", config_dir=tmp_path / "config", **FLEET, seed=2)


def test_fleet_brings_the_same_tables_as_the_demo(tmp_path: Path) -> None:
    simulate_fleet(tmp_path / "landing", config_dir=tmp_path / "config", **FLEET)
    headers = {path.name: path.read_text().splitlines()[0] for path in (tmp_path / "config").iterdir()}
    assert headers == {path.name: path.read_text().splitlines()[0] for path in CONFIG.glob("*.csv")}


@pytest.mark.parametrize("change", [{"device_count": 0}, {"tenant_count": 0}, {"interval_seconds": 90_000}])
def test_fleet_refuses_what_cannot_be(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(BadInputError):
        simulate_fleet(tmp_path, config_dir=tmp_path, **{**FLEET, **change})


# --- reading the landing zone without the code under test -----------------------------------------------------------


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(folder)}


def _region(path: Path) -> str:
    return path.parent.parent.name.removeprefix("region=")


def _folder_day(path: Path) -> date:
    return date.fromisoformat(path.parent.name.removeprefix("date="))


def _arrivals(landing: Path) -> Iterator[Arrival]:
    for path in _files(landing):
        if path.name.endswith("-again.jsonl.gz"):
            continue
        for row in _rows(path):
            arrival = _arrival(_region(path), _folder_day(path), row)
            if arrival is not None:
                yield arrival


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        yield from pq.read_table(path, partitioning=None).to_pylist()
        return
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    if ".csv" in path.suffixes:
        yield from csv.DictReader(lines)
        return
    for line in lines:
        try:
            yield json.loads(line, parse_float=Decimal)
        except json.JSONDecodeError:
            continue


def _arrival(region: str, folder_day: date, row: dict[str, Any]) -> Arrival | None:
    """None for a row that lacks a field or has one of another type."""
    try:
        fields = {**row, "quantity": Decimal(row["quantity"]), "seq_epoch": int(row.get("seq_epoch") or 0)}
        fields["msg_seq"] = int(row["msg_seq"])
        fields.update({stamp: _instant(row.get(stamp)) for stamp in STAMPS})
    except (InvalidOperation, KeyError, TypeError, ValueError):
        return None
    names = Arrival._fields[2:]
    if any(fields.get(name) in (None, "") for name in names if name != "sent_ts"):
        return None
    return Arrival(region, folder_day, **{name: fields[name] for name in names})


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else value or None


def _is_valid(arrival: Arrival, devices: dict[str, Device]) -> bool:
    device = devices.get(arrival.device_id)
    stamps = (arrival.device_ts, arrival.sent_ts or arrival.device_ts)
    # Before the contracts; the clock at 1970 is a wrong clock and stays.
    commissioned = datetime(2019, 1, 1, tzinfo=UTC) <= arrival.device_ts < datetime(2019, 1, 15, tzinfo=UTC)
    return (
        device is not None
        and (device.tenant_id, device.region) == (arrival.tenant_id, arrival.region)
        and (device.metric, device.unit) == (arrival.metric, arrival.unit)
        and arrival.quantity.is_finite()
        and 0 <= arrival.quantity < 10**10
        and arrival.quantity == round(arrival.quantity, 10)
        and all(1970 <= stamp.year < 2100 for stamp in stamps)
        and not commissioned
    )


def _february_boundaries() -> dict[str, tuple[datetime, datetime]]:
    """End of February and the boundary behind it, by tenant."""
    with (CONFIG / "contracts.csv").open(newline="") as stream:
        contracts = list(csv.DictReader(stream))
    ends = {row["tenant_id"]: datetime(2019, 3, 1, tzinfo=ZoneInfo(row["time_zone"])) for row in contracts}
    return {
        row["tenant_id"]: (
            ends[row["tenant_id"]],
            ends[row["tenant_id"]].astimezone(UTC) + timedelta(hours=int(row["grace_hours"])),
        )
        for row in contracts
    }
