"""Rating facts of other systems as their files hold them: what a use costs under a price, to be read or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.errors import BadInputError

# What each model may say in `params`. Another name is refused: a parameter that is not read would be a wrong price.
_PRICE = {"model", "zero_quantity"}
_TIERS = _PRICE | {"tiers"}
PARAMETERS: dict[str, set[str]] = {
    "per_unit": _PRICE | {"unit_price", "cap_amount", "negative"},
    "volume": _TIERS | {"tier_select", "billed_quantity"},
    "graduated": _TIERS,
    "graduated_percentage": _TIERS,
    "package": _PRICE | {"package_size", "package_price", "free_units", "package_rounding"},
    "percentage": {
        "rate_percent", "fixed_per_event", "min_per_event", "max_per_event", "free_events", "free_amount",
    },
    "dynamic": {"multiplier"},
    "matrix": {"cells"},
    "prorated_graduated": _TIERS,
    "block_tiers": {"policy", "units", "already_billed"},
    "capacity": {"tiers"},
    "windowed": {"price"},
    "tou_commitment": {"buckets", "default"},
    "tou_block": {"threshold", "below", "above"},
    "tou_bill": {"lines", "factor", "tax_percent"},
    "time_rated": {"rules"},
    "progressive_split": {
        "price", "pre_quantity", "line_quantity", "has_previous", "previously_billed", "final", "percent_discount",
        "max_amount", "min_amount",
    },
    "late_delta": {"price", "usage_discount", "max_amount", "min_amount"},
    "unit_conversion": {"multiply_by", "divide_by", "quantity_rounding", "usage_discount", "price"},
    "unit_conversion_split": {"multiply_by", "divide_by", "quantity_rounding", "unit_price"},
    "weighted_sum": {"period_start", "period_end", "initial_value"},
    "aggregation": {"type"},
    "true_up": {"commitment", "used", "prorate_num", "prorate_den"},
    "proration": {
        "old_amount", "new_amount", "remaining_days", "period_days", "remaining_seconds", "period_seconds",
    },
    "credit_cap": {"potential_credit", "original_amount", "already_credited"},
    "rounding": set(),
    "sum_of_rounded": {"lines"},
    "invoice_total": {"lines", "invoice_discount", "tax_percent", "prepaid_applied"},
    "period_assignment": {"timezone", "granularity"},
    "calendar_days": {"timezone", "start", "end"},
    "local_hours": {"timezone", "start", "end"},
    "tier_band_quantity": {"from", "to"},
}  # fmt: skip
# Prices that a fact may hold within another.
INNER = ("per_unit", "volume", "graduated", "graduated_percentage", "package")
ROUNDING = ("none", "half_up", "half_even", "ceil", "floor", "up")
# What stands under these names, in params and beside them; under any other stands a number, or a list of them.
LISTS = {"tiers", "series", "events", "items", "lines", "rules", "buckets", "keys", "weekdays", "percent_coupons"}
OBJECTS = {"params", "cells", "units", "quantities", "default", "max", "quantity_rounding"}
INSTANTS = {"start", "end", "period_start", "period_end", "timestamp"}
TEXTS = {
    "id", "model", "zero_quantity", "tier_select", "negative", "package_rounding", "policy", "type", "mode",
    "granularity", "key", "keys", "name",
}  # fmt: skip
# Where a fact comes from and what its source says are not read by the rules.
UNREAD = {"source", "source_kind", "expected_amount", "currency", "rounding", "verified", "notes", "tags"}


def read_facts(path: Path) -> list[dict[str, Any]]:
    """The facts of a file. Raises BadInputError, with file and place, for what is no list of facts with an id each."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read ({error})") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"{path} line {error.lineno}: is no JSON ({error.msg})") from error
    if not isinstance(facts, list) or not all(isinstance(fact, dict) and fact.get("id") for fact in facts):
        raise BadInputError(f"{path}: must be a list of objects with an id, a model, params and an expected_amount")
    names = [fact["id"] for fact in facts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"{path}: id {twice!r} stands there twice")
    return facts


def refusal(fact: dict[str, Any]) -> str | None:
    """Why a fact cannot be rated, or None."""
    return next(_unsupported(fact), None) or malformed(fact)


def _unsupported(fact: dict[str, Any]) -> Iterator[str]:
    model, params = fact.get("model"), fact.get("params") or {}
    rounding = fact.get("rounding") or {"mode": "none"}
    if model not in PARAMETERS:
        yield f"model {model!r} is not supported; supported are {', '.join(PARAMETERS)}"
        return
    if not isinstance(params, dict):
        yield "params is no object"
        return
    if not isinstance(rounding, dict) or rounding.get("mode") not in ROUNDING:
        yield f"rounding {rounding!r} is not supported; its mode is one of {', '.join(ROUNDING)}"
    for unknown in sorted(set(params) - PARAMETERS[model]):
        yield f"parameter {unknown!r} of model {model} is not supported"
    price = params.get("price", {"model": INNER[0]})
    if not isinstance(price, dict) or price.get("model") not in INNER:
        yield f"the price {price!r} within {model} is not supported; its model is one of {', '.join(INNER)}"
    else:
        for unknown in sorted(set(price) - PARAMETERS[price["model"]]):
            yield f"parameter {unknown!r} of the price of model {price['model']} is not supported"
    if fact.get("expected_amount") is None:
        yield "there is no expected_amount to compare with"


def malformed(fact: dict[str, Any]) -> str | None:
    """Where a fact holds something that the rules could not read, and what; None where there is nothing of the kind."""
    return next(
        (problem for name, value in fact.items() if name not in UNREAD and (problem := _problem(name, value))), None
    )


def _problem(name: str, value: Any) -> str | None:
    """What is wrong with a value under its name, down to its elements."""
    if name in LISTS and not isinstance(value, list):
        return f"{name} is no list"
    if name in OBJECTS and not isinstance(value, dict):
        return f"{name} is no object"
    if isinstance(value, list):
        for place, element in enumerate(value, start=1):
            if problem := _problem("key" if name == "keys" else "", element):
                return f"{name} {place}: {problem}"
        return None
    if isinstance(value, dict):
        return next((problem for key, inner in value.items() if (problem := _problem(key, inner))), None)
    return None if value is None or isinstance(value, bool) or name in TEXTS else _unreadable(name, value)


def _unreadable(name: str, value: Any) -> str | None:
    try:
        if name in INSTANTS:
            datetime.fromisoformat(str(value))
        elif name == "timezone":
            ZoneInfo(str(value))
        elif name in ("from", "to") and ":" in str(value):
            time.fromisoformat(str(value).replace("24:00", "00:00", 1))
        elif not Decimal(str(value)).is_finite():
            return f"{name} {value!r} is no number".strip()
    except (ValueError, InvalidOperation, KeyError):
        return f"{name} {value!r} cannot be read".strip()
    return None
