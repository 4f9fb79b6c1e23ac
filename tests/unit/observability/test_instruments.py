"""The metrics that the README names are those that there are, and no name is another's namespace."""

from __future__ import annotations

import re

from orchestration.observability.instruments import ALL
from orchestration.settings import PROJECT_ROOT

ROW = re.compile(r"^\| `(meterline\.[a-z_.]+)` \| (\w+), `([^`]+)` \|", re.MULTILINE)


def test_the_readme_has_every_metric_with_its_kind_and_unit() -> None:
    table = (PROJECT_ROOT / "README.md").read_text().partition("<!-- metrics -->")[2]
    assert ROW.findall(table) == [(one.name, one.kind, one.unit) for one in ALL]


def test_names_keep_to_the_conventions() -> None:
    names = [one.name for one in ALL]
    assert len(set(names)) == len(names)
    assert [(a, b) for a in names for b in names if b.startswith(f"{a}.")] == []
    assert {one.unit for one in ALL if one.kind == "histogram"} == {"s"}
