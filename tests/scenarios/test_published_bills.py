"""Bills that others published for tariffs and loads, through the platform (see tests/data/tariffs/README.md)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from tests.support import Pipeline
from tests.tariffs import read_cases, read_load, read_tariff, run_cases

FOLDER = Path(os.environ.get("METERLINE_TARIFFS") or Path(__file__).parents[1] / "data" / "tariffs")


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_published_bills_of_a_year(shared_pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    cases, left_out = [], []
    for case in read_cases(FOLDER):
        try:
            read_tariff(FOLDER, case, read_load(FOLDER, case))
            cases.append(case)
        except BadInputError as error:
            left_out.append(f"{case.name}: {error}")
    outcomes = run_cases(shared_pipeline, FOLDER, cases)
    with capsys.disabled():
        print()
        for one in outcomes:
            said = "holds" if one.holds else "differs"
            print(
                f"{one.case}, {one.component}: expected {one.expected} +- {one.tolerance}, quantities x prices "
                f"{one.recomputed:.5f}, billed {one.billed}: {said}"
            )
        print(*left_out, sep="\n")
        print(f"{sum(one.holds for one in outcomes)} of {len(outcomes)} hold, {len(left_out)} cases left out")
    assert [one for one in outcomes if not one.holds] == []
    assert left_out == []
    assert shared_pipeline.prove() == {}
