"""A run without dates covers the days of the files that nobody has read, and no others."""

from __future__ import annotations

from datetime import date

import pytest

from orchestration.errors import BadInputError
from orchestration.verbs import days_to_process
from tests.support import Pipeline, json_lines, message

FIRST, SECOND, THIRD = (date(2019, 2, day) for day in (1, 2, 3))


def test_a_run_covers_the_days_of_unread_files(pipeline: Pipeline) -> None:
    with pytest.raises(BadInputError, match="no landing files"):
        days_to_process(pipeline.settings, None, None)
    pipeline.land(
        *(message("acme", "m-1", day.day, 1, f"{day}T12:00") for day in (FIRST, SECOND, THIRD)), name="a.jsonl"
    )
    assert days_to_process(pipeline.settings, None, None) == (FIRST, THIRD)
    assert days_to_process(pipeline.settings, SECOND, None) == (SECOND, THIRD)
    assert days_to_process(pipeline.settings, None, SECOND) == (FIRST, SECOND)

    pipeline.load()
    assert days_to_process(pipeline.settings, None, None) == (THIRD, THIRD)
    assert days_to_process(pipeline.settings, FIRST, SECOND) == (FIRST, SECOND)
    # A new file in an old day, and a file with other bytes under its old name.
    pipeline.land(message("acme", "m-1", 9, 1, f"{FIRST}T13:00"), name="b.jsonl")
    assert days_to_process(pipeline.settings, None, None) == (FIRST, FIRST)
    pipeline.load()
    pipeline.land_bytes("a.jsonl", json_lines([message("acme", "m-1", 8, 1, f"{SECOND}T13:00")] * 2), str(SECOND))
    assert days_to_process(pipeline.settings, None, None) == (SECOND, SECOND)

    with pytest.raises(BadInputError, match="--from 2019-02-04 lies after --to 2019-02-03"):
        days_to_process(pipeline.settings, date(2019, 2, 4), None)
