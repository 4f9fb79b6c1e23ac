"""Rating facts of other systems: what goes in, what the source says comes out, and what the rules make of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

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

OUTCOME = """
select
    fact.fact ->> 'id',
    coalesce(fact.fact ->> 'model', ''),
    count(answer.fact_no) > 0 and bool_and(answer.amount is not distinct from answer.expected_amount),
    coalesce(
        string_agg(
            answer.place || trim_scale(answer.expected_amount)::text, ', ' order by answer.part, answer.position
        ),
        fact.fact ->> 'expected_amount', ''
    ),
    coalesce(
        fact.refused_because,
        string_agg(
            answer.place || coalesce(trim_scale(answer.amount)::text, 'nothing'), ', '
            order by answer.part, answer.position
        ),
        'nothing'
    )
from rating.facts as fact
left join rating.rating_facts as answer on fact.fact_no = answer.fact_no
group by fact.fact_no
order by fact.fact_no
"""


@dataclass(frozen=True)
class Verdict:
    """Whether a fact holds: what its source says, and what the rules make of it (or why they do not)."""

    fact_id: str
    model: str
    holds: bool
    expected: str
    got: str


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
    model, params = fact.get("model"), fact.get("params") or {}
    if model not in PARAMETERS:
        return f"model {model!r} is not supported; supported are {', '.join(PARAMETERS)}"
    mode = (fact.get("rounding") or {}).get("mode", "none")
    if mode not in ROUNDING:
        return f"rounding mode {mode!r} is not supported; use one of {', '.join(ROUNDING)}"
    if unknown := sorted(set(params) - PARAMETERS[model]):
        return f"parameter {unknown[0]!r} of model {model} is not supported"
    if (price := params.get("price")) is not None:
        if price.get("model") not in INNER:
            return f"a price of model {price.get('model')!r} within {model} is not supported; use {', '.join(INNER)}"
        if unknown := sorted(set(price) - PARAMETERS[price["model"]]):
            return f"parameter {unknown[0]!r} of the price of model {price['model']} is not supported"
    return "there is no expected_amount to compare with" if fact.get("expected_amount") is None else None


def store_facts(session: psycopg.Connection, facts: list[dict[str, Any]]) -> int:
    """Make the facts the working set; returns how many of them cannot be rated."""
    reasons = [refusal(fact) for fact in facts]
    session.execute("truncate rating.facts")
    with session.cursor().copy("copy rating.facts (fact_no, fact, refused_because) from stdin") as copy:
        for number, (fact, reason) in enumerate(zip(facts, reasons, strict=True), start=1):
            copy.write_row((number, Jsonb(fact), reason))
    return sum(reason is not None for reason in reasons)


def outcome(session: psycopg.Connection) -> list[Verdict]:
    """What the models made of the working set, a verdict for each fact in the order of the file."""
    return [Verdict(*row) for row in session.execute(OUTCOME)]
