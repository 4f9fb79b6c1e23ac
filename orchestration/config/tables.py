"""The tables of a configuration folder: one model per CSV, its columns, defaults and allowed values.

A column is added here with a default, so that folders written before it stay valid and keep their hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from orchestration.config import values

# What this release meters and rates. Anything else is refused by name: it must never be billed as something else.
SUPPORTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # Or the name of a calendar of calendars.csv.
        "contracts.billing_cycle": ("monthly", "weekly"),
        "contracts.late_policy": ("grace", "defer", "reopen"),
        "contracts.clock_policy": ("corrected", "server", "hybrid", "device"),
        "contracts.invoice_approval": ("automatic", "manual"),
        "contracts.estimation": ("none", "linear", "same_hour", "profile"),
        "load_profiles.day_type": ("workday", "weekend"),
        "device_types.sequence_conflict_policy": ("quarantine", "new_epoch"),
        "devices.meter_role": ("master", "sub"),
        "allocations.method": ("floor_area", "occupants", "equal", "measured"),
        "metrics.reading_type": ("delta", "cumulative", "gauge"),
        "metrics.aggregation": ("sum", "count", "max", "min", "latest"),
        "rate_cards.charge_basis": (
            "usage",
            "active_devices",
            "peak_demand",
            "days",
            "monitored_hours",
            "offline_hours",
            "time_weighted",
            "distinct_values",
        ),
        "rate_cards.price_model": (
            "flat",
            "per_unit",
            "volume",
            "graduated",
            "package",
            "whole_packages",
            "block_tiers",
            "top_block",
            "capacity",
            "percentage",
            "graduated_percentage",
            "matrix",
            "dynamic",
            "time_of_use",
        ),
        "rate_cards.zero_quantity": ("no_charge", "first_tier_flat"),
        "rate_cards.release": ("dated", "staged"),
        "rate_cards.tier_meaning": ("per_part", "cumulative", "month_end"),
        "rate_cards.demand_minutes": ("15", "30", "60"),
        "rate_cards.window": ("hour", "day"),
        "rate_cards.split_by_date": ("false", "true"),
        "rate_cards.device_proration": ("none", "day", "second"),
        "rate_cards.weighting": ("hour", "period"),
        "rate_card_terms.rounding_mode": ("half_up", "half_even", "ceil", "floor"),
        "rate_card_terms.is_total_from_unrounded": ("false", "true"),
        "rate_card_terms.tax_behavior": ("exclusive", "inclusive"),
        "rate_card_terms.has_credits_before_tax": ("false", "true"),
        "rate_card_terms.is_commitment_trued_up": ("true", "false"),
        "rate_card_terms.proration": ("day", "second", "none"),
        "rate_card_terms.proration_end": ("exclusive", "inclusive"),
    }
)
# Thresholds are compared with totals, which may be larger than any one quantity: numeric(30, 10).
TOTAL_DIGITS = 20


def refuse_unsupported(value: str, supported: str) -> str:
    """`value`, or ValueError where `SUPPORTED[supported]` does not hold it."""
    allowed = SUPPORTED[supported]
    if value not in allowed:
        remedy = allowed[0] if len(allowed) == 1 else ", ".join(allowed[:-1]) + " or " + allowed[-1]
        raise ValueError(f"{values.shown(value)} is not supported by this release; use {remedy}")
    return value


def _choice(supported: str) -> AfterValidator:
    return AfterValidator(lambda value: refuse_unsupported(value.strip(), supported))


Text = Annotated[str, AfterValidator(values.text)]
Instant = Annotated[datetime, BeforeValidator(values.instant)]
Date = Annotated[date, BeforeValidator(values.calendar_date)]
Currency = Annotated[str, AfterValidator(values.currency)]
Amount = Annotated[Decimal, BeforeValidator(values.number())]
Total = Annotated[Decimal, BeforeValidator(values.number(digits=TOTAL_DIGITS))]
Seconds = Annotated[Decimal, BeforeValidator(values.number())]
Version = Annotated[int, BeforeValidator(values.whole(least=1))]
ChargeBasis = Annotated[str, _choice("rate_cards.charge_basis")]
# A century of days: what is to stay for longer stays without end.
Days = Annotated[int, BeforeValidator(values.whole(most=36_525))]
Percent = Annotated[Decimal, BeforeValidator(values.number(most=100))]
# Of a whole invoice: none is written as an empty cell, 0 is refused where it would bill nothing ever.
Spend = Annotated[Decimal, BeforeValidator(values.number(more_than=0))]


class Row(BaseModel):
    """One row of a table; field names are the columns of the CSV and of `config.<table>`."""

    model_config = ConfigDict(frozen=True)
    key: ClassVar[tuple[str, ...]]


class Tenant(Row):
    """The billed customer."""

    key = ("tenant_id",)
    tenant_id: Text
    name: Text | None = None
    region: Annotated[str, AfterValidator(values.region)]
    currency_code: Currency
    legal_entity: Annotated[str, AfterValidator(values.legal_entity)] = "default"


class Contract(Row):
    """What a tenant is billed by, from `starts_at` until `ends_at`."""

    key = ("contract_id",)
    contract_id: Text
    tenant_id: Text
    # Before the instants: those without an offset are local times in it.
    time_zone: Annotated[str, AfterValidator(values.time_zone)]
    starts_at: Instant
    ends_at: Instant | None = None
    billing_cycle: Text = "monthly"
    anchor_day: Annotated[int, BeforeValidator(values.whole(least=1, most=31))] = 1
    late_policy: Annotated[str, _choice("contracts.late_policy")] = "grace"
    grace_hours: Annotated[int, BeforeValidator(values.whole())] = 72
    close_delay_minutes: Annotated[int, BeforeValidator(values.whole())] = 0
    clock_policy: Annotated[str, _choice("contracts.clock_policy")] = "corrected"
    estimation: Annotated[str, _choice("contracts.estimation")] = "none"
    load_profile: Text | None = None
    rate_card_id: Text
    cohort: Text | None = None
    minimum_spend_amount: Amount | None = None
    tax_percent: Percent = Decimal(0)
    maximum_spend_amount: Spend | None = None
    commitment_amount: Spend | None = None
    tax_jurisdiction: Text | None = None
    invoice_approval: Annotated[str, _choice("contracts.invoice_approval")] = "automatic"
    retention_class: Text | None = None


class RetentionClass(Row):
    """For how many days what is kept of a contract stays; none: without end."""

    key = ("retention_class",)
    retention_class: Text
    raw_days: Days | None = None
    event_days: Days | None = None
    minute_days: Days | None = None


class Calendar(Row):
    """A date on which a period of a custom calendar begins and the one before it ends; the last one only ends."""

    key = ("calendar", "period_start_date")
    calendar: Text
    period_start_date: Date


class DeviceType(Row):
    """How far the clocks and sequences of a kind of device are trusted."""

    key = ("device_type",)
    device_type: Text
    max_clock_skew_seconds: Seconds = Decimal(300)
    sequence_conflict_policy: Annotated[str, _choice("device_types.sequence_conflict_policy")] = "quarantine"
    sequence_reuse_window_seconds: Seconds | None = None
    register_max: Annotated[Decimal, BeforeValidator(values.number(more_than=0, digits=TOTAL_DIGITS))] | None = None
    expected_interval_seconds: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None
    max_use_per_hour: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None
    min_use_per_hour: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None
    spike_factor: Annotated[Decimal, BeforeValidator(values.number(more_than=1))] | None = None
    # A close looks four weeks back, so a longer run cannot be seen.
    stuck_after_hours: Annotated[int, BeforeValidator(values.whole(least=2, most=28 * 24))] | None = None


class LoadProfile(Row):
    """The weight of a local hour in a usual week, by which gaps are filled under `estimation` = profile."""

    key = ("load_profile", "day_type", "local_hour")
    load_profile: Text
    day_type: Annotated[str, _choice("load_profiles.day_type")]
    local_hour: Annotated[int, BeforeValidator(values.whole(most=23))]
    weight: Amount


class Device(Row):
    """A platform alias of a thing that reports."""

    key = ("tenant_id", "device_id")
    # Before the instants: those without an offset are local times of the tenant's contracts.
    tenant_id: Text
    device_id: Annotated[str, AfterValidator(values.device_alias)]
    device_type: Text | None = None
    property_id: Text | None = None
    activated_at: Instant | None = None
    retired_at: Instant | None = None
    meter_role: Annotated[str, _choice("devices.meter_role")] | None = None
    unit_id: Text | None = None


class Property(Row):
    """A place whose master meter is compared with its sub-meters."""

    key = ("property_id",)
    property_id: Text
    name: Text | None = None
    tolerance_percent: Annotated[Decimal, BeforeValidator(values.number(most=100))] = Decimal(5)


class Unit(Row):
    """A part of a property that somebody can occupy."""

    key = ("property_id", "unit_id")
    property_id: Text
    unit_id: Text
    floor_area: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None


class Occupancy(Row):
    """Who pays for what a unit uses, from `starts_at` until `ends_at`."""

    key = ("occupancy_id",)
    occupancy_id: Text
    # Before the instants: those without an offset are local times of the tenant's contracts.
    tenant_id: Text
    property_id: Text
    unit_id: Text
    starts_at: Instant
    ends_at: Instant | None = None
    occupants: Annotated[int, BeforeValidator(values.whole(least=1))] = 1


class Allocation(Row):
    """How what a property's master meter counts and its sub-meters do not is shared among the units."""

    key = ("property_id", "metric")
    property_id: Text
    metric: Text
    method: Annotated[str, _choice("allocations.method")]
    charged_metric: Text | None = None


