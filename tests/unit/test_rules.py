"""The table of rules in the documentation: all of them are there, and what each row names exists."""

from __future__ import annotations

import re

from orchestration.settings import DBT_PROJECT, PROJECT_ROOT

RULES = 33
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| `([^`|]+)` \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`([^`:]+)::([^`]+)`")
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


def test_readers_are_led_to_the_table() -> None:
    assert "#!/overview/meterline" in (DBT_PROJECT / "models" / "overview.md").read_text()
    assert "dbt_project/models/rules.md" in (PROJECT_ROOT / "README.md").read_text()


def _exists(path: str, name: str) -> bool:
    is_unit_test = path.endswith(".yml")
    file = (DBT_PROJECT if is_unit_test else PROJECT_ROOT) / path
    begin = rf"^  - name: {name}$" if is_unit_test else rf"^def {name}\("
    return file.is_file() and re.search(begin, file.read_text(), re.MULTILINE) is not None
