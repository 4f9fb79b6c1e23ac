"""Rating: what must hold for every price, use and pair of invoices, on many random customers of one run.

Each customer has a twin who uses as much, cut otherwise into devices, days and files. An oracle in decimals, written
from the rules and not from the models, says what both pay. The larger run:

    METERLINE_CUSTOMERS=10000 METERLINE_SEED=2019 pytest -m heavy -s tests/property/test_rating.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.property.drawing import examples
from tests.support import Message, Pipeline, message

NewPipeline = Callable[..., Pipeline]

SEED = int(os.environ.get("METERLINE_SEED", "2019"))
CUSTOMERS = int(os.environ.get("METERLINE_CUSTOMERS", "10000"))
CUSTOMERS_OF_THE_SUITE = 60
MINOR_UNITS = {"EUR": Decimal("0.01"), "JPY": Decimal(1), "BHD": Decimal("0.001")}
LEAST = Decimal("0.0000000001")
MONTHS = (2, 3)
# What m-2 counts, it counts in the evening.
EVENING = (
    {"schedule": "evening", "sequence": 1, "part": "peak", "starts_time": "17:00", "ends_time": "20:00"},
    {"schedule": "evening", "sequence": 2, "part": "day"},
)
# A meter in service for the last three hours of February and the first three of March, one of which it may not report.
HOURLY = {"device_type": "hourly", "activated_at": "2019-02-28T21:00", "retired_at": "2019-03-01T03:00"}
READ = ("2019-02-28T21:30", "2019-02-28T23:30", "2019-03-01T00:30", "2019-03-01T01:30", "2019-03-01T02:30")

TOTALS = """
select tenant_id, extract(month from period_start_at)::integer, subtotal_amount, tax_amount, total_amount
from finance.invoices
"""
TWINS_APART = """
with said as (
    select
        substr(invoice_id, 6) as customer,
        jsonb_agg(jsonb_build_array(line_type, tier_number, quantity, unit_price, amount) order by line_number) as lines
    from finance.invoice_lines
    group by invoice_id
)
select customer, count(distinct lines) from said group by customer having count(distinct lines) > 1
"""
UNEXPLAINED = """
select invoice.invoice_id, invoice.total_amount - before.total_amount, coalesce(sum(change.amount), 0)
from finance.invoices as invoice
inner join finance.invoices as before
    on invoice.tenant_id = before.tenant_id and invoice.period_start_at = before.period_end_at
left join finance.invoice_changes as change
    on invoice.invoice_id = change.invoice_id and invoice.invoice_version = change.invoice_version
