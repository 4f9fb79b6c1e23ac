"""Runs a gate: measured rows in, a judgement per subject out. Great Expectations does the judging."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from expectations.gate import Gate, Rule

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Finding:
    """A rule that a subject breaks, in words, with the subject's measured row as text."""

    gate: str
    subject: str
    rule: str
    problem: str
    remedy: str
    is_overridable: bool
    observed: dict[str, str]

    def __str__(self) -> str:
        """One line for the user."""
        return f"check {self.gate}_gate holds {self.subject}: {self.rule}: {self.problem}; {self.remedy}"


@dataclass(frozen=True)
class Judgement:
    """What a gate says of its subjects; `document` is Great Expectations' validation result as JSON."""

    gate: Gate
    subjects: tuple[str, ...]
    findings: tuple[Finding, ...]
    document: dict[str, Any]

    @property
    def held(self) -> frozenset[str]:
        """Subjects with a finding."""
        return frozenset(finding.subject for finding in self.findings)


def judge(gate: Gate, rows: pd.DataFrame) -> Judgement:
    """Judge every row; a rule that a row breaks holds that row's subject and no other.

    Args:
        gate: what is asked.
        rows: one row per subject, which the column `gate.subject` names, with the measures that the rules look at:
            numbers as int or float, truths as bool; an empty measure judges nothing.

    Raises:
        ValueError: a rule could not be evaluated, as when its column is missing.
    """
    if rows.empty:
        return Judgement(gate, (), (), {})
    rows = rows.reset_index(drop=True)
    result = _batch(rows).validate(_suite(gate), result_format="COMPLETE")
    outcomes = {outcome.expectation_config.meta["rule"]: outcome for outcome in result.results}
    broken: list[tuple[int, Rule]] = []
    for rule in gate.rules:
        outcome = outcomes[rule.name]
        if "unexpected_index_list" not in outcome.result:
            raise ValueError(f"rule {rule.name} of the {gate.name} gate cannot be evaluated: {outcome.exception_info}")
        broken += [(index, rule) for index in outcome.result["unexpected_index_list"]]
    broken.sort(key=lambda place: place[0])
    findings = [_finding(gate, rule, {str(k): v for k, v in rows.iloc[index].items()}) for index, rule in broken]
    subjects = tuple(str(subject) for subject in rows[gate.subject])
    return Judgement(gate, subjects, tuple(findings), result.to_json_dict())


def suite(gate: Gate) -> Any:
    """The gate as a Great Expectations suite; every expectation carries its rule's name and what it is for."""
    gx = great_expectations()
    built = []
    for rule in gate.rules:
        expectation = rule.expectation()
        expectation.meta = {"rule": rule.name, "remedy": rule.remedy}
        expectation.notes = f"{rule.name}: {rule.remedy}"
        built.append(expectation)
    return gx.ExpectationSuite(name=gate.name, expectations=built, meta={"title": gate.title})


def _finding(gate: Gate, rule: Rule, row: dict[str, Any]) -> Finding:
    return Finding(
        gate=gate.name,
        subject=str(row[gate.subject]),
        rule=rule.name,
        problem=rule.problem.format(**row),
        remedy=rule.remedy,
        is_overridable=rule.is_overridable,
        observed={column: str(value) for column, value in row.items()},
    )


@functools.cache
def _suite(gate: Gate) -> Any:
    return suite(gate)


def _batch(rows: pd.DataFrame) -> Any:
    return _rows_of_a_gate().get_batch(batch_parameters={"dataframe": rows})


@functools.cache
def _rows_of_a_gate() -> Any:
    """Where rows in memory become a batch; made once per process, because a context costs more than a judgement."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    rows = context.data_sources.add_pandas("measured").add_dataframe_asset("rows")
    return rows.add_batch_definition_whole_dataframe("all")


# What the library's own expectations compute distributions with and draw them by; no gate asks for one.
UNASKED = ("altair", "scipy.stats")


def great_expectations() -> Any:
    """The library, told to call nobody; imported late, because it takes seconds, and without what no gate uses."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _put_off(UNASKED):
        import great_expectations as gx

    return gx


@contextmanager
def loaded_meanwhile() -> Iterator[None]:
    """Import the library beside what is done within, as when that waits for the database; errors wait for its use."""
    with ThreadPoolExecutor(1, thread_name_prefix="great-expectations") as pool:
        pool.submit(great_expectations)
        yield


class _PutOff(ModuleType):
    """Stands for a module until one of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def _put_off(names: Iterable[str]) -> Iterator[None]:
    """Let what is imported meanwhile have its modules only when it uses them; others import them as ever."""
    stand_ins = {name: _PutOff(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
