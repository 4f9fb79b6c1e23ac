"""From the lines of charges to what is owed: discounts, commitments, bounds of spend, taxes, prepaid credits, rounding.

Every case is a tenant with its own card, of February 2019 unless it says otherwise, at 1.00 EUR a kWh unless it says
otherwise: an amount is a number of kWh.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orchestration import invoicing
from orchestration.database.connection import connect
from orchestration.errors import BadInputError
from tests.support import Configuration, Pipeline, documented_tables, documented_text, message

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
SHOWN = """
select (sum(amount) filter (where line_type = 'usage'))::text, sum(amount)::text from finance.invoice_lines
where invoice_id = %s and invoice_version = %s
"""
CHANGES = "select component, amount::text from finance.invoice_changes where invoice_id = %s order by change_no"
BALANCES = "select credit_id, drawn_amount::text, balance_amount::text from finance.credit_balances order by 1"

# Examples of the documentation that are cases of these.
DOCUMENTED = {
    "discounts, one after the other": "one-after-the-other",
    "on a metric first, then on the whole": "electricity-and-gas",
    "by tiers of spend": "tiers-of-spend",
    "a total that is rounded alone": "total-from-unrounded",
    "above a commitment": "commitment-exceeded",
    "below a commitment": "commitment-of-half-a-month",
    "minimum, prorated": "by-day",
    "maximum": "maximum",
    "minimum for a year": "yearly",
}

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
case("commitment-of-half-a-month", 30, HALF, commitment_amount=100)
case("commitment-not-reached", 70, commitment_amount=100)
case("commitment-exceeded", 150, commitment_amount=100, overage_factor="1.2")
case("commitment-without-true-up", 70, commitment_amount=100, is_commitment_trued_up="false")
case("commitment-before-minimum", 70, {"minimum_spend_amount": 120}, commitment_amount=100)
case("commitment-by-contract", 30, {"ends_at": "2019-02-15"}, commitment_amount=100, overage_factor="1.2")
CONFIGURE.append(
    lambda config: config.contract(
        "commitment-by-contract-2", "commitment-by-contract", rate_card_id="commitment-by-contract", **HALF
    )
)
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
case("electricity-and-gas", 60)
discount("electricity-and-gas", "all", percent=10)
discount("electricity-and-gas", "energy", percent=50, metric="energy")
CONFIGURE.append(lambda config: config.metric("gas", unit="kWh"))
CONFIGURE.append(lambda config: config.rate_card("electricity-and-gas", *PER_KWH, metric="gas"))
case("of-the-card", 100)
CONFIGURE.append(lambda config: config.row("discounts", discount_id="card", rate_card_id="of-the-card", percent=25))
case("discount-before-minimum", 100, {"minimum_spend_amount": 95})
case("adjustment", 100)
discount("discount-before-minimum", "d", percent=10)
case("approved-credit", 110, {"tax_percent": 20})
# Four quarters of 24, the last of which ends in February.
case("yearly", 24, {"starts_at": "2018-03-01", "billing_cycle": "quarters"}, annual_minimum_amount=180)
QUARTERS = ("2018-03-01", "2018-06-01", "2018-09-01", "2018-12-01", "2019-03-01", "2019-06-01")
CONFIGURE.append(lambda config: config.calendar("quarters", *QUARTERS))

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

THIRDS = ((1, "0.345"), (2, "0.345"), (None, "0.345"))
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
    """All cases, closed for February."""
    pipeline = shared_pipeline
    configure(pipeline.configuration)
    for name, (use, _, contract, _) in CASES.items():
        at = "2019-02-10T12:00" if "ends_at" in contract else "2019-02-20T12:00"
        pipeline.land(message(name, "m-1", 1, use, at), name=f"{name}.jsonl")
    # An earlier week, so that one close bills two weeks that the same credit pays.
    pipeline.land(message("weekly", "m-1", 2, 40, "2019-02-12T12:00"), name="weekly-2.jsonl")
    pipeline.land(message("electricity-and-gas", "m-1", 2, 40, "2019-02-20T12:00", metric="gas"), name="gas.jsonl")
    march = (message(name, "m-1", 9, use, "2019-03-20T12:00") for name, use in (("credits", 60), ("adjustment", 100)))
    pipeline.land(*march, name="march.jsonl")
    pipeline.land(message("commitment-by-contract", "m-1", 2, 70, "2019-02-20T12:00"), name="second-contract.jsonl")
    quarters = enumerate(("2018-04-20", "2018-07-20", "2018-10-20"), start=2)
    pipeline.land(*(message("yearly", "m-1", n, 24, day) for n, day in quarters), name="quarters.jsonl")
    pipeline.process()
    for month in ("2018-05", "2018-08", "2018-11", "2019-02"):
        pipeline.close(month, "2019-03-10")
        assert pipeline.held == {}
    return pipeline


def invoice(tenant: str) -> str:
    _, _, contract, _ = CASES[tenant]
    starts = QUARTERS[3] if tenant == "yearly" else str(contract.get("starts_at", "2019-02-01"))[:10]
    return f"INV-{tenant}-{starts}"


# Type and amount of the lines after the charge, and the total.
@pytest.mark.parametrize(
    ("tenant", "lines", "total"),
    [
        # The card's minimum of 50 adds 20 to 30; a contract's own comes first, 0 meaning none.
        ("minimum-of-card", [("minimum_spend", "20.00")], "50.00"),
        ("contract-before-card", [("minimum_spend", "10.00")], "40.00"),
        ("no-minimum-after-all", [], "30.00"),
        # 100 at most; 14 of 28 days are 50 at most.
        ("maximum", [("maximum_spend", "-30.00")], "100.00"),
        ("maximum-of-half-a-month", [("maximum_spend", "-80.00")], "50.00"),
        # 100 were committed: 70 are trued up. Of 150 the 50 above cost 1.2 times: 0.2 x 50 more.
        ("commitment-not-reached", [("commitment", "30.00")], "100.00"),
        ("commitment-exceeded", [("overage", "10.00")], "160.00"),
        ("commitment-without-true-up", [], "70.00"),
        ("commitment-before-minimum", [("commitment", "30.00"), ("minimum_spend", "20.00")], "120.00"),
        # From noon on 15 February: 13.5 x 86,400 = 1,166,400 of 2,419,200 seconds of 560 are 270; by days the 15th
        # counts whole, 14 of 28 days are 280.
        ("by-second", [("minimum_spend", "269.00")], "270.00"),
        ("by-day", [("minimum_spend", "279.00")], "280.00"),
        ("not-prorated", [("minimum_spend", "559.00")], "560.00"),
        # Until 15 February 00:00: 14 days, and with the day of the end 15: 560 x 15 / 28 = 300.
        ("end-exclusive", [("minimum_spend", "279.00")], "280.00"),
        ("end-inclusive", [("minimum_spend", "299.00")], "300.00"),
        ("percent", [("discount", "-8.00")], "72.00"),
        # 100 - 20 = 80, and 10 % of those.
        ("one-after-the-other", [("discount", "-20.00"), ("discount", "-8.00")], "72.00"),
        ("never-below-zero", [("discount", "-30.00")], "0.00"),
        # Of 260 the first 100 at 0 %, 100 at 10 %, 60 at 20 %: 10 + 12.
        ("tiers-of-spend", [("discount", "-22.00")], "238.00"),
        ("not-in-force", [], "100.00"),
        # Half of the metric's 100, then 10 % of the 50 that are left, whatever the sequence.
        ("a-metric-first", [("discount", "-50.00"), ("discount", "-5.00")], "45.00"),
        ("of-the-card", [("discount", "-25.00")], "75.00"),
        # 100 - 10 = 90, 5 below the minimum.
        ("discount-before-minimum", [("discount", "-10.00"), ("minimum_spend", "5.00")], "95.00"),
    ],
)
def test_terms_of_the_whole_follow_the_charges(
    billed: Pipeline, tenant: str, lines: list[tuple[str, str]], total: str
) -> None:
    rows = billed.rows(LINES, invoice(tenant), 1)
    assert [(line_type, amount) for line_type, amount, _ in rows[1:]] == lines
    assert billed.rows(AMOUNTS, invoice(tenant), 1)[0][3] == total


def test_a_change_of_contract_makes_two_commitments_of_one(billed: Pipeline) -> None:
    # 14 of 28 days of 100 each. The first half misses 20 of its 50; what is above 50 in the second costs 1.2 times,
    # 0.2 x 20 more, although both halves together are 100.
    halves = [
        [row[:2] for row in billed.rows(LINES, f"INV-commitment-by-contract-2019-02-{day}", 1)] for day in ("01", "15")
    ]
    assert halves == [
        [("usage", "30.00"), ("commitment", "20.00")],
        [("usage", "70.00"), ("overage", "4.00")],
    ]


@pytest.mark.parametrize(
    ("tenant", "amounts", "total"),
    [
        # Three times 0.345: half away from zero 0.35, to the even neighbour 0.34, down 0.34; up from 0.331 is 0.34.
        ("half-up", ["0.35", "0.35", "0.35"], "1.05"),
        ("half-even", ["0.34", "0.34", "0.34"], "1.02"),
        ("floor", ["0.34", "0.34", "0.34"], "1.02"),
        ("ceil", ["0.34", "0.34", "0.34"], "1.02"),
        # 3 x 0.345 = 1.035, rounded 1.04: a cent less than the lines. Less 10 % it is 0.9315, rounded 0.93, where the
        # lines say 1.05 - 0.10.
        ("total-from-unrounded", ["0.35", "0.35", "0.35", "-0.01"], "1.04"),
        ("discounted-total-from-unrounded", ["0.35", "0.35", "0.35", "-0.10", "-0.02"], "0.93"),
    ],
)
def test_lines_are_rounded_as_the_card_says(billed: Pipeline, tenant: str, amounts: list[str], total: str) -> None:
    assert [amount for _, amount, _ in billed.rows(LINES, invoice(tenant), 1)] == amounts
    assert billed.rows(AMOUNTS, invoice(tenant), 1) == [(total, "0.00", "0.00", total)]


def test_lines_say_what_they_are_about(billed: Pipeline) -> None:
    said = {
        "maximum-of-half-a-month": "maximum spend of 100.00, 14 of 28 days: excess",
        "commitment-exceeded": "spend above the commitment of 100.00 costs 1.2 times",
        "by-second": "minimum spend of 560.00, 1166400 of 2419200 seconds: shortfall",
        "tiers-of-spend": "discount tiers-of-spend-d by tiers of spend on 260.00",
        "a-metric-first": "discount a-metric-first-all of 10 % on 50.00",
        "total-from-unrounded": "difference of the rounded total to the sum of rounded lines",
    }
    assert {tenant: billed.rows(LINES, invoice(tenant), 1)[-1][2] for tenant in said} == said


def test_every_tax_of_a_jurisdiction_is_on_the_subtotal(billed: Pipeline) -> None:
    # The transit tax begins on the period's last day, the last one after it. 6.875 % of 100 is 6.875, rounded 6.88.
    assert billed.rows(TAXES, invoice("several-taxes")) == [
        ("county", "0.15", "100.00", "0.15"),
        ("state", "6.875", "100.00", "6.88"),
        ("transit", "0.5", "100.00", "0.50"),
    ]
    assert billed.rows(AMOUNTS, invoice("several-taxes"), 1) == [("100.00", "7.53", "0.00", "107.53")]


def test_an_inclusive_card_contains_its_tax(billed: Pipeline) -> None:
    # 119 x 19 / 119. Of 100 with 7.525 % of tax: 0.15 / 107.525 = 0.1395, 6.875 / 107.525 = 6.3939 and
    # 0.5 / 107.525 = 0.4650 in a hundred.
    assert billed.rows(AMOUNTS, invoice("tax-included"), 1) == [("100.00", "19.00", "0.00", "119.00")]
    assert billed.rows(TAXES, invoice("several-taxes-included")) == [
        ("county", "0.15", "93.00", "0.14"),
        ("state", "6.875", "93.00", "6.39"),
        ("transit", "0.5", "93.00", "0.47"),
    ]
    assert billed.rows(AMOUNTS, invoice("several-taxes-included"), 1) == [("93.00", "7.00", "0.00", "100.00")]


def test_credits_pay_after_tax_unless_the_card_says_before(billed: Pipeline) -> None:
    # 119: what expires first pays first, 100 and then 19. 60 of 100 are taxed: 11.40.
    assert billed.rows(AMOUNTS, invoice("credits"), 1) == [("100.00", "19.00", "119.00", "0.00")]
    assert billed.rows(AMOUNTS, invoice("credits-before-tax"), 1) == [("100.00", "11.40", "40.00", "71.40")]
    # Priority comes before expiry.
    assert billed.rows(DRAWS, invoice("by-priority")) == [
        ("by-priority-first", 1, "10.00", "10.00", True),
        ("by-priority-second", 1, "10.00", "5.00", True),
    ]


def test_two_periods_of_one_close_never_spend_a_credit_twice(billed: Pipeline) -> None:
    # 50 for weeks of 40 and 20.
    assert billed.rows(DRAWS, "INV-weekly-2019-02-11") == [("weekly-advance", 1, "50.00", "40.00", True)]
    assert billed.rows(DRAWS, "INV-weekly-2019-02-18") == [("weekly-advance", 1, "10.00", "10.00", True)]


@pytest.mark.parametrize(
    ("table", "row", "changed", "refusal"),
    [
        ("rate_card_terms", 0, {"minimum_spend_amount": 60}, "'minimum-of-card' version 1 was used by a closed period"),
        ("discounts", 0, {"percent": 20}, "discount 'percent-d' would change what was billed for the period of tenant"),
        ("discounts", None, {"discount_id": "new", "tenant_id": "percent", "percent": 5}, "write a later starts_date"),
        ("taxes", 0, {"percent": 7}, "tax 'state' of 'mn' from 1970-01-01 on was in force at the end of a closed"),
        ("credits", 0, {"amount": 60}, "credit 'credits-expires-later' would change who paid for the closed period"),
        (
            "credits", None,
            {"credit_id": "new", "tenant_id": "percent", "currency_code": "EUR", "amount": 5,
             "granted_date": "2019-02-28"},
            "write a granted_date after that",
        ),
    ],
)  # fmt: skip
def test_what_billed_is_immutable(
    billed: Pipeline, table: str, row: int | None, changed: dict[str, object], refusal: str
) -> None:
    rows = billed.configuration.tables[table]
    before = list(rows)
    if row is None:
        rows.append(changed)
    else:
        rows[row] = rows[row] | changed
    try:
        with pytest.raises(BadInputError, match=re.escape(refusal)):
            billed.configure()
    finally:
        rows[:] = before


def test_all_examples_of_the_documentation_are_billed() -> None:
    assert {row[0] for row in documented_tables("spend_examples")[0]} == DOCUMENTED.keys() | {"approved credit"}


@pytest.mark.parametrize("example", DOCUMENTED)
def test_the_documentation_shows_what_is_billed(billed: Pipeline, example: str) -> None:
    shown(billed, example, DOCUMENTED[example], 1)


def shown(billed: Pipeline, example: str, tenant: str, version: int) -> None:
    """Assert that an example of the documentation is what a version of the tenant's invoice says."""
    (row,) = (cells for cells in documented_tables("spend_examples")[0] if cells[0] == example)
    _, _, charges, lines, total = row
    taken = [amount for line_type, amount, _ in billed.rows(LINES, invoice(tenant), version) if line_type != "usage"]
    assert taken == [re.findall(r"-?\d+\.\d\d", line)[-1] for line in lines.split(";")]
    charged = sum(Decimal(amount) for amount in re.findall(r"\d+\.\d\d", charges))
    assert billed.rows(SHOWN, invoice(tenant), version) == [(str(charged), total)]


