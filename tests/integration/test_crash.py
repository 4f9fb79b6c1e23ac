"""A run that dies at any moment is repaired by running again: the tables end as if nothing had happened."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import psycopg
import pytest

from orchestration.errors import GateFailedError
from tests.support import Pipeline, message

NewPipeline = Callable[..., Pipeline]

OTHER_BACKENDS = """
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
# Where a run may be stopped by a failing statement: each table that it writes once its loads have landed.
WRITES = {
    "store.periods": "insert",
    "store.quarantine": "insert",
    "store.session_evidence": "insert",
    "store.events": "insert",
    "store.high_water": "insert",
    "store.repeats": "insert",
    "store.event_restatements": "insert",
    "store.usage_hours": "insert",
    "store.usage_days": "insert",
    "store.received_hours": "insert",
    "store.device_receipts": "insert",
    "ledger.marks": "insert",
    "ledger.loads": "update of applied_at",
}
FAIL = """
create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
create trigger fail before {operation} on {table} for each statement execute function public.fail();
"""
MEND = "drop function public.fail() cascade"


@pytest.fixture
def halfway(pipeline: Pipeline) -> Pipeline:
    """A platform that has metered a day, and whose landing zone has another that changes what the first one meant."""
    pipeline.configuration.metric("peak", unit="kW", reading_type="gauge", aggregation="max")
    pipeline.tenant("acme", "m-1", "m-2", "m-3")
    buffered = {"sent_ts": "2019-02-02T10:00:00Z"}
    kept = message("acme", "m-2", 1, 7, "2019-02-01T09:00", "2019-02-02T10:00", **buffered)
    pipeline.land(
        # A clock that looks a day wrong, until the second day proves it right.
        message("acme", "m-1", 1, 1, "2019-01-31T23:00", "2019-02-01T23:00", session_id="s"),
        kept,
        message("acme", "m-3", 1, 3, "2019-02-01T12:00"),
        message("acme", "m-3", 1, 3, "2019-02-01T12:00", metric="peak"),
    )
    pipeline.process()
    pipeline.land(
        message("acme", "m-1", 2, 2, "2019-02-02T00:30", session_id="s"),
        # Arrived before the one that was kept, and contradicts it.
        message("acme", "m-2", 1, 5, "2019-02-01T08:00", "2019-02-01T10:00", sent_ts="2019-02-01T10:00:00Z"),
        # A duplicate, a conflict, a refusal, a late one, and growth of an hour that exists.
        message("acme", "m-3", 1, 3, "2019-02-01T12:00", "2019-02-02T12:00", sent_ts="2019-02-02T12:00:00Z"),
        message("acme", "m-3", 1, 4, "2019-02-01T12:00", "2019-02-02T12:00:01", sent_ts="2019-02-02T12:00:00Z"),
        message("acme", "m-9", 1, 1, "2019-02-02T12:00"),
        message("acme", "m-3", 2, 9, "2019-01-31T12:00", "2019-02-04T12:00", sent_ts="2019-02-04T12:00:00Z"),
        message("acme", "m-3", 3, "0.25", "2019-02-01T12:30"),
        message("acme", "m-3", 3, 8, "2019-02-01T12:30", metric="peak"),
    )
    return pipeline


@pytest.fixture
def undisturbed(halfway: Pipeline, new_pipeline: NewPipeline) -> dict[str, list[str]]:
    """What is published when nothing goes wrong."""
    platform = new_pipeline(like=halfway)
    platform.process()
    published = platform.published()
    # m-1: 1 in January and 2; m-2: 5; m-3: 3.25, peak 8 and one late.
    assert platform.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "10.25", "acme:2019-02-01 peak": "8"}
    assert len(published["late_events"]) == 1
    assert platform.refused() == [("sequence_conflict", 2), ("unknown_device", 1)]
    platform.audit()
    return published


def test_a_statement_that_fails_is_repaired_by_running_again(
    halfway: Pipeline, undisturbed: dict[str, list[str]], new_pipeline: NewPipeline
) -> None:
    for table, operation in WRITES.items():
        platform = new_pipeline(like=halfway)
        platform.execute(FAIL.format(operation=operation, table=table))
        with pytest.raises(AssertionError, match="stopped by the test"):
            platform.process()
        with pytest.raises(GateFailedError, match="all_loads_applied"):
            platform.close("2019-01", "2019-02-05")
        platform.execute(MEND)

        platform.process()
        assert platform.published() == undisturbed, f"after a failure of {table}"


def test_a_run_killed_at_any_statement_is_repaired_by_running_again(
    halfway: Pipeline, undisturbed: dict[str, list[str]], new_pipeline: NewPipeline
) -> None:
    kill_often(8, halfway, undisturbed, new_pipeline)


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_a_run_killed_at_many_statements_is_repaired_by_running_again(
    halfway: Pipeline, undisturbed: dict[str, list[str]], new_pipeline: NewPipeline
) -> None:
    kill_often(200, halfway, undisturbed, new_pipeline)


def kill_often(times: int, halfway: Pipeline, undisturbed: dict[str, list[str]], new_pipeline: NewPipeline) -> None:
    """Kill as many runs, spread over all the statements of one; each of them again and again until it is through."""
    counted = new_pipeline(like=halfway)
    # Counted by what threads cannot interrupt: dbt sends from two of them.
    counter = itertools.count()
    with before_every_statement(lambda: next(counter)):
        counted.process()
    statements = next(counter)
    # One moment in each equal part of the run, somewhere in it.
    chance = random.Random(2019)
    for part in range(times):
        moment = chance.randrange(part * statements // times, (part + 1) * statements // times) + 1
        platform = new_pipeline(like=halfway)
        assert killed_at(moment, platform), f"the run was through before statement {moment} of {statements}"
        platform.process()
        assert platform.published() == undisturbed, f"killed at statement {moment} of {statements}"


def killed_at(moment: int, platform: Pipeline) -> bool:
    """Process in a child that kills itself (SIGKILL) before that statement; True if it did."""
    child = os.fork()
    if child == 0:
        counter = itertools.count(1)

        def die_in_time() -> None:
            if next(counter) == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            with before_every_statement(die_in_time):
                platform.process()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    # The server notices a dead client when it next speaks to it; until then the dead run holds its lock.
    while platform.rows(OTHER_BACKENDS) != [(0,)]:
        time.sleep(0.01)
    return os.WIFSIGNALED(status)


@contextmanager
def before_every_statement(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` before each statement that loading, gate and dbt send."""
    from dbt.adapters.sql.connections import SQLConnectionManager

    def acting(original: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **keywords: object) -> object:
            act()
            return original(*arguments, **keywords)

        return wrapper

    with ExitStack() as patches:
        for owner, name in ((SQLConnectionManager, "add_query"), (psycopg.Cursor, "execute"), (psycopg.Cursor, "copy")):
            patches.enter_context(mock.patch.object(owner, name, acting(getattr(owner, name))))
        yield
