"""Who may write, when two want to: one run holds its turn for as long as dbt works, and a bare dbt respects it."""

from __future__ import annotations

import psycopg
import pytest

from orchestration.database.connection import connect
from orchestration.errors import BusyError
from orchestration.turns import refuse_while_busy, turn
from tests.support import LOAD, Pipeline, message, run_dbt


@pytest.fixture
def waiting(pipeline: Pipeline) -> Pipeline:
    """A platform with a message that is loaded and not metered yet."""
    pipeline.tenant("acme", "m-1")
    pipeline.land(message("acme", "m-1", 1, 10, "2019-02-10"))
    pipeline.configure()
    pipeline.load()
    pipeline.gate_landed()
    return pipeline


def test_a_turn_lasts_until_it_is_given_back(waiting: Pipeline) -> None:
    with connect(waiting.settings, "meterline_transform") as session:
        with turn(waiting.settings):
            with pytest.raises(BusyError, match="wait for it"), turn(waiting.settings):
                pytest.fail("two runs have the turn at once")
            with pytest.raises(BusyError, match="wait for it"):
                refuse_while_busy(session)
            # Within the turn dbt works, connection by connection, and the turn is not lost on the way.
            run_dbt(waiting.settings, *LOAD)
            with pytest.raises(BusyError, match="wait for it"):
                refuse_while_busy(session)
        refuse_while_busy(session)
    assert waiting.fleet("acme") == {"acme:2019-02-01": "10"}


def test_a_bare_dbt_is_refused_while_a_run_is_at_work(waiting: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with turn(waiting.settings):
        monkeypatch.delenv("METERLINE_TURN")
        with pytest.raises(AssertionError, match="another run is metering or closing"):
            run_dbt(waiting.settings, *LOAD)
        monkeypatch.setenv("METERLINE_TURN", "1")
    assert waiting.rows("select status from ledger.loads where content_sha256 is not null") == [("accepted",)]
    run_dbt(waiting.settings, *LOAD)
    assert waiting.fleet("acme") == {"acme:2019-02-01": "10"}


def test_a_run_that_was_overtaken_writes_nothing_more(waiting: Pipeline) -> None:
    with connect(waiting.settings, "meterline_transform", autocommit=True) as session:
        session.execute("update ledger.turns set holder = 'first'")
        session.execute("select ledger.hold_turn('first')")
        with connect(waiting.settings, "meterline_transform") as model:
            model.execute("select ledger.hold_turn('first')")
            session.execute("set lock_timeout = '200ms'")
            # The next run waits for the model that is being written, then the first one has lost its turn.
            with pytest.raises(psycopg.errors.LockNotAvailable):
                session.execute("update ledger.turns set holder = 'second'")
        session.execute("update ledger.turns set holder = 'second'")
        with pytest.raises(psycopg.errors.ObjectInUse, match="has taken over"):
            session.execute("select ledger.hold_turn('first')")


@pytest.mark.parametrize("part", ["store_usage_hours", "store_usage_days"])
def test_hours_and_days_are_not_added_to_without_what_they_add(waiting: Pipeline, part: str) -> None:
    run_dbt(waiting.settings, "build", "--select", "tag:load,+int_dated_events", "--exclude-resource-type", "unit_test")
    with pytest.raises(AssertionError, match="int_usage_changes"):
        run_dbt(waiting.settings, "build", "--select", part, "--exclude-resource-type", "unit_test")
    run_dbt(waiting.settings, *LOAD)
    assert waiting.fleet("acme") == {"acme:2019-02-01": "10"}
