"""Runs a Dagster job in this process on the persisted instance: every act of the command line shows in the UI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from orchestration.errors import BadInputError, BusyError, GateFailedError, MeterlineError, NotYetError
from orchestration.run_records import kept_connections

# What Dagster calls the end of a step by a check that blocks what follows.
FAILED_CHECK = "DagsterAssetCheckFailedError"
ERRORS = {error.__name__: error for error in (BadInputError, BusyError, GateFailedError, MeterlineError, NotYetError)}
# Steps report through the run's log in the UI; the terminal shows the verb's own words.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# Jobs that need no asset, and where they are.
ONE_STEP = {
    "archive_month": "retention_jobs",
    "archive_months": "retention_jobs",
    "check_rates": "rate_jobs",
    "decide_proposal": "invoice_jobs",
    "decide_purge": "retention_jobs",
    "edit_event": "edit_jobs",
    "hold_data": "retention_jobs",
    "import_holidays": "tariff_jobs",
    "import_rates": "tariff_jobs",
    "import_readings": "one_step_jobs",
    "move_invoices": "invoice_jobs",
    "override_gate": "one_step_jobs",
    "promote_rates": "rate_jobs",
    "propose_adjustment": "invoice_jobs",
    "propose_purge": "retention_jobs",
    "rebuild_indexes": "index_jobs",
    "release_quarantined": "quarantine_jobs",
    "roll_back_rates": "rate_jobs",
    "show_quarantined": "quarantine_jobs",
    "trace": "one_step_jobs",
    "trace_score": "model_jobs",
}


def run_job(
    name: str,
    *,
    partition_key: str | None = None,
    tags: dict[str, str] | None = None,
    ops: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Execute the job; returns the metadata of what it materialised or observed, by asset key written `a/b`.

    Raises the MeterlineError that stopped it, or one that names the failed step.
    """
    # Dagster takes seconds to import, so only a verb that runs a job pays for it.
    from dagster import DagsterInstance

    definition = job_of_that_name(name)
    with DagsterInstance.get() as instance, kept_connections(instance), _only_in_the_run_log():
        result = definition.execute_in_process(
            instance=instance,
            partition_key=partition_key,
            tags=tags,
            run_config=QUIET | ({"ops": ops} if ops else {}),
            raise_on_error=False,
        )
    if not result.success:
        raise _failure(name, result)
    reported: list[Any] = [
        event.step_materialization_data.materialization for event in result.get_asset_materialization_events()
    ]
    reported += [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    return {
        entry.asset_key.to_user_string(): {label: value.value for label, value in entry.metadata.items()}
        for entry in reported
    }


def job_of_that_name(name: str) -> Any:
    """The job as the code location has it; without the others where it needs none of their assets.

    Those of dbt take as long to import as Dagster does.
    """
    if name not in ONE_STEP:
        from orchestration.definitions import defs

        return defs.resolve_job_def(name)
    from dagster import Definitions, in_process_executor

    from orchestration.resources import Dbt, Platform

    job = getattr(import_module(f"orchestration.{ONE_STEP[name]}"), name)
    resources = {"platform": Platform(), "dbt": Dbt()}
    return Definitions(jobs=[job], resources=resources, executor=in_process_executor).resolve_job_def(name)


@contextmanager
def _only_in_the_run_log() -> Iterator[None]:
    """Keep what steps print off the terminal; Dagster's capture of it, which the UI shows, sits on top of this."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(stream, os.dup(stream)) for stream in (1, 2)]
    with open(os.devnull, "wb") as nowhere:
        for stream, _ in saved:
            os.dup2(nowhere.fileno(), stream)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, copy in saved:
                os.dup2(copy, stream)
                os.close(copy)


def _failure(name: str, result: Any) -> MeterlineError:
    """The first failed step's own words, as the error that it was; where only gates failed it, what they hold."""
    failed_by_itself = [
        event for event in result.get_step_failure_events() if event.step_failure_data.error.cls_name != FAILED_CHECK
    ]
    for event in () if failed_by_itself else result.get_asset_materialization_events():
        held = event.step_materialization_data.materialization.metadata.get("held")
        if held is not None and held.value:
            return GateFailedError("\n".join(held.value))
    for event in result.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None:
            kind = data.user_failure_data.metadata.get("error")
            error = ERRORS.get(kind.value if kind else "", MeterlineError)
            return error(data.user_failure_data.description or str(data.error))
        cause = data.error
        while cause is not None and cause.cause is not None:
            cause = cause.cause
        # Python writes the class of an error before its words.
        message = (cause.message if cause else "").partition(": ")[2].strip()
        return MeterlineError(f"step {event.step_key} of {name} failed: {message}")
    return MeterlineError(f"job {name} failed; its run in the UI has the details")
