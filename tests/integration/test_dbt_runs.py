"""dbt in the process of a step: what Dagster is told of it, and what becomes of it when it fails or is stopped."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import Any

import pytest
from dagster import AssetKey, AssetSelection, ExecuteInProcessResult, RetryPolicy, materialize

from orchestration import dbt_runs, lanes
from orchestration.assets import transformations
from orchestration.assets.transformations import metering_models, published_models
from orchestration.database.connection import connect, database_environment
from orchestration.dbt import deploy
from orchestration.definitions import defs
from orchestration.resources import Dbt, Platform
from orchestration.turns import refuse_while_busy, turn
from tests.conftest import SHARDS
from tests.support import LOAD, Pipeline, message, run_dbt

STORE_EVENTS = AssetKey(["metering", "store_events"])
CONSERVED = "messages_are_conserved"
# Sequences are not rolled back, so the second try goes on.
FAIL_ONCE = """
do $one$ begin
    create sequence public.tries;
    create function public.fail() returns trigger language plpgsql as $$
    begin
        if nextval('public.tries') = 1 then raise 'stopped by the test'; end if;
        return null;
    end $$;
    grant usage on sequence public.tries to meterline_transform;
    create trigger fail before insert on store.slim_events for each statement execute function public.fail();
end $one$
"""
LOSE = """
do $one$ begin
    create function public.lose() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger lose before insert on store.quarantine for each row execute function public.lose();
