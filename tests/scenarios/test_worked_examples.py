"""The examples of the documentation, each billed by the platform: what finance reads is what customers pay."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from orchestration.settings import DBT_PROJECT
from tests.support import Configuration, Pipeline, message

TABLE = DBT_PROJECT / "models" / "finance" / "_pricing_examples.md"
TIERS = ((100, "0.20"), (None, "0.15"))
FEES = ((100, "0.20", "5.00"), (None, "0.15", "3.00"))
PER_UNIT = ((None, "0.12"),)
BLOCKS = (
    {"up_to": 100, "unit_price": "4.00", "package_size": 25},
    {"unit_price": "7.00", "package_size": 50},
)
RECURRING = ((None, None, "25.00"),)
HALF = {"starts_at": "2019-02-15"}
# What each example sets up: the tiers and columns of its card, and its contract's.
SETUP: dict[str, tuple[tuple[tuple[object, ...] | dict[str, object], ...], dict[str, object], dict[str, object]]] = {
    "per unit": (PER_UNIT, {}, {}),
    "recurring fee": (RECURRING, {"price_model": "flat"}, {}),
    "recurring fee, prorated": (RECURRING, {"price_model": "flat"}, HALF),
    "volume, at the bound": (TIERS, {"price_model": "volume"}, {}),
    "volume, beyond it": (TIERS, {"price_model": "volume"}, {}),
    "graduated": (TIERS, {"price_model": "graduated"}, {}),
    "graduated with fees": (FEES, {"price_model": "graduated"}, {}),
    "package": (((None, "9.00"),), {"price_model": "package", "package_size": 100}, {}),
    "whole packages": (((None, "9.00"),), {"price_model": "whole_packages", "package_size": 100}, {}),
    "blocks in tiers": (BLOCKS, {"price_model": "block_tiers"}, {}),
    "blocks of the top tier": (BLOCKS, {"price_model": "top_block"}, {}),
    "capacity": (({"up_to": 200, "flat_fee": 90}, {"flat_fee": 150}), {"price_model": "capacity"}, {}),
    "percentage": (({"percent": "1.5"},), {"price_model": "percentage", "fee_per_event": "0.30"}, {}),
    "percentage in tiers": (
        ({"up_to": 1000, "percent": 2}, {"percent": 1}),
        {"price_model": "graduated_percentage"},
        {},
    ),
    "matrix": (
        ({"part": "m-1", "unit_price": "0.30"}, {"unit_price": "0.20"}),
        {"price_model": "matrix", "attribute": "device_id"},
        {},
    ),
    "dynamic": (((None, "1.2"),), {"price_model": "dynamic"}, {}),
    "monitored hours": (((None, "0.10"),), {"charge_basis": "monitored_hours"}, {}),
    "included units": (PER_UNIT, {"included_units": 50}, {}),
    "included units, prorated": (PER_UNIT, {"included_units": 50}, HALF),
    "no use, no charge": (FEES, {"price_model": "graduated", "zero_quantity": "no_charge"}, {}),
    "no use, first tier": (FEES, {"price_model": "graduated", "zero_quantity": "first_tier_flat"}, {}),
    "active devices": (((None, "19.50"),), {"charge_basis": "active_devices"}, {}),
    "rounding": (((None, "0.10"),), {}, {}),
    "price change": (TIERS, {"price_model": "graduated"}, {}),
    "price change, split by date": (TIERS, {"price_model": "graduated", "split_by_date": "true"}, {}),
    "fee change, split by date": (((None, None, 28),), {"price_model": "flat", "split_by_date": "true"}, {}),
    "minimum spend": (PER_UNIT, {}, {"minimum_spend_amount": 50}),
    "maximum spend": (PER_UNIT, {}, {"maximum_spend_amount": 100}),
    "commitment": (PER_UNIT, {}, {"commitment_amount": 50}),
    "discount": (PER_UNIT, {}, {}),
    "prepaid credit": (PER_UNIT, {}, {}),
    "tax": (PER_UNIT, {}, {"tax_percent": 19}),
    "late message": (PER_UNIT, {}, {}),
    "amendment": (PER_UNIT, {}, {}),
}
# The tiers of a version 2 from the middle of the month on.
DEARER = ((100, "0.30"), (None, "0.25"))
NEXT: dict[str, tuple[tuple[object, ...], ...]] = {
    "price change": DEARER,
    "price change, split by date": DEARER,
    "fee change, split by date": ((None, None, 42),),
}
# What stands in a table of its own.
BESIDE: dict[str, tuple[str, dict[str, object]]] = {
    "discount": ("discounts", {"discount_id": "tenth", "percent": 10}),
    "prepaid credit": (
        "credits", {"credit_id": "advance", "currency_code": "EUR", "amount": 100, "granted_date": "2019-01-01"}
    ),
}  # fmt: skip
LINES = """
select amount::text from finance.invoice_lines
where invoice_id = %s and invoice_version = (select max(invoice_version) from finance.invoices where invoice_id = %s)
order by line_number
"""
TOTAL = "select total_amount::text from finance.invoices where invoice_id = %s and status = 'issued'"


def documented() -> dict[str, dict[str, str]]:
    """The table by example: use, lines, total."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.read_text().splitlines() if "|" in line]
    header, _, *examples = rows
    return {row[0]: dict(zip(header, row, strict=True)) for row in examples}


