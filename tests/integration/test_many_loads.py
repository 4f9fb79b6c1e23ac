"""Many small files in one run: what a view costs follows from the messages, whatever the planner takes the loads for.

The planner cannot know how many loads a run has. It once took them for one, and a backend grew to 18.8 GB over 1,218
files: it searched a block-range index for each, once for each, and PostgreSQL keeps 4 kB of every search.
So rows and searches of the plans are counted, not time, with all plans and with those that a large store would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from orchestration.database.connection import connect
from tests.conftest import SHARDS
from tests.support import LOAD, Message, Pipeline, instant, message, run_dbt, stamp

of_one_machine = pytest.mark.skipif(SHARDS is not None, reason="the plan of each node is its own")

TENANTS, DAYS, FILES_A_DAY = 40, 12, 10
MESSAGES = TENANTS * DAYS * 4
# Rows that all steps of a plan together may handle, for each message. A step over tenant days times tenant days, or
# over messages times loads, has at least a hundred.
ROWS_A_MESSAGE = 60
AFTER_METERING = (
    "governance.gate_events",
    "governance.load_balance",
    "governance.quarantine_counts",
    "governance.duplicate_alerts",
    "finance.clock_health",
)

# The block ranges that each index over loads had no summary of.
SUMMARISING = """
select index.indrelid::regclass::text, brin_summarize_new_values(index.indexrelid)
from pg_index as index
inner join pg_class as relation on index.indrelid = relation.oid
inner join pg_class as ranges on index.indexrelid = ranges.oid
inner join pg_am as method on ranges.relam = method.oid
where method.amname = 'brin' and relation.relkind = 'r'
"""

Plan = dict[str, Any]


def day_of(tenant: str, number: int) -> list[Message]:
    """What a tenant delivers on a day: two readings, one of them twice, and one of a device that nobody knows."""
    at = instant("2019-03-01T08:00") + timedelta(days=number)
    reading = message(tenant, "m-1", number, 1, at)
    return [
        reading,
        {**reading, "received_at": stamp(at + timedelta(minutes=1))},
        message(tenant, "m-2", number, 2, at),
        message(tenant, "m-9", number, 3, at),
    ]


@pytest.fixture(scope="module")
def loaded(shared_pipeline: Pipeline) -> Pipeline:
    """Tenants whose days came in many files, loaded in one run and not yet metered."""
    platform = shared_pipeline
    tenants = [f"t-{number}" for number in range(TENANTS)]
    for tenant in tenants:
        platform.tenant(tenant, "m-1", "m-2")
    for day in range(DAYS):
        for file in range(FILES_A_DAY):
            platform.land(*(row for tenant in tenants[file::FILES_A_DAY] for row in day_of(tenant, day)))
    platform.configure()
    platform.load()
    return platform


@pytest.fixture(scope="module")
def metered(loaded: Pipeline) -> Pipeline:
    """The same, metered and before the event store gate."""
    loaded.gate_landed()
    run_dbt(loaded.settings, *LOAD)
    return loaded


def steps(platform: Pipeline, view: str, *, is_store_large: bool) -> list[Plan]:
    """Every step of the plan of all of a view, with what it did."""
    explain = f"explain (analyze, format json) select * from {view}"
    setting = f"set enable_seqscan = {'off' if is_store_large else 'on'}"
    with connect(platform.settings) as session:
        session.execute(setting.encode())
        row = session.execute(explain.encode()).fetchone()
    assert row is not None
    return list(below(row[0][0]["Plan"]))


def below(step: Plan) -> Iterator[Plan]:
    """A step and all that feed it."""
    yield step
    for other in step.get("Plans", ()):
        yield from below(other)


def rows_handled(step: Plan) -> float:
    """Rows that a step passed on or dropped, all times it ran."""
    dropped = sum(count for name, count in step.items() if name.startswith("Rows Removed"))
    return float(step["Actual Loops"] * (step["Actual Rows"] + dropped))


def searches(found: list[Plan]) -> float:
    """How often block-range indexes over loads were searched."""
    return sum(step["Index Searches"] for step in found if step.get("Index Name", "").endswith("load_id_idx"))


@pytest.mark.parametrize("is_store_large", [False, True])
def test_the_landing_gate_handles_each_row_a_few_times(loaded: Pipeline, is_store_large: bool) -> None:
    found = steps(loaded, "governance.gate_landing", is_store_large=is_store_large)
    assert found[0]["Actual Rows"] == DAYS * FILES_A_DAY
    assert sum(map(rows_handled, found)) < ROWS_A_MESSAGE * MESSAGES
    assert searches(found) < FILES_A_DAY


@pytest.mark.parametrize("is_store_large", [False, True])
@pytest.mark.parametrize("view", AFTER_METERING)
def test_a_view_handles_each_message_a_few_times(metered: Pipeline, view: str, is_store_large: bool) -> None:
    found = steps(metered, view, is_store_large=is_store_large)
    if view == "governance.gate_events":
        assert found[0]["Actual Rows"] == TENANTS * DAYS
        assert searches(found) < FILES_A_DAY
    assert sum(map(rows_handled, found)) < ROWS_A_MESSAGE * MESSAGES


def test_what_was_loaded_and_stored_is_found_by_its_load(metered: Pipeline) -> None:
    with connect(metered.settings) as session:
        unsummarised = dict(session.execute(SUMMARISING).fetchall())
    assert {name.split(".")[0] for name in unsummarised} == {"raw", "store"}
    assert set(unsummarised.values()) == {0}


def test_what_somebody_else_has_sampled_meanwhile_is_summarised(pipeline: Pipeline) -> None:
    pipeline.tenant("t-1", "m-1")
    pipeline.land(message("t-1", "m-1", 1, 1, instant("2019-03-01T08:00")))
    pipeline.process()
    with connect(pipeline.settings) as session:
        session.execute("select brin_desummarize_range('raw.messages_load_id_idx', 0)")
        session.execute("analyze raw.messages")
        session.execute("select store.refresh_statistics('raw.messages')")
        assert dict(session.execute(SUMMARISING).fetchall())["raw.messages"] == 0


@of_one_machine
def test_what_lies_in_no_contract_is_found_without_a_look_at_the_rest(metered: Pipeline) -> None:
    found = steps(metered, "metering.int_uncontracted_events", is_store_large=True)
    assert any(step.get("Relation Name", "").startswith("events_") for step in found)
    assert sum(map(rows_handled, found)) == 0


@of_one_machine
@pytest.mark.parametrize("is_store_large", [False, True])
def test_a_session_is_looked_at_for_three_days_however_long_it_lasts(metered: Pipeline, is_store_large: bool) -> None:
    found = steps(metered, "finance.clock_health", is_store_large=is_store_large)
    looked_at = [step for step in found if step.get("Alias") in ("evidence", "newer")]
    assert {step["Alias"] for step in looked_at} == {"evidence", "newer"}
    assert max(step["Actual Rows"] for step in looked_at) <= 3
