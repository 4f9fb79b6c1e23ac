"""From lines to what is owed: hundreds of random invoices through one run of the models, against a few lines of Python.

Rounding never loses or makes a minor unit: lines add up to the subtotal, taxes to the tax; the total is what is left.

    METERLINE_INVOICES=10000 METERLINE_SEED=7 pytest tests/property/test_spend.py
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.database.connection import connect
from tests.property.drawing import examples
from tests.support import Pipeline, run_dbt

INVOICES = int(os.environ.get("METERLINE_INVOICES", "400"))
SEED = int(os.environ.get("METERLINE_SEED", "2019"))
DIGITS = {"EUR": 2, "JPY": 0, "BHD": 3}
MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
MODELS = (
    "int_discount_lines", "int_spend_lines", "int_rated_lines", "int_payable_amounts", "int_credit_draws",
    "int_rated_taxes", "int_rated_invoices",
)  # fmt: skip
KEY = ("tenant_no", "period_no", "invoice_version")

# Ends of tiers and amounts that lie on a half of a minor unit are met often.
EXACT = st.one_of(
    st.decimals(-50, 500, places=10), st.decimals(-50, 500, places=3), st.sampled_from([Decimal("0.005"), Decimal(1)])
)
AMOUNT = st.decimals(1, 400, places=3)
PERCENT = st.decimals(1, 60, places=3)
DISCOUNT = st.tuples(st.one_of(st.none(), AMOUNT), PERCENT, PERCENT, st.one_of(st.none(), AMOUNT))


@dataclass(frozen=True)
class Invoice:
    """What comes in: exact amounts of charges, what is agreed, taxes in percent, what credits have left."""

    charges: list[Decimal]
    currency_code: str
    rounding_mode: str
    is_total_from_unrounded: bool
    is_tax_included: bool
    has_credits_before_tax: bool
    discounts: list[tuple[Decimal | None, Decimal, Decimal, Decimal | None]]
    minimum: Decimal
    above_minimum: Decimal | None
    commitment: Decimal | None
    overage_factor: Decimal
    taxes: list[Decimal]
    balances: list[Decimal]

    def rounded(self, value: Decimal) -> Decimal:
        """To the minor unit, as the card says."""
        with localcontext() as context:
            context.prec = 60
            return value.quantize(Decimal(1).scaleb(-DIGITS[self.currency_code]), MODES[self.rounding_mode])

    @property
    def maximum(self) -> Decimal | None:
        """Not less than the minimum."""
        return None if self.above_minimum is None else self.minimum + self.above_minimum


INVOICE = st.builds(
    Invoice,
    charges=st.lists(EXACT, min_size=1, max_size=6), currency_code=st.sampled_from(list(DIGITS)),
    rounding_mode=st.sampled_from(list(MODES)), is_total_from_unrounded=st.booleans(), is_tax_included=st.booleans(),
    has_credits_before_tax=st.booleans(), discounts=st.lists(DISCOUNT, max_size=3),
    minimum=st.one_of(st.just(Decimal(0)), AMOUNT), above_minimum=st.one_of(st.none(), AMOUNT),
    commitment=st.one_of(st.none(), AMOUNT), overage_factor=st.decimals(1, 3, places=2),
    taxes=st.lists(PERCENT, max_size=3), balances=st.lists(st.decimals(1, 300, places=0), max_size=3),
)  # fmt: skip


def inputs(invoices: list[Invoice]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the models that come before those under test."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, invoice in enumerate(invoices, start=1):
        key = dict(zip(KEY, (number, number, 1), strict=True))
        named = {"close_id": 1, "kind": "close", "invoice_id": f"I{number}", "currency_code": invoice.currency_code}
        tables["int_periods_to_rate"].append(key | named)
        tables["int_input_hashes"].append(key | {"input_hash": "-"})
        tables["int_period_shares"].append(key | {"proration_numerator": 1, "proration_denominator": 1})
        names = ("currency_code", "rounding_mode", "is_total_from_unrounded", "has_credits_before_tax")
        terms = {name: getattr(invoice, name) for name in names} | {
            "tax_behavior": "inclusive" if invoice.is_tax_included else "exclusive",
            "minimum_spend_amount": invoice.minimum, "maximum_spend_amount": invoice.maximum,
            "commitment_amount": invoice.commitment, "overage_factor": invoice.overage_factor,
            "is_commitment_trued_up": True,
        }  # fmt: skip
        tables["int_period_terms"].append(key | terms)
        tables["int_charge_lines"] += [
            key | {"line_type": "usage", "tier_number": tier, "exact_amount": exact, "amount": invoice.rounded(exact)}
            for tier, exact in enumerate(invoice.charges)
        ]
        tables["int_discount_steps"] += [
            key | {
                "step_no": step, "discount_id": f"d{step}", "amount": amount, "spend_from": 0,
                "is_first_of_metric": step == 1, "tiers": Jsonb(ladder(first, second, bound), dumps=exact_json),
            }
            for step, (amount, first, second, bound) in enumerate(invoice.discounts, start=1)
        ]  # fmt: skip
        tables["int_period_taxes"] += [
            key | {"tax": f"t{tax}", "percent": percent, "total_percent": sum(invoice.taxes)}
            for tax, percent in enumerate(invoice.taxes)
        ]
        tables["int_credit_claims"] += [
            key | {
                "credit_id": f"c{number}-{order}", "balance_amount": balance, "own_amount": 0, "payment_no": order,
                "group_no": 0, "group_version": 0,
            }
            for order, balance in enumerate(invoice.balances, start=1)
        ]  # fmt: skip
    return tables


def ladder(first: Decimal, second: Decimal, bound: Decimal | None) -> list[list[Decimal | None]]:
    """Tiers of spend: where each begins, where the next does, its percentage."""
    zero = Decimal(0)
    return [[zero, None, first]] if bound is None else [[zero, bound, first], [bound, None, second]]


def exact_json(rows: Iterable[Iterable[Decimal | None]]) -> str:
    """Numbers as they are written."""
    return "[" + ",".join("[" + ",".join("null" if n is None else str(n) for n in row) + "]" for row in rows) + "]"


def taken_off(invoice: Invoice) -> list[Decimal]:
    """What each discount comes to, exactly."""
    left = sum(
        invoice.charges if invoice.is_total_from_unrounded else map(invoice.rounded, invoice.charges), Decimal(0)
    )
    taken = []
    for amount, first, second, bound in invoice.discounts:
        base = max(left, Decimal(0))
        if amount is not None:
            exact = min(amount, base)
        elif bound is None:
            exact = base * first / 100
        else:
            exact = min(base, bound) * first / 100 + max(base - bound, Decimal(0)) * second / 100
        taken.append(exact)
        left -= exact if invoice.is_total_from_unrounded else invoice.rounded(exact)
    return taken


@pytest.fixture(scope="module")
def rated(shared_pipeline: Pipeline) -> list[tuple[Invoice, dict[str, list[dict[str, Any]]]]]:
    """Random invoices, each with the rows that the models made of it."""
    invoices = examples(INVOICE, INVOICES, SEED)
    with connect(shared_pipeline.settings) as session:
        for table, rows in inputs(invoices).items():
            relation, columns = sql.Identifier("billing", table), list(rows[0])
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            session.execute(sql.SQL("truncate {}").format(relation))
            with session.cursor().copy(sql.SQL("copy {} ({}) from stdin").format(relation, names)) as copy:
                for row in rows:
                    copy.write_row([row[column] for column in columns])
    run_dbt(shared_pipeline.settings, "run", "--select", *MODELS)
    made: list[dict[str, list[dict[str, Any]]]] = [defaultdict(list) for _ in invoices]
    for model in MODELS:
        for number, row in shared_pipeline.rows(f"select tenant_no, to_jsonb(made) from billing.{model} as made"):
            made[number - 1][model].append({k: Decimal(str(v)) if "amount" in k else v for k, v in row.items()})
    return list(zip(invoices, made, strict=True))


def total(rows: list[dict[str, Any]], column: str = "amount") -> Decimal:
    return sum((row[column] for row in rows), Decimal(0))


def test_every_kind_of_line_was_met(rated: list[Any]) -> None:
    kinds = {line["line_type"] for _, made in rated for line in made["int_rated_lines"]}
    assert kinds == {"usage", "discount", "rounding", "overage", "commitment", "minimum_spend", "maximum_spend"}


def test_lines_and_taxes_add_up_to_the_minor_unit(rated: list[Any]) -> None:
    for invoice, made in rated:
        (whole,) = made["int_rated_invoices"]
        lines, taxes, draws = made["int_rated_lines"], made["int_rated_taxes"], made["int_credit_draws"]
        contained = whole["tax_amount"] if invoice.is_tax_included else 0
        assert total(lines) == whole["subtotal_amount"] + contained, invoice
        assert total(taxes, "tax_amount") == whole["tax_amount"], invoice
        assert total(draws) == whole["prepaid_amount"], invoice
        owed = whole["subtotal_amount"] + whole["tax_amount"] - whole["prepaid_amount"]
        assert whole["total_amount"] == owed, invoice
        amounts = [row["amount"] for row in (*lines, *draws)] + [row["tax_amount"] for row in taxes] + [owed]
        assert all(amount == invoice.rounded(amount) for amount in amounts), invoice


def test_discounts_and_bounds_are_what_python_makes_of_them(rated: list[Any]) -> None:
    for invoice, made in rated:
        by_type: dict[str, list[Decimal]] = defaultdict(list)
        for line in made["int_rated_lines"]:
            by_type[line["line_type"]].append(line["amount"])
        exact = taken_off(invoice)
        assert sum(by_type["discount"]) == -sum(map(invoice.rounded, exact)), invoice
        spent = sum(by_type["usage"]) + sum(by_type["discount"]) + sum(by_type["rounding"])
        if invoice.is_total_from_unrounded:
            assert spent == invoice.rounded(sum(invoice.charges) - sum(exact)), invoice
        else:
            assert not by_type["rounding"], invoice
        committed = None if invoice.commitment is None else invoice.rounded(invoice.commitment)
        if committed is not None:
            assert sum(by_type["commitment"]) == max(committed - spent, 0), invoice
            more = (invoice.overage_factor - 1) * max(spent - committed, 0)
            assert sum(by_type["overage"]) == invoice.rounded(more), invoice
        sum_of_lines = total(made["int_rated_lines"])
        least = invoice.rounded(invoice.minimum) if invoice.minimum else sum_of_lines
        most = sum_of_lines if invoice.maximum is None else invoice.rounded(invoice.maximum)
        assert least <= sum_of_lines <= most, invoice


def test_taxes_are_rounded_once_as_the_card_says_and_credits_within_what_they_have(rated: list[Any]) -> None:
    for invoice, made in rated:
        (whole,), (payable,) = made["int_rated_invoices"], made["int_payable_amounts"]
        prepaid = whole["prepaid_amount"]
        base = payable["lines_amount"] - (prepaid if invoice.has_credits_before_tax else 0)
        whole_percent = 100 + sum(invoice.taxes) if invoice.is_tax_included else Decimal(100)
        for row in made["int_rated_taxes"]:
            percent = invoice.taxes[int(row["tax"][1:])]
            assert row["tax_amount"] == invoice.rounded(base * percent / whole_percent), invoice
        assert prepaid == min(sum(invoice.balances), max(payable["payable_amount"], Decimal(0))), invoice
        paid = {row["credit_id"].rpartition("-")[2]: row["amount"] for row in made["int_credit_draws"]}
        left = prepaid
        for order, balance in enumerate(invoice.balances, start=1):
            assert paid.get(str(order), Decimal(0)) == min(balance, left), invoice
            left -= min(balance, left)