def test_a_discount_ends_and_an_amendment_draws_credits_anew(billed: Pipeline) -> None:
    # What is closed does not change by an end after it, so this is no change of the past.
    for row in billed.configuration.tables["discounts"]:
        row.setdefault("ends_date", "2019-03-01")
    # Received in time and loaded late: 50 kWh more are 150 x 1.19 = 178.50.
    billed.land(message("credits", "m-1", 2, 50, "2019-02-21T12:00"))
    billed.process()
    with connect(billed.settings, "meterline_approver") as session:
        for tenant in ("adjustment", "approved-credit"):
            proposal = invoicing.propose(
                session, invoice(tenant), Decimal("-15.00"), invoicing.Signed("Ada", "a late technician")
            )
            invoicing.decide(session, proposal, "approved", invoicing.Signed("Grace", "agreed"))
    # 100.00, of which a person took off 15.00; 110.00 less 15.00, and 20 % tax on what is left.
    assert billed.close("2019-02", "2019-03-10") == [
        ("INV-adjustment-2019-02-01", 2, "85.00"),
        ("INV-approved-credit-2019-02-01", 2, "114.00"),
        ("INV-credits-2019-02-01", 2, "28.50"),
    ]
    shown(billed, "approved credit", "approved-credit", 2)
    assert "20 % of 95.00 is 19.00, in all 114.00." in documented_text("spend_examples")
    assert billed.rows(AMOUNTS, invoice("approved-credit"), 2) == [("95.00", "19.00", "0.00", "114.00")]
    assert billed.rows(DRAWS, invoice("credits")) == [
        ("credits-expires-first", 1, "100.00", "100.00", False),
        ("credits-expires-later", 1, "50.00", "19.00", False),
        ("credits-expires-first", 2, "100.00", "100.00", True),
        ("credits-expires-later", 2, "50.00", "50.00", True),
    ]

    # March: 60 x 1.19 = 71.40 of the credit that was granted then.
    billed.close("2019-03", "2019-04-10")
    assert billed.rows(AMOUNTS, "INV-credits-2019-03-01", 1) == [("60.00", "11.40", "71.40", "0.00")]
    balances = {name: (drawn, left) for name, drawn, left in billed.rows(BALANCES) if name.startswith("credits-")}
    assert balances == {
        "credits-before-tax-advance": ("40.00", "0.00"),
        "credits-expired": ("0.00", "100.00"),
        "credits-expires-first": ("100.00", "0.00"),
        "credits-expires-later": ("50.00", "0.00"),
        "credits-not-yet-granted": ("71.40", "28.60"),
    }
    # 90 kWh less than February's 150, 19 % of them less tax; credits paid 71.40 and not 150.
    billed.explain("2019-03")
    assert billed.rows(CHANGES, "INV-credits-2019-03-01") == [
        ("volume", "-90.00"),
        ("tax", "-17.10"),
        ("credits", "78.60"),
    ]
    # What was taken off once is not taken off again: 100.00 after 85.00.
    assert billed.rows(CHANGES, "INV-adjustment-2019-03-01") == [("adjustment", "15.00")]
    assert billed.prove() == {}
    billed.audit()
    billed.audit()
