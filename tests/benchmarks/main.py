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
from tests.benchmarks import closing, contenders
from tests.benchmarks.contenders import PlatformRun
from tests.benchmarks.day import READINGS_A_DEVICE, Day, generate, generate_eve
from tests.benchmarks.measure import Cost
from tests.benchmarks.report import (
    Contender,
    bytes_per_event,
    ratio,
    show_bytes,
    show_comparison,
    show_profile,
    show_setting,
)
from tests.benchmarks.sandbox import Sandbox

THREADS = (1, 2)
SAMPLE = 5_000
# Seconds of a run, of its steps, and of the models and checks that took a share worth a line.
Profile = tuple[float, list[tuple[str, float]], list[tuple[str, float]]]


@dataclass
class Measured:
    """What the repetitions gave; `profiles` by the title of their table."""

    fixed: Cost
    platform: list[PlatformRun] = field(default_factory=list)
    duckdb: dict[int, list[Cost]] = field(default_factory=lambda: {threads: [] for threads in THREADS})
    naive: list[Cost] = field(default_factory=list)
    sample: int = 0
    agreed: int = 0
    duckdb_bytes: int = 0
    profiles: dict[str, Profile] = field(default_factory=dict)


def run(events: int, devices: int | None, repeat: int, profile: bool) -> None:
    """Generate, measure and print. Raises VoidBenchmarkError when the contenders' answers differ."""
    with _folder() as folder:
        day = generate(folder / "day", events, devices or max(1, events // READINGS_A_DEVICE))
        show_setting(day, min(SAMPLE, day.messages))
        sandbox = Sandbox(folder / "home", day)
        try:
            with working("benchmark"):
                measured = _measure(folder, sandbox, repeat, profile)
        finally:
            sandbox.stop()
        _show(day, measured)


def run_close(tenants: int, devices: int) -> None:
    """Generate a fleet of tenants, close its month, and print what that cost."""
    with _folder() as folder:
        closing.measure(folder, tenants, devices)


def _measure(folder: Path, sandbox: Sandbox, repeat: int, profile: bool) -> Measured:
    day, database = sandbox.day, folder / "duckdb.db"
    report("preparing")(0, 0)
    sandbox.prepare()
    # The first run of a new platform also makes what Dagster keeps; the second is what every later one costs.
    for ago in (2, 1):
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
        naive, measured.sample = contenders.one_by_one(sandbox, min(SAMPLE, day.messages))
        measured.naive.append(naive)
    measured.duckdb_bytes = database.stat().st_size
    return measured


def _show(day: Day, measured: Measured) -> None:
    last, fixed = measured.platform[-1], measured.fixed
    costs = [one.cost for one in measured.platform]
    duckdb = [Contender(f"DuckDB, threads: {count}", runs, day.messages) for count, runs in measured.duckdb.items()]
    whole = Contender("meterline process", costs, day.messages, bytes_per_event(last, day))
    marginal = Contender("  without start-up", [cost.less(fixed) for cost in costs], day.messages)
    naive = Contender("one INSERT each, extrapolated", measured.naive, measured.sample)
    say(
        f"All of {day.messages:,} messages accounted for; "
        f"{measured.agreed:,} hours and days equal DuckDB's to the last digit.\n"
    )
    show_comparison([whole, marginal, naive, *duckdb], reference=duckdb[-1])
    say(
        f"Against one INSERT each: {ratio(whole.rate.middle / naive.rate.middle)} times its rate. "
        f"Start-up, measured with one message: {fixed.wall:.1f} s, {fixed.cpu:.1f} s CPU and "
        f"{fixed.server_cpu:.1f} s in the server.\n"
    )
    show_bytes(last, day, measured.duckdb_bytes)
    for title, profile in measured.profiles.items():
        show_profile(title, *profile)


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
