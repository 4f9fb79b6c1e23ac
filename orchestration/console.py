"""What the terminal shows: tables, a spinner for work of unknown length, a bar where there is a count."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from orchestration import progress
from orchestration.observability.lines import is_json, terminal, write

# Piped output is for files and programs: it is not folded to a width that nobody has.
console = Console(file=terminal, highlight=False, soft_wrap=True, width=None if terminal.isatty() else 240)


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show that work goes on, with the stages that it reports. Without a terminal each stage is one line."""
    is_drawn = console.is_terminal and not is_json()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not is_drawn,
    ) as bar:
        task = bar.add_task(title, total=None)
        seen: set[str] = set()

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=f"{title}: {stage}", completed=done, total=total or None)
            if not is_drawn and stage not in seen:
                seen.add(stage)
                say(f"{title}: {stage} ...")

        progress.show_with(show)
        try:
            yield
        finally:
            progress.show_with(None)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a title, numbers to the right; as log lines are JSON, each row is one."""
    if is_json():
        for row in rows:
            write(logging.INFO, title, row=dict(zip(columns, row, strict=True)))
        return
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(is_number(row[index]) for row in rows)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(
            *(f"{value:,}" if isinstance(value, int) else str("" if value is None else value) for value in row)
        )
    console.print(shown)
    console.print()


def is_number(value: Any) -> bool:
    """Whether a cell reads as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return value is None
    return True


def say(text: str) -> None:
    """One line for the user."""
    if is_json():
        write(logging.INFO, text.rstrip())
        return
    console.print(text)


def answer(text: str) -> None:
    """What a program asked for, in its own form, whatever log lines look like."""
    console.print(text, markup=False)
