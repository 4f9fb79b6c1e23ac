"""The demo's landing zone in two orders: all days at once, and the newest day first, one run a day."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestration.ingest.landing import days_with_files
from orchestration.ingest.simulator import simulate_demo
from orchestration.settings import DBT_PROJECT
from tests.support import Pipeline

NewPipeline = Callable[..., Pipeline]
CONFIG = DBT_PROJECT / "config"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing zone of two months."""
    landing = tmp_path_factory.mktemp("demo")
    simulate_demo(landing)
    return landing


def test_the_turn_of_a_month_is_the_same_in_both_orders(demo: Path, new_pipeline: NewPipeline, tmp_path: Path) -> None:
    # The last days of February, its boundary, and the late ones after it.
    kept = {(date(2019, 2, 28) + timedelta(days=n)).isoformat() for n in range(6)}
    landing = tmp_path / "some days"
    for folder in demo.glob("region=*/date=*"):
        if folder.name.removeprefix("date=") in kept:
            shutil.copytree(folder, landing / folder.parent.name / folder.name)
    platform = both_orders_agree(landing, new_pipeline)

    events, late, refused = platform.rows(
        "select (select count(*) from finance.billing_events), (select count(*) from finance.late_events),"
        " (select count(distinct reason) from finance.quarantined_messages)"
    )[0]
    assert events > 1000
    assert late > 0
    assert refused > 0
    assert platform.close("2019-02", "2019-03-06")
    assert platform.prove() == {}


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_the_whole_demo_is_the_same_in_both_orders(demo: Path, new_pipeline: NewPipeline) -> None:
    both_orders_agree(demo, new_pipeline)


def both_orders_agree(landing: Path, new_pipeline: NewPipeline) -> Pipeline:
    """Process the landing zone forwards at once and backwards day by day; returns the platform that went backwards."""
    forwards, backwards = (new_pipeline(landing=landing, config=CONFIG) for _ in range(2))
    days = days_with_files(forwards.settings.landing)
    assert days is not None
    forwards.process()
    for day in range((days[1] - days[0]).days, -1, -1):
        backwards.process(days[0] + timedelta(days=day), days[0] + timedelta(days=day))

    expected, found = forwards.published(), backwards.published()
    for table in expected:
        assert found[table] == expected[table], table
    backwards.audit()
    return backwards
