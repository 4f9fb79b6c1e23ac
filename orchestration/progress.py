"""Progress of long work: assets report it, whoever runs them says where it shows (the command line draws a bar)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Report = Callable[[int, int], None]

_display: ContextVar[Callable[[str, int, int], None] | None] = ContextVar("progress_display", default=None)


def report(stage: str) -> Report:
    """A callback `(done, total)` for the stage; does nothing where nobody watches."""

    def send(done: int, total: int) -> None:
        display = _display.get()
        if display is not None:
            display(stage, done, total)

    return send


def show_with(display: Callable[[str, int, int], None] | None) -> None:
    """Let `display(stage, done, total)` show the progress of what this context runs."""
    _display.set(display)
