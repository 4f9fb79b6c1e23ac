"""What a rating fact of each model may hold: its parameters and its use, of which type and within which bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

# Beyond these a product or quotient of a fact might not fit a number of the database.
DIGITS = 20
# Seconds that a session may last, and increments that it is counted in, one after the other.
LONGEST_SESSION = 10**9
MOST_INCREMENTS = 1_000_000
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00(:00)?")


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("is no number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("cannot be read as a number") from None
    if not number.is_finite():
        raise ValueError("is no number")
    if abs(number) >= Decimal(10) ** DIGITS or -int(number.as_tuple().exponent) > DIGITS:
        raise ValueError(f"has more than {DIGITS} digits before or after its point")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError("is no whole number")
    if abs(number) > 2**31 - 1 or not re.fullmatch(r"[+-]?\d+", str(value)):
        raise ValueError("is no whole number that can be counted with")
    return int(number)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _instant(value: Any) -> str:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("cannot be read as a date and time; write 2024-03-31T23:59:00, or with +01:00 or Z")
    datetime.fromisoformat(value)
    return value


def _clock(value: Any) -> str:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("is no time of day from 00:00:00 to 24:00:00")
    return value


def _zone(value: Any) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, KeyError, OSError, TypeError):
        raise ValueError("cannot be read as a time zone; write a name like Europe/Madrid") from None
    return str(value)


def _above(least: int, *, or_equal: bool = False) -> Callable[[Decimal], Decimal]:
    def check(number: Decimal) -> Decimal:
        if number < least or (number == least and not or_equal):
            raise ValueError(f"must be {'at least' if or_equal else 'above'} {least}")
        return number

    return check


Number = Annotated[Decimal, BeforeValidator(_number)]
Positive = Annotated[Number, AfterValidator(_above(0))]
Whole = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Instant = Annotated[str, BeforeValidator(_instant)]
Clock = Annotated[str, BeforeValidator(_clock)]
Zone = Annotated[str, BeforeValidator(_zone)]
Key = Annotated[str | int | None, Field()]


class Form(BaseModel):
    """An object of a fact. A name that it does not know is refused, for passing it over would be a wrong price."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class _Named(Form):
    """An element of a list; what it is called is not read."""

    name: Any = None
    description: Any = None


def _ascending(tiers: list[Any]) -> list[Any]:
    bounds = [tier.up_to for tier in tiers]
    if not bounds:
        raise ValueError("holds no tier")
    if any(bound is None for bound in bounds[:-1]) or any(lower >= upper for lower, upper in pairwise(bounds) if upper):
        raise ValueError("bounds must ascend, and only the last tier may have none (up_to null)")
    if bounds[0] is not None and bounds[0] <= 0:
        raise ValueError("the first bound must be above 0")
    return tiers


class _Tier(_Named):
    up_to: Number | None = None
    unit_price: Number | None = None
    flat_fee: Number | None = None


class _PercentTier(_Named):
    up_to: Number | None = None
    rate_percent: Number | None = None
    flat_fee: Number | None = None


Tiers = Annotated[list[_Tier], AfterValidator(_ascending)]


class _Price(Form):
    """A price of one quantity, as a fact's own or within another."""

    model: str | None = None
    zero_quantity: Literal["first_tier_flat", "no_charge"] | None = None


class _PerUnit(_Price):
    unit_price: Number
    cap_amount: Number | None = None
    negative: Literal["clamp_zero"] | None = None


class _Graduated(_Price):
    tiers: Tiers


class _Volume(_Graduated):
    tier_select: Literal["quantity", "ceil_quantity"] | None = None
    billed_quantity: Number | None = None


class _GraduatedPercentage(_Price):
    tiers: Annotated[list[_PercentTier], AfterValidator(_ascending)]


class _Package(_Price):
    package_size: Positive
    package_price: Number
    free_units: Number | None = None
    package_rounding: Literal["up", "down"] | None = None


class _Dynamic(_Price):
    multiplier: Number | None = None


# Prices that a fact may hold within another, as in `Price`.
PRICES: dict[str, type[_Price]] = {
    "per_unit": _PerUnit,
    "volume": _Volume,
    "graduated": _Graduated,
    "graduated_percentage": _GraduatedPercentage,
    "package": _Package,
    "dynamic": _Dynamic,
}


