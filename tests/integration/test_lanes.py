"""A load that is metered in lanes: it says what one lane says, also where a run was stopped, and is told of once.

Whether everything else is metered alike is for the whole suite to say, in lanes (METERLINE_TEST_LANES).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestration import lanes
from orchestration.database.connection import database_environment
from orchestration.dbt import deploy
from orchestration.dbt_lanes import in_lanes, laned, told_once
from orchestration.errors import BadInputError
from orchestration.settings import Settings
from tests.conftest import SHARDS
from tests.integration.crashing import land_half
from tests.integration.test_crash import FAIL as FAIL_EVERYWHERE
from tests.integration.test_crash import WRITES
from tests.support import Pipeline, message, run_dbt

NewPipeline = Callable[..., Pipeline]

pytestmark = pytest.mark.skipif(SHARDS is not None, reason="nodes share the work out by themselves")

# Numbers of tenants are given in order of their names: acme is 1.
TENANTS = ("acme", "bolt", "cove", "dale")
# The days of the tenants that are not in the first of two lanes.
FAIL = """
create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
create trigger fail before insert on store.usage_days for each row
when (new.tenant_no > 1) execute function public.fail();
"""
MEND = "drop function public.fail() cascade"
MARKS = """
select model, lane, lane_starts, count(distinct load_id)
from ledger.marks
where load_id in (select load_id from ledger.loads where status = 'claimed') and model like 'usage%'
group by 1, 2, 3
order by 1, 2
"""


@pytest.fixture
def halfway(new_pipeline: NewPipeline) -> Pipeline:
    """Tenants with a day that is metered, and another that changes what the first one meant."""
    platform = new_pipeline()
    platform.settings = replace(platform.settings, lanes=1)
    land_half(platform, *TENANTS)
    return platform


def like(platform: Pipeline, new_pipeline: NewPipeline, count: int) -> Pipeline:
    """The same, to be metered in so many lanes."""
    copy = new_pipeline(like=platform)
    copy.settings = replace(copy.settings, lanes=count)
    return copy


def test_lanes_publish_what_one_lane_does(halfway: Pipeline, new_pipeline: NewPipeline) -> None:
    alone = like(halfway, new_pipeline, 1)
    alone.process()
    # Of each tenant 1 in January and 2; 5; 3.25, a peak of 8 and one late; as of the one tenant of the crashes.
    assert {tenant: alone.fleet(tenant) for tenant in TENANTS} == {
        tenant: {f"{tenant}:2019-01-01": "1", f"{tenant}:2019-02-01": "10.25", f"{tenant}:2019-02-01 peak": "8"}
        for tenant in TENANTS
    }
    for count in (2, 3):
        together = like(halfway, new_pipeline, count)
        together.process()
        assert together.published() == alone.published()
        together.audit()
        # Each lane worked on tenants of its own.
        tables = ["metering.int_messages", *(f"lanes.int_messages_{lane}" for lane in range(1, count))]
        worked = [{tenant for (tenant,) in together.rows(f"select tenant_no from {table}")} for table in tables]
        assert worked == [{lane} for lane in range(1, count)] + [set(range(count, 5))]


def test_what_was_stopped_goes_on_in_as_many_lanes(halfway: Pipeline, new_pipeline: NewPipeline) -> None:
    alone, together = like(halfway, new_pipeline, 1), like(halfway, new_pipeline, 2)
    alone.process()
    together.execute(FAIL)
    with pytest.raises(AssertionError, match="stopped by the test"):
        together.process()
    loads = together.rows("select count(*) from ledger.loads where status = 'claimed'")[0][0]
    assert together.rows(MARKS) == [
        ("usage_days", 0, [0, 2], loads),
        ("usage_hours", 0, [0, 2], loads),
        ("usage_hours", 1, [0, 2], loads),
    ]
    together.execute(MEND)

    for other in (1, 3):
        together.settings = replace(together.settings, lanes=other)
        assert lanes.wanted(together.settings) == (0, 2)
        with pytest.raises(AssertionError, match="a run that was stopped had 2 lanes of other tenants"):
            together.process()
    together.settings = replace(together.settings, lanes=2)
    together.process()
    assert together.published() == alone.published()


@pytest.mark.heavy
@pytest.mark.parametrize("table", WRITES)
def test_every_statement_that_fails_in_a_lane_is_repaired_by_running_again(
    halfway: Pipeline, new_pipeline: NewPipeline, table: str
) -> None:
    alone, together = like(halfway, new_pipeline, 1), like(halfway, new_pipeline, 2)
    alone.process()
    together.execute(FAIL_EVERYWHERE.format(operation=WRITES[table], table=table))
    with pytest.raises(AssertionError, match="stopped by the test"):
        together.process()
    together.execute(MEND)
    # More has come meanwhile, of a tenant in each lane.
    for platform in (alone, together):
        for tenant in ("acme", "bolt"):
            platform.land(message(tenant, "m-1", 3, 4, "2019-02-03"), name=f"{tenant}.jsonl")
        platform.process()
    assert together.published() == alone.published()


def test_a_release_that_is_deployed_goes_on_in_the_lanes_that_were_stopped(
    halfway: Pipeline, new_pipeline: NewPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, together = like(halfway, new_pipeline, 1), like(halfway, new_pipeline, 2)
    alone.process()
    together.execute(FAIL)
    with pytest.raises(AssertionError, match="stopped by the test"):
        together.process()
    together.execute(MEND)
    together.execute("insert into ledger.deployments (sha256) values ('of an earlier release')")
    for name, value in (together.environment() | database_environment(together.settings)).items():
        monkeypatch.setenv(name, value)

    assert deploy(replace(together.settings, lanes=1))
    together.settings = replace(together.settings, lanes=1)
    together.process()
    assert together.published() == alone.published()


def test_a_part_of_the_models_is_refused_where_the_others_left_lanes(
    halfway: Pipeline, new_pipeline: NewPipeline
) -> None:
    together = like(halfway, new_pipeline, 2)
    together.process()
    with pytest.raises(AssertionError, match="the working tables are those of 2 lanes; select tag:load"):
        run_dbt(together.settings, "build", "--select", "store_received_hours")
    # One lane makes them again, and leaves nothing in those that it does not use.
    together.settings = replace(together.settings, lanes=1)
    together.land(message("bolt", "m-1", 3, 4, "2019-02-03"))
    together.process()
    assert together.rows("select count(*) from lanes.int_messages_1") == [(0,)]
    run_dbt(together.settings, "build", "--select", "store_received_hours")


def test_lanes_are_as_many_as_there_is_work_for_and_share_devices_out(
    new_pipeline: NewPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = new_pipeline()
    # Eleven devices, and as many messages.
    for tenant, count in (("acme", 5), ("bolt", 0), ("cove", 3), ("dale", 1), ("edge", 2)):
        platform.tenant(tenant, *(f"m-{number}" for number in range(count)))
        platform.land(*(message(tenant, f"m-{number}", 1, 1, "2019-02-01") for number in range(count)))
    platform.configure()
    platform.load()
    platform.execute("update ledger.loads set status = 'accepted' where status = 'landed'")
    numbers = dict(platform.rows("select tenant_id, tenant_no from registry.tenants"))

    def wanted(count: int, least: int) -> tuple[int, ...]:
        monkeypatch.setattr(lanes, "MESSAGES_OF_A_LANE", least)
        return lanes.wanted(replace(platform.settings, lanes=count))

    # Two lanes of six messages would need twelve.
    assert wanted(8, 6) == wanted(8, 100_000) == wanted(1, 1) == (0,)
    # Before cove are 5 of 11 devices, 10 of 11 halves: it is in the first half yet; before dale are 8.
    assert wanted(2, 1) == wanted(8, 5) == (0, numbers["dale"])
    # 5 of 11 are more than a third, 8 more than two thirds.
    assert wanted(3, 1) == (0, numbers["cove"], numbers["dale"])
    # A tenant is not divided: of eleven lanes there are four.
    assert wanted(11, 1) == (0, numbers["cove"], numbers["dale"], numbers["edge"])


def test_what_a_lane_works_with_is_its_own(project: Any) -> None:
    originals = in_lanes(project)
    working = {node.name for node in originals.values() if node.resource_type == "model"}
    # What is made of a run as a whole is made once; what no lane has made is read where it lies.
    assert {"int_messages", "int_assigned_events", "store_events", "store_usage_hours"} <= working
    assert not working & {"run_balance", "applied_loads", "stg_messages", "int_event_state", "usage_hourly"}

    whole = laned(project, (0, 7, 9))
    for key, node in originals.items():
        for lane in (1, 2):
            copy = whole.nodes[f"{key}.lane_{lane}"]
            assert copy.resource_type == "test" or copy.schema == "lanes"
            parents = {name.partition(".lane_")[0] for name in copy.depends_on.nodes}
            assert parents == set(node.depends_on.nodes)
            assert {name for name in copy.depends_on.nodes if name in originals} == set()
            assert (copy.config["lane"], copy.config["lane_starts"]) == (lane, [0, 7, 9])
    balance = whole.nodes["model.meterline.run_balance"].depends_on.nodes
    assert {f"model.meterline.store_repeats{lane}" for lane in ("", ".lane_1", ".lane_2")} <= set(balance)
    # The project itself is as it was.
    assert not [key for key in project.nodes if ".lane_" in key]
    assert "lane" not in project.nodes["model.meterline.int_messages"].config


def test_what_is_asked_for_by_load_is_asked_for_by_lane(project: Any) -> None:
    asked = {
        f"{node.name}: {line.strip()}"
        for node in in_lanes(project).values()
        if node.resource_type == "model"
        for line in conditions(node.raw_code)
        # Rows of the lane, whose load may be an earlier one.
        if "is_claimed(" in line
        and "in_lane(" not in line
        and node.name not in ("store_events", "store_event_restatements")
    }
    assert asked == set()


def conditions(query: str) -> list[str]:
    """What stands behind each `where`, on one line."""
    return [part.split("\n\n")[0].replace("\n", " ") for part in query.split("where")[1:]]


class Told:
    """An event of dbt, as far as it is looked at."""

    class Info:
        """Its name and level."""

    def __init__(self, name: str, node: str, level: str = "info") -> None:
        self.info, self.data = Told.Info(), Told.Info()
        self.info.name, self.info.level = name, level
        self.data.node_info = Told.Info()
        self.data.node_info.unique_id = node

    def __iter__(self) -> Any:
        return iter((self.info.name, self.data.node_info.unique_id, self.info.level))


def test_results_are_told_when_the_last_lane_has_ended_and_the_worst_of_them() -> None:
    events = [
        Told("LogModelResult", "model.a"),
        Told("MainReportVersion", ""),
        Told("LogTestResult", "test.a.lane_1", "error"),
        Told("LogModelResult", "model.of_all"),
        Told("LogModelResult", "model.a.lane_1"),
        Told("LogTestResult", "test.a"),
        Told("LogModelResult", "model.b.lane_1"),
    ]
    told = [tuple(event) for event in told_once(events, {"model.a", "test.a", "model.b"}, 2)]
    assert told == [
        ("MainReportVersion", "", "info"),
        ("LogModelResult", "model.of_all", "info"),
        ("LogModelResult", "model.a", "info"),
        ("LogTestResult", "test.a", "error"),
    ]


@pytest.mark.parametrize("said", ["0", "17", "-1", "two", "1.5"])
def test_a_number_of_lanes_that_is_none_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("METERLINE_LANES", said)
    with pytest.raises(BadInputError, match=f"METERLINE_LANES={said}: .* 1 to 16"):
        Settings.from_environment()


def test_lanes_are_as_many_as_cores_where_the_database_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METERLINE_LANES", "METERLINE_DATABASE_URL", "METERLINE_SHARDS"):
        monkeypatch.delenv(name, raising=False)
    for cores, expected in ((1, 1), (2, 2), (64, 4), (None, 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert Settings.from_environment().lanes == expected
    monkeypatch.setenv("METERLINE_DATABASE_URL", "postgresql://elsewhere/meterline")
    assert Settings.from_environment().lanes == 1
    monkeypatch.setenv("METERLINE_LANES", "6")
    assert Settings.from_environment().lanes == 6
    monkeypatch.setenv("METERLINE_SHARDS", "8")
    with pytest.raises(BadInputError, match="unset it"):
        Settings.from_environment()
