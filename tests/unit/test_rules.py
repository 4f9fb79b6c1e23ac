"""The table of rules in the documentation: all of them are there, and what each row names exists."""

from __future__ import annotations

import re

import pytest

from orchestration.settings import DBT_PROJECT, PROJECT_ROOT

RULES = 33
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| `([^`|]+)` \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`([^`:]+)::([^`]+)`")
# What a rule is known by wherever it is written: it may stand in the macros of the rules, and nowhere else in SQL.
SPELLINGS = {
    "what is out of range (22)": r"1970|2100",
    "what a hardware identifier looks like (21)": r"0-9a-f\]",
    "hours and minutes in UTC (30)": r"date_bin",
    "the canonical identity (1)": r"convert_to",
    "tolerances of clocks (3, 9)": r"interval '\d+ minutes'",
    "the latest restatement of an event": r"\b(later|latest|newer)\.version [<>]",
    "what decides about late events (6)": r"then '[bdrn]'",
    "the evidence of a session (3)": r"received_day between",
}
ROWS = ROW.findall((DBT_PROJECT / "models" / "rules.md").read_text())


def test_every_rule_has_one_row() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, RULES + 1))


def test_every_home_exists() -> None:
    assert [home for _, _, home, _ in ROWS if not (DBT_PROJECT / home).is_file()] == []


def test_every_rule_names_tests_that_exist() -> None:
    missing = []
    for number, _, _, tests in ROWS:
        named = TEST.findall(tests)
        missing += [f"{number}: names no test"] * (not named)
        missing += [f"{number}: {path}::{name}" for path, name in named if not _exists(path, name)]
    assert missing == []


def test_every_rule_is_told_as_a_contract_and_where_it_is_sql_as_a_unit_test() -> None:
    kinds = {
        number: ("tests/scenarios/" in tests, ".yml::" in tests or home.startswith("../"))
        for number, _, home, tests in ROWS
    }
    assert {number for number, (is_told, is_tested) in kinds.items() if not (is_told and is_tested)} == set()


def test_readers_are_led_to_the_table() -> None:
    assert "#!/overview/meterline" in (DBT_PROJECT / "models" / "overview.md").read_text()
    assert "dbt_project/models/rules.md" in (PROJECT_ROOT / "README.md").read_text()


@pytest.mark.parametrize("rule", SPELLINGS)
def test_a_rule_is_written_once(rule: str) -> None:
    spelled = {
        path.relative_to(DBT_PROJECT).as_posix()
        for folder in ("macros", "models", "tests")
        for path in (DBT_PROJECT / folder).rglob("*.sql")
        if re.search(SPELLINGS[rule], path.read_text())
    }
    assert spelled != set()
    assert {path for path in spelled if not path.startswith("macros/rules/")} == set()


def _exists(path: str, name: str) -> bool:
    is_unit_test = path.endswith(".yml")
    file = (DBT_PROJECT if is_unit_test else PROJECT_ROOT) / path
    begin = rf"^  - name: {name}$" if is_unit_test else rf"^def {name}\("
    return file.is_file() and re.search(begin, file.read_text(), re.MULTILINE) is not None