def _named_price(value: Any) -> str | None:
    name = value.get("model") if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


Price = Annotated[
    Annotated[_PerUnit, Tag("per_unit")]
    | Annotated[_Volume, Tag("volume")]
    | Annotated[_Graduated, Tag("graduated")]
    | Annotated[_GraduatedPercentage, Tag("graduated_percentage")]
    | Annotated[_Package, Tag("package")]
    | Annotated[_Dynamic, Tag("dynamic")],
    Discriminator(_named_price),
]


class _Holding(Form):
    price: Price
    zero_quantity: Literal["first_tier_flat", "no_charge"] | None = None


class _Percentage(Form):
    rate_percent: Number | None = None
    fixed_per_event: Number | None = None
    min_per_event: Number | None = None
    max_per_event: Number | None = None
    free_events: Whole | None = None
    free_amount: Number | None = None


class _Matrix(Form):
    cells: dict[str, Number]


class _Block(_Named):
    block_size: Positive
    max_blocks: Positive | None = None
    block_price: Number


def _bounded_but_last(blocks: list[_Block]) -> list[_Block]:
    if not blocks or any(block.max_blocks is None for block in blocks[:-1]):
        raise ValueError("only the last tier may have no width (max_blocks null), and one tier is needed")
    return blocks


class _Blocks(Form):
    policy: Literal["all_tiers", "top_tier"] | None = None
    units: dict[str, Annotated[list[_Block], AfterValidator(_bounded_but_last)]]
    already_billed: Number | None = None


class _CapacityTier(_Named):
    max: dict[str, Number | None]
    price: Number


class _Capacity(Form):
    tiers: list[_CapacityTier]


class _Bucket(_Named):
    from_hour: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=24)]
    to_hour: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=24)]
    unit_price: Number
    commitment_amount: Number | None = None
    overage_factor: Number | None = None
    true_up: Flag | None = None


class _DefaultBucket(_Named):
    unit_price: Number
    commitment_amount: Number | None = None
    overage_factor: Number | None = None
    true_up: Flag | None = None


class _TouCommitment(Form):
    buckets: list[_Bucket]
    default: _DefaultBucket | None = None


class _TouBlock(Form):
    threshold: Number
    below: Number
    above: Number


class _BillLine(_Named):
    quantity: Number
    unit_price: Number
    factor: Number | None = None
    tax_percent: Number | None = None


class _TouBill(Form):
    lines: list[_BillLine] | None = None
    factor: Number | None = None
    tax_percent: Number | None = None


class _Rule(_Named):
    weekdays: list[Annotated[int, Field(strict=True, ge=1, le=7)]] | None = None
    from_: Annotated[Clock | None, Field(alias="from")] = None
    to: Clock | None = None
    price: Number
    per_s: Positive | None = None
    increment_s: Positive | None = None
    connect_fee: Number | None = None


class _TimeRated(Form):
    rules: Annotated[list[_Rule], Field(min_length=1)]


class _ProgressiveSplit(_Holding):
    pre_quantity: Number | None = None
    line_quantity: Number
    has_previous: Flag | None = None
    previously_billed: Number | None = None
    final: Flag | None = None
    percent_discount: Number | None = None
    max_amount: Number | None = None
    min_amount: Number | None = None


class _LateDelta(_Holding):
    usage_discount: Number | None = None
    percent_discount: Number | None = None
    max_amount: Number | None = None
    min_amount: Number | None = None


class Rounding(Form):
    """How an answer, or a quantity, is rounded."""

    mode: Literal["none", "half_up", "half_even", "ceil", "floor", "up"]
    places: Annotated[int, BeforeValidator(_whole), Field(ge=-12, le=15)] | None = None

    @model_validator(mode="after")
    def _has_places(self) -> Rounding:
        if self.mode != "none" and self.places is None:
            raise ValueError(f"mode {self.mode} needs places")
        return self


class _Conversion(Form):
    multiply_by: Number | None = None
    divide_by: Positive | None = None
    quantity_rounding: Rounding | None = None


class _UnitConversion(_Conversion):
    usage_discount: Number | None = None
    price: Price | None = None
    zero_quantity: Literal["first_tier_flat", "no_charge"] | None = None


class _UnitConversionSplit(_Conversion):
    unit_price: Number
    # What was used before the split does not enter its price.
    pre_quantity: Number | None = None
    line_quantity: Number | None = None


