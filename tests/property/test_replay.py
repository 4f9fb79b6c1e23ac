"""Replay: what is published depends on what was delivered, not on files, their order, number or repetition.

A history is a contract and what its devices delivered. Each is loaded three times, as twin tenants whose files differ
in everything but their rows: other cuts, formats, folders, order and days of loading, copies under other names, rows
delivered again in other files; a run dies on the way and is run again, and a month is closed before everything came.
All twins must end equal, and as an oracle reads the rules. Many histories share a run of the platform, because a run
costs the same for one and for hundreds. A batch is named by the seed of its first history and can be run again by it:

    METERLINE_HISTORIES=10000 METERLINE_SEED=2019 pytest -m heavy -s tests/property
    METERLINE_HISTORIES=300 METERLINE_SEED=2319 pytest -m heavy -s tests/property
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from tests.property.histories import drawn
from tests.property.replay import COUNTS, NET, play, shrunk
from tests.support import Pipeline

NewPipeline = Callable[..., Pipeline]

SEED = int(os.environ.get("METERLINE_SEED", "2019"))
HISTORIES = int(os.environ.get("METERLINE_HISTORIES", "10000"))
HISTORIES_PER_RUN = 300


def test_300_histories_end_equal_and_as_the_rules_say(new_pipeline: NewPipeline) -> None:
    replay(new_pipeline, SEED, HISTORIES_PER_RUN)


@pytest.mark.heavy
@pytest.mark.timeout(120 + 4 * HISTORIES)
def test_many_histories_end_equal_and_as_the_rules_say(new_pipeline: NewPipeline) -> None:
    began_at = time.monotonic()
    for start in range(0, HISTORIES, HISTORIES_PER_RUN):
        count = min(HISTORIES_PER_RUN, HISTORIES - start)
        replay(new_pipeline, SEED + start, count)
        done = start + count
        seconds = time.monotonic() - began_at
        print(f"{done} of {HISTORIES} histories equal after {seconds:.0f} s; next METERLINE_SEED={SEED + done}")


def replay(new_pipeline: NewPipeline, seed: int, count: int) -> None:
    """Play a batch; what fails is played alone, made small and shown."""
    histories = dict(enumerate(drawn(count, seed)))
    assert len(histories) == count
    platform = new_pipeline()
    wrong = play(platform, histories, seed)
    # A batch that has nothing of a kind would prove nothing about it.
    assert [what for what, query in (NET | COUNTS).items() if not platform.rows(query)] == []
    if wrong:
        number, problems = next(iter(wrong.items()))
        small = shrunk(new_pipeline, histories[number], seed)
        history, problems = small or (histories[number], [*problems, "only beside other histories, not alone"])
        names = ", ".join(map(str, wrong))
        pytest.fail("\n".join([f"METERLINE_SEED={seed}, histories {names}; {number}:", str(history), *problems]))