end $one$
"""
OF_DBT = (
    "select count(*) from pg_stat_activity where application_name = 'meterline-dbt' and datname = current_database()"
)
WAITS = OF_DBT + " and wait_event_type = 'Lock'"


@pytest.fixture
def served(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The platform of this process's environment."""
    for name, value in (pipeline.environment() | database_environment(pipeline.settings)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(transformations, "SETTINGS", pipeline.settings)
    return pipeline


@pytest.fixture
def waiting(served: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A message is loaded and not metered, another is to be refused."""
    pipeline = served
    monkeypatch.setattr(metering_models.op, "_retry_policy", RetryPolicy(max_retries=1))
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"), message("acme", "m-9", 1, 1, "2019-02-10"))
    pipeline.configure()
    pipeline.load()
    pipeline.gate_landed()
    return pipeline


def metered(selection: AssetSelection | None = None) -> ExecuteInProcessResult:
    """A run of the metering models, as Dagster makes it."""
    resources: dict[str, Any] = {"platform": Platform(), "dbt": Dbt()}
    return materialize(
        [metering_models],
        selection=selection,
        partition_key="2019-02-10",
        resources=resources,
        raise_on_error=False,
    )


def told_of(result: ExecuteInProcessResult) -> tuple[set[str], set[str]]:
    """Models that were materialised, and checks that passed, of a run."""
    models = {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
    checks = result.get_asset_check_evaluations()
    assert [check.check_name for check in checks if not check.passed] == []
    return models, {check.check_name for check in checks}


def test_dagster_is_told_of_every_model_and_check_and_tries_again_in_the_same_process(
    waiting: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    columns = {"quantity": {"type": "numeric", "description": "Use.", "from": [("metering", "int_messages", "raw")]}}
    dbt_runs.target_folder(waiting.settings).mkdir(parents=True)
    (dbt_runs.target_folder(waiting.settings) / "lineage.json").write_text(json.dumps({"store_events": columns}))
    waiting.execute(FAIL_ONCE)
    result = metered()

    assert result.success
    (retry,) = [event for event in result.all_events if event.is_step_up_for_retry]
    causes = str(retry.step_retry_data.error)
    assert "store_events: Database Error" in causes
    assert "stopped by the test" in causes
    models, checks = told_of(result)
    assert models == {key.path[-1] for key in metering_models.keys}
    assert checks == {key.name for key in metering_models.check_keys}
    assert waiting.fleet("acme") == {"acme:2019-02-01": "10"}

    (event,) = result.asset_materializations_for_node("metering_models")[-1:]
    stored = next(m for m in result.asset_materializations_for_node("metering_models") if m.asset_key == STORE_EVENTS)
    assert event.metadata["status"].value == "success"
    assert stored.metadata["unique_id"].value == "model.meterline.store_events"
    assert float(str(stored.metadata["Execution Duration"].value)) > 0
    assert [column.name for column in stored.metadata["dagster/column_schema"].value.columns] == ["quantity"]
    (source,) = stored.metadata["dagster/column_lineage"].value.deps_by_column["quantity"]
    assert (source.asset_key.path, source.column_name) == (["metering", "int_messages"], "raw")

    # What dbt tells people stands in the log of the step, all of it in a file beside the models.
    assert "OK created sql store model metering.store_events" in capfd.readouterr().out
    kept = dbt_runs.target_folder(waiting.settings, "load")
    assert "stopped by the test" in (kept / "dbt.log").read_text()
    statuses = {result["status"] for result in json.loads((kept / "run_results.json").read_text())["results"]}
    assert statuses == {"success", "pass"}

    # A part of them, as somebody selects it in the UI: a model without its checks, and a check without its model.
    (balance,) = [key for key in metering_models.check_keys if key.name == CONSERVED]
    alone = metered(AssetSelection.assets(STORE_EVENTS).without_checks() | AssetSelection.checks(balance))
    assert told_of(alone) == ({"store_events"}, {CONSERVED})


@pytest.mark.skipif(SHARDS is not None, reason="nodes share the work out by themselves")
def test_dagster_is_told_once_of_what_is_built_in_lanes(
    waiting: Pipeline, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    waiting.tenant("bolt", "m-1")
    waiting.land(message("bolt", "m-1", 1, 5, "2019-02-10"))
    waiting.configure()
    waiting.load()
    waiting.gate_landed()
    monkeypatch.setenv("METERLINE_LANES", "2")
    monkeypatch.setattr(lanes, "MESSAGES_OF_A_LANE", 1)
    result = metered()

    assert result.success
    assert (waiting.fleet("acme"), waiting.fleet("bolt")) == ({"acme:2019-02-01": "10"}, {"bolt:2019-02-01": "5"})
    told = [event.asset_key for event in result.get_asset_materialization_events()]
    assert sorted(told, key=str) == sorted(metering_models.keys, key=str)
    assert told_of(result)[1] == {key.name for key in metering_models.check_keys}
    assert "lanes.int_messages_1" in capfd.readouterr().out


def test_a_check_that_fails_is_named_with_its_rows_and_not_tried_again(waiting: Pipeline) -> None:
    waiting.execute(LOSE)
    result = metered()

    assert not result.success
    assert [event for event in result.all_events if event.is_step_up_for_retry] == []
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data is not None
    said = str(failure.step_failure_data.user_failure_data.description)
    assert said.startswith(f"check {CONSERVED} failed: 1 row(s)\n")
    (broken,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert (broken.check_name, broken.severity.value) == (CONSERVED, "ERROR")
    assert broken.metadata["dagster_dbt/failed_row_count"].value == 1


def test_an_interrupted_run_ends_its_statements_before_it_gives_its_turn_back(waiting: Pipeline) -> None:
    def interrupt() -> None:
        while waiting.rows(WAITS) == [(0,)]:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts what it puts into the background deaf to it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with connect(waiting.settings) as other:
        other.execute("lock table store.slim_events in access exclusive mode")
        impatience = threading.Thread(target=interrupt)
        impatience.start()
        with pytest.raises(KeyboardInterrupt), turn(waiting.settings):
            dbt_runs.run_quietly(waiting.settings, *LOAD)
        impatience.join()
        signal.signal(signal.SIGINT, before)
        assert not [thread for thread in threading.enumerate() if thread.name == "dbt"]
        while waiting.rows(OF_DBT) != [(0,)]:
            # The server ends a session some time after its client has left.
            time.sleep(0.01)
    with connect(waiting.settings, "meterline_transform") as session:
        refuse_while_busy(session)
    waiting.meter()
    assert waiting.fleet("acme") == {"acme:2019-02-01": "10"}


def test_each_run_logs_in_with_what_the_environment_says_then(
    waiting: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as others:
        others.setenv("PGUSER", "somebody_else")
        with pytest.raises(dbt_runs.DbtError, match="somebody_else"):
            dbt_runs.run_quietly(waiting.settings, *LOAD)
    dbt_runs.run_quietly(waiting.settings, *LOAD)


def test_tables_that_no_longer_add_up_fail_their_checks(served: Pipeline) -> None:
    def broken() -> set[str]:
        result = defs.resolve_job_def("check_tables").execute_in_process(raise_on_error=False)
        checks = result.get_asset_check_evaluations()
        assert {check.check_name for check in checks} == {key.name for key in published_models.check_keys}
        return {check.check_name for check in checks if not check.passed}

    served.tenant("acme", "m-1")
    served.land(message("acme", "m-1", 1, 10, "2019-02-10"))
    served.process()
    served.close("2019-02", "2019-03-04")
    assert broken() == set()
    served.execute(
        "alter table store.invoice_lines disable trigger append_only;"
        " update store.invoice_lines set amount = amount + 1"
    )
    assert broken() == {"lines_sum_to_subtotal", "amounts_can_be_computed_again"}


def test_a_deployment_does_not_read_the_facts_that_an_older_release_left(served: Pipeline) -> None:
    # A price that these models cannot read; their release would have refused it.
    served.execute("""
        delete from ledger.deployments;
        insert into rating.facts (fact_no, fact)
        values (1, '{"id": "old", "model": "per_unit", "params": {"unit_price": "dear"}, "quantity": "1"}')
    """)
    with pytest.raises(AssertionError, match="dear"):
        run_dbt(served.settings, "run", "--select", "tag:facts")
    assert deploy(served.settings)
    assert served.rows("select fact_no from rating.facts") == []
