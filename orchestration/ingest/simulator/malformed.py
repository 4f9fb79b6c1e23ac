"""Rows that break one rule each, beside the real readings: copies of good messages with something wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration.ingest.simulator.messages import BrokenRow, Message
from orchestration.ingest.simulator.story import WRONG_CLOCKS

# A copy follows its model at once.
DELAY = timedelta(seconds=1)

# What no typed column could hold; only text formats carry it. An empty text leaves the field out.
BROKEN_TEXTS: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "missing_field": ({"quantity": ""}, {"device_ts": ""}, {"device_id": ""}),
    "bad_type": ({"quantity": "n/a"}, {"msg_seq": "12a"}, {"device_ts": "yesterday"}),
    "bad_quantity": ({"quantity": "NaN"}, {"quantity": "0.12345678901"}, {"quantity": "12345678901.5"}),
}

# The counter of seconds overflows; a clock before its own beginning. The MACs are of the range for documentation.
WRONG_VALUES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "timestamp_out_of_range": (
        {"device_ts": datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)},
        {"device_ts": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)},
        {"sent_ts": datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)},
    ),
    "unknown_tenant": ({"tenant_id": "ivy-court"}, {"tenant_id": "ivy-court"}, {"tenant_id": "Alder-College"}),
    "wrong_region": ({}, {}, {}),
    "hardware_identifier": (
        {"device_id": "00:00:5E:00:53:01"},
        {"device_id": "00-00-5e-00-53-2a"},
        {"device_id": "00005E005307"},
    ),
    "unknown_device": ({"device_id": "b999-elec"}, {"device_id": "b0-water"}, {"device_id": "test-rig"}),
    "unknown_metric": (
        {"metric": "reactive_energy", "unit": "kvarh"},
        {"metric": "water", "unit": "m3"},
        {"metric": "Electricity"},
    ),
    "unit_mismatch": ({"unit": "MWh"}, {"unit": "Wh"}, {"unit": "m3"}),
    "negative_delta": ({"quantity": Decimal("-0.1")}, {"quantity": Decimal("-12.5")}, {"quantity": Decimal("-1")}),
}

VARIANT_COUNT = 3
# Readings of a commissioning day long before any contract; numbers below every counter's first.
COMMISSIONED_AT = datetime(2019, 1, 10, 10, tzinfo=UTC)

_DEVICES_WITH_WRONG_CLOCK = {clock.device_id for clock in WRONG_CLOCKS}

Maker = Callable[[Message, int], Message | BrokenRow]


def makers() -> list[tuple[str, int, Maker]]:
    """One `(reason, variant, maker)` for each malformed row of a region; the maker turns a good message into it."""
    reasons: dict[str, Maker] = {
        **{reason: _broken_text(reason) for reason in BROKEN_TEXTS},
        **{reason: _wrong_value(reason) for reason in WRONG_VALUES},
        "sequence_conflict": _other_quantity,
        "no_contract": _before_the_contract,
    }
    made = [(reason, variant, maker) for reason, maker in reasons.items() for variant in range(VARIANT_COUNT)]
    return [*made, ("bad_type", VARIANT_COUNT, _cut_off)]


def needs_text_file(reason: str) -> bool:
    """Whether only a text format can carry the reason's rows."""
    return reason in BROKEN_TEXTS


def is_model(message: Message, reason: str) -> bool:
    """Whether a copy of the message would break this rule and no other."""
    # Only a trusted clock can say that a reading was taken before the contract.
    return reason != "no_contract" or message.device_id not in _DEVICES_WITH_WRONG_CLOCK


def _broken_text(reason: str) -> Maker:
    return lambda message, variant: BrokenRow(_later(message), BROKEN_TEXTS[reason][variant])


def _wrong_value(reason: str) -> Maker:
    return lambda message, variant: _later(message)._replace(**WRONG_VALUES[reason][variant])


def _other_quantity(message: Message, variant: int) -> Message:
    return _later(message)._replace(quantity=message.quantity + Decimal(variant + 1) / 10)


def _before_the_contract(message: Message, variant: int) -> Message:
    device_ts = COMMISSIONED_AT + timedelta(hours=variant)
    return _later(message)._replace(device_ts=device_ts, msg_seq=variant + 1, seq_epoch=0)


def _cut_off(message: Message, variant: int) -> BrokenRow:
    del variant
    return BrokenRow(_later(message), {}, is_cut=True)


def _later(message: Message) -> Message:
    return message._replace(received_at=message.received_at + DELAY)