class _WeightedSum(Form):
    period_start: Instant
    period_end: Instant
    initial_value: Number | None = None

    @model_validator(mode="after")
    def _is_a_period(self) -> _WeightedSum:
        if moment(self.period_start) >= moment(self.period_end):
            raise ValueError("period_end must be after period_start")
        return self


class _Aggregation(Form):
    type: Literal["count", "sum", "max", "unique", "latest"]


class _TrueUp(Form):
    commitment: Number
    used: Number | None = None
    prorate_num: Number | None = None
    prorate_den: Positive | None = None


# What is left of a period, and the period, in one of these units.
PRORATION_UNITS = ("", "_days", "_hours", "_seconds", "_s")


class _Proration(Form):
    old_amount: Number | None = None
    new_amount: Number | None = None
    remaining: Number | None = None
    period: Positive | None = None
    remaining_days: Number | None = None
    period_days: Positive | None = None
    remaining_hours: Number | None = None
    period_hours: Positive | None = None
    remaining_seconds: Number | None = None
    period_seconds: Positive | None = None
    remaining_s: Number | None = None
    period_s: Positive | None = None

    @model_validator(mode="after")
    def _is_of_one_unit(self) -> _Proration:
        given = {
            (part, unit)
            for unit in PRORATION_UNITS
            for part in ("remaining", "period")
            if getattr(self, part + unit) is not None
        }
        if len(given) != 2 or len({unit for _, unit in given}) != 1:
            raise ValueError("needs remaining_days and period_days, or both in one other unit (hours, seconds)")
        return self


class _CreditCap(Form):
    potential_credit: Number
    original_amount: Number
    already_credited: Number | None = None


class _Nothing(Form):
    pass


class _Product(_Named):
    unit_price: Number
    quantity: Number | None = None


class _Products(Form):
    lines: list[_Product] | None = None


class _InvoiceLine(_Named):
    amount: Number
    percent_coupons: list[Number] | None = None


class _InvoiceTotal(Form):
    lines: list[_InvoiceLine] | None = None
    invoice_discount: Number | None = None
    tax_percent: Number | None = None
    prepaid_applied: Number | None = None


class _PeriodAssignment(Form):
    timezone: Zone
    granularity: Literal["month", "day"]


class _LocalSpan(Form):
    timezone: Zone
    start: Instant
    end: Instant


class _Band(Form):
    from_: Annotated[Number | None, Field(alias="from")] = None
    to: Number | None = None


PARAMETERS: dict[str, type[Form]] = PRICES | {
    "percentage": _Percentage,
    "matrix": _Matrix,
    "prorated_graduated": _Graduated,
    "block_tiers": _Blocks,
    "capacity": _Capacity,
    "windowed": _Holding,
    "tou_commitment": _TouCommitment,
    "tou_block": _TouBlock,
    "tou_bill": _TouBill,
    "time_rated": _TimeRated,
    "progressive_split": _ProgressiveSplit,
    "late_delta": _LateDelta,
    "unit_conversion": _UnitConversion,
    "unit_conversion_split": _UnitConversionSplit,
    "weighted_sum": _WeightedSum,
    "aggregation": _Aggregation,
    "true_up": _TrueUp,
    "proration": _Proration,
    "credit_cap": _CreditCap,
    "rounding": _Nothing,
    "sum_of_rounded": _Products,
    "invoice_total": _InvoiceTotal,
    "period_assignment": _PeriodAssignment,
    "calendar_days": _LocalSpan,
    "local_hours": _LocalSpan,
    "tier_band_quantity": _Band,
}


# --- the use, which stands beside the parameters ---------------------------------------------------------------------


class Use(BaseModel):
    """What stands beside the parameters and is read; where a fact comes from is not."""

    model_config = ConfigDict(extra="ignore")


class _Quantity(Use):
    quantity: Number


class _SplitQuantity(Use):
    quantity: Number | None = None


class _Events(Use):
    events: list[Number]


class _Item(_Named):
    key: str
    quantity: Number


class _Items(Use):
    items: list[_Item]


class _Quantities(Use):
    quantities: dict[str, Number]


class _Element(_Named):
    quantity: Number


class _Series(Use):
    series: list[
        Annotated[
            Annotated[Number, Tag("number")] | Annotated[_Element, Tag("object")],
            Discriminator(lambda element: "object" if isinstance(element, dict) else "number"),
        ]
    ]