group by invoice.invoice_id, invoice.total_amount, before.total_amount
having invoice.total_amount - before.total_amount <> coalesce(sum(change.amount), 0)
"""
PAIRS = "select count(*) from finance.invoices where period_start_at >= '2019-03-01'"
COMPONENTS = "select component, count(distinct invoice_id) from finance.invoice_changes group by 1 order by 1"


@dataclass(frozen=True)
class Price:
    """A charge: (up to, unit price, flat fee) by tier; of time of use the prices of the evening and the day."""

    model: str
    tiers: tuple[tuple[Decimal | None, Decimal, Decimal], ...]
    package_size: Decimal
    included: Decimal
    zero_quantity: str


@dataclass(frozen=True)
class Customer:
    """Prices of two months, use by device in each, and terms; some come in mid-month, some have an hour estimated."""

    prices: tuple[Price, Price]
    use: tuple[dict[str, Decimal], dict[str, Decimal]]
    currency: str
    tax_percent: Decimal
    minimum: Decimal
    discount_percent: Decimal
    credit: Decimal
    is_from_the_15th: bool
    is_estimated: bool


def decimals(most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=Decimal(most), places=places, allow_nan=False, allow_infinity=False)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    model = draw(
        st.sampled_from(
            ["per_unit", "volume", "graduated", "graduated", "package", "flat", "time_of_use", "time_of_use"]
        )
    )
    if model == "time_of_use":
        by_part = tuple((None, draw(decimals("3", 4)), Decimal(0)) for _ in ("peak", "day"))
        return Price(model, by_part, Decimal(1), Decimal(0), "no_charge")
    count = draw(st.integers(1, 4)) if model in ("volume", "graduated") else 1
    bounds = sorted(draw(st.sets(st.sampled_from([1, 10, 50, 100, 500]), min_size=count - 1, max_size=count - 1)))
    fees = decimals("20", 2) if model in ("volume", "graduated", "flat") else st.just(Decimal(0))
    tiers = tuple(
        (bound, Decimal(0) if model == "flat" else draw(decimals("3", 4)), draw(fees))
        for bound in [*map(Decimal, bounds), None]
    )
    included = st.sampled_from([Decimal(0), Decimal(0), Decimal(10)])
    zero_quantity = draw(st.sampled_from(["no_charge", "first_tier_flat"]))
    return Price(model, tiers, draw(st.sampled_from([Decimal(7), Decimal("0.3")])), draw(included), zero_quantity)


# Bounds of tiers, their nearest neighbours, nothing, and numbers that no binary fraction holds.
QUANTITIES = st.one_of(
    st.sampled_from([Decimal(n) for n in (0, 1, 10, 50, 100, 110, 500)]),
    st.sampled_from([n + LEAST for n in (1, 10, 50, 100)] + [n - LEAST for n in (1, 10, 50, 100)]),
    decimals("700", 10),
)


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    first = draw(prices())
    second = draw(st.one_of(st.just(first), prices()))
    devices = ("m-1", "m-2", "m-3")
    # Often all of them, for only then the same use can be of other devices or hours.
    of_all = st.fixed_dictionaries(dict.fromkeys(devices, QUANTITIES))
    use = st.one_of(st.dictionaries(st.sampled_from(devices), QUANTITIES, max_size=3), of_all)
    return Customer(
        (first, second),
        (draw(use), draw(use)),
        draw(st.sampled_from(["EUR", "EUR", "JPY", "BHD"])),
        draw(st.sampled_from([Decimal(0), Decimal(19), Decimal("8.875")])),
        draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(25)])),
        draw(st.sampled_from([Decimal(0), Decimal(0), Decimal("12.5")])),
        draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(40)])),
        draw(st.sampled_from([False, False, True])),
        draw(st.sampled_from([False, False, True])),
    )


def known() -> list[Customer]:
    """Customers who see to it that every component occurs, whatever is drawn beside them."""
    one, two, ten, none = Decimal(1), Decimal(2), Decimal(10), Decimal(0)
    half_cents = Price("per_unit", ((None, Decimal("0.345"), none),), one, none, "no_charge")
    parts = Price("time_of_use", ((None, Decimal("0.50"), none), (None, Decimal("0.30"), none)), one, none, "no_charge")
    fee = Price("flat", ((None, none, Decimal(28)),), one, none, "no_charge")
    terms = ("EUR", Decimal(19), none, none)
    return [
        # An hour less is estimated, at 0.345: rounded.
        Customer((half_cents, half_cents), ({"m-1": one}, {"m-1": two}), *terms, none, False, True),
        # From day to evening.
        Customer((parts, parts), ({"m-1": two, "m-2": one}, {"m-1": one, "m-2": two}), *terms, none, False, False),
        # Half a month, of which a credit pays a part.
        Customer((fee, fee), ({"m-1": one}, {"m-1": one}), *terms, ten, True, False),
    ]


def expected(customer: Customer) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(subtotal, tax, total) of both months by the rules: lines, discount, minimum, tax, and what a credit pays."""
    unit, left, answers = MINOR_UNITS[customer.currency], customer.credit, []
    for month in range(len(MONTHS)):
        # 14 of 28 days.
        share = Decimal("0.5") if customer.is_from_the_15th and month == 0 else Decimal(1)
        charged = sum((rounded(line, unit) for line in charges(customer, month, share)), Decimal(0))
        charged -= rounded(charged * customer.discount_percent / 100, unit)
        subtotal = max(charged, rounded(customer.minimum * share, unit))
        tax = rounded(subtotal * customer.tax_percent / 100, unit)
        paid = min(left, subtotal + tax)
        left -= paid
        answers.append((subtotal, tax, subtotal + tax - paid))
    return answers


