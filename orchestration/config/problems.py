"""What is wrong with a configuration folder, collected so that one run tells all of it."""

from __future__ import annotations

from collections import Counter

from orchestration.errors import BadInputError

MAX_PRINTED = 20


class Problems:
    """Errors as lines for the user; the first ones are kept, the rest are counted."""

    def __init__(self) -> None:
        """Begin without errors."""
        self._lines: list[str] = []
        self._counts: Counter[str] = Counter()

    def add(self, file: str, text: str, *, line: int | None = None, column: str | None = None) -> None:
        """Record an error at `line` (as an editor counts, from 1) and `column`, where it has such a place."""
        place = file + (f" line {line}" if line is not None else "") + (f", column {column}" if column else "")
        if len(self._lines) < MAX_PRINTED:
            self._lines.append(f"{place}: {text}")
        self._counts[file] += 1

    def add_uncounted(self, file: str, count: int) -> None:
        """Count errors whose lines would not be printed anyway."""
        self._counts[file] += count

    def of(self, file: str) -> int:
        """Number of errors found in `file`. What a broken file lacks is no fault of the files that refer to it."""
        return self._counts[file]

    def raise_if_any(self) -> None:
        """Raise BadInputError with one line per error, and the number of those that are not printed."""
        total = sum(self._counts.values())
        if total == 0:
            return
        more = [f"and {total - len(self._lines)} more"] if total > len(self._lines) else []
        raise BadInputError("\n".join(self._lines + more))
