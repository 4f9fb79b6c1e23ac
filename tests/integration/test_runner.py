"""What the command line's runs cost Dagster's database."""

import os
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import psycopg
import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    Definitions,
    MaterializeResult,
    OpExecutionContext,
    define_asset_job,
    in_process_executor,
    job,
    multi_asset,
    op,
)
from sqlalchemy import Engine, event

from orchestration import runner
from orchestration.database import platform
from orchestration.run_records import kept_connections
from tests.integration.crashing import OTHER_BACKENDS
from tests.support import Pipeline

SESSIONS = "select sessions from pg_stat_database where datname = current_database()"


@op
def tell(context: OpExecutionContext) -> None:
    for number in range(100):
        context.log.info(str(number))


@job
def telling() -> None:
    tell()


@pytest.mark.timeout(120)
def test_a_run_writes_over_connections_that_stay_open_and_are_closed_with_it(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition: Any = Definitions(jobs=[telling], executor=in_process_executor).resolve_job_def("telling")
    monkeypatch.setattr(runner, "job_of_that_name", lambda name: definition)
    with mock.patch.dict(os.environ, pipeline.environment()):
        platform.ready(pipeline.settings)
        with DagsterInstance.get():
            pass
        with psycopg.connect(str(pipeline.settings.database_url), autocommit=True) as session:
            before = session.execute(SESSIONS).fetchone()
            for _ in range(3):
                runner.run_job("telling")
            while session.execute(OTHER_BACKENDS).fetchone() != (0,):
                time.sleep(0.05)
            after = session.execute(SESSIONS).fetchone()
    assert before is not None
    assert after is not None
    # Each run brings more than a hundred events.
    assert after[0] - before[0] < 60


def making(count: int) -> Any:
    """A job that makes so many assets in one step, which keeps the connections as a step of the daemon's run does."""

    @multi_asset(specs=[AssetSpec(f"asset_{number}") for number in range(count)])
    def assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:  # type: ignore[type-arg]
        with kept_connections(context.instance):
            for number in range(count):
                yield MaterializeResult(asset_key=f"asset_{number}")

    made = Definitions(assets=[assets], jobs=[define_asset_job("making")], executor=in_process_executor)
    return made.resolve_job_def("making")


@pytest.mark.timeout(120)
def test_a_run_looks_up_what_the_tables_of_its_records_are_like_however_much_it_makes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "pg_catalog" in statement:
            asked.append(statement)

    def look_ups(count: int) -> int:
        definition = making(count)
        monkeypatch.setattr(runner, "job_of_that_name", lambda name: definition)
        asked.clear()
        runner.run_job("making")
        return len(asked)

    with mock.patch.dict(os.environ, pipeline.environment()):
        platform.ready(pipeline.settings)
        with DagsterInstance.get():
            pass
        event.listen(Engine, "before_cursor_execute", hear)
        try:
            few, many = look_ups(1), look_ups(9)
        finally:
            event.remove(Engine, "before_cursor_execute", hear)
        with DagsterInstance.get() as instance:
            assert instance.get_latest_materialization_event(AssetKey("asset_8")) is not None
    assert few == many > 0
