"""From the lines of charges to what is owed: discounts, commitments, bounds of spend, taxes, prepaid credits, rounding.

Every case is a tenant with its own card, of February 2019 unless it says otherwise, at 1.00 EUR a kWh unless it says
otherwise: an amount is a number of kWh.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import Configuration, Pipeline, message

LINES = """
select line_type, amount::text, description from finance.invoice_lines
where invoice_id = %s and invoice_version = %s order by line_number
"""
AMOUNTS = """
select subtotal_amount::text, tax_amount::text, prepaid_amount::text, total_amount::text from finance.invoices
where invoice_id = %s and invoice_version = %s
"""
TAXES = """
select tax, trim_scale(percent)::text, taxable_amount::text, tax_amount::text from finance.invoice_taxes
where invoice_id = %s order by tax
"""
DRAWS = """
select credit_id, invoice_version, available_amount::text, amount::text, is_standing from finance.credit_applications
where invoice_id = %s order by invoice_version, credit_id
"""
BALANCES = "select credit_id, drawn_amount::text, balance_amount::text from finance.credit_balances order by 1"

PER_KWH = ((None, "1.00"),)
# use in kWh, terms of the card, the contract, tiers of the price
CASES: dict[str, tuple[object, dict[str, object], dict[str, object], tuple[tuple[object, ...], ...]]] = {}
CONFIGURE: list[Callable[[Configuration], None]] = []


def case(
    name: str, use: object, contract: dict[str, object] | None = None, tiers: Any = PER_KWH, **terms: object
) -> str:
    """A tenant that uses so much in February, and what is agreed with it."""
    CASES[name] = (use, terms, contract or {}, tiers)
    return name


def discount(tenant: str, discount_id: str, **columns: object) -> None:
    CONFIGURE.append(
        lambda config: config.row("discounts", discount_id=f"{tenant}-{discount_id}", tenant_id=tenant, **columns)
    )


def tax(jurisdiction: str, name: str, percent: object, since: str = "1970-01-01") -> None:
    CONFIGURE.append(
        lambda config: config.row(
            "taxes", jurisdiction=jurisdiction, tax=name, percent=percent, effective_from_date=since
        )
    )


def credit(tenant: str, credit_id: str, amount: object, granted: str = "2019-01-01", **columns: object) -> None:
    row = {"credit_id": f"{tenant}-{credit_id}", "tenant_id": tenant, "currency_code": "EUR", "amount": amount}
    CONFIGURE.append(lambda config: config.row("credits", **row, granted_date=granted, **columns))


HALF = {"starts_at": "2019-02-15"}
case("minimum-of-card", 30, minimum_spend_amount=50)
case("contract-before-card", 30, {"minimum_spend_amount": 40}, minimum_spend_amount=50)
case("no-minimum-after-all", 30, {"minimum_spend_amount": 0}, minimum_spend_amount=50)
case("maximum", 130, {"maximum_spend_amount": 100})
case("maximum-of-half-a-month", 130, {"maximum_spend_amount": 100, **HALF})
case("commitment-not-reached", 70, commitment_amount=100)
case("commitment-exceeded", 150, commitment_amount=100, overage_factor="1.2")
case("commitment-without-true-up", 70, commitment_amount=100, is_commitment_trued_up="false")
case("commitment-before-minimum", 70, {"minimum_spend_amount": 120}, commitment_amount=100)
case("by-second", 1, {"starts_at": "2019-02-15T12:00", "minimum_spend_amount": 560}, proration="second")
case("by-day", 1, {"starts_at": "2019-02-15T12:00", "minimum_spend_amount": 560})
case("not-prorated", 1, {"minimum_spend_amount": 560, **HALF}, proration="none")
case("end-exclusive", 1, {"minimum_spend_amount": 560, "ends_at": "2019-02-15"})
case("end-inclusive", 1, {"minimum_spend_amount": 560, "ends_at": "2019-02-15"}, proration_end="inclusive")

case("percent", 80)
discount("percent", "d", percent=10)
case("one-after-the-other", 100)
discount("one-after-the-other", "second", percent=10, sequence=2)
discount("one-after-the-other", "first", amount=20, sequence=1)
case("never-below-zero", 30, {"tax_percent": 19})
discount("never-below-zero", "d", amount=50)
case("tiers-of-spend", 260)
for start, rate in ((0, 0), (100, 10), (200, 20)):
    discount("tiers-of-spend", "d", percent=rate, spend_from=start)
case("not-in-force", 100)
discount("not-in-force", "before", percent=10, ends_date="2019-02-01")
discount("not-in-force", "after", percent=10, starts_date="2019-02-02")
case("a-metric-first", 100)
discount("a-metric-first", "all", percent=10)
discount("a-metric-first", "energy", percent=50, metric="energy", sequence=9)
case("of-the-card", 100)
CONFIGURE.append(lambda config: config.row("discounts", discount_id="card", rate_card_id="of-the-card", percent=25))
case("discount-before-minimum", 100, {"minimum_spend_amount": 95})
discount("discount-before-minimum", "d", percent=10)

tax("mn", "state", "6.875")
tax("mn", "county", "0.15")
tax("mn", "transit", "0.5", "2019-02-28")
tax("mn", "later", "9", "2019-03-01")
case("several-taxes", 100, {"tax_jurisdiction": "mn"})
case("tax-included", 119, {"tax_percent": 19}, tax_behavior="inclusive")
case("several-taxes-included", 100, {"tax_jurisdiction": "mn"}, tax_behavior="inclusive")

credit("credits", "expires-later", 50)
credit("credits", "expires-first", 100, expires_date="2019-04-01")
credit("credits", "expired", 100, expires_date="2019-02-28")
credit("credits", "not-yet-granted", 100, "2019-03-01")
case("credits", 100, {"tax_percent": 19})
credit("credits-before-tax", "advance", 40)
case("credits-before-tax", 100, {"tax_percent": 19}, has_credits_before_tax="true")
credit("by-priority", "first", 10, priority=1)
credit("by-priority", "second", 10, priority=2, expires_date="2019-03-01")
case("by-priority", 15)
credit("weekly", "advance", 50)
case("weekly", 20, {"billing_cycle": "weekly"})

THIRDS = ((1, "0.335"), (2, "0.335"), (None, "0.335"))
case("half-up", 3, tiers=THIRDS)
case("half-even", 3, tiers=THIRDS, rounding_mode="half_even")
case("floor", 3, tiers=THIRDS, rounding_mode="floor")
case("ceil", 3, tiers=((1, "0.331"), (2, "0.331"), (None, "0.331")), rounding_mode="ceil")
case("total-from-unrounded", 3, tiers=THIRDS, is_total_from_unrounded="true")
case("discounted-total-from-unrounded", 3, tiers=THIRDS, is_total_from_unrounded="true")
discount("discounted-total-from-unrounded", "d", percent=10)


def configure(configuration: Configuration) -> None:
    for name, (_, terms, contract, tiers) in CASES.items():
        configuration.rate_card(name, *tiers, price_model="graduated" if len(tiers) > 1 else "per_unit")
        if terms:
            configuration.row("rate_card_terms", rate_card_id=name, **terms)
        configuration.tenant(name, "m-1", rate_card_id=name, **contract)
    for declare in CONFIGURE:
        declare(configuration)


@pytest.fixture(scope="module")
def billed(shared_pipeline: Pipeline) -> Pipeline:
    """All cases, closed for February; then `credits` is amended, and March closed for it."""
    pipeline = shared_pipeline
    configure(pipeline.configuration)
    for name, (use, _, contract, _) in CASES.items():
        at = "2019-02-10T12:00" if "ends_at" in contract else "2019-02-20T12:00"
        pipeline.land(message(name, "m-1", 1, use, at), name=f"{name}.jsonl")
    # An earlier week, so that one close bills two weeks that the same credit pays.
    pipeline.land(message("weekly", "m-1", 2, 40, "2019-02-12T12:00"), name="weekly-2.jsonl")
    pipeline.land(message("credits", "m-1", 9, 60, "2019-03-20T12:00"), name="march.jsonl")
    pipeline.process()
    pipeline.close("2019-02", "2019-03-10")
    return pipeline
