"""What the command line's runs cost Dagster's database."""

import os
import time
from typing import Any
from unittest import mock

import psycopg
import pytest
from dagster import DagsterInstance, Definitions, OpExecutionContext, in_process_executor, job, op

from orchestration import runner
from orchestration.database import platform
from tests.support import Pipeline

SESSIONS = "select sessions from pg_stat_database where datname = current_database()"
OPEN = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


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
            while session.execute(OPEN).fetchone() != (0,):
                time.sleep(0.05)
            after = session.execute(SESSIONS).fetchone()
    assert before is not None
    assert after is not None
    # Each run brings more than a hundred events.
    assert after[0] - before[0] < 60
