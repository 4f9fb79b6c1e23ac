"""Work that is killed at any moment is repaired by doing it again: nothing is lost or doubled.

The work is a day's load that changes what the day before meant, its rollup, and a close that amends an invoice. The
moments are random by a seed:

    METERLINE_SEED=2019 pytest -m heavy tests/integration/test_chaos.py
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.integration.crashing import (
    SERVER_IS_OURS,
    Work,
    killed_after,
    killed_before_statement,
    land_half,
    server_killed_after,
    statements_of,
)
from tests.support import Pipeline

NewPipeline = Callable[..., Pipeline]

SEED = int(os.environ.get("METERLINE_SEED", "2019"))


def night(platform: Pipeline) -> None:
    """Load, roll up, close."""
    platform.process()
    platform.close("2019-01", "2019-02-05")


@dataclass(frozen=True)
class Undisturbed:
    """The platform before the work, what is published after it, and how much work it was."""

    before: Pipeline
    published: dict[str, list[str]]
    statements: int
    seconds: float


@pytest.fixture
def undisturbed(pipeline: Pipeline, new_pipeline: NewPipeline) -> Undisturbed:
    """Two nights without a crash. January was closed in the first with nothing in it; the second finds 1 kWh."""
    land_half(pipeline)
    assert pipeline.close("2019-01", "2019-02-05") == [("INV-acme-2019-01-01", 1, "0.00")]
    platform = new_pipeline(like=pipeline)
    began_at = time.monotonic()
    statements = statements_of(night, platform)
    seconds = time.monotonic() - began_at
    assert platform.rows("select invoice_version, total_amount::text, status from finance.invoices order by 1") == [
        (1, "0.00", "amended"),
        (2, "1.00", "issued"),
    ]
    assert platform.fleet("acme") == {"acme:2019-01-01": "1", "acme:2019-02-01": "10.25", "acme:2019-02-01 peak": "8"}
    assert platform.prove() == {}
    return Undisturbed(pipeline, platform.published(), statements, seconds)


# On a busy machine every repair takes a minute.
@pytest.mark.timeout(1800)
def test_killed_work_is_repaired(undisturbed: Undisturbed, new_pipeline: NewPipeline) -> None:
    kill_before_statements(3, undisturbed, new_pipeline)
    kill_at_moments(1, killed_after, undisturbed, new_pipeline)
    if SERVER_IS_OURS:
        kill_at_moments(1, server_killed_after, undisturbed, new_pipeline)


@pytest.mark.heavy
@pytest.mark.timeout(7200)
def test_work_killed_often_is_repaired(undisturbed: Undisturbed, new_pipeline: NewPipeline) -> None:
    kill_before_statements(50, undisturbed, new_pipeline)
    kill_at_moments(5, killed_after, undisturbed, new_pipeline)
    if SERVER_IS_OURS:
        kill_at_moments(5, server_killed_after, undisturbed, new_pipeline)


def kill_before_statements(times: int, undisturbed: Undisturbed, new_pipeline: NewPipeline) -> None:
    """Kill as many runs, one in each equal part of the work's statements, somewhere in it."""
    chance = random.Random(SEED)
    for part in range(times):
        first, last = (edge * undisturbed.statements // times for edge in (part, part + 1))
        moment = chance.randrange(first, last) + 1
        platform = new_pipeline(like=undisturbed.before)
        where = f"statement {moment} of {undisturbed.statements}, METERLINE_SEED={SEED}"
        assert killed_before_statement(moment, night, platform), f"the work was through before {where}"
        assert_repaired(platform, undisturbed, where)


def kill_at_moments(
    times: int,
    is_killed_after: Callable[[float, Work, Pipeline], bool],
    undisturbed: Undisturbed,
    new_pipeline: NewPipeline,
) -> None:
    """Kill as many runs or their servers, one in each equal part of the time that the work took, somewhere in it."""
    chance = random.Random(SEED)
    for part in range(times):
        share = (part + chance.random()) / times
        platform = new_pipeline(like=undisturbed.before)
        while not is_killed_after(share * undisturbed.seconds, night, platform):
            # The machine is faster now: what was done stands, and another platform is killed earlier.
            share /= 2
            platform = new_pipeline(like=undisturbed.before)
        where = f"{is_killed_after.__name__} {share:.3f} of {undisturbed.seconds:.1f} s, METERLINE_SEED={SEED}"
        assert_repaired(platform, undisturbed, where)


def assert_repaired(platform: Pipeline, undisturbed: Undisturbed, where: str) -> None:
    """Doing the work again ends as if nothing had happened."""
    night(platform)
    assert platform.published() == undisturbed.published, f"killed at {where}"
    print(f"repaired: {where}")
