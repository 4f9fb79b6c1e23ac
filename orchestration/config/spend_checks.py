"""Rules of the terms by which lines become an invoice: bounds of spend, discounts, taxes, prepaid credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from orchestration.config.problems import Problems
from orchestration.config.tables import Contract, Credit, Discount, RateCardTerms
from orchestration.config.values import shown

Numbered = Sequence[tuple[int, Discount]]


def check_terms(
    problems: Problems,
    terms: Sequence[tuple[int, RateCardTerms]],
    contracts: Sequence[tuple[int, Contract]],
    versions: set[tuple[str, int]] | None,
) -> None:
    """Bounds of spend and taxes. `versions` are those of rate_cards.csv, None where that file is wrong itself."""
    by_card: dict[str, list[RateCardTerms]] = defaultdict(list)
    for line, row in terms:
        by_card[row.rate_card_id].append(row)
        _bounds(problems, "rate_card_terms.csv", line, row.minimum_spend_amount, row.maximum_spend_amount)
        if versions is not None and (row.rate_card_id, row.rate_card_version) not in versions:
            text = f"rate card {shown(row.rate_card_id)} version {row.rate_card_version} is not in rate_cards.csv"
            problems.add("rate_card_terms.csv", text + "; add it there or correct it here", line=line)
    for line, contract in contracts:
        _contract(problems, line, contract, by_card[contract.rate_card_id])


def check_discounts(problems: Problems, discounts: Numbered) -> None:
    """Whom a discount is for, what it is, when it holds; rows of one discount are its tiers of spend."""
    ladders: dict[str, list[tuple[int, Discount]]] = defaultdict(list)
    for line, row in discounts:
        ladders[row.discount_id].append((line, row))
        text, column = "", "percent"
        if (row.tenant_id is None) == (row.rate_card_id is None):
            given = "are both empty" if row.tenant_id is None else "are both given"
            text, column = f"tenant_id and rate_card_id {given}; a discount is for one of the two", "tenant_id"
        elif (row.percent is None) == (row.amount is None):
            given = "are both empty" if row.percent is None else "are both given"
            text = f"percent and amount {given}; a discount is one of the two"
        elif row.ends_date is not None and row.ends_date <= row.starts_date:
            text, column = f"{row.ends_date} is not after starts_date {row.starts_date}; correct one", "ends_date"
        if text:
            problems.add("discounts.csv", text, line=line, column=column)
    for rows in ladders.values():
        _ladder(problems, rows)


def check_credits(problems: Problems, granted: Sequence[tuple[int, Credit]], currencies: Mapping[str, str]) -> None:
    """That a credit can pay its tenant's invoices, whose `currencies` are by tenant_id."""
    for line, credit in granted:
        currency_code = currencies.get(credit.tenant_id, credit.currency_code)
        if credit.currency_code != currency_code:
            text = f"{shown(credit.currency_code)} is not {shown(currency_code)}, the currency of tenant "
            text += f"{shown(credit.tenant_id)}; a credit pays invoices of its own currency"
            problems.add("credits.csv", text, line=line, column="currency_code")
        if credit.expires_date is not None and credit.expires_date <= credit.granted_date:
            text = f"{credit.expires_date} is not after granted_date {credit.granted_date}; correct one of them"
            problems.add("credits.csv", text, line=line, column="expires_date")


def _bounds(problems: Problems, file: str, line: int, minimum: Decimal | None, maximum: Decimal | None) -> None:
    if minimum is not None and maximum is not None and maximum < minimum:
        text = f"'{maximum:f}' is less than the minimum spend '{minimum:f}'; correct one of them"
        problems.add(file, text, line=line, column="maximum_spend_amount")


def _contract(problems: Problems, line: int, contract: Contract, terms: Sequence[RateCardTerms]) -> None:
    if contract.tax_jurisdiction is not None and contract.tax_percent:
        text = f"'{contract.tax_percent:f}' is given beside tax_jurisdiction; leave one of the two empty"
        problems.add("contracts.csv", text, line=line, column="tax_percent")
    pairs = {(contract.minimum_spend_amount, contract.maximum_spend_amount)} | {
        (
            row.minimum_spend_amount if contract.minimum_spend_amount is None else contract.minimum_spend_amount,
            row.maximum_spend_amount if contract.maximum_spend_amount is None else contract.maximum_spend_amount,
        )
        for row in terms
        if contract.minimum_spend_amount is not None or contract.maximum_spend_amount is not None
    }
    for minimum, maximum in sorted(pairs, key=str):
        _bounds(problems, "contracts.csv", line, minimum, maximum)


def _ladder(problems: Problems, rows: Numbered) -> None:
    """Tiers of spend differ in spend_from and percent alone."""
    first_line, first = rows[0]
    for line, row in rows[1:]:
        for column in ("tenant_id", "rate_card_id", "metric", "starts_date", "ends_date", "sequence"):
            if getattr(row, column) != getattr(first, column):
                text = f"differs from line {first_line} of discount {shown(row.discount_id)}, whose tier it is; "
                problems.add("discounts.csv", text + "write the same or another discount_id", line=line, column=column)
    for line, row in rows:
        if row.amount is not None and len(rows) > 1:
            text = f"discount {shown(row.discount_id)} has several rows, which are tiers of spend; give them a percent"
            problems.add("discounts.csv", text, line=line, column="amount")
