"""`meterline bench`: one generated day through every contender, and the tables that compare them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.console import say, working
from orchestration.progress import report
from tests.benchmarks import closing, contenders, report as tables
from tests.benchmarks.day import READINGS_A_DEVICE, Day, generate, generate_eve
from tests.benchmarks.measure import Cost
from tests.benchmarks.report import Contender
from tests.benchmarks.sandbox import Sandbox

THREADS = (1, 2)
SAMPLE = 5_000


def run(events: int, devices: int | None, repeat: int, profile: bool, close_device_periods: int | None) -> None:
    """Generate, measure and print. Raises VoidBenchmarkError when the contenders' answers differ."""
    with _folder() as folder:
        day = generate(folder / "day", events, devices or max(1, events // READINGS_A_DEVICE))
        tables.show_setting(day, min(SAMPLE, day.messages))
        sandbox = Sandbox(folder / "home", day)
        try:
            _compare(folder, sandbox, repeat, profile)
        finally:
            sandbox.stop()
        if close_device_periods is not None:
            with working("closing a month"):
                closing.measure(folder / "close", close_device_periods)


def _compare(folder: Path, sandbox: Sandbox, repeat: int, profile: bool) -> None:
    day, database = sandbox.day, folder / "duckdb.db"
    with working("benchmark"):
        report("preparing")(0, 0)
        sandbox.prepare()
        # The first run of a new platform also makes what Dagster keeps; the second is what every later one costs.
        fixed = [
            sandbox.meterline("process", landing=generate_eve(folder / f"eve-{ago}", day, ago)) for ago in (2, 1)
        ][-1]
        small = _profile(sandbox, fixed) if profile else None
        sandbox.keep_state()
        runs, rivals, naive = [], {threads: [] for threads in THREADS}, []  # type: ignore[var-annotated]
        for done in range(repeat):
            report("measuring")(done, repeat)
            runs.append(contenders.platform(sandbox))
            for threads in THREADS:
                rivals[threads].append(contenders.with_duckdb(sandbox, threads, database))
            agreed = contenders.compare(sandbox, database)
            large = _profile(sandbox, runs[-1].cost) if profile and done == repeat - 1 else None
            naive.append(contenders.one_by_one(sandbox, min(SAMPLE, day.messages)))
    say(f"All of {day.messages:,} messages accounted for; {agreed:,} hours and days equal DuckDB's to the last digit.\n")
    reference = Contender(f"DuckDB, {THREADS[-1]} threads", rivals[THREADS[-1]], day.messages)
    stored = tables.bytes_per_event(runs[-1], day)
    costs = [one.cost for one in runs]
    rows = [
        Contender("meterline process", costs, day.messages, stored),
        Contender("  without start-up", [cost.less(fixed) for cost in costs], day.messages),
        Contender("one INSERT each, extrapolated", [cost for cost, _ in naive], naive[0][1]),
        *(Contender(f"DuckDB, {count} thread(s)", rivals[count], day.messages) for count in THREADS[:-1]),
        reference,
    ]
    tables.show_comparison(rows, reference)
    say(
        f"Against one INSERT each: {tables.ratio(rows[0].rate.middle / rows[2].rate.middle)} times its rate. "
        f"Start-up, measured with one message: {fixed.wall:.1f} s, {fixed.cpu:.1f} s CPU and "
        f"{fixed.server_cpu:.1f} s in the server.\n"
    )
    tables.show_bytes(runs[-1], day, database.stat().st_size)
    for title, shown in (("One message", small), (f"{day.messages:,} messages", large)):
        if shown is not None:
            tables.show_profile(title, *shown)


def _profile(sandbox: Sandbox, cost: Cost) -> tuple[float, list[tuple[str, float]], list[tuple[str, float]]]:
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