class Metric(Row):
    """What is measured."""

    key = ("metric",)
    metric: Text
    unit: Text | None = None
    reading_type: Annotated[str, _choice("metrics.reading_type")] = "delta"
    aggregation: Annotated[str, _choice("metrics.aggregation")] = "sum"


class RateCard(Row):
    """One charge of one version of a rate card: over a metric (none: over all), by usage or by active devices.

    `attribute` splits the quantity: by a column of devices.csv, or by what messages carry under that name.
    """

    key = ("rate_card_id", "rate_card_version", "metric", "charge_basis", "charge")
    rate_card_id: Text
    rate_card_version: Version = 1
    effective_from_date: Date = date(1970, 1, 1)
    release: Annotated[str, _choice("rate_cards.release")] = "dated"
    split_by_date: Annotated[str, _choice("rate_cards.split_by_date")] = "false"
    currency_code: Currency
    metric: Text | None = None
    charge_basis: ChargeBasis = "usage"
    charge: Text | None = None
    price_model: Annotated[str, _choice("rate_cards.price_model")]
    package_size: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None
    included_units: Total = Decimal(0)
    zero_quantity: Annotated[str, _choice("rate_cards.zero_quantity")] = "no_charge"
    attribute: Text | None = None
    fee_per_event: Amount | None = None
    free_events: Annotated[int, BeforeValidator(values.whole())] | None = None
    free_amount: Total | None = None
    minimum_per_event: Amount | None = None
    maximum_per_event: Amount | None = None
    schedule: Text | None = None
    tier_meaning: Annotated[str, _choice("rate_cards.tier_meaning")] = "per_part"
    demand_minutes: Annotated[str, _choice("rate_cards.demand_minutes")] | None = None
    window: Annotated[str, _choice("rate_cards.window")] | None = None
    net_metric: Text | None = None
    ratchet_percent: Annotated[Decimal, BeforeValidator(values.number(more_than=0, most=100))] | None = None
    ratchet_periods: Annotated[int, BeforeValidator(values.whole(least=1, most=24))] | None = None
    ratchet_months: Annotated[str, AfterValidator(values.months)] | None = None
    device_proration: Annotated[str, _choice("rate_cards.device_proration")] = "none"
    weighting: Annotated[str, _choice("rate_cards.weighting")] = "hour"


