"""What a gate is: a question about subjects of one kind, and the rules that each of them has to pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One rule of a gate.

    `expectation` builds the Great Expectations object, late because that library takes seconds to import; `problem` is
    a template over the subject's row, `remedy` what a person does about it. Where `is_overridable` is False no decision
    can make the subject right.
    """

    name: str
    expectation: Callable[[], Any]
    problem: str
    remedy: str
    is_overridable: bool = True


@dataclass(frozen=True)
class Gate:
    """A gate: `subject` names the column of the measured rows that says which load, period, invoice or score it is."""

    name: str
    title: str
    subject: str
    rules: tuple[Rule, ...]


def between(column: str, least: float | None, greatest: float | None) -> Callable[[], Any]:
    """Expect a measure, where there is one, to lie between two limits, both allowed."""
    return _expect("ExpectColumnValuesToBeBetween", column=column, min_value=least, max_value=greatest)


def at_most(column: str, greatest: float) -> Callable[[], Any]:
    """Expect a measure, where there is one, not to exceed a limit."""
    return between(column, None, greatest)


def at_least(column: str, least: float) -> Callable[[], Any]:
    """Expect a measure, where there is one, to reach a limit."""
    return between(column, least, None)


def is_false(column: str) -> Callable[[], Any]:
    """Expect a condition not to hold."""
    return _expect("ExpectColumnValuesToBeInSet", column=column, value_set=[False])


def is_present(column: str) -> Callable[[], Any]:
    """Expect a value to be known."""
    return _expect("ExpectColumnValuesToNotBeNull", column=column)


def matches(column: str, pattern: str) -> Callable[[], Any]:
    """Expect a text to match a regular expression."""
    return _expect("ExpectColumnValuesToMatchRegex", column=column, regex=pattern)


def are_equal(column: str, other: str) -> Callable[[], Any]:
    """Expect two measures of a subject to be the same."""
    return _expect("ExpectColumnPairValuesToBeEqual", column_A=column, column_B=other)


def _expect(kind: str, **arguments: Any) -> Callable[[], Any]:
    def build() -> Any:
        from great_expectations import expectations

        return getattr(expectations, kind)(**arguments)

    return build
