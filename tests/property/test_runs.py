"""Runs of a number that comes again (RULES 8): the platform against a few lines of Python that see all arrivals.

Every number of every device is a case of its own; tens of them go through each run of the platform, in several loads.

    METERLINE_IDENTITIES=4000 METERLINE_SEED=7 pytest tests/property/test_runs.py
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import strategies as st

from tests.property.drawing import examples
from tests.support import Message, Pipeline, instant, message, stamp

IDENTITIES = int(os.environ.get("METERLINE_IDENTITIES", "300"))
SEED = int(os.environ.get("METERLINE_SEED", "2019"))
ROUNDS = 4
WINDOW = timedelta(minutes=10)
START = instant("2019-03-10T12:00")
# Near multiples of half a window, so that ends of runs are met exactly and missed by a microsecond.
OFFSETS = st.builds(
    lambda halves, off: halves * WINDOW / 2 + timedelta(microseconds=off),
    st.integers(-6, 6), st.sampled_from([0, 0, -1, 1]),
)  # fmt: skip
KEPT = """
select msg_seq, device_ts, received_at, trim_scale(quantity)::text, event_at from finance.billing_events
"""
OUTCOMES = """
select sum(message_count)::int, sum(stored_count)::int, sum(duplicate_count)::int, sum(quarantined_count)::int
from governance.load_balance
"""


@dataclass(frozen=True)
class Arrival:
    """A delivery: the device's time, its place in the order of receipt, what it says, and when it is loaded."""

    offset: timedelta
    place: int
    quantity: str
    turn: int


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    """All deliveries of one number."""
    offsets = draw(st.lists(OFFSETS, min_size=1, max_size=7))
    places = draw(st.permutations(range(len(offsets))))
    return [
        Arrival(offset, place, draw(st.sampled_from(["1", "1", "2"])), draw(st.integers(0, ROUNDS - 1)))
        for offset, place in zip(offsets, places, strict=True)
    ]


def drawn(count: int) -> list[list[Arrival]]:
    """`count` numbers with their arrivals, the same for the same seed."""
    return examples(arrivals(), count, SEED)


def runs_of(identity: list[Arrival]) -> Iterator[list[Arrival]]:
    """The arrivals of each run, in order of receipt: the first of them is kept."""
    left = sorted(identity, key=lambda arrival: arrival.offset)
    while left:
        run = [arrival for arrival in left if arrival.offset <= left[0].offset + WINDOW]
        left = left[len(run) :]
        yield sorted(run, key=lambda arrival: arrival.place)


def delivered(number: int, arrival: Arrival) -> Message:
    """The arrival as a message; received after every measurement, so that its order is its own."""
    received = START + timedelta(days=1, minutes=number % 600, seconds=arrival.place)
    # Each message is its own live session, so that clocks are trusted and device_ts dates the event.
    at = START + arrival.offset
    row = message("acme", "m-1", number, arrival.quantity, at, received, sent_ts=stamp(received))
    return row | {"session_id": f"{number}-{arrival.place}"}


@pytest.mark.timeout(120 + IDENTITIES)
def test_runs_and_their_kept_readings_are_those_of_an_independent_reading_of_the_rule(pipeline: Pipeline) -> None:
    node = {"sequence_conflict_policy": "new_epoch", "sequence_reuse_window_seconds": WINDOW.seconds}
    pipeline.configuration.tables["device_types"].append({"device_type": "node", **node})
    pipeline.tenant("acme", "m-1", device_type="node")
    numbered = dict(enumerate(drawn(IDENTITIES), start=1))
    for turn in range(ROUNDS):
        rows = [
            delivered(number, arrival)
            for number, identity in numbered.items()
            for arrival in identity
            if arrival.turn == turn
        ]
        pipeline.land(*rows)
        pipeline.process()

    runs = {number: list(runs_of(identity)) for number, identity in numbered.items()}
    expected = {
        (number, row["device_ts"], row["received_at"], row["quantity"], row["device_ts"])
        for number, of_number in runs.items()
        for row in (delivered(number, run[0]) for run in of_number)
    }
    kept = pipeline.rows(KEPT)
    found = {(seq, stamp(at), stamp(received), quantity, stamp(event)) for seq, at, received, quantity, event in kept}
    assert found == expected, f"METERLINE_SEED={SEED}"
    assert len(kept) == len(expected)
    assert sum(len(of_number) > 1 for of_number in runs.values()) > IDENTITIES // 10

    counts: dict[str, int] = defaultdict(int)
    for first, *others in (run for of_number in runs.values() for run in of_number):
        counts["stored"] += 1
        for other in others:
            agrees = (other.offset, other.quantity) == (first.offset, first.quantity)
            counts["duplicate" if agrees else "conflict"] += 1
    outcomes = (counts["stored"], counts["duplicate"], counts["conflict"])
    assert pipeline.rows(OUTCOMES) == [(sum(outcomes), *outcomes)]
    assert pipeline.prove() == {}
    pipeline.audit()