class RateCardTier(Row):
    """A price of a charge, up to a cumulative and inclusive bound (none: unbounded).

    `part` is the value of the charge's attribute that it prices; without one it prices every value not named.
    """

    key = ("rate_card_id", "rate_card_version", "metric", "charge_basis", "charge", "part", "tier_number")
    rate_card_id: Text
    rate_card_version: Version = 1
    metric: Text | None = None
    charge_basis: ChargeBasis = "usage"
    charge: Text | None = None
    part: Text | None = None
    tier_number: Version
    up_to: Annotated[Decimal, BeforeValidator(values.number(more_than=0, digits=TOTAL_DIGITS))] | None = None
    unit_price: Amount | None = None
    flat_fee: Amount | None = None
    percent: Amount | None = None
    package_size: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] | None = None


class TimeOfUse(Row):
    """When a part of a schedule is in force, by the local clock; of several rows that fit the lowest sequence wins."""

    key = ("schedule", "sequence")
    schedule: Text
    sequence: Version
    part: Text
    season_start: Annotated[str, AfterValidator(values.month_day)] = "01-01"
    season_end: Annotated[str, AfterValidator(values.month_day)] = "12-31"
    days: Annotated[str, AfterValidator(values.days)] = "all"
    starts_time: Annotated[str, AfterValidator(values.time_of_day)] = "00:00"
    ends_time: Annotated[str, AfterValidator(values.time_of_day)] = "24:00"
    calendar: Text | None = None


