"""What the UI tells about a run, against messages counted by hand."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from unittest import mock

import psycopg
import pytest
from dagster import DagsterInstance, ExecuteInProcessResult, materialize

from orchestration import insight
from orchestration.assets.telemetry import judged_loads
from orchestration.database.connection import connect
from orchestration.resources import Platform
from orchestration.turns import turn
from tests.support import LOAD, Pipeline, instant, message, run_dbt

LOADS = "select load_id from ledger.loads order by load_id"


def judge(platform: Pipeline) -> ExecuteInProcessResult:
    """The step after metering, as Dagster runs it."""
    with mock.patch.dict(os.environ, platform.environment()), DagsterInstance.ephemeral() as instance:
        resources = {"platform": Platform()}
        return materialize([judged_loads], resources=resources, instance=instance, partition_key="2019-02-10")


def test_a_run_says_what_became_of_its_messages_and_of_no_others(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 99, 7, "2019-02-09T12:00"))
    pipeline.process()
    ((before,),) = pipeline.rows(LOADS)
    # Three messages kept, the second again, one of another unit, one from a clock that is an hour behind.
    second = message("acme", "m-1", 2, 3, "2019-02-10T11:00", session_id="a")
    behind = message("acme", "m-1", 5, 8, "2019-02-10T11:30", "2019-02-10T12:30", session_id="b")
    pipeline.land(
        message("acme", "m-1", 1, 1, "2019-02-10T10:00", session_id="a"),
        second,
        second | {"received_at": "2019-02-10T11:00:09Z"},
        message("acme", "m-1", 3, 2, "2019-02-10T12:00", session_id="a"),
        message("acme", "m-1", 4, 1, "2019-02-10T12:00", unit="MWh"),
        behind,
    )
    pipeline.process()
    loads = [load_id for (load_id,) in pipeline.rows(LOADS) if load_id != before]
    with connect(pipeline.settings, "meterline_transform") as session:
        told = insight.metered(session, loads)

    assert (told.messages, told.stored, told.duplicates, told.quarantined, told.late_not_billed) == (6, 4, 1, 1, 0)
    assert told.billed_late == []
    assert told.duplicate_rate == 1 / 6
    assert told.refused == [("unit_mismatch", 1)]
    assert told.clocks == [("the device's own clock", 3), ("corrected by the session's offset", 1)]
    # By the hour: 1 at 10, 3 at 11, and 2 + 8 at 12, where the corrected one falls. From 1 to 10, 3 is 2/9 of
    # the way, mark 1.6 of 7, rounded 2.
    assert told.use == [("energy", "▁▃█")]


def test_a_run_says_what_came_late_and_is_billed_elsewhere(pipeline: Pipeline) -> None:
    pipeline.tenant("defer", "m-1", late_policy="defer")
    pipeline.tenant("reopen", "m-1", late_policy="reopen")
    for tenant in ("defer", "reopen"):
        late = [f"2019-02-0{day}T00:00:00Z" for day in (3, 4)]
        pipeline.land(
            *(message(tenant, "m-1", seq, 1, "2019-01-31", sent, sent_ts=sent) for seq, sent in enumerate(late)),
            message(tenant, "m-1", 9, 1, "2019-02-05"),
        )
    pipeline.process()
    with connect(pipeline.settings, "meterline_transform") as session:
        told = insight.metered(session, [load_id for (load_id,) in pipeline.rows(LOADS)])
    assert (told.stored, told.late_not_billed) == (6, 0)
    assert told.billed_late == [("deferred", 2), ("reopened", 2)]


def test_many_messages_show_the_use_that_few_do(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    # 1,100 minutes from 10:00 on, of 1 each: 60 in each hour up to 04:00, and 20 in the last.
    times = [instant("2019-02-10T10:00") + timedelta(minutes=number) for number in range(1100)]
    pipeline.land(*(message("acme", "m-1", seq, 1, at) for seq, at in enumerate(times)))
    pipeline.process()
    with connect(pipeline.settings, "meterline_transform") as session:
        told = insight.metered(session, [load_id for (load_id,) in pipeline.rows(LOADS)])
        assert session.execute("select current_setting('enable_nestloop')").fetchone() == ("on",)
    assert told.stored == 1100
    assert told.use == [("energy", "█" * 18 + "▁")]


def test_revenue_of_a_month_counts_the_latest_versions_by_currency(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.tenant("globex", "m-1")
    pipeline.land(*(message(tenant, "m-1", 1, 10, "2019-02-10T12:00") for tenant in ("acme", "globex")))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    pipeline.land(message("acme", "m-1", 2, 5, "2019-02-11T12:00"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-04")
    with connect(pipeline.settings, "meterline_finance") as session:
        # 15.00 of acme, amended from 10.00, and 10.00 of globex.
        assert insight.revenue(session, date(2019, 2, 1)) == [("EUR", Decimal("25.00"), 2)]
        assert insight.revenue(session, date(2019, 3, 1)) == []


def test_a_long_series_shows_its_end_and_a_flat_one_is_low() -> None:
    assert insight.sparkline([]) == ""
    assert insight.sparkline([Decimal(5)] * 3) == "▁▁▁"
    line = insight.sparkline([Decimal(n) for n in range(200)])
    assert (len(line), line[0], line[-1]) == (90, "▁", "█")


def test_what_cannot_be_told_is_not_judged_either(pipeline: Pipeline) -> None:
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 5, "2019-02-10T10:00"))
    pipeline.configure()
    pipeline.load()
    pipeline.gate_landed()
    with turn(pipeline.settings):
        run_dbt(pipeline.settings, *LOAD)
    judged = "select count(*) from ledger.gate_runs where gate = 'events'"
    seen = "select count(*) from ledger.loads where message_count > 0 and events_judged_at is not null"

    pipeline.execute("revoke select on usage.int_stored_use from meterline_transform")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        judge(pipeline)
    assert (pipeline.rows(judged), pipeline.rows(seen)) == ([(0,)], [(0,)])

    pipeline.execute("grant select on usage.int_stored_use to meterline_transform")
    result = judge(pipeline)
    assert (pipeline.rows(judged), pipeline.rows(seen)) == ([(1,)], [(1,)])
    metadata = result.asset_materializations_for_node("ledger__judged_loads")[0].metadata
    assert (metadata["messages"].value, metadata["tenant_days_judged"].value) == (1, 1)
