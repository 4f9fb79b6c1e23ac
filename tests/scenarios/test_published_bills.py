"""Bills that others published for tariffs and loads, through the platform (see tests/data/tariffs/README.md)."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from orchestration.errors import BadInputError
from tests.support import Pipeline
from tests.tariffs import read_cases, read_load, read_tariff, run_cases

SHIPPED = Path(__file__).parents[1] / "data" / "tariffs"
FOLDER = Path(os.environ.get("METERLINE_TARIFFS") or SHIPPED)
TOTALS = """
select
    tenant_id, extract(year from period_start_at)::integer, extract(month from period_start_at)::integer, total_amount
from finance.invoices
"""


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
                f"{one.recomputed:.5f}, billed {one.billed} in {one.lines} lines: {said}"
            )
        print(*left_out, sep="\n")
        print(f"{sum(one.holds for one in outcomes)} of {len(outcomes)} hold, {len(left_out)} cases left out")
    assert [one for one in outcomes if not one.holds] == []
    assert left_out == []
    assert shared_pipeline.prove() == {}


@pytest.mark.heavy
def test_published_fractions_of_a_month(pipeline: Pipeline) -> None:
    """A recurring fee of a contract that begins and ends on days of which both are paid; 0 is no invoice at all."""
    published = json.loads((SHIPPED / "expected_proration.json").read_text())
    # Divisible by the days of every month, so that no cent is rounded.
    fee, fees = Fraction(1302), {}
    pipeline.configuration.rate_card("part", (None, "", fee), price_model="flat", effective_from_date="2000-01-01")
    pipeline.configuration.row("rate_card_terms", rate_card_id="part", proration_end="inclusive")
    for one in published:
        tenant = f"{one['begin']} to {one['end']}"
        if not any(tenant == known for known, *_ in fees):
            pipeline.tenant(tenant, "meter", rate_card_id="part", starts_at=one["begin"], ends_at=one["end"])
        fees[tenant, one["year"], one["month"]] = fee * Fraction(one["prorate"])
    pipeline.process()
    for year, month in sorted({(year, month) for (_, year, month), amount in fees.items() if amount}):
        pipeline.close(f"{year}-{month:02}", f"{year + 1}-01-05")
    billed = {(tenant, *month): Fraction(total) for tenant, *month, total in pipeline.rows(TOTALS)}
    assert billed == {key: amount for key, amount in fees.items() if amount}