class Holiday(Row):
    """A local date that the rows of a schedule know as `holiday`."""

    key = ("calendar", "holiday_date")
    calendar: Text
    holiday_date: Date
    name: Text | None = None


class RateCardTerms(Row):
    """What one version of a card says about the invoice as a whole."""

    key = ("rate_card_id", "rate_card_version")
    rate_card_id: Text
    rate_card_version: Version = 1
    rounding_mode: Annotated[str, _choice("rate_card_terms.rounding_mode")] = "half_up"
    is_total_from_unrounded: Annotated[str, _choice("rate_card_terms.is_total_from_unrounded")] = "false"
    tax_behavior: Annotated[str, _choice("rate_card_terms.tax_behavior")] = "exclusive"
    has_credits_before_tax: Annotated[str, _choice("rate_card_terms.has_credits_before_tax")] = "false"
    minimum_spend_amount: Amount | None = None
    annual_minimum_amount: Amount | None = None
    maximum_spend_amount: Spend | None = None
    commitment_amount: Spend | None = None
    overage_factor: Annotated[Decimal, BeforeValidator(values.number(least=1))] = Decimal(1)
    is_commitment_trued_up: Annotated[str, _choice("rate_card_terms.is_commitment_trued_up")] = "true"
    proration: Annotated[str, _choice("rate_card_terms.proration")] = "day"
    proration_end: Annotated[str, _choice("rate_card_terms.proration_end")] = "exclusive"


class Discount(Row):
    """What a tenant, or all tenants of a card, pay less; a discount by tiers of spend has a row for each."""

    key = ("discount_id", "spend_from")
    discount_id: Text
    tenant_id: Text | None = None
    rate_card_id: Text | None = None
    metric: Text | None = None
    percent: Percent | None = None
    amount: Spend | None = None
    spend_from: Amount = Decimal(0)
    starts_date: Date = date(1970, 1, 1)
    ends_date: Date | None = None
    sequence: Version = 1


class Tax(Row):
    """A tax of a jurisdiction, from a date on until its next row."""

    key = ("jurisdiction", "tax", "effective_from_date")
    jurisdiction: Text
    tax: Text
    effective_from_date: Date = date(1970, 1, 1)
    percent: Percent


class Credit(Row):
    """Money that a tenant paid, or was given, in advance of the invoices that it pays."""

    key = ("credit_id",)
    credit_id: Text
    tenant_id: Text
    currency_code: Currency
    amount: Spend
    granted_date: Date
    expires_date: Date | None = None
    priority: Version = 1


class Budget(Row):
    """Use in a billing period, of a tenant or one of his devices, that somebody wants to hear of when it is passed."""

    key = ("budget_id",)
    budget_id: Text
    tenant_id: Text
    device_id: Annotated[str, AfterValidator(values.device_alias)] | None = None
    metric: Text
    quantity: Annotated[Decimal, BeforeValidator(values.number(more_than=0))]


class PeriodOverride(Row):
    """A declared exception to the instant from which messages are late for a period (RULES 2)."""

    key = ("tenant_id", "period_start_date")
    tenant_id: Text
    period_start_date: Date
    closes_at: Instant
    reason: Text | None = None