def charges(customer: Customer, month: int, share: Decimal) -> list[Decimal]:
    """Lines of the charge before rounding: included units, tiers, and a fee for a share of the month."""
    price, used = customer.prices[month], customer.use[month]
    # Three hours of 1, read or estimated.
    total = sum(used.values(), Decimal(3 if customer.is_estimated else 0))
    if price.model == "time_of_use":
        evening = used.get("m-2", Decimal(0))
        return [units * tier[1] for units, tier in zip((evening, total - evening), price.tiers, strict=True)]
    quantity, below = max(total - price.included * share, Decimal(0)), Decimal(0)
    lines = []
    for bound, unit_price, fee in price.tiers:
        is_in_it = quantity > below and (bound is None or quantity <= bound)
        if price.model == "graduated":
            units = max(min(quantity, quantity if bound is None else bound) - below, Decimal(0))
        else:
            units = quantity if is_in_it else Decimal(0)
        if price.model == "package":
            units = (units / price.package_size).to_integral_value(ROUND_CEILING)
        is_due = units > 0 or (quantity == 0 and below == 0 and price.zero_quantity == "first_tier_flat")
        lines += [units * unit_price, fee * share if price.model == "flat" else fee if is_due else Decimal(0)]
        below = bound or below
    return lines


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return (amount / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit


def delivered(tenant: str, customer: Customer, is_twin: bool) -> list[Message]:
    """Each device's use in one message; the twin's in three of other days, one of them of another device."""
    sent = []
    for month, use in zip(MONTHS, customer.use, strict=True):
        for number, (device, quantity) in enumerate(sorted(use.items()), start=1):
            key, hour = month * 10 + number, 18 if device == "m-2" else 12
            if is_twin:
                third = (quantity / 3).quantize(LEAST)
                cut = [("m-9", third), (device, third), (device, quantity - 2 * third)]
                sent += [
                    message(
                        tenant, by, key * 10 + part, amount, f"2019-{month:02}-{14 + 3 * part + number:02}T{hour}:00"
                    )
                    for part, (by, amount) in enumerate(cut, start=1)
                ]
            else:
                sent.append(message(tenant, device, key, quantity, f"2019-{month:02}-{14 + number:02}T{hour}:00"))
    if customer.is_estimated:
        sent += [message(tenant, "m-8", number, 1, at) for number, at in enumerate(READ, start=1)]
    return sent


def configure(pipeline: Pipeline, name: str, customer: Customer) -> None:
    """The customer's card in two versions, and both twins with their terms."""
    configuration = pipeline.configuration
    for version, price in enumerate(customer.prices, start=1):
        tiers: list[Any] = list(price.tiers)
        if price.model == "flat":
            tiers = [(None, "", fee) for _, _, fee in price.tiers]
        if price.model == "time_of_use":
            parts = zip(("peak", "day"), price.tiers, strict=True)
            tiers = [{"part": part, "unit_price": unit_price} for part, (_, unit_price, _) in parts]
        configuration.rate_card(
            name, *tiers, price_model=price.model, included_units=price.included, rate_card_version=version,
            package_size=price.package_size if price.model == "package" else "", currency_code=customer.currency,
            zero_quantity=price.zero_quantity, effective_from_date=f"2019-{MONTHS[version - 1]:02}-01",
            schedule="evening" if price.model == "time_of_use" else "",
        )  # fmt: skip
    for tenant in (f"a{name}", f"b{name}"):
        terms: dict[str, object] = {"tax_percent": customer.tax_percent, "minimum_spend_amount": customer.minimum}
        terms["starts_at"] = "2019-02-15" if customer.is_from_the_15th else "2019-02-01"
        terms["estimation"] = "linear" if customer.is_estimated else ""
        pipeline.tenant(tenant, "m-1", "m-2", "m-3", "m-9", rate_card_id=name, **terms)
        configuration.tables["tenants"][-1]["currency_code"] = customer.currency
        if customer.is_estimated:
            configuration.row("devices", tenant_id=tenant, device_id="m-8", **HOURLY)
        if customer.discount_percent:
            configuration.row("discounts", discount_id=tenant, tenant_id=tenant, percent=customer.discount_percent)
        if customer.credit:
            credit = {"currency_code": customer.currency, "amount": customer.credit, "granted_date": "2019-01-01"}
            configuration.row("credits", credit_id=tenant, tenant_id=tenant, **credit)


def bill(pipeline: Pipeline, drawn: dict[str, Customer]) -> None:
    """Both twins of all customers: February and March, closed, explained, and rated again."""
    landed = list[Message]()
    pipeline.configuration.tables["time_of_use"] = list(EVENING)
    pipeline.configuration.row("device_types", device_type="hourly", expected_interval_seconds=3600)
    for name, customer in drawn.items():
        configure(pipeline, name, customer)
        landed += delivered(f"a{name}", customer, is_twin=False) + delivered(f"b{name}", customer, is_twin=True)
    half = len(landed) // 2
    pipeline.land(*landed[half:])
    pipeline.land(*landed[:half])
    pipeline.process()
    for month in MONTHS:
        pipeline.close(f"2019-{month:02}", "2019-04-05")
        held = pipeline.rows("select distinct gate, subject from governance.standing_holds")
        for gate, subject in held:
            pipeline.override(gate, subject, "Ada Lovelace", "the price was drawn at random")
        if held:
            pipeline.close(f"2019-{month:02}", "2019-04-05")
    pipeline.explain("2019-03")


def check(new_pipeline: NewPipeline, count: int) -> None:
    pipeline = new_pipeline()
    everybody = [*known(), *examples(customers(), count, SEED)]
    drawn = {f"{number:05}": one for number, one in enumerate(everybody, start=1)}
    bill(pipeline, drawn)
    totals = {(tenant, month): tuple(amounts) for tenant, month, *amounts in pipeline.rows(TOTALS)}
    assert len(totals) == len(drawn) * 2 * len(MONTHS)
    for name, customer in drawn.items():
        for month, answer in zip(MONTHS, expected(customer), strict=True):
            assert totals[f"a{name}", month] == answer, (name, month, customer)
    assert pipeline.rows(TWINS_APART) == []
    assert pipeline.rows(UNEXPLAINED) == []
    ((pairs,),) = pipeline.rows(PAIRS)
    components = dict(pipeline.rows(COMPONENTS))
    # A run without one of them would prove nothing about it; nobody adjusted anything.
    assert components.keys() == {
        "days",
        "removed_devices",
        "new_devices",
        "volume",
        "mix",
        "estimated",
        "price",
        "tier_crossing",
        "tax",
        "rounding",
        "credits",
    }
    assert pipeline.prove() == {}
    pipeline.audit()
    print(f"{pairs} pairs of invoices; explained by {components}")


def test_60_customers_pay_what_the_oracle_says_however_their_use_is_cut(new_pipeline: NewPipeline) -> None:
    check(new_pipeline, CUSTOMERS_OF_THE_SUITE)


@pytest.mark.heavy
@pytest.mark.timeout(600 + CUSTOMERS)
def test_many_customers_pay_what_the_oracle_says_however_their_use_is_cut(new_pipeline: NewPipeline) -> None:
    check(new_pipeline, CUSTOMERS)


@st.composite
def ladders(draw: st.DrawFn) -> tuple[tuple[int | None, Decimal, Decimal], ...]:
    """Whole bounds and prices in cents, so that at a bound no line is rounded; half of the ladders without fees."""
    bounds = sorted(draw(st.sets(st.integers(2, 500), min_size=1, max_size=3)))
    fees = decimals("20", 2) if draw(st.booleans()) else st.just(Decimal(0))
    return tuple((bound, draw(decimals("3", 2)), draw(fees)) for bound in [*bounds, None])


def paid_at_bounds(ladder: tuple[tuple[int | None, Decimal, Decimal], ...]) -> list[tuple[Decimal, Decimal]]:
    """(use, price of it) just below each bound, at it, just above, and half a unit above; the fee is the only jump."""
    points, below, price = [], Decimal(0), Decimal(0)
    for (bound, unit_price, fee), (_, beyond, next_fee) in pairwise(ladder):
        assert bound is not None
        price += fee + (bound - below) * unit_price
        points += [(bound - LEAST, price), (Decimal(bound), price), (bound + LEAST, price + next_fee)]
        points += [(Decimal(bound) + Decimal("0.5"), price + next_fee + rounded(beyond / 2, MINOR_UNITS["EUR"]))]
        below = Decimal(bound)
    return points


def test_graduated_is_monotone_and_continuous_and_volume_is_neither(shared_pipeline: Pipeline) -> None:
    """The same tiers under both models, from one unit below a bound to one above, in steps of the least unit."""
    drawn = [(ladder, paid_at_bounds(ladder)) for ladder in examples(ladders(), 12, SEED)]
    used = []
    for row, (tiers_drawn, points) in enumerate(drawn):
        shared_pipeline.configuration.rate_card(f"drawn-{row}", *tiers_drawn, price_model="graduated")
        for point, (quantity, _) in enumerate(points):
            shared_pipeline.tenant(f"drawn-{row}-{point}", "m-1", rate_card_id=f"drawn-{row}")
            used.append(message(f"drawn-{row}-{point}", "m-1", 1, quantity, "2019-02-10T12:00"))
    ladder = [bound + step for bound in (10, 100) for step in (-1, -LEAST, Decimal(0), LEAST, Decimal(1))]
    for model in ("graduated", "volume"):
        tiers = ((10, "1.00"), (100, "0.50"), (None, "0.40"))
        shared_pipeline.configuration.rate_card(model, *tiers, price_model=model)
        for number, quantity in enumerate(ladder):
            shared_pipeline.tenant(f"{model}-{number:02}", "m-1", rate_card_id=model)
            used.append(message(f"{model}-{number:02}", "m-1", 1, quantity, "2019-02-10T12:00"))
    shared_pipeline.land(*used)
    shared_pipeline.process()
    shared_pipeline.close("2019-02", "2019-03-05")
    paid = {tenant: total for tenant, _, _, _, total in shared_pipeline.rows(TOTALS)}
    graduated = [paid[f"graduated-{number:02}"] for number in range(len(ladder))]
    # 9 and 10 at 1.00; 11 is 10.00 + 0.50; 99 is 10.00 + 89 x 0.50; 101 is 55.00 + 0.40.
    assert [str(amount) for amount in graduated] == [
        "9.00", "10.00", "10.00", "10.00", "10.50", "54.50", "55.00", "55.00", "55.00", "55.40",
    ]  # fmt: skip
    assert all(before <= after for before, after in pairwise(graduated))
    # Just above 10 all units cost half; just above 100 a fifth less.
    volume = [str(paid[f"volume-{number:02}"]) for number in range(len(ladder))]
    assert volume == ["9.00", "10.00", "10.00", "5.00", "5.50", "49.50", "50.00", "50.00", "40.00", "40.40"]

    assert {any(fee for *_, fee in ladder) for ladder, _ in drawn} == {True, False}
    for row, (ladder, points) in enumerate(drawn):
        amounts = [paid[f"drawn-{row}-{point}"] for point in range(len(points))]
        assert amounts == [price for _, price in points], ladder
        assert all(before <= after for before, after in pairwise(amounts)), ladder
