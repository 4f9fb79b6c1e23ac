"""Counters that restart without saying so, or come round: `new_epoch` tells a new reading from a repetition (RULES 8).

The devices of these tests use a number again once their first reading with it is more than an hour old. One kWh costs
1.00 EUR; contracts are in UTC.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable

import pytest

from tests.support import Message, Pipeline, message

HOUR = {"sequence_conflict_policy": "new_epoch", "sequence_reuse_window_seconds": 3600}
READINGS = """
select to_char(device_ts at time zone 'UTC', 'MM-DD HH24:MI:SS.US'), trim_scale(quantity)::text
from finance.billing_events order by 1
"""


def restarting(platform: Pipeline, *devices: str, **contract: object) -> Pipeline:
    """The platform with a tenant whose devices restart."""
    platform.configuration.tables["device_types"].append({"device_type": "node", **HOUR})
    platform.tenant("acme", *(devices or ("m-1",)), device_type="node", **contract)
    return platform


def reading(quantity: object, at: str, received: str | None = None, seq: int = 1, **others: object) -> Message:
    """A reading of m-1, number 1 where nothing else is said."""
    return message("acme", "m-1", seq, quantity, at, received, **others)


def test_a_number_that_comes_again_after_the_window_is_a_new_reading(pipeline: Pipeline) -> None:
    restarting(pipeline)
    pipeline.land(
        reading(1, "2019-02-10T08:00:00"),
        # Within the hour, its end included: a repetition of the first if it says the same, else a contradiction.
        reading(1, "2019-02-10T08:00:00", "2019-02-10T08:30:00"),
        reading(2, "2019-02-10T09:00:00"),
        # A microsecond later: the counter restarted.
        reading(4, "2019-02-10T09:00:00.000001"),
        # The hour counts from the first reading of a run, not from the one before.
        reading(8, "2019-02-10T10:00:00.000001"),
        reading(16, "2019-02-10T10:00:00.000002"),
    )
    pipeline.process()

    assert pipeline.rows(READINGS) == [
        ("02-10 08:00:00.000000", "1"),
        ("02-10 09:00:00.000001", "4"),
        ("02-10 10:00:00.000002", "16"),
    ]
    assert pipeline.refused() == [("sequence_conflict", 2)]
    balance = "select sum(message_count), sum(stored_count), sum(duplicate_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(6, 3, 1)]
    assert pipeline.close("2019-02", "2019-03-31") == [("INV-acme-2019-02-01", 1, "21.00")]
    assert pipeline.prove() == {}
    pipeline.audit()


def test_the_id_of_a_reading_that_may_come_again_carries_its_time(pipeline: Pipeline) -> None:
    restarting(pipeline)
    pipeline.tenant("plain", "m-1")
    pipeline.land(reading(1, "2019-02-10T08:00:00+01:00"), message("plain", "m-1", 1, 1, "2019-02-10T07:00"))
    pipeline.process()
    # Sorted keys, no spaces, the time in UTC with six decimals; a device type without new_epoch has none (RULES 1, 8).
    identity = {"device_id": "m-1", "metric": "energy", "msg_seq": 1, "seq_epoch": 0}
    ids = {
        tenant: "sha256:"
        + hashlib.sha256(
            json.dumps(identity | more | {"tenant_id": tenant}, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
        for tenant, more in (("acme", {"device_ts": "2019-02-10T07:00:00.000000Z"}), ("plain", {}))
    }
    assert dict(pipeline.rows("select tenant_id, event_id from finance.billing_events")) == ids


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_runs_do_not_depend_on_the_order_of_loading(
    new_pipeline: Callable[..., Pipeline], order: tuple[int, ...]
) -> None:
    # 08:40 begins a run of its own (1 hour: until 09:40) as long as 07:50 is unknown; with it, 08:40 is in the run of
    # 07:50 and 09:00 begins the next. Each arrival is a file; every session says how far its clock is off.
    arrivals = [
        reading(1, "2019-02-10T08:40:00", "2019-02-10T08:40:02", session_id="a"),
        reading(2, "2019-02-10T09:00:00", "2019-02-10T11:00:00", session_id="b"),
        reading(4, "2019-02-10T07:50:00", "2019-02-12T08:00:00", session_id="c", sent_ts="2019-02-12T07:59:59Z"),
    ]
    platform = restarting(new_pipeline())
    for index in order:
        platform.land(arrivals[index], name=f"{index}.jsonl")
        platform.process()

    # 08:40 was received first, so it is kept for the run that 07:50 begins. The clock of session b is two hours slow.
    assert platform.rows(READINGS) == [("02-10 08:40:00.000000", "1"), ("02-10 09:00:00.000000", "2")]
    assert platform.refused() == [("sequence_conflict", 1)]
    hours = "select to_char(bucket_start_at at time zone 'UTC', 'HH24'), trim_scale(quantity)::text"
    assert platform.rows(f"{hours} from finance.usage_hourly where event_count > 0 order by 1") == [
        ("08", "1"), ("11", "2"),
    ]  # fmt: skip
    assert platform.prove() == {}
    platform.audit()


def test_a_sixteen_bit_counter_that_comes_round_loses_nothing(pipeline: Pipeline) -> None:
    restarting(pipeline)
    # 65,534 and on, past the greatest number of 16 bits to 0; the same numbers as 46 days before, a reading a minute.
    before = [reading(1, f"2019-02-10T12:0{minute}", seq=seq) for minute, seq in enumerate((65534, 65535, 0, 1))]
    after = [reading(10, f"2019-03-28T12:0{minute}", seq=seq) for minute, seq in enumerate((65534, 65535, 0, 1))]
    pipeline.land(*before)
    pipeline.process()
    pipeline.land(*after, {**before[2], "received_at": "2019-03-28T12:30:00Z"}, {**after[2], "quantity": "10.0"})
    pipeline.process()

    assert pipeline.fleet("acme") == {"acme:2019-02-01": "4", "acme:2019-03-01": "40"}
    balance = "select sum(message_count), sum(stored_count), sum(duplicate_count) from governance.load_balance"
    assert pipeline.rows(balance) == [(10, 8, 2)]
    pipeline.audit()


def test_an_earlier_first_reading_that_is_loaded_after_the_close_amends(pipeline: Pipeline) -> None:
    restarting(pipeline, late_policy="grace")
    # Until 23:10 is known, 23:40 begins a run: February has 1 kWh, and 00:20, 40 minutes later, contradicts it.
    pipeline.land(
        reading(1, "2019-02-28T23:40"),
        reading(2, "2019-03-01T00:20"),
        reading(5, "2019-02-15T12:00", seq=2),
        reading(7, "2019-03-15T12:00", seq=3),
    )
    pipeline.process()
    assert pipeline.close("2019-02", "2019-04-04") == [("INV-acme-2019-02-01", 1, "6.00")]
    assert pipeline.close("2019-03", "2019-04-04") == [("INV-acme-2019-03-01", 1, "7.00")]
    # With it 23:40 is a contradiction of 23:10, and 00:20, 70 minutes later, a reading of March.
    pipeline.land(reading(4, "2019-02-28T23:10"))
    pipeline.process()
    assert pipeline.refused() == [("sequence_conflict", 1)]
    assert pipeline.close("2019-02", "2019-04-04") == [("INV-acme-2019-02-01", 2, "9.00")]
    assert pipeline.close("2019-03", "2019-04-04") == [("INV-acme-2019-03-01", 2, "9.00")]
    assert pipeline.prove() == {}
    pipeline.audit()