class RegisterExchange(Row):
    """A new meter behind a device: its first reading from `exchanged_at` on is a baseline (RULES 10)."""

    key = ("tenant_id", "device_id", "metric", "exchanged_at")
    tenant_id: Text
    device_id: Annotated[str, AfterValidator(values.device_alias)]
    metric: Text
    exchanged_at: Instant
    reason: Text | None = None


class Calibration(Row):
    """What the numbers of a meter are multiplied by, and what is added, from `starts_at` until `ends_at`."""

    key = ("tenant_id", "device_id", "metric", "starts_at")
    tenant_id: Text
    device_id: Annotated[str, AfterValidator(values.device_alias)]
    metric: Text
    starts_at: Instant
    ends_at: Instant | None = None
    multiplier: Annotated[Decimal, BeforeValidator(values.number(more_than=0))] = Decimal(1)
    offset_quantity: Annotated[Decimal, BeforeValidator(values.number(least=None))] = Decimal(0)
    reason: Text | None = None


class FieldMapping(Row):
    """What a source calls a field of a message; for a tenant, for files by their path, or for all."""

    key = ("to_field", "from_field", "tenant_id", "path_pattern")
    # Before the name that is compared with it.
    to_field: Annotated[str, AfterValidator(values.mapped_field)]
    from_field: Annotated[str, AfterValidator(values.source_field)]
    tenant_id: Text | None = None
    path_pattern: Text | None = None


class UnitConversion(Row):
    """A unit in which a metric may be delivered: quantity * factor + offset is the quantity in the metric's unit."""

    key = ("metric", "unit")
    metric: Text
    unit: Text
    factor: Annotated[Decimal, BeforeValidator(values.number(more_than=0))]
    offset_quantity: Annotated[Decimal, BeforeValidator(values.number(least=None))] = Decimal(0)


class Source(Row):
    """A source whose measurement times are local and carry no zone; by the path of its files, by tenant, or both."""

    key = ("path_pattern", "tenant_id")
    path_pattern: Text | None = None
    tenant_id: Text | None = None
    time_zone: Annotated[str, AfterValidator(values.time_zone)]


@dataclass(frozen=True)
class Table:
    """A CSV of the folder: `<name>.csv`, loaded into `config.<name>`."""

    name: str
    model: type[Row]
    is_required: bool = True

    @property
    def file(self) -> str:
        """Name of the CSV."""
        return f"{self.name}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that this release knows."""
        return tuple(self.model.model_fields)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Columns that have no default."""
        return tuple(name for name, field in self.model.model_fields.items() if field.is_required())

    @property
    def defaults(self) -> dict[str, Any]:
        """Default by column, for the columns that have one."""
        return {name: field.default for name, field in self.model.model_fields.items() if not field.is_required()}


# In the order in which they are read: a table comes after those whose rows it needs to be understood.
TABLES = (
    Table("tenants", Tenant),
    Table("calendars", Calendar, is_required=False),
    Table("retention_classes", RetentionClass, is_required=False),
    Table("contracts", Contract),
    Table("device_types", DeviceType, is_required=False),
    Table("metrics", Metric),
    Table("load_profiles", LoadProfile, is_required=False),
    Table("rate_cards", RateCard),
    Table("rate_card_tiers", RateCardTier),
    Table("time_of_use", TimeOfUse, is_required=False),
    Table("holidays", Holiday, is_required=False),
    Table("rate_card_terms", RateCardTerms, is_required=False),
    Table("discounts", Discount, is_required=False),
    Table("taxes", Tax, is_required=False),
    Table("credits", Credit, is_required=False),
    Table("budgets", Budget, is_required=False),
    Table("period_overrides", PeriodOverride, is_required=False),
    Table("properties", Property, is_required=False),
    Table("units", Unit, is_required=False),
    Table("occupancies", Occupancy, is_required=False),
    Table("allocations", Allocation, is_required=False),
    Table("register_exchanges", RegisterExchange, is_required=False),
    Table("calibrations", Calibration, is_required=False),
    Table("field_mappings", FieldMapping, is_required=False),
    Table("unit_conversions", UnitConversion, is_required=False),
    Table("sources", Source, is_required=False),
    Table("devices", Device),
)
