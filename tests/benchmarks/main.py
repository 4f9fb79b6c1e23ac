"""`meterline bench`: one generated day through every contender, and the tables that compare them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.console import say, working
from orchestration.progress import report
from tests.benchmarks import archived, cadence, close_growth, closing, contenders, fixed_cost, growth, reconnection
from tests.benchmarks.contenders import DuckdbRun, PlatformRun
from tests.benchmarks.day import DAY, READINGS_A_DEVICE, Day, generate, generate_eve
from tests.benchmarks.measure import Cost, Spread
from tests.benchmarks.report import (
    Contender,
    bytes_per_event,
    ratio,
    show_bytes,
    show_comparison,
    show_profile,
    show_rating,
    show_setting,
)
from tests.benchmarks.sandbox import Sandbox

THREADS = (1, 2)
DAY_EVENTS, GROWTH_EVENTS = 500_000, 1_000_000
CLOSE_DEVICES, STREAM_DEVICES, OFFLINE_DEVICES = 10_000, 50_000, 50_000
# The consumers of this folder, by module: what the table calls them, and the messages of which they are given a sample.
CONSUMERS = {
    "one_by_one": ("one INSERT each, extrapolated", 20_000),
    "batched": ("executemany of 1,000, extrapolated", 100_000),
    "copying": ("raw COPY, no key", 0),
}
# Seconds of a run, of its steps, and of the models and checks that took a share worth a line.
Profile = tuple[float, list[tuple[str, float]], list[tuple[str, float]]]


@dataclass
class Measured:
    """What the repetitions gave; `consumers` by their module, `profiles` by the title of their table."""

    fixed: Cost
    platform: list[PlatformRun] = field(default_factory=list)
    closes: list[Cost] = field(default_factory=list)
    duckdb: dict[int, list[DuckdbRun]] = field(default_factory=lambda: {threads: [] for threads in THREADS})
    consumers: dict[str, list[Cost]] = field(default_factory=lambda: {module: [] for module in CONSUMERS})
    samples: dict[str, int] = field(default_factory=dict)
    agreed: int = 0
    invoices: int = 0
    duckdb_bytes: int = 0
    archived: archived.Archived | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)


def run(events: int | None, devices: int | None, repeat: int, profile: bool) -> dict[str, float]:
    """Generate, measure and print a day; its figures. Raises VoidBenchmarkError when the answers differ."""
    events = events or DAY_EVENTS
    with _folder() as folder:
        day = generate(folder / "day", events, devices or max(1, events // READINGS_A_DEVICE))
        show_setting(day, min(CONSUMERS["one_by_one"][1], day.messages))
        sandbox = Sandbox(folder / "home", day)
        try:
            with working("benchmark"):
                measured = _measure(folder, sandbox, repeat, profile)
        finally:
            sandbox.stop()
        return _show(day, measured)


def run_close(tenants: int, devices: int) -> None:
    """Generate a fleet of tenants, close its month, and print what that cost."""
    with _folder() as folder:
        closing.measure(folder, tenants, devices)


def run_growth(events: int | None, devices: int | None, repeat: int) -> dict[str, float]:
    """Measure a day into stores of several sizes; the figures."""
    events = events or GROWTH_EVENTS
    with _folder() as folder:
        return growth.measure(folder, events, devices or max(1, events // READINGS_A_DEVICE), repeat)


def run_close_growth(devices: int | None, repeat: int) -> dict[str, float]:
    """Measure a close over ten times the events; the figures."""
    with _folder() as folder:
        return close_growth.measure(folder, devices or CLOSE_DEVICES, repeat)


def run_fixed_cost(repeat: int) -> dict[str, float]:
    """Measure runs that have little to do; the figures."""
    with _folder() as folder:
        return fixed_cost.measure(folder, repeat)


def run_cadence(devices: int | None, seconds: int) -> dict[str, float]:
    """Measure how long what arrives takes to be told; the figures."""
    with _folder() as folder:
        return cadence.measure(folder, devices or STREAM_DEVICES, seconds)


def run_reconnection(devices: int | None) -> dict[str, float]:
    """Measure what it takes to catch up with a fleet that was offline; the figures."""
    with _folder() as folder:
        return reconnection.measure(folder, devices or OFFLINE_DEVICES)


def _measure(folder: Path, sandbox: Sandbox, repeat: int, profile: bool) -> Measured:
    day, database = sandbox.day, folder / "duckdb.db"
    report("preparing")(0, 0)
    sandbox.prepare()
    # The first run of a new platform also makes what Dagster keeps; the second is what every later one costs. Both are
    # in the month before, so that the day's month has the messages that DuckDB rates.
    for ago in (DAY.day + 1, DAY.day):
        fixed = sandbox.meterline("process", landing=generate_eve(folder / f"eve-{ago}", day, ago))
    measured = Measured(fixed)
    if profile:
        measured.profiles["One message"] = _profile(sandbox, fixed)
    sandbox.keep_state()
    for done in range(repeat):
        report("measuring")(done, repeat)
        measured.platform.append(contenders.platform(sandbox))
        if profile and done == repeat - 1:
            measured.profiles[f"{day.messages:,} messages"] = _profile(sandbox, measured.platform[-1].cost)
        for threads in THREADS:
            measured.duckdb[threads].append(contenders.with_duckdb(sandbox, threads, database))
        measured.agreed = contenders.compare(sandbox, database)
        closed, measured.invoices = contenders.close(sandbox, database)
        measured.closes.append(closed)
        for module, (_, sample) in CONSUMERS.items():
            cost, measured.samples[module] = contenders.consumer(sandbox, module, min(sample, day.messages))
            measured.consumers[module].append(cost)
    measured.duckdb_bytes = database.stat().st_size
    report("archiving")(0, 0)
    measured.archived = archived.measure(sandbox)
    return measured


def _show(day: Day, measured: Measured) -> dict[str, float]:
    last, fixed = measured.platform[-1], measured.fixed
    costs = [one.cost for one in measured.platform]
    duckdb = [
        Contender(f"DuckDB, threads: {count}", [run.cost for run in runs], day.messages)
        for count, runs in measured.duckdb.items()
    ]
    whole = Contender("meterline process", costs, day.messages, bytes_per_event(last, day.readings))
    marginal = Contender("  without start-up", [cost.less(fixed) for cost in costs], day.messages)
    consumers = {
        module: Contender(name, measured.consumers[module], measured.samples[module])
        for module, (name, _) in CONSUMERS.items()
    }
    to_duckdb = whole.rate.middle / duckdb[-1].rate.middle
    to_insert = whole.rate.middle / consumers["one_by_one"].rate.middle
    say(
        f"All of {day.messages:,} messages accounted for; "
        f"{measured.agreed:,} hours and days equal DuckDB's to the last digit, "
        f"{measured.invoices:,} invoices to the cent.\n"
    )
    show_comparison([whole, marginal, *consumers.values(), *duckdb], reference=duckdb[-1])
    say(
        f"Against one INSERT each: {ratio(to_insert)} times its rate. "
        f"Start-up, measured with one message: {fixed.wall:.1f} s, {fixed.cpu:.1f} s CPU and "
        f"{fixed.server_cpu:.1f} s in the server.\n"
    )
    show_rating(measured.closes, [run.rating for run in measured.duckdb[THREADS[-1]]], day.device_count)
    assert measured.archived is not None
    show_bytes(last, day, measured.duckdb_bytes, measured.archived)
    for title, profile in measured.profiles.items():
        show_profile(title, *profile)
    events = last.sizes["events"]
    return {
        "ratio_to_duckdb": to_duckdb,
        "ratio_to_insert": to_insert,
        "cpu_us_per_event": Spread.of(cost.less(fixed).all_cpu * 1e6 / day.messages for cost in costs).middle,
        "bytes_per_event": (events.heap + events.index) / day.readings,
        "archived_bytes_per_event": measured.archived.event_bytes / measured.archived.events,
        "worker_peak_mb": max(cost.peak_bytes for cost in costs) / 1e6,
        "database_peak_mb": max(cost.server_peak_bytes for cost in costs) / 1e6,
        "one_row_day_cpu_s": fixed.all_cpu,
    }


def _profile(sandbox: Sandbox, cost: Cost) -> Profile:
    """Seconds by step and model of the command that has just ended."""
    steps = sandbox.step_seconds()
    outside = cost.wall - sum(seconds for _, seconds in steps)
    dbt = sandbox.dbt_seconds()
    around_dbt = dict(steps)["metering_models"] - dbt
    named = [("command, imports, between steps", outside), *steps, ("  of it dbt's start and end", around_dbt)]
    return cost.wall, named, [pair for pair in sandbox.model_seconds() if pair[1] >= 0.005 * cost.wall]


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that the server's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="meterline-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
