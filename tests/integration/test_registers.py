"""Registers: a load stays whole when it is stopped, and costs what it touches."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import Message, Pipeline, message

NewPipeline = Callable[..., Pipeline]

FAIL = """
do $one$ begin
    create function public.fail() returns trigger language plpgsql as $$ begin raise 'stopped by the test'; end $$;
    create trigger fail before insert on {table} for each statement execute function public.fail();
end $one$
"""
MEND = "drop function public.fail() cascade"
# The statements whose effect the next ones build upon, in their order.
WRITES = ("store.register_uses", "store.usage_days", "store.seen_exchanges")
STATE = """
select device_id, msg_seq, event_at, period_no, is_in_chain, flag, reading, previous_high, used.quantity, state::text
from store.register_uses as used join registry.devices using (device_no) order by 1, 2
"""


def reading(device: str, seq: int, shown: object, at: str, received: str | None = None) -> Message:
    """A reading, sent when it was received where that is said."""
    row = message("acme", device, seq, shown, f"2019-02-{at}:00Z", received)
    return row | {"sent_ts": row["received_at"]} if received else row


@pytest.fixture
def halfway(pipeline: Pipeline) -> Pipeline:
    """Registers of a day, and a landing zone and configuration that change what became of them."""
    pipeline.configuration.tables["metrics"][0] |= {"reading_type": "cumulative"}
    pipeline.tenant("acme", "m-1", "m-2")
    pipeline.land(
        reading("m-1", 1, 100, "01T10:00"),
        reading("m-1", 3, 130, "01T12:00"),
        reading("m-2", 1, 700, "01T10:00"),
        reading("m-2", 2, 5, "01T11:00"),
        reading("m-2", 3, 9, "01T12:00"),
    )
    pipeline.process()
    pipeline.configuration.tables["register_exchanges"] = [
        {"tenant_id": "acme", "device_id": "m-2", "metric": "energy", "exchanged_at": "2019-02-01T10:30:00Z"}
    ]
    pipeline.land(reading("m-1", 2, 104, "01T11:00", "2019-02-02T10:00:00Z"), reading("m-1", 4, 131, "02T12:00"))
    return pipeline


def test_registers_are_whole_after_a_failure_at_each_of_their_tables(
    halfway: Pipeline, new_pipeline: NewPipeline
) -> None:
    undisturbed = new_pipeline(like=halfway)
    undisturbed.process()
    # m-1: 4, 26 and 1; m-2: 4 after the exchange.
    assert undisturbed.fleet("acme") == {"acme:2019-02-01": "35"}
    for table in WRITES:
        platform = new_pipeline(like=halfway)
        platform.execute(FAIL.format(table=table))
        with pytest.raises(AssertionError, match="stopped by the test"):
            platform.process()
        platform.execute(MEND)
        platform.process()
        assert platform.published() == undisturbed.published(), f"after a failure of {table}"
        assert platform.rows(STATE) == undisturbed.rows(STATE), f"after a failure of {table}"


def test_a_load_writes_only_what_it_touches(halfway: Pipeline) -> None:
    written = "select count(*) from store.register_uses where xmin::text = any(%s)"
    before = [row[0] for row in halfway.rows("select distinct xmin::text from store.register_uses")]
    halfway.configuration.tables["register_exchanges"] = []
    halfway.process()
    # m-1 from its second reading on is written anew: its first stays, and all three of m-2.
    assert halfway.rows(written, before) == [(4,)]
    assert halfway.rows("select count(*) from store.register_uses") == [(7,)]
