"""Plots of what a benchmark printed, as SVG; the same rows and the same version of matplotlib give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Rows of a printed table, each a cell by the name of its column.
Rows = Sequence[Mapping[str, object]]
STYLE = {"svg.hashsalt": "meterline", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False}  # fmt: skip
NUMBER = re.compile(r"-?[\d,]*\.?\d+")
BAR, SECOND_BAR = "#4c72b0", "#dd8452"


def number(cell: object) -> float:
    """The number that a cell begins with: of `middle (least-greatest)` the middle. Raises ValueError without one."""
    found = NUMBER.match(str(cell))
    if found is None:
        raise ValueError(f"{cell!r} is no number")
    return float(found[0].replace(",", ""))


def contenders(axes: Axes, rows: Rows) -> None:
    """Messages a second, on a logarithmic axis because they lie orders of magnitude apart."""
    values = [number(row["messages/s"]) for row in rows]
    bars = axes.barh([str(row[""]).strip() for row in rows], values, color=BAR)
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 5)
    axes.invert_yaxis()
    axes.set_xlabel("messages/s, logarithmic")


def growth(axes: Axes, rows: Rows) -> None:
    """CPU of a message by what the store already holds."""
    values = [number(row["CPU us/message without start-up"]) for row in rows]
    axes.plot([number(row["events stored"]) / 1e6 for row in rows], values, marker="o", color=BAR)
    axes.set_ylim(0, max(values) * 1.15)
    axes.set_xlabel("million events in the store")
    axes.set_ylabel("CPU us/message")


def cadence(axes: Axes, rows: Rows) -> None:
    """Seconds until a threshold is told, by quantile; early and late files apart, to show whether it falls behind."""
    quantiles = ("median", "95th percentile", "longest")
    width = 0.8 / len(rows)
    for place, row in enumerate(rows):
        lefts = [index + place * width for index in range(len(quantiles))]
        values = [number(row[name]) for name in quantiles]
        bars = axes.bar(lefts, values, width, label=str(row["files"]), color=f"C{place}")
        axes.bar_label(bars, [f"{value:.0f}" for value in values], padding=2)
    axes.set_xticks([index + width * (len(rows) - 1) / 2 for index in range(len(quantiles))], quantiles)
    axes.set_ylabel("seconds from file to event")
    axes.legend(frameon=False)


def fixed_costs(axes: Axes, rows: Rows) -> None:
    """CPU seconds of runs with little to do, on both sides."""
    names = [str(row[""]) for row in rows]
    client, server = ([number(row[column]) for row in rows] for column in ("client CPU s", "server CPU s"))
    axes.barh(names, client, color=BAR, label="client")
    bars = axes.barh(names, server, left=client, color=SECOND_BAR, label="PostgreSQL")
    axes.bar_label(bars, [f"{sum(both):.1f}" for both in zip(client, server, strict=True)], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("CPU seconds")
    axes.legend(frameon=False)


# By the title of the table that has the rows: the name of the file, and who draws it.
PLOTS: dict[str, tuple[str, Callable[[Axes, Rows], None]]] = {
    "Same files, same answers": ("contenders.svg", contenders),
    "A day into a growing store": ("growth.svg", growth),
    "Seconds from a landing file to its threshold event": ("cadence.svg", cadence),
    "Fixed costs": ("fixed_cost.svg", fixed_costs),
}


def draw(folder: Path, title: str, rows: Rows) -> str | None:
    """Draw a table into `folder`; the file's name, or None for a table that has no plot."""
    if title not in PLOTS:
        return None
    name, fill = PLOTS[title]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3), layout="constrained")
        fill(figure.add_subplot(), rows)
        figure.savefig(folder / name, format="svg", metadata={"Date": None, "Creator": None})
    return name