def tenant_of(example: str) -> str:
    return re.sub(r"\W+", "-", example)


def configure(configuration: Configuration) -> None:
    for example, (tiers, card, contract) in SETUP.items():
        name = tenant_of(example)
        configuration.rate_card(name, *tiers, **card)  # type: ignore[arg-type]
        if example in NEXT:
            later = card | {"rate_card_version": 2, "effective_from_date": "2019-02-15"}
            configuration.rate_card(name, *NEXT[example], **later)  # type: ignore[arg-type]
        configuration.tenant(name, "m-1", "m-2", "m-3", rate_card_id=name, **contract)  # type: ignore[arg-type]
        if example in BESIDE:
            table, row = BESIDE[example]
            configuration.row(table, tenant_id=name, **row)


@pytest.fixture(scope="module")
def billed(shared_pipeline: Pipeline) -> Pipeline:
    """All examples, closed for February."""
    pipeline = shared_pipeline
    configure(pipeline.configuration)
    for example, row in documented().items():
        use, tenant = row["use"].replace(",", ""), tenant_of(example)
        if use == "3 devices":
            pipeline.land(*(message(tenant, device, 1, 1, "2019-02-20T12:00") for device in ("m-1", "m-2", "m-3")))
        elif use != "none":
            first, _, then = use.partition(" then ")
            if then:
                pipeline.land(message(tenant, "m-1", 3, first, "2019-02-10T12:00"))
            in_time = "10" if example == "amendment" else then or first
            pipeline.land(message(tenant, "m-1", 1, in_time, "2019-02-20T12:00"))
    # Grace ends on 4 March at 00:00.
    late = {"sent_ts": "2019-03-04T00:00:00Z", "received": "2019-03-04T00:00:01Z"}
    pipeline.land(message("late-message", "m-1", 2, 5, "2019-02-21T12:00", **late))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    pipeline.land(message("amendment", "m-1", 2, 5, "2019-02-21T12:00"))
    pipeline.process()
    pipeline.close("2019-02", "2019-03-05")
    return pipeline


def test_every_example_is_set_up_and_every_setup_is_documented() -> None:
    assert list(documented()) == list(SETUP)


@pytest.mark.parametrize("example", SETUP)
def test_the_platform_bills_what_the_documentation_says(billed: Pipeline, example: str) -> None:
    row, invoice = documented()[example], f"INV-{tenant_of(example)}-2019-02-01"
    if "prorated" in example:
        invoice = invoice.replace("02-01", "02-15")
    lines = [] if row["lines"] == "none" else [line.rpartition("= ")[2] for line in row["lines"].split(";")]
    assert [amount for (amount,) in billed.rows(LINES, invoice, invoice)] == lines
    assert billed.rows(TOTAL, invoice) == [(row["total"],)]


@pytest.mark.parametrize("example", SETUP)
def test_the_arithmetic_of_the_documentation_is_right(example: str) -> None:
    row = documented()[example]
    for line in row["lines"].replace(",", "").split(";"):
        product, _, amount = line.partition("=")
        if amount:
            factors = re.findall(r"-?[\d.]+", product)
            exact = Decimal(factors[0]) * Decimal(factors[1])
            exact = exact / Decimal(factors[2]) if "/" in product else exact
            assert abs(exact - Decimal(amount)) <= Decimal("0.005"), line


def test_the_invoice_of_the_overview_adds_up() -> None:
    text = (DBT_PROJECT / "models" / "overview.md").read_text().replace(",", "")
    lines = re.findall(r"^\| \d \| .* \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(lines) == 4
    for quantity, price, amount in lines:
        assert abs(Decimal(quantity) * Decimal(price) - Decimal(amount)) <= Decimal("0.005")
    subtotal, tax, total = re.findall(r"\| issued \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| USD \|", text)[0]
    assert sum(Decimal(amount) for *_, amount in lines) == Decimal(subtotal)
    assert abs(Decimal(subtotal) * Decimal("0.08875") - Decimal(tax)) <= Decimal("0.005")
    assert Decimal(subtotal) + Decimal(tax) == Decimal(total)
