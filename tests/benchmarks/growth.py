"""`meterline bench --growth`: the same day into an empty store, and into ones that hold 1, 5 and 20 days like it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from orchestration.console import say, table, working
from orchestration.progress import report
from tests.benchmarks import contenders
from tests.benchmarks.contenders import PlatformRun
from tests.benchmarks.day import DAY, Day, generate, generate_eve
from tests.benchmarks.measure import Cost, Spread
from tests.benchmarks.report import bytes_per_event, megabytes, ratio
from tests.benchmarks.sandbox import Sandbox

# Days like the measured one that the store holds.
STORES = (0, 1, 5, 20)


def measure(folder: Path, events: int, devices: int, repeat: int) -> dict[str, float]:
    """Generate, fill, measure and print; the figures. Raises VoidBenchmarkError when a message is missing."""
    day = generate(folder / "days", events, devices, days_before=max(STORES))
    sandbox = Sandbox(folder / "home", day)
    runs: dict[int, list[PlatformRun]] = {}
    try:
        with working("benchmark"):
            report("preparing")(0, 0)
            sandbox.prepare()
            fixed = _fixed_cost(folder, sandbox, day)
            for number, held in enumerate(STORES):
                report("filling")(number, len(STORES))
                _fill(sandbox, held, STORES[number - 1] if number else 0)
                report("measuring")(number, len(STORES))
                runs[held] = [contenders.platform(sandbox, str(DAY)) for _ in range(repeat)]
                sandbox.restore_state()
    finally:
        sandbox.stop()
    return _show(day, fixed, runs)


def _fixed_cost(folder: Path, sandbox: Sandbox, day: Day) -> Cost:
    """What a day of one message costs. The first one also makes what Dagster keeps of a platform."""
    long_ago = max(STORES) + 2
    for ago in (long_ago + 1, long_ago):
        fixed = sandbox.meterline("process", landing=generate_eve(folder / f"eve-{ago}", day, ago))
    return fixed


def _fill(sandbox: Sandbox, held: int, before: int) -> None:
    """Let the store hold so many days, of which the latest `before` are in it."""
    if held:
        first, last = DAY - timedelta(days=held), DAY - timedelta(days=before + 1)
        sandbox.meterline("process", "--from", str(first), "--to", str(last))
    sandbox.keep_state()


def _show(day: Day, fixed: Cost, runs: dict[int, list[PlatformRun]]) -> dict[str, float]:
    per_event = {
        held: Spread.of(run.cost.less(fixed).all_cpu * 1e6 / day.messages for run in found)
        for held, found in runs.items()
    }
    empty = per_event[0].middle
    say(f"The same {day.messages:,} messages of {day.device_count:,} devices each time, all of them accounted for.\n")
    table(
        "A day into a growing store",
        [
            "events stored",
            "s",
            "CPU us/message without start-up",
            "x empty",
            "bytes/event",
            "log bytes/message",
            "MB client",
            "MB server",
        ],
        [
            [
                f"{held * day.readings:,}",
                Spread.of(run.cost.wall for run in found).text(1),
                per_event[held].text(1),
                ratio(per_event[held].middle / empty),
                bytes_per_event(found[-1], day.readings * (held + 1)),
                f"{found[-1].wal_bytes / day.messages:,.0f}",
                megabytes(max(run.cost.peak_bytes for run in found)),
                megabytes(max(run.cost.server_peak_bytes for run in found)),
            ]
            for held, found in runs.items()
        ],
    )
    return {
        "cpu_us_per_event": empty,
        "cpu_us_per_event_next_day": per_event[1].middle,
        "growth_ratio": per_event[max(STORES)].middle / empty,
    }
