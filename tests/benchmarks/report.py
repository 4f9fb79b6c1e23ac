"""The tables that the benchmark prints. Ratios are the result; absolute figures belong to the machine and the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.console import say, table
from tests.benchmarks.archived import Archived
from tests.benchmarks.contenders import PlatformRun
from tests.benchmarks.day import Day
from tests.benchmarks.measure import Cost, Spread


@dataclass(frozen=True)
class Contender:
    """One row: its runs over `event_count` messages each, and the bytes that it keeps per event where known."""

    name: str
    costs: Sequence[Cost]
    event_count: int
    bytes_per_event: str = ""

    @property
    def rate(self) -> Spread:
        """Messages per second."""
        return Spread.of(self.event_count / max(cost.wall, 1e-9) for cost in self.costs)

    def cells(self, reference: Contender) -> list[str]:
        """The row; its rate also as a multiple of the reference's, by the middle of both."""
        client = Spread.of(cost.cpu * 1e6 / self.event_count for cost in self.costs)
        server = Spread.of(cost.server_cpu * 1e6 / self.event_count for cost in self.costs)
        return [
            self.name,
            self.rate.text(),
            ratio(self.rate.middle / reference.rate.middle),
            client.text(1),
            server.text(1),
            self.bytes_per_event,
            megabytes(max(cost.peak_bytes for cost in self.costs)),
            megabytes(max(cost.server_peak_bytes for cost in self.costs)),
        ]


COLUMNS = [
    "", "messages/s", "x DuckDB", "client CPU us/message", "server CPU us/message", "bytes/event",
    "peak MB client", "peak MB server",
]  # fmt: skip


def ratio(value: float) -> str:
    """Two digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def megabytes(count: int) -> str:
    """Whole megabytes, empty for what was not measured."""
    return f"{count / 1e6:,.0f}" if count else ""


def bytes_per_event(run: PlatformRun, readings: int) -> str:
    """The event store as heap + index, then with rollups and the rest of the store."""
    events, usage = run.sizes["events"], run.sizes["usage"]
    store = (events.total + usage.total + run.sizes["other"].total) / readings
    return f"{events.heap / readings:.0f} + {events.index / readings:.0f}, store {store:.0f}"


def show_comparison(contenders: Sequence[Contender], reference: Contender) -> None:
    """The one table."""
    table("Same files, same answers", COLUMNS, [contender.cells(reference) for contender in contenders])


def show_rating(closes: Sequence[Cost], rated: Sequence[Cost], device_count: int) -> None:
    """The close of the month that the day lies in, gates and all, beside the bare rating of the same use."""
    rows = [
        [
            name, Spread.of(cost.wall for cost in costs).text(1), Spread.of(cost.cpu for cost in costs).text(2),
            Spread.of(cost.server_cpu for cost in costs).text(2),
            Spread.of(cost.all_cpu * 1e6 / device_count for cost in costs).text(1),
        ]
        for name, costs in (("meterline close", closes), ("DuckDB's rating", rated))
    ]  # fmt: skip
    table("Rating", ["", "s", "client CPU s", "server CPU s", "us CPU/device"], rows)


def show_bytes(run: PlatformRun, day: Day, duckdb_bytes: int, archived: Archived) -> None:
    """Where the bytes are, per stored event."""
    rows = [
        [family, *(f"{part / day.readings:.1f}" for part in (size.heap, size.index, size.toast, size.total))]
        for family, size in sorted(run.sizes.items())
    ]
    rows.append(["write-ahead log", "", "", "", f"{run.wal_bytes / day.readings:.1f}"])
    rows.append(["landing files", "", "", "", f"{day.byte_count / day.readings:.1f}"])
    for name, weight in (
        ("archived events", archived.event_bytes),
        ("archived minutes", archived.minute_bytes),
        ("minutes that stay in the store", archived.kept_minute_bytes),
    ):
        rows.append([name, "", "", "", f"{weight / archived.events:.1f}"])
    rows.append(["DuckDB's file", "", "", "", f"{duckdb_bytes / day.readings:.1f}"])
    table("Bytes per stored event", ["tables", "heap", "index", "toast and maps", "all"], rows)
    say(f"Archived at {archived.events / archived.cost.wall:,.0f} events/s, with the start of the command.\n")


def show_profile(
    title: str, wall: float, steps: Sequence[tuple[str, float]], models: Sequence[tuple[str, float]]
) -> None:
    """Where the seconds of a run went; models of one dbt run overlap, since it works with two threads or more."""
    rows = [[name, f"{seconds:.2f}", f"{100 * seconds / wall:.0f} %"] for name, seconds in steps]
    rows += [[f"  {name}", f"{seconds:.2f}", f"{100 * seconds / wall:.0f} %"] for name, seconds in models]
    table(f"{title}: {wall:.1f} s", ["step", "seconds", "of the run"], rows)


def show_setting(day: Day, sample: int) -> None:
    """What is compared."""
    say(
        f"A day of {day.device_count:,} devices: {day.readings:,} readings and {day.duplicates:,} duplicates in "
        f"{len(day.files)} Parquet files ({day.byte_count / 1e6:.1f} MB); one INSERT each on {sample:,} of them."
    )
