"""Facts that cannot be rated are refused by the name of what is not supported, and bad files by their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import BadInputError
from orchestration.rate_facts import read_facts, refusal

FACT: dict[str, Any] = {"id": "a", "model": "per_unit", "params": {"unit_price": "1"}, "expected_amount": "1"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "auction"}, "model 'auction' is not supported"),
        ({"params": {"unit_price": "1", "moon": "full"}}, "parameter 'moon' of model per_unit is not supported"),
        ({"rounding": {"mode": "towards_me"}}, "rounding {'mode': 'towards_me'} is not supported"),
        (
            {"model": "windowed", "params": {"price": {"model": "auction"}}},
            "the price {'model': 'auction'} within windowed is not supported",
        ),
        (
            {"model": "windowed", "params": {"price": {"model": "per_unit", "moon": "full"}}},
            "parameter 'moon' of the price of model per_unit is not supported",
        ),
        ({"expected_amount": None}, "there is no expected_amount"),
        ({"model": "windowed", "params": {"price": "3"}}, "the price '3' within windowed is not supported"),
        ({"params": []}, "params is no object"),
        ({"quantity": "ten"}, "quantity 'ten' cannot be read"),
        ({"quantity": "NaN"}, "quantity 'NaN' is no number"),
        ({"series": ["1", {"quantity": "x"}]}, "series 2: quantity 'x' cannot be read"),
        ({"series": "1"}, "series is no list"),
        ({"start": "yesterday"}, "start 'yesterday' cannot be read"),
        ({"model": "volume", "params": {"tiers": {}}}, "tiers is no list"),
        ({"model": "matrix", "params": {"cells": []}}, "cells is no object"),
        ({"model": "local_hours", "params": {"timezone": "Mars/Olympus"}}, "timezone 'Mars/Olympus' cannot be read"),
    ],
)
def test_what_is_not_supported_is_named(change: dict[str, Any], reason: str) -> None:
    assert refusal(FACT) is None
    assert reason in str(refusal(FACT | change))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{,]", "line 1: is no JSON"),
        ("{}", "must be a list of objects"),
        ('[{"model": "per_unit"}]', "must be a list of objects with an id"),
        ('[{"id": "a"}, {"id": "a"}]', "id 'a' stands there twice"),
    ],
)
def test_a_bad_file_is_told_by_its_name_and_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=f"facts.json.*{problem}"):
        read_facts(path)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_facts(tmp_path / "nowhere.json")