class _Change(_Named):
    quantity: Number
    prorated_quantity: Number


class _Changes(Use):
    series: list[_Change]


class _Window(_Named):
    hour: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=23)]
    quantity: Number


class _Windows(Use):
    series: list[_Window]


class _Snapshot(_Named):
    cumulative_quantity: Number
    final: Flag | None = None


class _Snapshots(Use):
    series: list[_Snapshot]


class _Session(Use):
    start: Instant
    duration_s: Annotated[Number, AfterValidator(_above(0, or_equal=True))]


class _Level(_Named):
    timestamp: Instant
    delta: Number


class _Levels(Use):
    events: list[_Level] | None = None


class _Instance(_Named):
    timestamp: Instant
    value: Number


class _Instances(Use):
    events: list[_Instance]


class _Readings(Use):
    series: list[Number] | None = None
    keys: list[Key] | None = None


class _Bands(Use):
    series: list[Number]


class _BillLines(Use):
    lines: list[_BillLine] | None = None


class _ProductLines(Use):
    lines: list[_Product] | None = None


class _InvoiceLines(Use):
    lines: list[_InvoiceLine] | None = None


USE: dict[str, type[Use]] = dict.fromkeys(PARAMETERS, Use) | {
    **dict.fromkeys(("per_unit", "volume", "graduated", "graduated_percentage", "package"), _Quantity),
    **dict.fromkeys(("unit_conversion", "rounding"), _Quantity),
    "unit_conversion_split": _SplitQuantity,
    **dict.fromkeys(("percentage", "dynamic"), _Events),
    **dict.fromkeys(("block_tiers", "capacity"), _Quantities),
    **dict.fromkeys(("windowed", "tou_block"), _Series),
    "matrix": _Items,
    "prorated_graduated": _Changes,
    "tou_commitment": _Windows,
    "tou_bill": _BillLines,
    "time_rated": _Session,
    "late_delta": _Snapshots,
    "weighted_sum": _Levels,
    "aggregation": _Readings,
    "sum_of_rounded": _ProductLines,
    "invoice_total": _InvoiceLines,
    "period_assignment": _Instances,
    "tier_band_quantity": _Bands,
}


def moment(instant: str) -> datetime:
    """An instant that can be compared; without an offset it is of UTC."""
    parsed = datetime.fromisoformat(instant)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo("UTC"))


def disagreement(model: str, params: Any, use: Any) -> str | None:
    """What parameters and use of a fact say against each other, or None."""
    check = _CHECKS.get(model)
    return check(params, use) if check else None


def _lines(params: Any, use: Any) -> str | None:
    return "lines is missing" if use.lines is None and params.lines is None else None


def _one_quantity(params: Any, use: Any) -> str | None:
    if (use.quantity is None) == (params.line_quantity is None):
        return "needs the split's own quantity once, as quantity or as line_quantity"
    return None


def _cells(params: Any, use: Any) -> str | None:
    lost = next((item.key for item in use.items if item.key not in params.cells), None)
    return None if lost is None else f"cells has no price for the key {lost!r}"


def _units(params: Any, use: Any) -> str | None:
    unknown = next((unit for unit in use.quantities if not any(unit in tier.max for tier in params.tiers)), None)
    return None if unknown is None else f"no tier has a max for the unit {unknown!r}"


def _values(params: Any, use: Any) -> str | None:
    if use.series is not None or (use.keys is not None and params.type in ("count", "unique")):
        return None
    return f"series is missing, of which {params.type} is taken"


def _increments(params: Any, use: Any) -> str | None:
    if use.duration_s > LONGEST_SESSION:
        return f"the session is longer than {LONGEST_SESSION} seconds"
    if math.ceil(use.duration_s / min(rule.increment_s or 1 for rule in params.rules)) > MOST_INCREMENTS:
        return f"the session has more than {MOST_INCREMENTS} increments"
    return None


_CHECKS: dict[str, Callable[[Any, Any], str | None]] = {
    **dict.fromkeys(("tou_bill", "sum_of_rounded", "invoice_total"), _lines),
    "unit_conversion_split": _one_quantity,
    "matrix": _cells,
    "capacity": _units,
    "aggregation": _values,
    "time_rated": _increments,
}
