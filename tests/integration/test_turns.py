"""Two runs at once: one works, the other is refused in one clear line, and nothing of theirs is interleaved."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from threading import Barrier, Event

import pytest

from orchestration.database.connection import connect
from orchestration.errors import BusyError
from orchestration.turns import refuse_while_busy
from tests.integration.crashing import before_every_statement, ended, land_half, started
from tests.support import Pipeline

NewPipeline = Callable[..., Pipeline]

# A statement of dbt's, well after the first one, which takes the lock.
IN_THE_MIDDLE = 60
# Seconds that one run waits for the other: a slow machine is no failure.
PATIENCE = 500
# Two children of this process that know its platforms, with what they need to wait for each other.
TOGETHER = get_context("fork")


@pytest.fixture
def halfway(pipeline: Pipeline) -> Pipeline:
    land_half(pipeline)
    return pipeline


@pytest.fixture
def undisturbed(halfway: Pipeline, new_pipeline: NewPipeline) -> dict[str, list[str]]:
    """What is published when one run did all the work."""
    platform = new_pipeline(like=halfway)
    platform.process()
    return platform.published()


def test_while_one_run_is_metering_another_is_refused(halfway: Pipeline, undisturbed: dict[str, list[str]]) -> None:
    metering, go_on = TOGETHER.Event(), TOGETHER.Event()
    first = started(lambda platform: process_with_a_pause(platform, metering, go_on), halfway)
    assert metering.wait(PATIENCE)
    with connect(halfway.settings, "meterline_transform") as session, pytest.raises(BusyError, match="wait for it"):
        refuse_while_busy(session)

    go_on.set()
    assert os.waitstatus_to_exitcode(ended(first)) == 0
    with connect(halfway.settings, "meterline_transform") as session:
        refuse_while_busy(session)
    assert halfway.published() == undisturbed


def test_two_runs_that_start_together_load_everything_once(
    halfway: Pipeline, undisturbed: dict[str, list[str]]
) -> None:
    both = TOGETHER.Barrier(2)
    children = [started(lambda platform: process_together(platform, both), halfway) for _ in range(2)]
    codes = sorted(os.waitstatus_to_exitcode(ended(child)) for child in children)

    # The loser is refused, unless it came when the winner was through.
    assert codes[0] == 0
    halfway.process()
    assert halfway.published() == undisturbed
    assert halfway.prove() == {}


def process_with_a_pause(platform: Pipeline, metering: Event, go_on: Event) -> None:
    """Process, and wait in the middle of metering until told to go on."""

    sent = count(1)

    def pause() -> None:
        if next(sent) == IN_THE_MIDDLE:
            metering.set()
            assert go_on.wait(PATIENCE)

    platform.configure()
    platform.load()
    platform.gate_landed()
    with before_every_statement(pause):
        platform.meter()


def process_together(platform: Pipeline, both: Barrier) -> None:
    """Process at the same moment as the other."""
    both.wait(PATIENCE)
    platform.process()
