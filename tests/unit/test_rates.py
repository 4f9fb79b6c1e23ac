"""Facts that cannot be rated are refused by the name of what is not supported, and bad files by their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import BadInputError
from orchestration.rate_facts import read_facts, refusal, refusals, stored

FACT: dict[str, Any] = {
    "id": "a", "model": "per_unit", "params": {"unit_price": "1"}, "quantity": "1", "expected_amount": "1",
}  # fmt: skip
PER_UNIT = {"model": "per_unit", "unit_price": "1"}
SESSION = {"model": "time_rated", "start": "2024-01-01T00:00:00", "duration_s": "1000"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "auction"}, "model 'auction' is not supported"),
        ({"params": {"unit_price": "1", "moon": "full"}}, "parameter 'moon' of model per_unit is not supported"),
        ({"rounding": {"mode": "towards_me"}}, "mode 'towards_me' is not supported; use 'none', 'half_up', "),
        ({"rounding": {"mode": "half_up"}}, "mode half_up needs places"),
        (
            {"model": "windowed", "params": {"price": {"model": "auction"}}},
            "the price {'model': 'auction'} within model windowed is not supported; its model is one of per_unit, ",
        ),
        (
            {"model": "windowed", "params": {"price": PER_UNIT | {"moon": "full"}}, "series": []},
            "parameter 'price.moon' of the price of model per_unit is not supported",
        ),
        ({"model": "windowed", "params": {"price": "3"}}, "the price '3' within model windowed is not supported"),
        ({"model": "windowed", "params": {}}, "price is missing"),
        ({"params": []}, "params is no object"),
        ({"id": ""}, "id is missing"),
        ({"id": "a\0b"}, "holds a character that no database text can hold"),
        ({"id": "a\ud800"}, "holds a character that no database text can hold"),
        ({"expected_amount": None}, "there is no expected_amount"),
        ({"expected_amount": "ten"}, "expected_amount 'ten' is no number, list of numbers or object of them"),
        ({"quantity": "ten"}, "quantity 'ten' cannot be read as a number"),
        ({"quantity": "NaN"}, "quantity 'NaN' is no number"),
        ({"quantity": True}, "quantity True is no number"),
        ({"quantity": "1e400"}, "quantity '1e400' has more than 20 digits"),
        ({"quantity": "1e-400"}, "quantity '1e-400' has more than 20 digits"),
        ({"model": "windowed", "params": {"price": PER_UNIT}, "series": ["1", {"quantity": "x"}]}, "series.2.quantity"),
        ({"model": "dynamic", "params": {}, "events": "1"}, "events is no list"),
        (SESSION | {"params": {"rules": [{"price": "1"}]}, "start": "yesterday"}, "start 'yesterday' cannot be read"),
        (SESSION | {"params": {"rules": [{"price": "1", "increment_s": "0"}]}}, "increment_s '0' must be above 0"),
        (SESSION | {"params": {"rules": [{"price": "1", "increment_s": "1e-6"}]}}, "more than 1000000 increments"),
        (SESSION | {"params": {"rules": [{"price": "1", "weekdays": [0]}]}}, "rules.1.weekdays.1 0: "),
        (SESSION | {"params": {"rules": [{"price": "1", "from": "25:00"}]}}, "rules.1.from '25:00' is no time of day"),
        ({"model": "volume", "params": {"tiers": {}}}, "tiers is no list"),
        ({"model": "volume", "params": {"tiers": []}}, "tiers holds no tier"),
        ({"model": "volume", "params": {"tiers": [{"up_to": "5"}, {"up_to": "5"}]}}, "tiers bounds must ascend"),
        ({"model": "volume", "params": {"tiers": [{}, {"up_to": "5"}]}}, "only the last tier may have none"),
        ({"model": "volume", "params": {"tiers": [{"up_to": "0"}, {}]}}, "the first bound must be above 0"),
        ({"model": "volume", "params": {"tiers": [{"upto": "5"}]}}, "parameter 'tiers.1.upto' of model volume is not"),
        ({"model": "volume", "params": {"tiers": [{}], "zero_quantity": "half"}}, "zero_quantity 'half' is not"),
        ({"model": "matrix", "params": {"cells": []}, "items": []}, "cells is no object"),
        (
            {"model": "matrix", "params": {"cells": {"eu": "1"}}, "items": [{"key": "us", "quantity": "1"}]},
            "cells has no price for the key 'us'",
        ),
        (
            {"model": "capacity", "params": {"tiers": [{"max": {"a": "1"}, "price": "1"}]}, "quantities": {"b": "1"}},
            "no tier has a max for the unit 'b'",
        ),
        ({"model": "block_tiers", "params": {"units": {"a": []}}, "quantities": {}}, "one tier is needed"),
        ({"model": "package", "params": {"package_size": "0", "package_price": "1"}}, "package_size '0' must be above"),
        ({"model": "percentage", "params": {"free_events": "1.5"}, "events": []}, "free_events '1.5' is no whole"),
        ({"model": "percentage", "params": {"free_events": "1e1"}, "events": []}, "free_events '1e1' is no whole"),
        ({"model": "progressive_split", "params": {"price": PER_UNIT, "line_quantity": 1, "final": 1}}, "final 1 is"),
        ({"model": "proration", "params": {"old_amount": "1", "remaining_days": "1"}}, "needs remaining_days and"),
        ({"model": "aggregation", "params": {"type": "avg"}, "series": []}, "type 'avg' is not supported; use"),
        ({"model": "aggregation", "params": {"type": "sum"}, "keys": ["a"]}, "series is missing, of which sum"),
        ({"model": "aggregation", "params": {"type": "count"}}, "series is missing"),
        ({"model": "invoice_total", "params": {}}, "lines is missing"),
        (
            {"model": "unit_conversion_split", "params": {"unit_price": "1", "line_quantity": "1"}},
            "needs the split's own quantity once",
        ),
        (
            {"model": "weighted_sum", "params": {"period_start": "2024-01-02", "period_end": "2024-01-02"}},
            "period_end must be after period_start",
        ),
        (
            {"model": "local_hours", "params": {"timezone": "America", "start": "2024-01-01", "end": "2024-01-02"}},
            "timezone 'America' cannot be read as a time zone",
        ),
    ],
)
def test_what_is_not_supported_is_named(change: dict[str, Any], reason: str) -> None:
    assert refusal(FACT) is None
    assert reason in str(refusal(FACT | change))


def test_a_fact_that_cannot_be_read_is_named_and_does_not_stop_the_others() -> None:
    nameless = {"model": "per_unit"}
    facts = [7, FACT, FACT | {"quantity": "2"}, nameless, FACT | {"id": 9}]
    reasons = refusals(facts)
    assert [reason is None for reason in reasons] == [False, True, False, False, True]
    assert "is no object; write a JSON list of objects" in str(reasons[0])
    assert reasons[2] == "id 'a' is that of fact 2 of the file too; give it another one"
    assert reasons[3] == "id is missing"
    assert stored(nameless, 4, reasons[3]) == {"id": "fact 4 of the file", "model": "per_unit", "expected_amount": ""}
    # Nothing of a refused fact that a database could not hold is kept.
    assert stored({"id": "a\0\ud800", "model": ["b"]}, 1, "why")["id"] == "a??"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: is no JSON"),
        ("[{,]", "line 1: is no JSON"),
        ("{}", "must be a list; write a JSON list of objects"),
        ("[]", "holds no fact; write a JSON list of objects"),
        ("[" * 100_000, "cannot be read"),
        ("[1" + "0" * 5_000 + "]", "cannot be read"),
    ],
)
def test_a_bad_file_is_told_by_its_name_and_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=f"facts.json.*{problem}"):
        read_facts(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_facts(tmp_path / "nowhere.json")


def test_a_decimal_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text('\ufeff[{"quantity": 0.10000000000000000001, "other": NaN}]', encoding="utf-8")
    assert read_facts(path) == [{"quantity": "0.10000000000000000001", "other": "NaN"}]
