"""Messages that come again in a later run: each is found in the store by its key, whatever else its tenant has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestration import dbt_runs
from orchestration.database.connection import connect
from tests.support import LOAD, Message, Pipeline, instant, message, run_dbt

DEVICES, READINGS, REDELIVERED = 60, 200, 400
# Pages that the look-up of a message may touch, the rest of the query included: a look into the index of each month and
# of what belongs to an event takes two or three. The index of the tenant's events alone has more than a hundred.
PAGES_A_MESSAGE = 40


def reading(number: int) -> Message:
    """One of a tenant's readings, a minute apart, its devices in turn."""
    at = instant("2019-03-01T08:00") + timedelta(minutes=number // DEVICES)
    return message("t-1", f"m-{number % DEVICES}", number // DEVICES, 1, at)


@pytest.fixture(scope="module")
def again(shared_pipeline: Pipeline) -> Pipeline:
    """A tenant whose readings are stored, and of which the last few came once more and were metered."""
    platform = shared_pipeline
    # dbt tells the statements of each lane; what one lane does, all do.
    one_lane = replace(platform.settings, lanes=1)
    platform.tenant("t-1", *(f"m-{number}" for number in range(DEVICES)))
    everything = [reading(number) for number in range(DEVICES * READINGS)]
    for rows in (everything, everything[-REDELIVERED:]):
        platform.land(*rows)
        platform.configure()
        platform.load()
        platform.gate_landed()
        run_dbt(one_lane, *LOAD)
    return platform


def pages(platform: Pipeline, model: str, *, nested_loops: bool) -> tuple[float, int]:
    """Rows of what the model's last run selected, and the pages that it looked at for them."""
    results = json.loads((dbt_runs.target_folder(platform.settings) / "run_results.json").read_text())["results"]
    (selected,) = (result["compiled_code"] for result in results if result["unique_id"] == f"model.meterline.{model}")
    with connect(platform.settings) as session:
        session.execute(f"set enable_nestloop = {'on' if nested_loops else 'off'}".encode())
        row = session.execute(f"explain (analyze, buffers, format json) {selected}".encode()).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan["Actual Rows"], plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("nested_loops", [True, False])
def test_a_redelivered_message_is_found_by_its_key(again: Pipeline, nested_loops: bool) -> None:
    found, touched = pages(again, "int_contested_arrivals", nested_loops=nested_loops)
    # Each as it is stored and as it came again.
    assert found == 2 * REDELIVERED
    assert touched < PAGES_A_MESSAGE * REDELIVERED
