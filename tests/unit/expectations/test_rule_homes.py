"""The table that says where each rule lives, against the rules."""

import re

from orchestration.gate_docs import GATES
from orchestration.settings import DBT_PROJECT, PROJECT_ROOT

ROW = re.compile(r"^\| `(\w+)`: .* \| (Great Expectations|dbt), (\w+) \|$", re.MULTILINE)


def listed(library):
    text = (PROJECT_ROOT / "expectations" / "README.md").read_text()
    return sorted((place, rule) for rule, home, place in ROW.findall(text) if home == library)


def test_every_rule_of_a_gate_is_in_the_table():
    assert listed("Great Expectations") == sorted((gate.name, rule.name) for gate in GATES for rule in gate.rules)


def test_every_test_of_dbt_is_in_the_table():
    folders = ("integrity", "consistency")
    assert listed("dbt") == sorted(
        (folder, path.stem) for folder in folders for path in (DBT_PROJECT / "tests" / folder).glob("*.sql")
    )


def test_no_rule_has_two_homes():
    rules = [rule for library in ("Great Expectations", "dbt") for _, rule in listed(library)]
    assert len(rules) == len(set(rules))


def test_every_gate_is_explained():
    text = (PROJECT_ROOT / "expectations" / "README.md").read_text()
    assert [gate.name for gate in GATES if f"| `{gate.name}` |" not in text] == []
