"""`python -m tests.benchmarks.results FOLDER`: RESULTS.md beside the folder, of what benchmarks wrote into it.

FOLDER has, for each mode that was measured, what `meterline bench` gave: `MODE.json` with the figures and, where its
tables shall be shown and drawn, `MODE.jsonl` with what it printed as log lines:

    METERLINE_LOGS=json meterline bench --growth --json FOLDER/growth.json > FOLDER/growth.jsonl

`machine.json` says what it was measured on. Where there is none this machine is described, so run this where and when
the benchmarks ran; delete it before the next ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import machine, plots
from tests.benchmarks.figures import FIGURES

# The file of each mode, and its title on the page.
MODES = {
    "day": "A day, beside others on the same files",
    "growth": "A growing store",
    "close_growth": "A close over more events",
    "fixed_cost": "Runs with little to do",
    "cadence": "A stream that is followed",
    "reconnect": "A fleet that comes back",
}
# A figure that several modes have is the later one's, which is made for it.
PRECEDENCE = ("growth", "day", "close_growth", "fixed_cost", "cadence", "reconnect")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Target:
    """What a figure must reach and what it should; at least that, or at most."""

    must: float
    aim: float
    is_least: bool = False

    def cells(self, value: float | None) -> list[str]:
        """Must, aim, and whether they are met."""
        sign = ">=" if self.is_least else "<="
        return [f"{sign} {self.must:,g}", f"{sign} {self.aim:,g}", self.verdict(value)]

    def verdict(self, value: float | None) -> str:
        """In words."""
        if value is None:
            return NOT_MEASURED
        if self._holds(value, self.aim):
            return "aim"
        return "must" if self._holds(value, self.must) else "**not met**"

    def _holds(self, value: float, bound: float) -> bool:
        return value >= bound if self.is_least else value <= bound


TARGETS = {
    "ratio_to_duckdb": Target(0.12, 0.40, is_least=True),
    "ratio_to_insert": Target(50, 100, is_least=True),
    "cpu_us_per_event": Target(60, 25),
    "cpu_us_per_event_next_day": Target(70, 28),
    "growth_ratio": Target(1.5, 1.15),
    "close_growth_ratio": Target(1.3, 1.05),
    "bytes_per_event": Target(160, 110),
    "nothing_pending_cpu_s": Target(3, 1),
    "one_row_day_cpu_s": Target(40, 15),
    "one_row_day_daemon_cpu_s": Target(60, 25),
    "worker_peak_mb": Target(1500, 700),
    "database_peak_mb": Target(2500, 1500),
    "cadence_p95_s": Target(90, 30),
}


def write(folder: Path) -> Path:
    """Write the page beside `folder`, and the plots into it; the page's path."""
    path = folder / "machine.json"
    if not path.exists():
        path.write_text(json.dumps(machine.describe(), indent=2) + "\n", encoding="utf-8")
    measured_on = json.loads(path.read_text(encoding="utf-8"))
    parts = [
        "# Results\n",
        f"Written by `python -m tests.benchmarks.results` from [`{folder.name}`]({folder.name}), never by hand.\n",
        "Measured on: " + ", ".join(f"{name} {value}" for name, value in measured_on.items()) + ".\n",
        *_figures(_measured(folder)),
        *(part for mode in MODES for part in _mode(folder, mode)),
    ]
    page = folder.parent / "RESULTS.md"
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _measured(folder: Path) -> dict[str, float]:
    """The figures of all modes."""
    measured: dict[str, float] = {}
    for path in (folder / f"{mode}.json" for mode in PRECEDENCE):
        if path.exists():
            measured |= json.loads(path.read_text(encoding="utf-8"))
    return measured


def _figures(measured: Mapping[str, float]) -> list[str]:
    """What is asked for, then what else is known; words for both."""
    asked = [
        [f"`{name}`", _text(measured.get(name)), *target.cells(measured.get(name))] for name, target in TARGETS.items()
    ]
    others = [[f"`{name}`", _text(measured.get(name))] for name in FIGURES if name not in TARGETS]
    meanings = [[f"`{name}`", meaning] for name, meaning in FIGURES.items()]
    return [
        *_table(["figure", "measured", "must", "aim", "met"], asked),
        *_table(["other figures", "measured"], others),
        *_table(["figure", "what it is"], meanings),
    ]


def _mode(folder: Path, mode: str) -> list[str]:
    """What a mode printed: its words, its tables, and their plots."""
    path = folder / f"{mode}.jsonl"
    if not path.exists():
        return []
    parts = [f"## {MODES[mode]}\n"]
    tables: dict[str, list[dict[str, object]]] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if "row" in line:
            tables.setdefault(line["message"], []).append(line["row"])
        elif not line["message"].startswith("benchmark: "):
            parts.append(line["message"].strip() + "\n")
    for title, rows in tables.items():
        plot = plots.draw(folder, title, rows)
        parts += [f"![{title}]({folder.name}/{plot})\n"] if plot else []
        parts += [f"{title}:\n", *_table(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])]
    return parts


def _text(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,.10g}"


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
